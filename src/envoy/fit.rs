//! Whether binary bytes are a tap trace: how well they fit the schema.

use std::ops::{Range, RangeInclusive};

use super::generation::{Top, recognize};
use crate::proto::envoy::config::core::v3::HeaderValue;
use crate::proto::envoy::data::tap::v3::http_buffered_trace::Message;
use crate::proto::envoy::data::tap::v3::http_streamed_trace_segment::Headers;
use crate::proto::envoy::data::tap::v3::{
    Body, HttpBufferedTrace, HttpStreamedTraceSegment, SocketBufferedTrace, SocketStreamedTraceSegment,
    TraceWrapper,
};
use crate::proto::envoy::r#type::v3::FractionalPercent;
use crate::protobuf::binary::{Fields, Value};
use crate::protobuf::{Kind, Schema};
use crate::record::binary::{Frame, FrameError};

/// Whether a message that is cut, and the first of its input, may be of a tap: a socket tap's trace, or one of the HTTP tap
/// that begins with a pseudo-header. There is not enough of others to tell them from texts.
pub(crate) fn is_socket_trace(message: &[u8]) -> bool {
    match message {
        [0x1a | 0x22, ..] => true,
        [0x0a | 0x12, ..] => {
            let mut wrapper = Fields::new(0..message.len(), true);
            match wrapper.next(message) {
                Ok(Some((1, Value::Bytes(range))))
                    if recognize(1, message, range.clone(), true) == Top::Inner =>
                {
                    match Fields::new(range, true).next(message) {
                        Ok(Some((trace @ 1..=2, Value::Bytes(range)))) => {
                            begins_with_pseudo_header(trace, message, range)
                        }
                        Ok(Some((_, Value::Bytes(_)))) => true,
                        _ => false,
                    }
                }
                Ok(Some((number, Value::Bytes(range)))) => {
                    is_legacy(recognize(number, message, range.clone(), true))
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
pub(crate) struct Fit {
    /// No byte contradicts the format.
    pub(crate) is_consistent: bool,
    /// Whole records that hold what a trace holds.
    pub(crate) records: usize,
}

/// How well `prefix`, the beginning of an input, fits a format, which `frame` splits.
pub(crate) fn fit(prefix: &[u8], frame: impl Fn(&[u8]) -> Result<Frame, FrameError>) -> Fit {
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

fn is_legacy(top: Top) -> bool {
    matches!(top, Top::Capture | Top::CaptureEvent | Top::Early2019)
}

/// Whether the fields of a `TraceWrapper`, and those one level below, are of the schema's types.
fn is_wrapper(message: &[u8], is_cut: bool) -> bool {
    let mut wrapper = Fields::new(0..message.len(), is_cut);
    loop {
        let (number, value) = match wrapper.next(message) {
            Ok(Some(field)) => field,
            Ok(None) => return true,
            Err(damage) => return damage.is_end,
        };
        match (has_type::<TraceWrapper>(number, &value), value) {
            (Some(false), _) => return false,
            (Some(true), Value::Bytes(range)) => {
                let is_cut = wrapper.is_last_truncated();
                let fields = Fields::new(range.clone(), is_cut);
                let fits = match number {
                    1 | 2 => match recognize(number, message, range.clone(), is_cut) {
                        Top::Inner => {
                            wrapper = fields;
                            continue;
                        }
                        Top::HttpBuffered => is_message::<HttpBufferedTrace>(message, fields, holds_messages),
                        Top::HttpStreamed => {
                            is_message::<HttpStreamedTraceSegment>(message, fields, holds_pieces)
                        }
                        _ => true,
                    },
                    TraceWrapper::SOCKET_BUFFERED_TRACE => {
                        is_message::<SocketBufferedTrace>(message, fields, holds_any)
                    }
                    TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT => {
                        is_message::<SocketStreamedTraceSegment>(message, fields, holds_any)
                    }
                    _ => is_message::<FractionalPercent>(message, fields, holds_any),
                };
                if !fits {
                    return false;
                }
            }
            _ => {}
        }
    }
}

/// Whether a value is of the type that the schema has for the field; `None` if the schema has no such field.
fn has_type<S: Schema>(number: u32, value: &Value) -> Option<bool> {
    let is_number = S::field(number)?.kind == Kind::Number;
    Some(match value {
        Value::Varint(_) => is_number,
        Value::Bytes(_) => !is_number,
        Value::Fixed { .. } => false,
    })
}

/// Whether the fields of a message are of the schema's types, and `holds` is true of what they hold.
fn is_message<S: Schema>(message: &[u8], mut fields: Fields, holds: fn(&[u8], u32, Fields) -> bool) -> bool {
    /// More fields than this make it no surer.
    const ENOUGH: usize = 1000;
    let mut is_known = fields.is_at_end();
    for _ in 0..ENOUGH {
        match fields.next(message) {
            Ok(Some((number, value))) => match has_type::<S>(number, &value) {
                Some(false) => return false,
                Some(true) => {
                    is_known = true;
                    if let Value::Bytes(range) = value
                        && !holds(message, number, Fields::new(range, fields.is_last_truncated()))
                    {
                        return false;
                    }
                }
                None => {}
            },
            // Texts have bytes enough that are fields of some number; a trace has some of its own.
            Ok(None) => return is_known,
            Err(damage) => return damage.is_end,
        }
    }
    true
}

fn holds_any(_message: &[u8], _number: u32, _fields: Fields) -> bool {
    true
}

/// Whether a field of `HttpBufferedTrace` holds what it has to. Without this much, texts that begin with a line's end would do.
fn holds_messages(message: &[u8], number: u32, fields: Fields) -> bool {
    match number {
        HttpBufferedTrace::REQUEST | HttpBufferedTrace::RESPONSE => {
            has_only::<Message>(message, fields, |number| number == Message::HEADERS)
        }
        _ => true,
    }
}

/// The same of `HttpStreamedTraceSegment`.
fn holds_pieces(message: &[u8], number: u32, fields: Fields) -> bool {
    match number {
        HttpStreamedTraceSegment::REQUEST_BODY_CHUNK | HttpStreamedTraceSegment::RESPONSE_BODY_CHUNK => {
            has_only::<Body>(message, fields, |_| false)
        }
        _ => has_only::<Headers>(message, fields, |number| number == Headers::HEADERS),
    }
}

/// Whether a message has no field but those of the schema, and its headers are headers.
fn has_only<S: Schema>(message: &[u8], mut fields: Fields, is_headers: fn(u32) -> bool) -> bool {
    loop {
        match fields.next(message) {
            Ok(Some((number, value))) => match has_type::<S>(number, &value) {
                Some(true) => {
                    if let Value::Bytes(range) = value
                        && is_headers(number)
                        && !is_header(message, range, fields.is_last_truncated())
                    {
                        return false;
                    }
                }
                Some(false) | None => return false,
            },
            Ok(None) => return true,
            Err(damage) => return damage.is_end,
        }
    }
}

/// Whether this is the name and value of a header, and no attribute of OpenTelemetry's, whose value is a message with one field
/// (`AnyValue`): of a text, a truth value or a number. Their tags are control characters, and no header begins with those.
fn is_header(message: &[u8], range: Range<usize>, is_cut: bool) -> bool {
    let mut header = Fields::new(range, is_cut);
    while let Ok(Some((number, value))) = header.next(message) {
        let Value::Bytes(range) = value else { return false };
        if number != HeaderValue::VALUE || range.is_empty() {
            continue;
        }
        let mut value = Fields::new(range, false);
        let is_typed =
            matches!(value.next(message), Ok(Some((1, Value::Bytes(_)) | (2..=3, Value::Varint(_)))));
        if is_typed && matches!(value.next(message), Ok(None)) {
            return false;
        }
    }
    true
}
