//! A `SocketEvent` in binary, and the small messages in it.

use std::ops::Range;

use super::wire::{Fields, Value, WireError};
use super::{connection, wrong_type};
use crate::input::{Body, Decoded, DecodedWhat};
use crate::trace::{Direction, SampleRate, nanoseconds};

/// What `data` of a read or write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// A `Body`.
    Message,
    /// The bytes themselves (Envoy 1.7 to 1.9).
    Plain,
    /// One or the other: it changed in 2019 while nothing else did.
    PlainOrMessage,
}

/// Reads the event that stands in `range`.
#[inline]
pub(super) fn decode(record: &[u8], range: Range<usize>, body: BodyForm) -> Result<Decoded, WireError> {
    let mut decoded = Decoded { time: 0, seq_num: 0, connection: None, what: DecodedWhat::Nothing };
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Bytes(range)) => decoded.time = timestamp(record, range)?,
            (2, Value::Bytes(range)) => decoded.what = data(record, range, Direction::Read, body)?,
            (3, Value::Bytes(range)) => decoded.what = data(record, range, Direction::Write, body)?,
            (4, Value::Bytes(_)) => decoded.what = DecodedWhat::Closed,
            (5, Value::Bytes(range)) => {
                decoded.connection = Some(connection::decode(record, range)?.connection)
            }
            (6, Value::Varint(value)) => decoded.seq_num = value,
            (1..=6, _) => return Err(wrong_type(&fields)),
            _ => {}
        }
    }
    Ok(decoded)
}

/// A `google.protobuf.Timestamp`.
#[inline]
fn timestamp(record: &[u8], range: Range<usize>) -> Result<u64, WireError> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Varint(value)) => seconds = value.cast_signed(),
            (2, Value::Varint(value)) => nanos = value.cast_signed(),
            _ => {}
        }
    }
    Ok(nanoseconds(seconds, nanos))
}

/// A `SocketEvent.Read` or `SocketEvent.Write`.
#[inline]
fn data(
    record: &[u8],
    range: Range<usize>,
    direction: Direction,
    form: BodyForm,
) -> Result<DecodedWhat, WireError> {
    let (mut body, mut truncated, mut end_stream) = (0..0, false, false);
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Bytes(range)) => {
                (body, truncated) = match form {
                    BodyForm::Message => self::body(record, range)?,
                    BodyForm::Plain => (range, false),
                    BodyForm::PlainOrMessage if is_body(record, range.clone()) => self::body(record, range)?,
                    BodyForm::PlainOrMessage => (range, false),
                }
            }
            (2, Value::Varint(value)) => end_stream = value != 0,
            _ => {}
        }
    }
    Ok(DecodedWhat::Data { direction, body: Body::Record(body), truncated, end_stream })
}

/// A `Body`: where its bytes stand, and whether it is cut.
#[inline]
fn body(record: &[u8], range: Range<usize>) -> Result<(Range<usize>, bool), WireError> {
    let (mut bytes, mut truncated) = (0..0, false);
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1 | 2, Value::Bytes(range)) => bytes = range,
            (3, Value::Varint(value)) => truncated = value != 0,
            _ => {}
        }
    }
    Ok((bytes, truncated))
}

/// Whether the bytes in `range` are a `Body` and nothing else: bytes that were tapped hardly ever are.
fn is_body(record: &[u8], range: Range<usize>) -> bool {
    let mut fields = Fields::new(range, false);
    loop {
        match fields.next(record) {
            Ok(Some((1 | 2, Value::Bytes(_)) | (3, Value::Varint(0 | 1)))) => {}
            Ok(Some(_)) | Err(_) => return false,
            Ok(None) => return true,
        }
    }
}

/// An `envoy.type.v3.FractionalPercent`.
pub(super) fn sample_rate(record: &[u8], range: Range<usize>) -> Result<SampleRate, WireError> {
    let (mut numerator, mut denominator) = (0, 0);
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Varint(value)) => numerator = value,
            (2, Value::Varint(value)) => denominator = value,
            _ => {}
        }
    }
    let denominator = match denominator {
        1 => 10_000,
        2 => 1_000_000,
        _ => 100,
    };
    Ok(SampleRate { numerator, denominator })
}
