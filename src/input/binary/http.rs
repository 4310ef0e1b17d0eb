//! The traces of the HTTP tap in binary: `HttpBufferedTrace` and `HttpStreamedTraceSegment`.

use std::ops::Range;

use super::connection;
use super::event::timestamp;
use super::wire::{Fields, Value, WireError, WireErrorKind};
use crate::http::Headers;
use crate::input::{Damage, HttpBody, HttpFields, HttpMessage, HttpRecord};
use crate::trace::{Connection, Truncation};

/// Reads an `HttpBufferedTrace`. What can be read of it before damage is kept.
pub(super) fn buffered(record: &[u8], range: Range<usize>, is_cut: bool) -> Result<HttpRecord, Damage> {
    let mut trace = HttpFields::default();
    let [request, response] = &mut trace.messages;
    let read = walk(record, Fields::new(range, is_cut), |number, range, is_cut| {
        match number {
            1 => message(record, Fields::new(range, is_cut), request)?,
            2 => message(record, Fields::new(range, is_cut), response)?,
            3 if !is_cut => trace.downstream = self::connection(record, range)?,
            4 if !is_cut => trace.upstream = self::connection(record, range)?,
            _ => {}
        }
        Ok(())
    });
    trace.into_record(true, read.err())
}

/// Reads an `HttpStreamedTraceSegment`, in the same way.
pub(super) fn segment(record: &[u8], range: Range<usize>, is_cut: bool) -> Result<HttpRecord, Damage> {
    let mut trace = HttpFields::default();
    let read = pieces(record, Fields::new(range, is_cut), &mut trace);
    trace.into_record(false, read.err())
}

fn pieces(record: &[u8], mut fields: Fields, trace: &mut HttpFields) -> Result<(), Damage> {
    let [request, response] = &mut trace.messages;
    while let Some((number, value)) = fields.next(record)? {
        let range = match value {
            Value::Varint(id) if number == 1 => {
                trace.id = Some(id);
                continue;
            }
            Value::Bytes(range) => range,
            Value::Varint(_) | Value::Fixed => continue,
        };
        let piece = Fields::new(range, fields.is_last_cut());
        match number {
            2 => headers(record, piece, &mut request.head)?,
            3 => body(record, piece, &mut request.body)?,
            4 => headers(record, piece, &mut request.trailers)?,
            5 => headers(record, piece, &mut response.head)?,
            6 => body(record, piece, &mut response.body)?,
            7 => headers(record, piece, &mut response.trailers)?,
            _ => {}
        }
    }
    Ok(())
}

/// Hands the messages among the fields on.
fn walk(
    record: &[u8],
    mut fields: Fields,
    mut take: impl FnMut(u32, Range<usize>, bool) -> Result<(), Damage>,
) -> Result<(), Damage> {
    while let Some((number, value)) = fields.next(record)? {
        if let Value::Bytes(range) = value {
            take(number, range, fields.is_last_cut())?;
        }
    }
    Ok(())
}

fn connection(record: &[u8], range: Range<usize>) -> Result<Option<Box<Connection>>, WireError> {
    connection::decode(record, range).map(|decoded| Some(decoded.connection))
}

/// An `HttpBufferedTrace.Message`.
fn message(record: &[u8], fields: Fields, message: &mut HttpMessage) -> Result<(), Damage> {
    walk(record, fields, |number, range, is_cut| {
        match number {
            1 if !is_cut => header(record, range, &mut message.head)?,
            2 => body(record, Fields::new(range, is_cut), &mut message.body)?,
            3 if !is_cut => header(record, range, &mut message.trailers)?,
            4 if !is_cut => message.time = Some(timestamp(record, range)?),
            _ => {}
        }
        Ok(())
    })
}

/// An `HttpStreamedTraceSegment.Headers`.
fn headers(record: &[u8], fields: Fields, headers: &mut Option<Headers>) -> Result<(), Damage> {
    let is_cut = fields.is_cut();
    walk(record, fields, |number, range, is_cut| match number == 1 && !is_cut {
        true => header(record, range, headers),
        false => Ok(()),
    })?;
    if !is_cut {
        headers.get_or_insert_default();
    }
    Ok(())
}

/// A `HeaderValue`: `raw_value` where it has one, else `value`.
fn header(record: &[u8], range: Range<usize>, headers: &mut Option<Headers>) -> Result<(), Damage> {
    let start = range.start;
    let (mut name, mut text, mut raw) = (0..0, 0..0, 0..0);
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Bytes(range)) => name = range,
            (2, Value::Bytes(range)) => text = range,
            (3, Value::Bytes(range)) => raw = range,
            (1..=3, _) => return Err(WireError { at: fields.at(), kind: WireErrorKind::Type }.into()),
            _ => {}
        }
    }
    let value = if raw.is_empty() { text } else { raw };
    match headers.get_or_insert_default().push(&record[name], &record[value]) {
        true => Ok(()),
        false => Err(Damage::new(start, crate::input::TOO_MANY_HEADERS)),
    }
}

/// Says in `to` where a `Body` is and whether it is truncated. One that goes on behind the end of the record is cut there;
/// of one that is damaged, it is what stands before the damage.
fn body(record: &[u8], mut fields: Fields, to: &mut Option<(HttpBody, Truncation)>) -> Result<(), Damage> {
    let (mut bytes, mut truncation) = (0..0, Truncation::None);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1 | 2, Value::Bytes(range)) => bytes = range,
            (3, Value::Varint(0)) => {}
            (3, Value::Varint(_)) => truncation = Truncation::Limit,
            (1..=3, _) => return Err(WireError { at: fields.at(), kind: WireErrorKind::Type }.into()),
            _ => {}
        }
        if fields.is_last_cut() {
            let missing = matches!(number, 1 | 2).then_some(fields.last_missing() as u64);
            truncation = Truncation::Input { missing };
        }
        *to = Some((HttpBody::Record(bytes.clone()), truncation));
    }
    *to = Some((HttpBody::Record(bytes), truncation));
    Ok(())
}
