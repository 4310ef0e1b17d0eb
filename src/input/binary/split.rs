//! Finds the records of binary traces, and tells the two binary formats apart.
//!
//! Raw: every top-level field of `TraceWrapper` is a record of its own. Nothing parts one `TraceWrapper` from the next,
//! but each has just one trace, so that a decoder of the whole file would keep only the last. Delimited: a varint, and
//! as many bytes as it says.

use std::ops::{Range, RangeInclusive};

use super::history::{recognize, tap_request};
use super::wire::{Fields, Value, WireErrorKind, varint};

/// The length of the record at the beginning of `bytes`, which may be more than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::input) struct Frame {
    /// Bytes before the message.
    pub(in crate::input) prefix: usize,
    /// Bytes of the message.
    pub(in crate::input) length: usize,
}

/// Why there is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::input) enum FrameError {
    /// More bytes are needed to tell.
    Incomplete,
    /// A record does not begin like this.
    Broken(&'static str),
}

/// The next record of a delimited trace.
#[inline]
pub(in crate::input) fn delimited(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (length, prefix) = number(bytes)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > 0
        && let Some(&tag) = bytes.get(prefix)
        && !is_wrapper_tag(tag)
    {
        return Err(FrameError::Broken("no TraceWrapper begins like this"));
    }
    Ok(Frame { prefix, length })
}

/// The next record of a raw trace. What the first wrapper of a tap has behind its trace, field 5, is a record too: see
/// [`sample_rate`].
pub(in crate::input) fn raw(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (&tag, rest) = bytes.split_first().ok_or(FrameError::Incomplete)?;
    if !is_wrapper_tag(tag) {
        return Err(FrameError::Broken("no TraceWrapper begins like this"));
    }
    let (length, prefix) = number(rest)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Frame { prefix: 0, length: length.saturating_add(1 + prefix) })
}

/// The length of a raw record that begins `bytes` with a `configured_sample_rate`, which belongs to the record before it.
pub(in crate::input) fn sample_rate(bytes: &[u8]) -> Result<usize, FrameError> {
    match bytes.first() {
        None => Err(FrameError::Incomplete),
        Some(0x2a) => raw(bytes).map(|frame| frame.length),
        Some(_) => Ok(0),
    }
}

#[inline]
fn number(bytes: &[u8]) -> Result<(u64, usize), FrameError> {
    varint(bytes).map_err(|kind| match kind {
        WireErrorKind::Incomplete => FrameError::Incomplete,
        _ => FrameError::Broken("a length is no number"),
    })
}

/// Whether this is the tag of one of `TraceWrapper`'s fields 1 to 5, all of them length-delimited, or of the next ones that
/// a newer Envoy may have.
pub(in crate::input) fn is_wrapper_tag(tag: u8) -> bool {
    matches!(tag, 0x0a | 0x12 | 0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42)
}

/// Whether a message that is cut, and the first of its input, may be of a tap: a socket tap's trace, or one of the HTTP tap
/// that begins with a pseudo-header. There is not enough of others to tell them from texts.
pub(in crate::input) fn is_socket_trace(message: &[u8]) -> bool {
    match message {
        [0x1a | 0x22, ..] => true,
        [0x0a | 0x12, ..] => {
            let mut wrapper = Fields::new(0..message.len(), true);
            match wrapper.next(message) {
                Ok(Some((1, Value::Bytes(range))))
                    if let Some(inner) = tap_request(message, range.clone()) =>
                {
                    match Fields::new(inner, true).next(message) {
                        Ok(Some((trace @ 1..=2, Value::Bytes(range)))) => {
                            begins_with_pseudo_header(trace, message, range)
                        }
                        Ok(Some((_, Value::Bytes(_)))) => true,
                        _ => false,
                    }
                }
                Ok(Some((number, Value::Bytes(range)))) => {
                    recognize(number, message, range.clone(), true).is_some()
                        || begins_with_pseudo_header(number, message, range)
                }
                _ => false,
            }
        }
        _ => message.is_empty(),
    }
}

/// Whether the trace of the HTTP tap that stands in `range` begins with the headers of a message, and these with a
/// pseudo-header.
fn begins_with_pseudo_header(trace: u32, message: &[u8], range: Range<usize>) -> bool {
    let first = |range, wanted: RangeInclusive<u32>| {
        let mut fields = Fields::new(range, true);
        while let Ok(Some((number, value))) = fields.next(message) {
            match value {
                Value::Bytes(range) if wanted.contains(&number) => return Some(range),
                Value::Varint(_) if trace == 2 => {}
                _ => return None,
            }
        }
        None
    };
    // In a segment: a headers' list of request or response.
    let head = if trace == 1 { 1..=2 } else { 2..=5 };
    let name = first(range, head).and_then(|head| first(head, 1..=1)).and_then(|header| first(header, 1..=1));
    name.is_some_and(|name| message[name].starts_with(b":"))
}

/// How far a format explains the beginning of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::input) struct Fit {
    /// No byte contradicts the format.
    pub(in crate::input) is_consistent: bool,
    /// Whole records that hold what a trace holds.
    pub(in crate::input) records: usize,
}

/// How well `prefix`, the beginning of an input, fits a format, which `frame` splits.
pub(in crate::input) fn fit(prefix: &[u8], frame: impl Fn(&[u8]) -> Result<Frame, FrameError>) -> Fit {
    /// More records than this make it no surer.
    const ENOUGH: usize = 100;
    let mut fit = Fit { is_consistent: true, records: 0 };
    let mut rest = prefix;
    while !rest.is_empty() && fit.records < ENOUGH {
        let frame = match frame(rest) {
            Ok(frame) => frame,
            Err(FrameError::Incomplete) => break,
            Err(FrameError::Broken(_)) => {
                // Zeros to the end are what a file system leaves behind after a crash.
                fit.is_consistent &= rest.iter().all(|&byte| byte == 0);
                break;
            }
        };
        let message = &rest[frame.prefix..];
        let is_cut = frame.length > message.len();
        let message = &message[..frame.length.min(message.len())];
        if !is_wrapper(message, is_cut) {
            fit.is_consistent = false;
            break;
        }
        if is_cut {
            fit.is_consistent &= fit.records > 0 || is_socket_trace(message);
            break;
        }
        fit.records += usize::from(frame.length > 0);
        rest = &rest[frame.prefix + frame.length..];
    }
    fit
}

/// Whether the fields of a `TraceWrapper`, and those one level below, are of the schema's types.
fn is_wrapper(message: &[u8], is_cut: bool) -> bool {
    let mut wrapper = Fields::new(0..message.len(), is_cut);
    loop {
        match wrapper.next(message) {
            Ok(Some((1..=5, Value::Varint(_) | Value::Fixed))) => return false,
            Ok(Some((trace, Value::Bytes(range)))) => {
                if trace == 1
                    && let Some(inner) = tap_request(message, range.clone())
                {
                    wrapper = Fields::new(inner, wrapper.is_last_cut());
                    continue;
                }
                if recognize(trace, message, range.clone(), wrapper.is_last_cut()).is_some() {
                    continue;
                }
                if trace <= 5 && !is_trace(trace, message, Fields::new(range, wrapper.is_last_cut())) {
                    return false;
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(error) => return is_cut && error.kind == WireErrorKind::Incomplete,
        }
    }
}

/// Whether the parts of an HTTP tap's trace are messages with the fields that they have in the schema. Without this much,
/// texts that begin with a line's end would do.
fn holds_headers(trace: u32, number: u32, value: &Value, message: &[u8], is_cut: bool) -> bool {
    let Value::Bytes(range) = value else { return true };
    let most = match (trace, number) {
        (1, 1 | 2) => 4,
        (2, 2 | 4 | 5 | 7) => 1,
        (2, 3 | 6) => 3,
        _ => return true,
    };
    let mut fields = Fields::new(range.clone(), is_cut);
    loop {
        match fields.next(message) {
            Ok(Some((1..=2, Value::Bytes(_)))) => {}
            Ok(Some((number, _))) if (3..=most).contains(&number) => {}
            Ok(Some(_)) => return false,
            Ok(None) => return true,
            Err(error) => return is_cut && error.kind == WireErrorKind::Incomplete,
        }
    }
}

fn is_trace(trace: u32, message: &[u8], mut fields: Fields) -> bool {
    /// More fields than this make it no surer.
    const ENOUGH: usize = 1000;
    let mut is_known = fields.at() == fields.end();
    for _ in 0..ENOUGH {
        match fields.next(message) {
            Ok(Some((number, value))) => {
                let is_bytes = matches!(value, Value::Bytes(_));
                let is_varint = matches!(value, Value::Varint(_));
                is_known |= number <= [0, 4, 7, 5, 4, 2][trace as usize];
                let fits = match (trace, number) {
                    (2..=4, 1) | (3, 4 | 5) | (5, 1 | 2) => is_varint,
                    (1, 1..=4) | (2, 2..=7) | (3, 2 | 3) | (4, 2..=4) => is_bytes,
                    _ => true,
                };
                if !fits || is_bytes && !holds_headers(trace, number, &value, message, fields.is_last_cut()) {
                    return false;
                }
            }
            // Texts have bytes enough that are fields of some number; a trace has some of its own.
            Ok(None) => return is_known,
            Err(error) => return fields.is_cut() && error.kind == WireErrorKind::Incomplete,
        }
    }
    true
}
