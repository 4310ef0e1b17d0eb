//! The traces of the HTTP tap in JSON: `HttpBufferedTrace` and `HttpStreamedTraceSegment`.
//!
//! Objects are gone through a member at a time, so that of a record which is cut, or broken in the middle, all is kept that
//! stands before the damage.

use std::ops::Range;

use serde::Deserialize;

use super::event::{self, JsonBody, Text};
use super::scan::{Items, ScanError, value_end};
use crate::http::{Headers, Message, Truncation};
use crate::input::{Damage, HttpBody, HttpFields, HttpMessage, HttpRecord, TOO_MANY_HEADERS};

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
    *connection = event::connection(record, value..end)?;
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
    let HttpMessage { time, head, body, trailers } = &mut trace.messages[message as usize];
    members(record, at, |name, value| {
        match name {
            b"headers" => return headers(record, value, head).map(Some),
            b"trailers" => return headers(record, value, trailers).map(Some),
            b"body" | b"headers_received_time" | b"headersReceivedTime" => {}
            _ => return Ok(None),
        }
        let end = value_end(record, value)?;
        match name {
            b"body" => *body = self::body(record, value..end, scratch)?,
            _ => *time = event::time(record, value..end)?,
        }
        Ok(Some(end))
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
    let [request, response] = &mut trace.messages;
    let headers = match name {
        b"request_headers" | b"requestHeaders" => &mut request.head,
        b"request_trailers" | b"requestTrailers" => &mut request.trailers,
        b"response_headers" | b"responseHeaders" => &mut response.head,
        b"response_trailers" | b"responseTrailers" => &mut response.trailers,
        _ => {
            let body = match name {
                b"trace_id" | b"traceId" => None,
                b"request_body_chunk" | b"requestBodyChunk" => Some(&mut request.body),
                b"response_body_chunk" | b"responseBodyChunk" => Some(&mut response.body),
                _ => return Ok(None),
            };
            let end = value_end(record, value)?;
            match body {
                Some(body) => *body = self::body(record, value..end, scratch)?,
                None => trace.id = Some(event::trace_id(record, value..end)?),
            }
            return Ok(Some(end));
        }
    };
    let end = members(record, value, |name, value| match name {
        b"headers" => self::headers(record, value, headers).map(Some),
        _ => Ok(None),
    })?;
    headers.get_or_insert_default();
    Ok(Some(end))
}

/// Goes through the object that begins at `at`, and returns where it ends. `take` has the name of a member that is not
/// null, and where its value begins; it returns where that ends, if it knows.
fn members(
    record: &[u8],
    at: usize,
    mut take: impl FnMut(&[u8], usize) -> Result<Option<usize>, Damage>,
) -> Result<usize, Damage> {
    if record[at] != b'{' {
        return Err(ScanError { at, what: "this is not an object" }.into());
    }
    let mut members = Items::new(at + 1);
    while let Some((name, value)) = members.member(record)? {
        let end = match record[value] {
            b'n' => None,
            _ => take(&record[name], value)?,
        };
        members.skip_to(end.map_or_else(|| value_end(record, value), Ok)?);
    }
    Ok(members.at())
}

/// Adds the array of `HeaderValue` that begins at `at` to `headers`, one after the other. Returns where it ends.
fn headers(record: &[u8], at: usize, headers: &mut Option<Headers>) -> Result<usize, Damage> {
    if record[at] != b'[' {
        return Err(ScanError { at, what: "headers are not an array" }.into());
    }
    let mut values = Items::new(at + 1);
    while let Some(start) = values.item(record)? {
        let end = value_end(record, start)?;
        let header: Option<Header<'_>> = event::parse(record, start..end)?;
        let header = header.unwrap_or_default();
        let mut raw = Vec::new();
        if let Some(Text(base64)) = &header.raw_value {
            event::decode_base64(base64, &mut raw)
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

/// Appends the `Body` that stands in `range` to `scratch`. Returns where it is there, and whether it is truncated.
fn body(
    record: &[u8],
    range: Range<usize>,
    scratch: &mut Vec<u8>,
) -> Result<Option<(HttpBody, Truncation)>, Damage> {
    let (at, start) = (range.start, scratch.len());
    let body: JsonBody<'_> = event::parse(record, range)?;
    let is_text = body.append_to(scratch).map_err(|what| Damage::new(at, what))?;
    let range = start..scratch.len();
    let bytes = if is_text { HttpBody::ScratchText(range) } else { HttpBody::Scratch(range) };
    Ok(Some((bytes, Truncation::by_limit(body.truncated.unwrap_or_default()))))
}
