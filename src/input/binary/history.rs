//! What Envoy wrote before 1.10, and what Gloo wraps around a trace, told from today's messages by their fields.
//!
//! - 1.7 to 1.9, the `capture` transport socket: `Trace{connection=1{id=1, local=2, remote=3}, events=2}`. In today's
//!   `TraceWrapper` the fields 1 and 2 are the traces of the HTTP tap.
//! - January and February 2019: `BufferedTraceWrapper{http_buffered_trace=1, socket_buffered_trace=2}`, the latter with
//!   the fields of `Trace`.

use std::ops::Range;

use super::wire::{Fields, Value};

/// A message of old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Old {
    /// The connection of a `Trace`.
    CaptureConnection,
    /// An event of a `Trace`.
    CaptureEvent,
    /// The `SocketBufferedTrace` of a `BufferedTraceWrapper`.
    BufferedTrace,
}

/// What field 1 or 2 of a record was before 1.10; `None` if it is a trace of the HTTP tap, as today.
pub(super) fn recognize(number: u32, record: &[u8], range: Range<usize>, is_cut: bool) -> Option<Old> {
    match (number, Fields::new(range, is_cut).next(record).ok()??) {
        // An `HttpBufferedTrace` begins with its request, a message; a connection with its id, a number.
        (1, (1, Value::Varint(_))) => Some(Old::CaptureConnection),
        // An `HttpStreamedTraceSegment` begins with its trace id, a number; an event with its timestamp, a buffered
        // trace with its connection, both messages. Of these two only a connection has messages in it.
        (2, (1, Value::Bytes(range))) => {
            let mut fields = Fields::new(range, true);
            let mut has_message = false;
            while let Ok(Some((_, value))) = fields.next(record) {
                has_message |= matches!(value, Value::Bytes(_));
            }
            Some(if has_message { Old::BufferedTrace } else { Old::CaptureEvent })
        }
        _ => None,
    }
}

/// The `TraceWrapper` in a record's field 1 that is Gloo's `TapRequest.trace_data`; `None` if it is an `HttpBufferedTrace`, as
/// in a `TraceWrapper`.
///
/// - A segment, and a socket tap's trace, begin with their trace id, a number, where an `HttpBufferedTrace` has messages.
/// - An `HttpBufferedTrace` in a wrapper in a request is one level deeper: what is the name of a header otherwise is a header
///   there, whose name follows a byte that no name begins with.
pub(super) fn tap_request(record: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let first = |range: Range<usize>| match Fields::new(range, true).next(record) {
        Ok(Some((number, value))) => Some((number, value)),
        Ok(None) | Err(_) => None,
    };
    let message = |range, numbers: std::ops::RangeInclusive<u32>| match first(range)? {
        (number, Value::Bytes(range)) if numbers.contains(&number) => Some(range),
        _ => None,
    };
    match first(range.clone())? {
        (2..=4, Value::Bytes(trace)) => matches!(first(trace)?, (1, Value::Varint(_))).then_some(range),
        (1, Value::Bytes(trace)) => {
            let header = message(message(trace, 1..=2)?, 1..=1)?;
            let name = record[header.clone()].starts_with(&[NAME]).then(|| message(header, 1..=1))??;
            let is_name = |byte: &u8| byte.is_ascii_graphic();
            (!name.is_empty() && record[name].iter().all(is_name)).then_some(range)
        }
        _ => None,
    }
}

/// The tag of `HeaderValue.key`: a line's end, which is in no header's name.
const NAME: u8 = b'\n';
