//! The traces of the HTTP tap in text: `HttpBufferedTrace` and `HttpStreamedTraceSegment`.

use super::lexer::{Lexer, TextError, Value};
use super::{body, event};
use crate::http::{Headers, Message};
use crate::input::{Damage, HttpBody, HttpFields, HttpMessage, HttpRecord, TOO_MANY_HEADERS};
use crate::trace::Truncation;

/// Reads the `HttpBufferedTrace`, or else `HttpStreamedTraceSegment`, whose fields follow, its bodies into `scratch`.
/// What can be read of it before damage is kept.
pub(super) fn decode(
    lexer: &mut Lexer,
    record: &[u8],
    is_buffered: bool,
    scratch: &mut Vec<u8>,
) -> Result<HttpRecord, Damage> {
    scratch.clear();
    let mut trace = HttpFields::default();
    let read = match is_buffered {
        true => buffered(lexer, record, &mut trace, scratch),
        false => segment(lexer, record, &mut trace, scratch),
    };
    trace.into_record(is_buffered, read.err().map(Damage::from))
}

fn buffered(
    lexer: &mut Lexer,
    record: &[u8],
    trace: &mut HttpFields,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    let mut strings = Vec::new();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"request", Value::Message) => message(lexer, record, Message::Request, trace, scratch)?,
            (b"response", Value::Message) => message(lexer, record, Message::Response, trace, scratch)?,
            (b"downstream_connection", Value::Message) => {
                trace.downstream = Some(event::connection(lexer, record, &mut strings)?.0);
            }
            (b"upstream_connection", Value::Message) => {
                trace.upstream = Some(event::connection(lexer, record, &mut strings)?.0);
            }
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(())
}

/// An `HttpBufferedTrace.Message`.
fn message(
    lexer: &mut Lexer,
    record: &[u8],
    message: Message,
    trace: &mut HttpFields,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    let HttpMessage { time, head, body, trailers } = &mut trace.messages[message as usize];
    let mut header = Header::default();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"headers", Value::Message) => header.read(lexer, record, head)?,
            (b"body", Value::Message) => self::body(lexer, record, body, scratch)?,
            (b"trailers", Value::Message) => header.read(lexer, record, trailers)?,
            (b"headers_received_time", Value::Message) => *time = Some(event::timestamp(lexer, record)?),
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(())
}

fn segment(
    lexer: &mut Lexer,
    record: &[u8],
    trace: &mut HttpFields,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    let [request, response] = &mut trace.messages;
    while let Some((name, value)) = lexer.field(record, false)? {
        let piece = match (name, value) {
            (b"trace_id", Value::Scalar) => {
                trace.id = Some(lexer.unsigned(record)?);
                continue;
            }
            (b"request_body_chunk", Value::Message) => {
                body(lexer, record, &mut request.body, scratch)?;
                continue;
            }
            (b"response_body_chunk", Value::Message) => {
                body(lexer, record, &mut response.body, scratch)?;
                continue;
            }
            (b"request_headers", Value::Message) => &mut request.head,
            (b"request_trailers", Value::Message) => &mut request.trailers,
            (b"response_headers", Value::Message) => &mut response.head,
            (b"response_trailers", Value::Message) => &mut response.trailers,
            (_, value) => {
                lexer.skip(record, value)?;
                continue;
            }
        };
        headers(lexer, record, piece)?;
    }
    Ok(())
}

/// An `HttpStreamedTraceSegment.Headers`.
fn headers(lexer: &mut Lexer, record: &[u8], headers: &mut Option<Headers>) -> Result<(), TextError> {
    let mut header = Header::default();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"headers", Value::Message) => header.read(lexer, record, headers)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    headers.get_or_insert_default();
    Ok(())
}

/// Room for an `envoy.config.core.v3.HeaderValue`, which serves for all of a message.
#[derive(Default)]
struct Header {
    key: Vec<u8>,
    value: Vec<u8>,
    raw_value: Vec<u8>,
}

impl Header {
    /// Adds the one whose fields follow to `headers`: `raw_value` where it has one, else `value`.
    fn read(
        &mut self,
        lexer: &mut Lexer,
        record: &[u8],
        headers: &mut Option<Headers>,
    ) -> Result<(), TextError> {
        let at = lexer.at;
        let Self { key, value: text, raw_value } = self;
        for string in [&mut *key, text, raw_value] {
            string.clear();
        }
        while let Some((name, value)) = lexer.field(record, false)? {
            match (name, value) {
                (b"key", Value::Scalar) => lexer.string(record, key)?,
                (b"value", Value::Scalar) => lexer.string(record, text)?,
                (b"raw_value", Value::Scalar) => lexer.string(record, raw_value)?,
                (_, value) => lexer.skip(record, value)?,
            }
        }
        let value = if raw_value.is_empty() { text } else { raw_value };
        match headers.get_or_insert_default().push(key, value) {
            true => Ok(()),
            false => Err(TextError { at, what: TOO_MANY_HEADERS }),
        }
    }
}

/// Reads the `Body` whose fields follow into `scratch`, and says in `to` where it is there.
fn body(
    lexer: &mut Lexer,
    record: &[u8],
    to: &mut Option<(HttpBody, Truncation)>,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    let mut found = None;
    let read = body::body(lexer, record, &mut found, scratch);
    if let Some((range, truncation)) = found {
        *to = Some((HttpBody::Scratch(range), truncation));
    }
    read
}
