//! The traces of the HTTP tap in JSON: `HttpBufferedTrace` and `HttpStreamedTraceSegment`.
//!
//! Of a record which is cut, or broken in the middle, all is kept that comes before the damage.

use serde::Deserialize;

use super::body::{self, JsonBody};
use super::members::members;
use super::scan::{Items, ScanError, value_end};
use super::values::{self, Text};
use crate::http::{Headers, Message};
use crate::input::{Damage, HttpBody, HttpFields, HttpMessage, HttpRecord, TOO_MANY_HEADERS};
use crate::trace::Truncation;

/// Reads the `HttpBufferedTrace`, or else `HttpStreamedTraceSegment`, that begins at `at`, its bodies into `scratch`.
pub(super) fn decode(
    record: &[u8],
    at: usize,
    is_buffered: bool,
    scratch: &mut Vec<u8>,
) -> Result<HttpRecord, Damage> {
    scratch.clear();
    let mut trace = HttpFields::default();
    let read = members(record, at, |name, value| match is_buffered {
        true => buffered(record, name, value, &mut trace, scratch),
        false => segment(record, name, value, &mut trace, scratch),
    });
    trace.into_record(is_buffered, read.err())
}

/// Reads a member of an `HttpBufferedTrace`. Returns where its value ends, if that is known then.
fn buffered(
    record: &[u8],
    name: &[u8],
    value: usize,
    trace: &mut HttpFields,
    scratch: &mut Vec<u8>,
) -> Result<Option<usize>, Damage> {
    let connection = match name {
        b"request" => return message(record, value, Message::Request, trace, scratch).map(Some),
        b"response" => return message(record, value, Message::Response, trace, scratch).map(Some),
        b"downstream_connection" | b"downstreamConnection" => &mut trace.downstream,
        b"upstream_connection" | b"upstreamConnection" => &mut trace.upstream,
        _ => return Ok(None),
    };
    let end = value_end(record, value)?;
    *connection = values::connection(record, value..end)?;
    Ok(Some(end))
}

/// Reads the `HttpBufferedTrace.Message` that begins at `at`. Returns where it ends.
fn message(
    record: &[u8],
    at: usize,
    message: Message,
    trace: &mut HttpFields,
    scratch: &mut Vec<u8>,
) -> Result<usize, Damage> {
    let HttpFields { messages, damage, .. } = trace;
    let HttpMessage { time, head, body, trailers } = &mut messages[message as usize];
    members(record, at, |name, value| match name {
        b"headers" => headers(record, value, head).map(Some),
        b"trailers" => headers(record, value, trailers).map(Some),
        b"body" => self::body(record, value, body, damage, scratch).map(Some),
        b"headers_received_time" | b"headersReceivedTime" => {
            let end = value_end(record, value)?;
            *time = values::time(record, value..end)?;
            Ok(Some(end))
        }
        _ => Ok(None),
    })
}

/// Reads a member of an `HttpStreamedTraceSegment`. Returns where its value ends, if that is known then.
fn segment(
    record: &[u8],
    name: &[u8],
    value: usize,
    trace: &mut HttpFields,
    scratch: &mut Vec<u8>,
) -> Result<Option<usize>, Damage> {
    let HttpFields { id, is_id_rounded, messages: [request, response], damage, .. } = trace;
    let headers = match name {
        b"request_headers" | b"requestHeaders" => &mut request.head,
        b"request_trailers" | b"requestTrailers" => &mut request.trailers,
        b"response_headers" | b"responseHeaders" => &mut response.head,
        b"response_trailers" | b"responseTrailers" => &mut response.trailers,
        b"request_body_chunk" | b"requestBodyChunk" => {
            return body(record, value, &mut request.body, damage, scratch).map(Some);
        }
        b"response_body_chunk" | b"responseBodyChunk" => {
            return body(record, value, &mut response.body, damage, scratch).map(Some);
        }
        b"trace_id" | b"traceId" => {
            let end = value_end(record, value)?;
            let number = values::number(record, value..end)?;
            *id = Some(number.value);
            *is_id_rounded = number.is_rounded;
            return Ok(Some(end));
        }
        _ => return Ok(None),
    };
    let end = members(record, value, |name, value| match name {
        b"headers" => self::headers(record, value, headers).map(Some),
        _ => Ok(None),
    })?;
    headers.get_or_insert_default();
    Ok(Some(end))
}

/// Adds the array of `HeaderValue` that begins at `at` to `headers`, one after the other. Returns where it ends.
fn headers(record: &[u8], at: usize, headers: &mut Option<Headers>) -> Result<usize, Damage> {
    if record[at] != b'[' {
        return Err(ScanError { at, what: "headers are not an array" }.into());
    }
    let mut values = Items::new(at + 1);
    while let Some(start) = values.item(record)? {
        let end = value_end(record, start)?;
        let header: Option<Header<'_>> = values::parse(record, start..end)?;
        let header = header.unwrap_or_default();
        let mut raw = Vec::new();
        if let Some(Text(base64)) = &header.raw_value {
            body::decode_base64(base64, &mut raw)
                .map_err(|_| Damage::new(start, "a header's raw_value is not valid base64"))?;
        }
        let value = if raw.is_empty() { bytes(header.value.as_ref()) } else { &raw };
        if !headers.get_or_insert_default().push(bytes(header.key.as_ref()), value) {
            return Err(Damage::new(start, TOO_MANY_HEADERS));
        }
        values.skip_to(end);
    }
    Ok(values.at())
}

/// An `envoy.config.core.v3.HeaderValue`.
#[derive(Default, Deserialize)]
struct Header<'a> {
    #[serde(borrow, default)]
    key: Option<Text<'a>>,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
    #[serde(borrow, default, alias = "rawValue")]
    raw_value: Option<Text<'a>>,
}

fn bytes<'a>(text: Option<&'a Text<'_>>) -> &'a [u8] {
    text.map(|text| &text.0[..]).unwrap_or_default()
}

/// Appends the `Body` that begins at `at` to `scratch`, and says in `to` where it is there. Returns where it ends.
fn body(
    record: &[u8],
    at: usize,
    to: &mut Option<(HttpBody, Truncation)>,
    damage: &mut Option<Damage>,
    scratch: &mut Vec<u8>,
) -> Result<usize, Damage> {
    let mut found = None;
    let read = body::body(record, at, &mut found, scratch);
    if let Some(JsonBody { range, is_text, truncation, damage: of_body }) = found {
        let bytes = if is_text { HttpBody::ScratchText(range) } else { HttpBody::Scratch(range) };
        *to = Some((bytes, truncation));
        *damage = of_body.or(damage.take());
    }
    read
}
