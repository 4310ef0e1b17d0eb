//! Binary traces: `PROTO_BINARY`, a `TraceWrapper` after another with nothing between them, and
//! `PROTO_BINARY_LENGTH_DELIMITED`, each with its length as a varint before it.
//!
//! [`split`] finds the records. A record holds one `TraceWrapper`; [`Cursor`] walks its fields and gives its events one
//! at a time ([`event`]), so that a trace of millions of tiny events costs no more memory than its bytes. A body is not
//! copied: what comes out says where it stands in the record.
//!
//! Before Envoy 1.10 the messages were others: [`history`] tells them.

pub(super) mod connection;
mod event;
mod history;
mod http;
pub(super) mod split;
pub(crate) mod usual;
pub(super) mod wire;

use std::ops::Range;

use super::{Begun, Damage, Decoded, Generation, Head};
use crate::trace::{Connection, Kind, SampleRate, TraceId};
use event::BodyForm;
use history::Old;
use wire::{Fields, Value, WireError, WireErrorKind};

/// Top-level fields of `TraceWrapper`.
const HTTP_BUFFERED_TRACE: u32 = 1;
const HTTP_STREAMED_TRACE_SEGMENT: u32 = 2;
const SOCKET_BUFFERED_TRACE: u32 = 3;
const SOCKET_STREAMED_TRACE_SEGMENT: u32 = 4;
const CONFIGURED_SAMPLE_RATE: u32 = 5;

/// Gives a record's events.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Each top-level field is a record.
    is_raw: bool,
    /// The id of the trace of the `capture` transport socket that is being read.
    capture: Option<u64>,
    generation: Generation,
    events: Events,
    /// What is wrong behind the record's events.
    broken: Option<WireError>,
}

/// Where in a record the next event is.
#[derive(Debug)]
enum Events {
    Done,
    /// In the fields with this number of a message.
    Repeated {
        fields: Fields,
        number: u32,
        body: BodyForm,
    },
    /// The `event` of a segment, or its `events`, or (though only one of the two is ever set) both.
    Streamed {
        event: Option<Range<usize>>,
        is_event_cut: bool,
        events: Option<Fields>,
    },
}

impl Cursor {
    pub(super) fn new(is_raw: bool) -> Self {
        Self { is_raw, capture: None, generation: Generation::Unknown, events: Events::Done, broken: None }
    }

    /// Reads what stands before the events. `is_cut`: the input ends before the record does.
    #[inline]
    pub(super) fn begin(&mut self, record: &[u8], is_cut: bool) -> Result<Begun, Damage> {
        self.events = Events::Done;
        self.broken = None;
        let mut begun = Begun::Nothing;
        let mut wrapper = Fields::new(0..record.len(), is_cut);
        loop {
            let (number, value) = match wrapper.next(record) {
                Ok(Some(field)) => field,
                Ok(None) => break,
                Err(error) if matches!(begun, Begun::Trace(_)) => {
                    self.broken = Some(error);
                    break;
                }
                Err(error) => match &mut begun {
                    Begun::Http(trace) => {
                        trace.damage.get_or_insert(error.into());
                        break;
                    }
                    _ => return Err(error.into()),
                },
            };
            let is_cut = wrapper.is_last_cut();
            let Value::Bytes(range) = value else { continue };
            if number == HTTP_BUFFERED_TRACE
                && let Some(inner) = history::tap_request(record, range.clone())
            {
                wrapper = Fields::new(inner, is_cut);
                continue;
            }
            match number {
                SOCKET_STREAMED_TRACE_SEGMENT => begun = self.begin_streamed(record, range, is_cut)?,
                SOCKET_BUFFERED_TRACE => begun = self.begin_buffered(record, range, is_cut)?,
                HTTP_BUFFERED_TRACE if let Some(inner) = history::tap_request(record, range.clone()) => {
                    wrapper = Fields::new(inner, is_cut);
                }
                HTTP_BUFFERED_TRACE | HTTP_STREAMED_TRACE_SEGMENT => {
                    match history::recognize(number, record, range.clone(), is_cut) {
                        None if number == HTTP_BUFFERED_TRACE => {
                            begun = Begun::Http(Box::new(http::buffered(record, range, is_cut)?));
                        }
                        None => begun = Begun::Http(Box::new(http::segment(record, range, is_cut)?)),
                        Some(Old::CaptureConnection) => {
                            return self.begin_capture(record, range, wrapper);
                        }
                        Some(Old::CaptureEvent) => {
                            let Some(id) = self.capture else { continue };
                            let fields = Fields::new(0..record.len(), is_cut);
                            self.events = Events::Repeated { fields, number: 2, body: BodyForm::Plain };
                            begun = buffered(id, None, false, false);
                        }
                        Some(Old::BufferedTrace) => {
                            begun = self.begin_2019(record, Fields::new(range, is_cut))?;
                        }
                    }
                }
                CONFIGURED_SAMPLE_RATE => {
                    if let Begun::Trace(head) = &mut begun {
                        head.sample_rate = event::sample_rate(record, range).ok();
                    }
                }
                _ => {}
            }
        }
        Ok(begun)
    }

    fn begin_buffered(&mut self, record: &[u8], range: Range<usize>, is_cut: bool) -> Result<Begun, Damage> {
        let mut fields = Fields::new(range, is_cut);
        self.events = Events::Repeated { fields: fields.clone(), number: 3, body: BodyForm::Message };
        let (mut id, mut connection) = (0, None);
        // Where a field is broken, the events before it are still good; the cursor comes to it in its turn.
        while let Ok(Some((number, value))) = fields.next(record) {
            match (number, value) {
                (1, Value::Varint(value)) => id = value,
                (2, Value::Bytes(range)) if !fields.is_last_cut() => {
                    connection = Some(self.connection(record, range)?.connection);
                }
                (1..=3, Value::Varint(_) | Value::Fixed) => return Err(wrong_type(&fields).into()),
                _ => {}
            }
        }
        Ok(buffered(id, connection, true, true))
    }

    #[inline]
    fn begin_streamed(&mut self, record: &[u8], range: Range<usize>, is_cut: bool) -> Result<Begun, Damage> {
        let mut fields = Fields::new(range, is_cut);
        let (mut id, mut connection, mut event, mut events) = (0, None, None, None);
        let mut is_event_cut = false;
        while let Some((number, value)) = fields.next(record)? {
            match (number, value) {
                (1, Value::Varint(value)) => id = value,
                (2, Value::Bytes(range)) if !fields.is_last_cut() => {
                    connection = Some(self.connection(record, range)?.connection);
                }
                (3, Value::Bytes(range)) => {
                    event = Some(range);
                    is_event_cut = fields.is_last_cut();
                }
                (4, Value::Bytes(range)) => {
                    events = Some(Fields::new(range, fields.is_last_cut()));
                    self.generation = self.generation.max(Generation::From1_35);
                }
                (1..=4, _) => return Err(wrong_type(&fields).into()),
                _ => {}
            }
        }
        self.events = Events::Streamed { event, is_event_cut, events };
        Ok(Begun::Trace(Head {
            trace: TraceId { kind: Kind::SocketStreamed, id },
            opens: connection.is_some(),
            ends: false,
            connection,
            sample_rate: None,
        }))
    }

    /// A `Trace` of the `capture` transport socket, whose first field, at `range`, is its connection. Raw, its events
    /// are the records behind this one, for nothing parts a message from its fields; delimited, they are behind it in
    /// the record.
    fn begin_capture(&mut self, record: &[u8], range: Range<usize>, rest: Fields) -> Result<Begun, Damage> {
        let connection::Decoded { connection, id, .. } = connection::decode(record, range)?;
        self.generation = Generation::Capture;
        self.capture = Some(id);
        self.events = Events::Repeated { fields: rest, number: 2, body: BodyForm::Plain };
        Ok(buffered(id, Some(connection), true, !self.is_raw))
    }

    /// The trace in a `BufferedTraceWrapper`.
    fn begin_2019(&mut self, record: &[u8], mut fields: Fields) -> Result<Begun, Damage> {
        self.events = Events::Repeated { fields: fields.clone(), number: 2, body: BodyForm::PlainOrMessage };
        self.generation = Generation::Early2019;
        let (mut id, mut connection) = (0, None);
        while let Ok(Some((number, value))) = fields.next(record) {
            if let (1, Value::Bytes(range)) = (number, value)
                && !fields.is_last_cut()
            {
                let decoded = connection::decode(record, range)?;
                (connection, id) = (Some(decoded.connection), decoded.id);
                break;
            }
        }
        Ok(buffered(id, connection, true, true))
    }

    fn connection(&mut self, record: &[u8], range: Range<usize>) -> Result<connection::Decoded, WireError> {
        let decoded = connection::decode(record, range)?;
        self.generation = self.generation.max(decoded.generation);
        Ok(decoded)
    }

    /// Says that a connection of the usual shape has been read.
    pub(super) fn has_opened(&mut self) {
        self.generation = self.generation.max(Generation::From1_28);
    }

    /// Which Envoy wrote what has been read so far.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// The record's next event.
    #[inline]
    pub(super) fn next(&mut self, record: &[u8]) -> Result<Option<Decoded>, Damage> {
        let decoded = match &mut self.events {
            Events::Done => Ok(None),
            Events::Repeated { fields, number, body } => next_repeated(fields, *number, *body, record),
            Events::Streamed { event, is_event_cut, events } => match (event.take(), events) {
                (Some(range), _) if *is_event_cut => truncated(record, range, BodyForm::Message),
                (Some(range), _) => {
                    event::decode(record, range, BodyForm::Message).map(Some).map_err(Damage::from)
                }
                (None, Some(fields)) => next_repeated(fields, 1, BodyForm::Message, record),
                (None, None) => Ok(None),
            },
        };
        match (decoded, self.broken) {
            (Ok(None), Some(_)) => self.broken.take().map_or(Ok(None), |error| Err(error.into())),
            (decoded, _) => decoded,
        }
    }
}

fn buffered(id: u64, connection: Option<Box<Connection>>, opens: bool, ends: bool) -> Begun {
    let trace = TraceId { kind: Kind::SocketBuffered, id };
    Begun::Trace(Head { trace, opens, ends, connection, sample_rate: None::<SampleRate> })
}

/// The next of the `repeated SocketEvent` that has this field number.
fn next_repeated(
    fields: &mut Fields,
    field: u32,
    body: BodyForm,
    record: &[u8],
) -> Result<Option<Decoded>, Damage> {
    while let Some((number, value)) = fields.next(record)? {
        match value {
            Value::Bytes(range) if number == field => {
                if fields.is_last_cut() {
                    return truncated(record, range, body);
                }
                return event::decode(record, range, body)
                    .map(Some)
                    .map_err(|error| Damage::from(error).in_event());
            }
            _ => {}
        }
    }
    Ok(None)
}

/// What is there of the event that begins at the end of a truncated record.
fn truncated(record: &[u8], range: Range<usize>, body: BodyForm) -> Result<Option<Decoded>, Damage> {
    let start = range.start;
    match event::decode_truncated(record, range, body) {
        Some(decoded) => Ok(Some(decoded)),
        None => Err(incomplete(start).into()),
    }
}

fn incomplete(at: usize) -> WireError {
    WireError { at, kind: WireErrorKind::Incomplete }
}

fn wrong_type(fields: &Fields) -> WireError {
    WireError { at: fields.at(), kind: WireErrorKind::Type }
}

impl From<WireError> for Damage {
    fn from(error: WireError) -> Self {
        let what = match error.kind {
            WireErrorKind::Incomplete => "a field is longer than the message that it stands in",
            WireErrorKind::Varint => "a number is longer than ten bytes",
            WireErrorKind::Tag => "there is no such field in a protobuf message",
            WireErrorKind::Type => "a field has another type than in a tap trace",
        };
        Self::new(error.at, what)
    }
}
