//! A `SocketEvent` in binary, and the small messages in it.

use std::ops::Range;

use super::wire::{Fields, Reader, Value, WireError, tag};
use super::{connection, usual};
use crate::input::{Body, Decoded, DecodedWhat};
use crate::trace::{Direction, SampleRate, Truncation, nanoseconds};

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
pub(super) fn decode(record: &[u8], range: Range<usize>, form: BodyForm) -> Result<Decoded, WireError> {
    if form == BodyForm::Message
        && let Some(usual) = usual::event(record, range.clone())
    {
        return Ok(usual.decoded(record));
    }
    decode_any(record, range, form)
}

/// Reads an event of any shape.
pub(super) fn decode_any(record: &[u8], range: Range<usize>, form: BodyForm) -> Result<Decoded, WireError> {
    let mut decoded = Decoded::default();
    let mut fields = Reader::new(range);
    while let Some(tag) = fields.tag(record)? {
        match tag {
            TIMESTAMP => decoded.time = timestamp(record, fields.bytes(record)?)?,
            READ => decoded.what = data(record, fields.bytes(record)?, Direction::Read, form)?,
            WRITE => decoded.what = data(record, fields.bytes(record)?, Direction::Write, form)?,
            CLOSED => {
                fields.bytes(record)?;
                decoded.what = DecodedWhat::Closed;
            }
            CONNECTION => {
                decoded.connection = Some(connection::decode(record, fields.bytes(record)?)?.connection);
            }
            SEQ_NUM => decoded.seq_num = fields.varint(record)?,
            _ => fields.skip(tag, 1..=6, record)?,
        }
    }
    Ok(decoded)
}

/// Reads what is there of an event that the input breaks off: `None` where that is not yet a time and the direction of a read
/// or write, or the close.
pub(super) fn decode_truncated(record: &[u8], range: Range<usize>, form: BodyForm) -> Option<Decoded> {
    let mut decoded = Decoded { is_truncated: true, ..Decoded::default() };
    let mut fields = Fields::new(range, true);
    while let Ok(Some((number, value))) = fields.next(record) {
        let is_whole = !fields.is_last_cut();
        match (number, value) {
            (1, Value::Bytes(range)) if is_whole => {
                decoded.time = timestamp(record, range).ok()?;
            }
            (2 | 3, Value::Bytes(range)) => {
                let direction = if number == 2 { Direction::Read } else { Direction::Write };
                decoded.what = data_truncated(record, Fields::new(range, !is_whole), direction, form);
            }
            (4, Value::Bytes(_)) if is_whole => decoded.what = DecodedWhat::Closed,
            (5, Value::Bytes(range)) if is_whole => {
                decoded.connection = connection::decode(record, range).ok().map(|decoded| decoded.connection);
            }
            (6, Value::Varint(seq_num)) => decoded.seq_num = seq_num,
            _ => {}
        }
    }
    decoded.is_enough(&[]).then_some(decoded)
}

/// What is there of a read or write.
fn data_truncated(record: &[u8], mut data: Fields, direction: Direction, form: BodyForm) -> DecodedWhat {
    let (mut range, mut truncation, mut end_stream) = (0..0, Truncation::None, false);
    if data.is_cut() {
        // Until it is found how much of the body there is.
        truncation = Truncation::Input { missing: None };
    }
    while let Ok(Some((number, value))) = data.next(record) {
        match (number, value) {
            (1, Value::Bytes(body)) if form != BodyForm::Plain && may_be_body(record, &body, form) => {
                (range, truncation) = body_truncated(record, Fields::new(body, data.is_last_cut()));
            }
            (1, Value::Bytes(body)) => (range, truncation) = (body, missing(&data)),
            (2, Value::Varint(value)) => end_stream = value != 0,
            _ => {}
        }
    }
    DecodedWhat::Data { direction, body: Body::Record(range), truncation, end_stream }
}

/// Whether what is there of `data` is a `Body`: where it may be the bytes themselves, only if a field of a body fills it.
fn may_be_body(record: &[u8], range: &Range<usize>, form: BodyForm) -> bool {
    let mut fields = Fields::new(range.clone(), true);
    form == BodyForm::Message
        || matches!(fields.next(record), Ok(Some((1 | 2, Value::Bytes(bytes)))) if bytes.end == range.end)
}

/// What is there of a `Body`: where its bytes stand, and what is missing of them.
fn body_truncated(record: &[u8], mut body: Fields) -> (Range<usize>, Truncation) {
    let (mut range, mut truncation) = (body.at()..body.at(), Truncation::None);
    if body.is_cut() {
        truncation = Truncation::Input { missing: None };
    }
    while let Ok(Some((number, value))) = body.next(record) {
        match (number, value) {
            (1 | 2, Value::Bytes(bytes)) => (range, truncation) = (bytes, missing(&body)),
            (3, Value::Varint(value)) if truncation == Truncation::None => {
                truncation = Truncation::by_limit(value != 0);
            }
            _ => {}
        }
    }
    (range, truncation)
}

/// What is missing of the value that was read last.
fn missing(fields: &Fields) -> Truncation {
    match fields.last_missing() {
        0 => Truncation::None,
        missing => Truncation::Input { missing: Some(missing as u64) },
    }
}

/// The tags of `SocketEvent`.
const TIMESTAMP: u64 = tag::bytes(1);
const READ: u64 = tag::bytes(2);
const WRITE: u64 = tag::bytes(3);
const CLOSED: u64 = tag::bytes(4);
const CONNECTION: u64 = tag::bytes(5);
const SEQ_NUM: u64 = tag::varint(6);

/// A `google.protobuf.Timestamp`.
#[inline]
pub(super) fn timestamp(record: &[u8], range: Range<usize>) -> Result<u64, WireError> {
    const SECONDS: u64 = tag::varint(1);
    const NANOS: u64 = tag::varint(2);
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Reader::new(range);
    while let Some(tag) = fields.tag(record)? {
        match tag {
            SECONDS => seconds = fields.varint(record)?.cast_signed(),
            NANOS => nanos = fields.varint(record)?.cast_signed(),
            _ => fields.skip(tag, 1..=2, record)?,
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
    const DATA: u64 = tag::bytes(1);
    const END_STREAM: u64 = tag::varint(2);
    let (mut body, mut truncated, mut end_stream) = (0..0, false, false);
    let mut fields = Reader::new(range);
    while let Some(tag) = fields.tag(record)? {
        match tag {
            DATA => {
                let range = fields.bytes(record)?;
                (body, truncated) = match form {
                    BodyForm::Message => self::body(record, range)?,
                    BodyForm::Plain => (range, false),
                    BodyForm::PlainOrMessage if is_body(record, range.clone()) => self::body(record, range)?,
                    BodyForm::PlainOrMessage => (range, false),
                }
            }
            END_STREAM => end_stream = fields.varint(record)? != 0,
            _ => fields.skip(tag, 1..=2, record)?,
        }
    }
    let truncation = Truncation::by_limit(truncated);
    Ok(DecodedWhat::Data { direction, body: Body::Record(body), truncation, end_stream })
}

/// A `Body`: where its bytes stand, and whether it is cut.
#[inline]
fn body(record: &[u8], range: Range<usize>) -> Result<(Range<usize>, bool), WireError> {
    const AS_BYTES: u64 = tag::bytes(1);
    const AS_STRING: u64 = tag::bytes(2);
    const TRUNCATED: u64 = tag::varint(3);
    let (mut bytes, mut truncated) = (0..0, false);
    let mut fields = Reader::new(range);
    while let Some(tag) = fields.tag(record)? {
        match tag {
            AS_BYTES | AS_STRING => bytes = fields.bytes(record)?,
            TRUNCATED => truncated = fields.varint(record)? != 0,
            _ => fields.skip(tag, 1..=3, record)?,
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
