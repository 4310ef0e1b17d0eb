//! Which generation of Envoy wrote a record: messages of before 1.10, recognized by their fields, and Gloo's wrapper.
//!
//! - 1.7 to 1.9, the `capture` transport socket: `Trace{connection=1{id=1, local=2, remote=3}, events=2}`. In today's
//!   `TraceWrapper` the fields 1 and 2 are the traces of the HTTP tap.
//! - January and February 2019: `BufferedTraceWrapper{http_buffered_trace=1, socket_buffered_trace=2}`, the latter with
//!   the fields of `Trace`.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::proto::envoy::data::tap::v2alpha::Trace;
use crate::proto::envoy::data::tap::v3::TraceWrapper;
use crate::proto::gloo::TapRequest;
use crate::protobuf::binary::{Fields, Value};
use crate::protobuf::{Encoding, Field, Reader, Schema};

/// Which Envoy wrote a trace, as far as its bytes show; a later one shows more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Generation {
    /// Nothing shows.
    #[default]
    #[serde(rename = "1.10 or later")]
    Unknown,
    /// The `capture` transport socket.
    #[serde(rename = "1.7 to 1.9")]
    Capture,
    /// `BufferedTraceWrapper`.
    #[serde(rename = "1.10 before its release")]
    Early2019,
    /// `Connection` numbered 2 and 3.
    #[serde(rename = "1.10 to 1.27")]
    From1_10,
    /// `Connection` numbered 1 and 2.
    #[serde(rename = "1.28 or later")]
    From1_28,
    /// Addresses with every event.
    #[serde(rename = "1.34 or later")]
    From1_34,
    /// Batches of events.
    #[serde(rename = "1.35 or later")]
    From1_35,
    /// `seq_num`.
    #[serde(rename = "1.37 or later")]
    From1_37,
    /// The sample rate.
    #[serde(rename = "1.39 or later")]
    From1_39,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Envoy 1.10 or later",
            Self::Capture => "Envoy 1.7 to 1.9",
            Self::Early2019 => "Envoy 1.10 before its release",
            Self::From1_10 => "Envoy 1.10 to 1.27",
            Self::From1_28 => "Envoy 1.28 or later",
            Self::From1_34 => "Envoy 1.34 or later",
            Self::From1_35 => "Envoy 1.35 or later",
            Self::From1_37 => "Envoy 1.37 or later",
            Self::From1_39 => "Envoy 1.39 or later",
        })
    }
}

/// A field at the top of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Top {
    /// The connection of a `Trace` of the `capture` transport socket.
    Capture,
    /// An event of such a `Trace`.
    CaptureEvent,
    /// The `SocketBufferedTrace` of a `BufferedTraceWrapper`.
    Early2019,
    HttpBuffered,
    HttpStreamed,
    /// The `TraceWrapper` in a `TapRequest`.
    Inner,
    SampleRate,
    SocketBuffered,
    SocketStreamed,
    Unknown,
}

/// The fields that may be at the top of a record by their names: those of `TraceWrapper`, of `Trace` and of `TapRequest`. By number
/// they are all fields of `TraceWrapper`.
pub(super) struct AnyWrapper;

/// What is added to the numbers of the fields of `Trace` and `TapRequest`.
const TRACE: u32 = 0x100;
const TAP_REQUEST: u32 = 0x200;

impl Schema for AnyWrapper {
    fn number(name: &[u8]) -> Option<u32> {
        TraceWrapper::number(name)
            .or_else(|| Trace::number(name).map(|number| TRACE + number))
            .or_else(|| TapRequest::number(name).map(|number| TAP_REQUEST + number))
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            TAP_REQUEST.. => TapRequest::field(number - TAP_REQUEST),
            TRACE.. => Trace::field(number - TRACE),
            _ => TraceWrapper::field(number),
        }
    }
}

/// What the field with this number of [`AnyWrapper`] is, at whose value `reader` is.
#[inline]
pub(super) fn top<E: Encoding>(number: u32, reader: &Reader<'_, E>) -> Top {
    const CONNECTION: u32 = TRACE + Trace::CONNECTION;
    const EVENTS: u32 = TRACE + Trace::EVENTS;
    const TRACE_DATA: u32 = TAP_REQUEST + TapRequest::TRACE_DATA;
    if let (1 | 2, Some(fields)) = (number, reader.raw()) {
        return recognize(number, reader.record, fields.range(), fields.whole().is_none());
    }
    match number {
        TraceWrapper::HTTP_BUFFERED_TRACE => Top::HttpBuffered,
        TraceWrapper::HTTP_STREAMED_TRACE_SEGMENT => Top::HttpStreamed,
        TraceWrapper::SOCKET_BUFFERED_TRACE => Top::SocketBuffered,
        TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT => Top::SocketStreamed,
        TraceWrapper::CONFIGURED_SAMPLE_RATE => Top::SampleRate,
        // Envoy wrote no JSON then.
        CONNECTION if !E::IS_JSON => Top::Capture,
        EVENTS if !E::IS_JSON => Top::CaptureEvent,
        TRACE_DATA => Top::Inner,
        _ => Top::Unknown,
    }
}

/// What field 1 or 2 of a binary record is.
pub(crate) fn recognize(number: u32, record: &[u8], range: Range<usize>, is_truncated: bool) -> Top {
    if number == 1 && is_tap_request(record, range.clone()) {
        return Top::Inner;
    }
    match (number, Fields::new(range, is_truncated).next(record)) {
        // An `HttpBufferedTrace` begins with its request, a message; a connection with its id, a number.
        (1, Ok(Some((1, Value::Varint(_))))) => Top::Capture,
        (1, _) => Top::HttpBuffered,
        // An `HttpStreamedTraceSegment` begins with its trace id, a number; an event with its timestamp, a buffered
        // trace with its connection, both messages. Of these two only a connection has messages in it.
        (_, Ok(Some((1, Value::Bytes(range))))) => {
            let mut fields = Fields::new(range, true);
            let mut has_message = false;
            while let Ok(Some((_, value))) = fields.next(record) {
                has_message |= matches!(value, Value::Bytes(_));
            }
            if has_message { Top::Early2019 } else { Top::CaptureEvent }
        }
        (..) => Top::HttpStreamed,
    }
}

/// Whether a record's field 1 is Gloo's `TapRequest.trace_data`; else it is an `HttpBufferedTrace`, as in a `TraceWrapper`.
///
/// - A segment, and a socket tap's trace, begin with their trace id, a number, where an `HttpBufferedTrace` has messages.
/// - An `HttpBufferedTrace` in a wrapper in a request is one level deeper: what is the name of a header otherwise is a header
///   there, whose name follows a byte that no name begins with.
fn is_tap_request(record: &[u8], range: Range<usize>) -> bool {
    wrapper_in(record, range).is_some()
}

fn wrapper_in(record: &[u8], range: Range<usize>) -> Option<()> {
    let first = |range: Range<usize>| match Fields::new(range, true).next(record) {
        Ok(Some((number, value))) => Some((number, value)),
        Ok(None) | Err(_) => None,
    };
    let message = |range, numbers: std::ops::RangeInclusive<u32>| match first(range)? {
        (number, Value::Bytes(range)) if numbers.contains(&number) => Some(range),
        _ => None,
    };
    match first(range)? {
        (2..=4, Value::Bytes(trace)) => matches!(first(trace)?, (1, Value::Varint(_))).then_some(()),
        (1, Value::Bytes(trace)) => {
            let header = message(message(trace, 1..=2)?, 1..=1)?;
            let name = record[header.clone()].starts_with(&[NAME]).then(|| message(header, 1..=1))??;
            let is_name = |byte: &u8| byte.is_ascii_graphic();
            (!name.is_empty() && record[name].iter().all(is_name)).then_some(())
        }
        _ => None,
    }
}

/// The tag of `HeaderValue.key`: a line's end, which is in no header's name.
const NAME: u8 = b'\n';
