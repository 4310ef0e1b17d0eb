//! JSON traces: `JSON_BODY_AS_BYTES` and `JSON_BODY_AS_STRING`, pretty-printed objects one after another.
//!
//! [`split`] finds the records. [`Cursor`] finds the events in a record ([`scan`]) and has serde_json read them one at a
//! time ([`event`]): names in snake_case or camelCase and in any order, `null` and what is unknown passed over.
//!
//! In `JSON_BODY_AS_STRING` Envoy replaces what is no UTF-8 in a body by spaces, writes some of it raw, so that the file
//! is no valid UTF-8 either, and drops the addresses of streamed traces. What it kept is read as it stands.

mod event;
mod http;
mod scan;
pub(super) mod split;

use super::{Begun, Damage, Decoded, Generation, Head, TextLoss};
use crate::trace::{Connection, Kind, TraceId};
use scan::{Items, ScanError, value_end};

/// Where in a record the next event is.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Where a lone `event` begins.
    event: Option<usize>,
    /// In the elements of `events`.
    events: Option<Items>,
    loss: TextLoss,
    has_batches: bool,
    /// What is wrong behind the record's events.
    broken: Option<ScanError>,
}

impl Cursor {
    /// Reads what stands before the events.
    pub(super) fn begin(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Begun, Damage> {
        *self = Self { loss: self.loss, has_batches: self.has_batches, ..Self::default() };
        let mut trace = None;
        let mut sample_rate = None;
        let mut wrapper = Items::new(1);
        loop {
            let (name, value) = match wrapper.member(record) {
                Ok(Some(member)) => member,
                // A trace that has been found is good up to where the record breaks.
                Err(error) if trace.is_none() => return Err(error.into()),
                Ok(None) => break,
                Err(error) => {
                    self.broken.get_or_insert(error);
                    break;
                }
            };
            let kind = match &record[name] {
                b"socket_buffered_trace" | b"socketBufferedTrace" => Kind::SocketBuffered,
                b"socket_streamed_trace_segment" | b"socketStreamedTraceSegment" => Kind::SocketStreamed,
                b"http_buffered_trace" | b"httpBufferedTrace" if record[value] != b'n' => {
                    return http::decode(record, value, true, scratch).map(Box::new).map(Begun::Http);
                }
                b"http_streamed_trace_segment" | b"httpStreamedTraceSegment" if record[value] != b'n' => {
                    return http::decode(record, value, false, scratch).map(Box::new).map(Begun::Http);
                }
                name => {
                    let is_rate = matches!(name, b"configured_sample_rate" | b"configuredSampleRate");
                    let end = match value_end(record, value) {
                        Ok(end) => end,
                        Err(error) if trace.is_none() => return Err(error.into()),
                        Err(error) => {
                            self.broken.get_or_insert(error);
                            break;
                        }
                    };
                    if is_rate {
                        sample_rate = event::sample_rate(record, value..end);
                    }
                    wrapper.skip_to(end);
                    continue;
                }
            };
            match record[value] {
                b'{' => {
                    let (head, end) = self.begin_trace(record, value, kind)?;
                    trace = Some(head);
                    match end {
                        Some(end) => wrapper.skip_to(end),
                        None => break,
                    }
                }
                b'n' => wrapper.skip_to(value_end(record, value)?),
                _ => return Err(ScanError { at: value, what: "a trace is not an object" }.into()),
            }
        }
        let is_empty = trace.as_ref().is_none_or(|head| head.connection.is_none());
        if is_empty && self.event.is_none() && self.events.is_none() && self.broken.is_none() {
            // A record that says nothing may be one that is broken where only names and brackets were looked at.
            event::check(record)?;
        }
        Ok(trace.map_or(Begun::Nothing, |head| Begun::Trace(Head { sample_rate, ..head })))
    }

    /// Which Envoy wrote what has been read so far.
    pub(super) fn generation(&self) -> Generation {
        if self.has_batches { Generation::From1_35 } else { Generation::Unknown }
    }

    /// What has been lost so far.
    pub(super) fn loss(&self) -> TextLoss {
        self.loss
    }

    /// Reads a trace but for its events. Returns where it ends, unless it breaks.
    fn begin_trace(
        &mut self,
        record: &[u8],
        value: usize,
        kind: Kind,
    ) -> Result<(Head, Option<usize>), Damage> {
        let (mut id, mut connection) = (0, None::<Box<Connection>>);
        let mut trace = Items::new(value + 1);
        let (mut is_lost, mut is_batch) = (false, false);
        // Where the record is cut, what stands before the cut is good, and the events are looked at in their turn.
        let end = loop {
            let (name, value) = match trace.member(record) {
                Ok(Some(member)) => member,
                Ok(None) => break Some(trace.at()),
                Err(error) => {
                    self.broken = Some(error);
                    break None;
                }
            };
            let name = &record[name];
            match (name, record[value]) {
                (b"events", b'[') => self.events = Some(Items::new(value + 1)),
                // A `SocketEvents` in a segment.
                (b"events", b'{') => {
                    is_batch = true;
                    self.events = batch(record, value + 1);
                }
                (b"event", b'{') => self.event = Some(value),
                (b"event" | b"events", b'n') => {}
                (b"event" | b"events", _) => {
                    self.broken = Some(ScanError { at: value, what: "this is no event" });
                    break None;
                }
                _ => {}
            }
            let end = match value_end(record, value) {
                Ok(end) => end,
                Err(error) => {
                    self.broken.get_or_insert(error);
                    break None;
                }
            };
            match name {
                b"trace_id" | b"traceId" => id = event::trace_id(record, value..end)?,
                b"connection" => connection = event::connection(record, value..end)?,
                b"event" => is_lost = event::is_lost_connection(record, value..end),
                _ => {}
            }
            trace.skip_to(end);
        };
        self.has_batches |= is_batch;
        self.loss.connections += u64::from(is_lost);
        let is_empty = |events: &Items| matches!(events.clone().item(record), Ok(None));
        self.loss.batches += u64::from(is_batch && self.events.as_ref().is_none_or(is_empty));
        let opens = kind == Kind::SocketBuffered || connection.is_some() || is_lost;
        let ends = kind == Kind::SocketBuffered;
        let trace = TraceId { kind, id };
        Ok((Head { trace, opens, ends, connection, sample_rate: None }, end))
    }

    /// The record's next event. A body is in `scratch`.
    pub(super) fn next(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Option<Decoded>, Damage> {
        if let Some(start) = self.event.take() {
            let end = value_end(record, start)?;
            return event::decode(record, start..end, scratch).map(Some);
        }
        let Some(events) = &mut self.events else {
            return self.broken.take().map_or(Ok(None), |error| Err(error.into()));
        };
        let Some(start) = events.item(record)? else {
            self.events = None;
            return self.next(record, scratch);
        };
        let end = value_end(record, start)?;
        events.skip_to(end);
        event::decode(record, start..end, scratch).map(Some).map_err(Damage::in_event)
    }
}

/// The elements of the `events` of the `SocketEvents` whose members begin at `at`.
fn batch(record: &[u8], at: usize) -> Option<Items> {
    let mut members = Items::new(at);
    while let Ok(Some((name, value))) = members.member(record) {
        if (&record[name], record[value]) == (b"events", b'[') {
            return Some(Items::new(value + 1));
        }
        members.skip_to(value_end(record, value).ok()?);
    }
    None
}

impl From<ScanError> for Damage {
    fn from(error: ScanError) -> Self {
        Self::new(error.at, error.what)
    }
}
