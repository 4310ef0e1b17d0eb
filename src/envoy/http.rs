//! The traces of the HTTP tap: `HttpBufferedTrace` and `HttpStreamedTraceSegment`, in any encoding.
//!
//! Of a record that breaks off, or is damaged, all pieces are kept that come before the damage.

use super::body::{self, Body};
use super::connection;
use super::decoded::{HttpFields, HttpMessage, HttpRecord};
use crate::http::Headers;
use crate::proto::envoy::config::core::v3::HeaderValue;
use crate::proto::envoy::data::tap::v3::http_buffered_trace::Message as MessageFields;
use crate::proto::envoy::data::tap::v3::http_streamed_trace_segment::Headers as HeadersFields;
use crate::proto::envoy::data::tap::v3::{HttpBufferedTrace, HttpStreamedTraceSegment};
use crate::protobuf::{Damage, Encoding, Message, Reader};
use crate::trace::timestamp;

/// Reads the `HttpBufferedTrace`, or else `HttpStreamedTraceSegment`, that is the value.
pub(super) fn read<E: Encoding>(value: &mut Reader<'_, E>, is_buffered: bool) -> Result<HttpRecord, Damage> {
    let mut fields = HttpFields::default();
    let read = match is_buffered {
        true => value.message(&mut Buffered(&mut fields)),
        false => value.message(&mut Segment(&mut fields)),
    };
    fields.into_record(is_buffered, read.err())
}

/// An `HttpBufferedTrace` that is being read.
struct Buffered<'a>(&'a mut HttpFields);

impl Message for Buffered<'_> {
    type Schema = HttpBufferedTrace;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let HttpFields { messages: [request, response], downstream, upstream, damage, .. } = self.0;
        match number {
            HttpBufferedTrace::REQUEST => value.message(&mut MessageReader::new(request, damage))?,
            HttpBufferedTrace::RESPONSE => value.message(&mut MessageReader::new(response, damage))?,
            HttpBufferedTrace::DOWNSTREAM_CONNECTION => {
                *downstream = Some(connection::read(value)?.connection);
            }
            HttpBufferedTrace::UPSTREAM_CONNECTION => *upstream = Some(connection::read(value)?.connection),
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// An `HttpBufferedTrace.Message` that is being read.
struct MessageReader<'a> {
    message: &'a mut HttpMessage,
    damage: &'a mut Option<Damage>,
    header: HeaderValue,
}

impl<'a> MessageReader<'a> {
    fn new(message: &'a mut HttpMessage, damage: &'a mut Option<Damage>) -> Self {
        Self { message, damage, header: HeaderValue::default() }
    }
}

impl Message for MessageReader<'_> {
    type Schema = MessageFields;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let HttpMessage { time, head, body, trailers } = &mut *self.message;
        match number {
            MessageFields::HEADERS => header(value, &mut self.header, head)?,
            MessageFields::BODY => self::body(value, body, self.damage)?,
            MessageFields::TRAILERS => header(value, &mut self.header, trailers)?,
            MessageFields::HEADERS_RECEIVED_TIME => *time = Some(timestamp::time(value)?),
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// An `HttpStreamedTraceSegment` that is being read.
struct Segment<'a>(&'a mut HttpFields);

impl Message for Segment<'_> {
    type Schema = HttpStreamedTraceSegment;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let HttpFields { id, is_id_rounded, messages: [request, response], damage, .. } = self.0;
        match number {
            HttpStreamedTraceSegment::TRACE_ID => {
                let integer = value.integer()?;
                (*id, *is_id_rounded) = (Some(integer.value), integer.is_rounded);
            }
            HttpStreamedTraceSegment::REQUEST_HEADERS => headers(value, &mut request.head)?,
            HttpStreamedTraceSegment::REQUEST_BODY_CHUNK => body(value, &mut request.body, damage)?,
            HttpStreamedTraceSegment::REQUEST_TRAILERS => headers(value, &mut request.trailers)?,
            HttpStreamedTraceSegment::RESPONSE_HEADERS => headers(value, &mut response.head)?,
            HttpStreamedTraceSegment::RESPONSE_BODY_CHUNK => body(value, &mut response.body, damage)?,
            HttpStreamedTraceSegment::RESPONSE_TRAILERS => headers(value, &mut response.trailers)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// Reads an `HttpStreamedTraceSegment.Headers`.
fn headers<E: Encoding>(value: &mut Reader<'_, E>, headers: &mut Option<Headers>) -> Result<(), Damage> {
    value.message(&mut HeadersReader { headers, header: HeaderValue::default() })?;
    headers.get_or_insert_default();
    Ok(())
}

struct HeadersReader<'a> {
    headers: &'a mut Option<Headers>,
    header: HeaderValue,
}

impl Message for HeadersReader<'_> {
    type Schema = HeadersFields;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            HeadersFields::HEADERS => header(value, &mut self.header, self.headers),
            _ => value.skip(),
        }
    }
}

/// Adds the `HeaderValue` that is the value to `headers`: `raw_value` where it has one, else `value`. `header` is its room,
/// which serves for all headers of a message.
fn header<E: Encoding>(
    value: &mut Reader<'_, E>,
    header: &mut HeaderValue,
    headers: &mut Option<Headers>,
) -> Result<(), Damage> {
    let at = value.at();
    for bytes in [&mut header.key, &mut header.value, &mut header.raw_value] {
        bytes.clear();
    }
    value.message(header)?;
    let bytes = if header.raw_value.is_empty() { &header.value } else { &header.raw_value };
    match headers.get_or_insert_default().push(&header.key, bytes) {
        true => Ok(()),
        false => Err(Damage::new(at, "a message has more than 65,536 headers")),
    }
}

/// Reads the `Body` that is the value.
fn body<E: Encoding>(
    value: &mut Reader<'_, E>,
    to: &mut Option<Body>,
    damage: &mut Option<Damage>,
) -> Result<(), Damage> {
    let mut found = None;
    let read = body::read(value, true, &mut found);
    if let Some(body) = found {
        *damage = body.bytes.damage.clone().or(damage.take());
        *to = Some(body);
    }
    read
}
