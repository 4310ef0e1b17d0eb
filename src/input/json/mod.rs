//! JSON traces: `JSON_BODY_AS_BYTES` and `JSON_BODY_AS_STRING`, pretty-printed objects one after another.
//!
//! [`split`] finds the records. [`Cursor`] finds the events in a record ([`scan`]) and has serde_json read them one at a
//! time ([`event`]): names in snake_case or camelCase and in any order, `null` and what is unknown passed over.
//!
//! In `JSON_BODY_AS_STRING` Envoy replaces what is no UTF-8 in a body by spaces, writes some of it raw, so that the file
//! is no valid UTF-8 either, and drops the addresses of streamed traces. What it kept is read as it stands.

mod body;
mod event;
mod http;
mod members;
mod scan;
pub(super) mod split;
mod values;

use super::{Begun, Damage, Decoded, Generation, Head, HttpRecord, TextLoss};
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
    /// What is wrong with the event that was given last.
    damage: Option<Damage>,
    /// The last trace whose id has gone through a floating-point number.
    rounded_id: Option<u64>,
}

impl Cursor {
    /// Reads what stands before the events.
    pub(super) fn begin(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Begun, Damage> {
        let Self { loss, has_batches, rounded_id, .. } = *self;
        *self = Self { loss, has_batches, rounded_id, ..Self::default() };
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
                    return self.http(http::decode(record, value, true, scratch)?);
                }
                b"http_streamed_trace_segment" | b"httpStreamedTraceSegment" if record[value] != b'n' => {
                    return self.http(http::decode(record, value, false, scratch)?);
                }
                // The `TraceWrapper` in Gloo's `TapRequest`.
                b"trace_data" | b"traceData" if record[value] == b'{' => {
                    wrapper = Items::new(value + 1);
                    continue;
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
                        sample_rate = values::sample_rate(record, value..end);
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
            values::check(record)?;
        }
        Ok(trace.map_or(Begun::Nothing, |head| Begun::Trace(Head { sample_rate, ..head })))
    }

    fn http(&mut self, record: HttpRecord) -> Result<Begun, Damage> {
        if record.is_id_rounded {
            self.round(record.id);
        }
        Ok(Begun::Http(Box::new(record)))
    }

    /// Counts a trace whose id has gone through a floating-point number.
    fn round(&mut self, id: u64) {
        if self.rounded_id.replace(id) != Some(id) {
            self.loss.rounded_ids += 1;
        }
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
                b"trace_id" | b"traceId" => {
                    let number = values::number(record, value..end)?;
                    id = number.value;
                    if number.is_rounded {
                        self.round(id);
                    }
                }
                b"connection" => connection = values::connection(record, value..end)?,
                b"event" => is_lost = end - value < 100 && event::is_lost_connection(record, value),
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
        if let Some(damage) = self.damage.take() {
            return Err(damage);
        }
        if let Some(start) = self.event.take() {
            return self.event(record, start, scratch).map(Some);
        }
        let Some(events) = &mut self.events else {
            return self.broken.take().map_or(Ok(None), |error| Err(error.into()));
        };
        let Some(start) = events.item(record)? else {
            self.events = None;
            return self.next(record, scratch);
        };
        match value_end(record, start) {
            Ok(end) => {
                events.skip_to(end);
                self.event(record, start, scratch).map(Some).map_err(Damage::in_event)
            }
            // The record ends in it.
            Err(error) => {
                self.events = None;
                self.broken = Some(error);
                self.event(record, start, scratch).map(Some)
            }
        }
    }

    /// The event that begins at `start`, as far as it is there.
    fn event(&mut self, record: &[u8], start: usize, scratch: &mut Vec<u8>) -> Result<Decoded, Damage> {
        let mut decoded = Decoded::default();
        match event::decode(record, start, &mut decoded, scratch) {
            Ok((_, damage)) => self.damage = damage,
            Err(_) if self.broken.is_some() && decoded.is_enough(scratch) => decoded.is_truncated = true,
            Err(damage) => return Err(damage),
        }
        Ok(decoded)
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
