//! The traces of the HTTP tap in binary: `HttpBufferedTrace` and `HttpStreamedTraceSegment`.

use std::ops::Range;

use super::connection;
use super::event::timestamp;
use super::wire::{Fields, Value, WireError, WireErrorKind};
use crate::http::{Headers, Message};
use crate::input::{Damage, HttpBody, HttpPiece, HttpRecord, HttpWhat};
use crate::trace::Connection;

/// Reads an `HttpBufferedTrace`. What can be read of it before damage is kept.
pub(super) fn buffered(record: &[u8], range: Range<usize>, is_cut: bool) -> HttpRecord {
    let mut trace = empty(true);
    let mut responses = Vec::new();
    let mut fields = Fields::new(range, is_cut);
    trace.damage = walk(record, &mut fields, |number, range, is_cut| {
        match number {
            1 => message(record, Fields::new(range, is_cut), Message::Request, &mut trace.pieces)?,
            2 => message(record, Fields::new(range, is_cut), Message::Response, &mut responses)?,
            3 if !is_cut => trace.downstream = self::connection(record, range)?,
            4 if !is_cut => trace.upstream = self::connection(record, range)?,
            _ => {}
        }
        Ok(())
    })
    .err();
    trace.pieces.append(&mut responses);
    trace
}

/// Reads an `HttpStreamedTraceSegment`.
pub(super) fn segment(record: &[u8], range: Range<usize>, is_cut: bool) -> Result<HttpRecord, Damage> {
    let mut trace = empty(false);
    let mut fields = Fields::new(range, is_cut);
    while let Some((number, value)) = fields.next(record)? {
        let range = match value {
            Value::Varint(id) if number == 1 => {
                trace.id = id;
                continue;
            }
            Value::Bytes(range) => range,
            Value::Varint(_) | Value::Fixed => continue,
        };
        let is_cut = fields.is_last_cut();
        let message = if number < 5 { Message::Request } else { Message::Response };
        let what = match number {
            2 | 5 => HttpWhat::Head(headers(record, Fields::new(range, is_cut), 1)?),
            3 | 6 => body(record, Fields::new(range, is_cut))?,
            4 | 7 => HttpWhat::Trailers(headers(record, Fields::new(range, is_cut), 1)?),
            _ => continue,
        };
        trace.pieces.push(HttpPiece { message, time: None, what });
    }
    Ok(trace)
}

fn empty(is_buffered: bool) -> HttpRecord {
    HttpRecord { is_buffered, id: 0, downstream: None, upstream: None, pieces: Vec::new(), damage: None }
}

/// Hands the messages among the fields on.
fn walk(
    record: &[u8],
    fields: &mut Fields,
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
fn message(
    record: &[u8],
    mut fields: Fields,
    message: Message,
    pieces: &mut Vec<HttpPiece>,
) -> Result<(), Damage> {
    let (mut head, mut trailers) = (Headers::default(), Headers::default());
    let (mut bodies, mut time) = (Vec::new(), None);
    let result = walk(record, &mut fields, |number, range, is_cut| {
        match number {
            1 if !is_cut => header(record, range, &mut head)?,
            2 => bodies.push(body(record, Fields::new(range, is_cut))?),
            3 if !is_cut => header(record, range, &mut trailers)?,
            4 if !is_cut => time = Some(timestamp(record, range)?),
            _ => {}
        }
        Ok(())
    });
    let piece = |what| HttpPiece { message, time, what };
    if !head.is_empty() {
        pieces.push(piece(HttpWhat::Head(head)));
    }
    pieces.extend(bodies.into_iter().map(piece));
    if !trailers.is_empty() {
        pieces.push(piece(HttpWhat::Trailers(trailers)));
    }
    result
}

/// The `repeated HeaderValue` with this field number.
fn headers(record: &[u8], mut fields: Fields, field: u32) -> Result<Headers, Damage> {
    let mut headers = Headers::default();
    walk(record, &mut fields, |number, range, is_cut| match number == field && !is_cut {
        true => header(record, range, &mut headers),
        false => Ok(()),
    })?;
    Ok(headers)
}

/// A `HeaderValue`: `raw_value` where it has one, else `value`.
fn header(record: &[u8], range: Range<usize>, headers: &mut Headers) -> Result<(), Damage> {
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
    match headers.push(&record[name], &record[value]) {
        true => Ok(()),
        false => Err(Damage::new(start, crate::input::TOO_MANY_HEADERS)),
    }
}

/// A `Body`. One that goes on behind the end of the record is cut there.
fn body(record: &[u8], mut fields: Fields) -> Result<HttpWhat, Damage> {
    let (mut bytes, mut truncated) = (0..0, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1 | 2, Value::Bytes(range)) => bytes = range,
            (3, Value::Varint(value)) => truncated = value != 0,
            (1..=3, _) => return Err(WireError { at: fields.at(), kind: WireErrorKind::Type }.into()),
            _ => {}
        }
        truncated |= fields.is_last_cut();
    }
    Ok(HttpWhat::Body { body: HttpBody::Record(bytes), truncated })
}
