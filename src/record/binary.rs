//! Finds the records of binary traces.
//!
//! Raw: every top-level field of `TraceWrapper` is a record of its own. Nothing parts one `TraceWrapper` from the next,
//! but each has just one trace, so that a decoder of the whole file would keep only the last. Delimited: a varint, and
//! as many bytes as it says.

use crate::proto::envoy::data::tap::v3::TraceWrapper;
use crate::proto::is_wrapper_tag;
use crate::protobuf::binary::{VarintError, bytes_tag, varint};

/// The length of the record at the beginning of `bytes`, which may be more than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes before the message.
    pub(crate) prefix: usize,
    /// Bytes of the message.
    pub(crate) length: usize,
}

/// Why there is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// More bytes are needed to tell.
    Incomplete,
    /// A record does not begin like this.
    Broken(&'static str),
}

/// The next record of a delimited trace.
#[inline]
pub(crate) fn delimited(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (length, prefix) = number(bytes)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > 0
        && let Some(&tag) = bytes.get(prefix)
        && !is_wrapper_tag(tag)
    {
        return Err(FrameError::Broken("this byte begins no TraceWrapper"));
    }
    Ok(Frame { prefix, length })
}

/// The next record of a raw trace. What the first wrapper of a tap has behind its trace, field 5, is a record too: see
/// [`sample_rate`].
pub(crate) fn raw(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (&tag, rest) = bytes.split_first().ok_or(FrameError::Incomplete)?;
    if !is_wrapper_tag(tag) {
        return Err(FrameError::Broken("this byte begins no TraceWrapper"));
    }
    let (length, prefix) = number(rest)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Frame { prefix: 0, length: length.saturating_add(1 + prefix) })
}

/// The length of a raw record that begins `bytes` with a `configured_sample_rate`, which belongs to the record before it.
pub(crate) fn sample_rate(bytes: &[u8]) -> Result<usize, FrameError> {
    match bytes.first() {
        None => Err(FrameError::Incomplete),
        Some(&SAMPLE_RATE) => raw(bytes).map(|frame| frame.length),
        Some(_) => Ok(0),
    }
}

const SAMPLE_RATE: u8 = bytes_tag(TraceWrapper::CONFIGURED_SAMPLE_RATE);

/// The next frame of gRPC: a byte that is 0 where the message is not compressed, its length in four bytes, the message.
pub(crate) fn grpc(bytes: &[u8]) -> Result<Frame, FrameError> {
    match *bytes {
        [0, a, b, c, d, ..] => Ok(Frame { prefix: 5, length: u32::from_be_bytes([a, b, c, d]) as usize }),
        [0, ..] | [] => Err(FrameError::Incomplete),
        [1, ..] => Err(FrameError::Broken("a gRPC message that is compressed")),
        _ => Err(FrameError::Broken("this byte begins no gRPC message")),
    }
}

/// The varint at the beginning of `bytes`, and its length.
#[inline]
pub(crate) fn number(bytes: &[u8]) -> Result<(u64, usize), FrameError> {
    varint(bytes).map_err(|error| match error {
        VarintError::Incomplete => FrameError::Incomplete,
        VarintError::TooLong => FrameError::Broken("a length of more than ten bytes"),
    })
}
