//! Binary traces: `PROTO_BINARY`, a `TraceWrapper` after another with nothing between them, and
//! `PROTO_BINARY_LENGTH_DELIMITED`, each with its length as a varint before it.
//!
//! [`split`] finds the records. A record holds one `TraceWrapper`; [`Cursor`] walks its fields and gives its events one
//! at a time, so that a trace of millions of tiny events costs no more memory than its bytes. A body is not copied:
//! what comes out says where it stands in the record.

mod connection;
pub(super) mod split;
pub(super) mod wire;

use std::ops::Range;

use super::{Begun, Body, Damage, Decoded, DecodedWhat, Head};
use crate::trace::{Direction, Kind, TraceId, nanoseconds};
use wire::{Fields, Value, WireError, WireErrorKind};

/// Top-level fields of `TraceWrapper`.
const HTTP_BUFFERED_TRACE: u32 = 1;
const HTTP_STREAMED_TRACE_SEGMENT: u32 = 2;
const SOCKET_BUFFERED_TRACE: u32 = 3;
const SOCKET_STREAMED_TRACE_SEGMENT: u32 = 4;

/// Where in a record the next event is.
#[derive(Debug, Default)]
pub(super) enum Cursor {
    #[default]
    Done,
    /// In the fields of a `SocketBufferedTrace`.
    Buffered(Fields),
    /// The `event` of a segment, or its `events`, or (though only one of the two is ever set) both.
    Streamed { event: Option<Range<usize>>, events: Option<Fields>, is_event_cut: bool },
}

impl Cursor {
    /// Reads what stands before the events. `is_cut`: the input ends before the record does.
    pub(super) fn begin(&mut self, record: &[u8], is_cut: bool) -> Result<Begun, Damage> {
        *self = Self::Done;
        let mut begun = Begun::Nothing;
        let mut wrapper = Fields::new(0..record.len(), is_cut);
        while let Some((number, value)) = wrapper.next(record)? {
            let is_cut = wrapper.is_last_cut();
            begun = match (number, value) {
                (SOCKET_BUFFERED_TRACE, Value::Bytes(range)) => self.begin_buffered(record, range, is_cut)?,
                (SOCKET_STREAMED_TRACE_SEGMENT, Value::Bytes(range)) => {
                    self.begin_streamed(record, range, is_cut)?
                }
                (HTTP_BUFFERED_TRACE | HTTP_STREAMED_TRACE_SEGMENT, Value::Bytes(_)) => Begun::Http,
                _ => continue,
            };
        }
        Ok(begun)
    }

    fn begin_buffered(&mut self, record: &[u8], range: Range<usize>, is_cut: bool) -> Result<Begun, Damage> {
        let mut fields = Fields::new(range, is_cut);
        *self = Self::Buffered(fields.clone());
        let (mut id, mut connection) = (0, None);
        loop {
            match fields.next(record) {
                Ok(Some((1, Value::Varint(value)))) => id = value,
                Ok(Some((2, Value::Bytes(range)))) if !fields.is_last_cut() => {
                    connection = Some(connection::decode(record, range)?);
                }
                Ok(Some((1..=3, Value::Varint(_) | Value::Fixed))) => return Err(wrong_type(&fields)),
                Ok(Some(_)) => {}
                Ok(None) => break,
                // The events before the place are still good; the cursor comes to it in its turn.
                Err(_) => break,
            }
        }
        Ok(Begun::Trace(Head { trace: TraceId { kind: Kind::SocketBuffered, id }, opens: true, connection }))
    }

    fn begin_streamed(&mut self, record: &[u8], range: Range<usize>, is_cut: bool) -> Result<Begun, Damage> {
        let mut fields = Fields::new(range, is_cut);
        let (mut id, mut connection, mut event, mut events) = (0, None, None, None);
        let mut is_event_cut = false;
        while let Some((number, value)) = fields.next(record)? {
            match (number, value) {
                (1, Value::Varint(value)) => id = value,
                (2, Value::Bytes(range)) if !fields.is_last_cut() => {
                    connection = Some(connection::decode(record, range)?);
                }
                (3, Value::Bytes(range)) => {
                    event = Some(range);
                    is_event_cut = fields.is_last_cut();
                }
                (4, Value::Bytes(range)) => events = Some(Fields::new(range, fields.is_last_cut())),
                (1..=4, _) => return Err(wrong_type(&fields)),
                _ => {}
            }
        }
        *self = Self::Streamed { event, events, is_event_cut };
        Ok(Begun::Trace(Head {
            trace: TraceId { kind: Kind::SocketStreamed, id },
            opens: connection.is_some(),
            connection,
        }))
    }

    /// The record's next event.
    pub(super) fn next(&mut self, record: &[u8]) -> Result<Option<Decoded>, Damage> {
        match self {
            Self::Done => Ok(None),
            Self::Buffered(fields) => next_repeated(fields, 3, record),
            Self::Streamed { event, events, is_event_cut } => match (event.take(), events) {
                (Some(range), _) if *is_event_cut => Err(incomplete(range.start).into()),
                (Some(range), _) => decode_event(record, range).map(Some).map_err(Damage::from),
                (None, Some(fields)) => next_repeated(fields, 1, record),
                (None, None) => Ok(None),
            },
        }
    }
}

/// The next of the `repeated SocketEvent` that has this field number.
fn next_repeated(fields: &mut Fields, field: u32, record: &[u8]) -> Result<Option<Decoded>, Damage> {
    while let Some((number, value)) = fields.next(record)? {
        match value {
            Value::Bytes(range) if number == field => {
                if fields.is_last_cut() {
                    return Err(incomplete(range.start).into());
                }
                return Ok(Some(decode_event(record, range)?));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// A `SocketEvent`.
fn decode_event(record: &[u8], range: Range<usize>) -> Result<Decoded, WireError> {
    let mut decoded = Decoded { time: 0, seq_num: 0, connection: None, what: DecodedWhat::Nothing };
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Bytes(range)) => decoded.time = decode_timestamp(record, range)?,
            (2, Value::Bytes(range)) => decoded.what = decode_data(record, range, Direction::Read)?,
            (3, Value::Bytes(range)) => decoded.what = decode_data(record, range, Direction::Write)?,
            (4, Value::Bytes(_)) => decoded.what = DecodedWhat::Closed,
            (5, Value::Bytes(range)) => decoded.connection = Some(connection::decode(record, range)?),
            (6, Value::Varint(value)) => decoded.seq_num = value,
            (1..=6, _) => return Err(type_error(&fields)),
            _ => {}
        }
    }
    Ok(decoded)
}

/// A `google.protobuf.Timestamp`.
fn decode_timestamp(record: &[u8], range: Range<usize>) -> Result<u64, WireError> {
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
fn decode_data(record: &[u8], range: Range<usize>, direction: Direction) -> Result<DecodedWhat, WireError> {
    let (mut body, mut truncated, mut end_stream) = (0..0, false, false);
    let mut fields = Fields::new(range, false);
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Bytes(range)) => {
                let mut fields = Fields::new(range, false);
                while let Some((number, value)) = fields.next(record)? {
                    match (number, value) {
                        (1 | 2, Value::Bytes(range)) => body = range,
                        (3, Value::Varint(value)) => truncated = value != 0,
                        _ => {}
                    }
                }
            }
            (2, Value::Varint(value)) => end_stream = value != 0,
            _ => {}
        }
    }
    Ok(DecodedWhat::Data { direction, body: Body::Record(body), truncated, end_stream })
}

fn incomplete(at: usize) -> WireError {
    WireError { at, kind: WireErrorKind::Incomplete }
}

fn type_error(fields: &Fields) -> WireError {
    WireError { at: fields.at(), kind: WireErrorKind::Type }
}

fn wrong_type(fields: &Fields) -> Damage {
    type_error(fields).into()
}

impl From<WireError> for Damage {
    fn from(error: WireError) -> Self {
        let what = match error.kind {
            WireErrorKind::Incomplete => "a field is longer than the message that it stands in",
            WireErrorKind::Varint => "a number is longer than ten bytes",
            WireErrorKind::Tag => "there is no such field in a protobuf message",
            WireErrorKind::Type => "a field has another type than in a tap trace",
        };
        Self { at: error.at, what: what.into() }
    }
}
