//! The events in a record, one at a time, so that a trace of millions of tiny events costs no more memory than its bytes.
//!
//! A record holds one `TraceWrapper`. [`Cursor::begin`] reads all but the events; [`Cursor::next`] goes from event to event.

use super::decoded::Decoded;
use super::event::{BodyForm, EventReader};
use super::generation::{AnyWrapper, Generation};
use super::holder::{Field, Holder};
use crate::proto::envoy::data::tap::v2alpha;
use crate::proto::envoy::data::tap::v3::{
    SocketBufferedTrace, SocketEvents, SocketStreamedTraceSegment as Segment,
};
use crate::protobuf::{Damage, Encoding, Reader};

/// What is lost in JSON besides bytes of bodies: by Envoy in `JSON_BODY_AS_STRING`, or by a program after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextLoss {
    /// Messages with the addresses of a trace.
    pub connections: u64,
    /// Batches of events (Envoy 1.35 and 1.36).
    pub batches: u64,
    /// Traces whose id some other program has taken for a floating-point number, and rounded.
    pub rounded_ids: u64,
}

/// Gives a record's events.
#[derive(Debug)]
pub(crate) struct Cursor<E> {
    /// In a binary trace with nothing between the records, each top-level field is one.
    pub(super) is_raw: bool,
    /// The id of the trace of the `capture` transport socket that is being read.
    pub(super) capture: Option<u64>,
    pub(super) generation: Generation,
    pub(super) loss: TextLoss,
    /// The last trace whose id has gone through a floating-point number.
    pub(super) rounded_id: Option<u64>,
    /// In the wrapper, after the trace.
    pub(super) wrapper: Option<E>,
    /// In the trace, at or before its next event.
    pub(super) trace: Option<(Holder, E)>,
    /// In a `SocketEvents` in the trace.
    pub(super) batch: Option<E>,
    /// What is wrong with the event that was given last.
    pub(super) damage: Option<Damage>,
    /// What is wrong after the trace.
    pub(super) broken: Option<Damage>,
}

impl<E: Encoding> Cursor<E> {
    pub(crate) fn new(is_raw: bool) -> Self {
        Self {
            is_raw,
            capture: None,
            generation: Generation::Unknown,
            loss: TextLoss::default(),
            rounded_id: None,
            wrapper: None,
            trace: None,
            batch: None,
            damage: None,
            broken: None,
        }
    }

    /// Which Envoy wrote what has been read so far.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// What has been lost so far.
    pub(crate) fn loss(&self) -> TextLoss {
        self.loss
    }

    /// Whether the record's last event has been given, and nothing is wrong after it.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        let has_more = self.trace.is_some() || self.batch.is_some() || self.wrapper.is_some();
        !has_more && self.damage.is_none() && self.broken.is_none()
    }

    /// The record's next event. A body that is not in the record as it is comes into `scratch`.
    #[inline]
    pub(crate) fn next(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Option<Decoded>, Damage> {
        if let Some(damage) = self.damage.take() {
            return Err(damage);
        }
        scratch.clear();
        loop {
            if let Some(batch) = self.batch.take() {
                let mut reader = Reader::new(record, scratch, batch);
                match reader.next::<SocketEvents>()? {
                    Some(SocketEvents::EVENTS) => {
                        let event = self.event(&mut reader, BodyForm::Message, false);
                        self.batch = Some(reader.place);
                        return event.map(Some);
                    }
                    Some(_) => {
                        reader.skip()?;
                        self.batch = Some(reader.place);
                    }
                    None => {
                        if let Some((_, trace)) = &mut self.trace {
                            trace.leave(&reader.place);
                        }
                    }
                }
                continue;
            }
            let Some((holder, trace)) = self.trace.take() else {
                return self.end_of_wrapper(record, scratch).map(|()| None);
            };
            let mut reader = Reader::new(record, scratch, trace);
            let number = match holder {
                Holder::Buffered => reader.next::<SocketBufferedTrace>()?,
                Holder::Streamed => reader.next::<Segment>()?,
                Holder::Capture => reader.next::<v2alpha::Trace>()?,
                Holder::Early2019 => reader.next::<v2alpha::SocketBufferedTrace>()?,
            };
            let Some(number) = number else {
                if let Some(wrapper) = &mut self.wrapper {
                    wrapper.leave(&reader.place);
                }
                continue;
            };
            match Field::of(holder, number) {
                Field::Event => {
                    let event = self.event(&mut reader, holder.body_form(), holder == Holder::Streamed);
                    self.trace = (!reader.place.is_at_end()).then_some((holder, reader.place));
                    return event.map(Some);
                }
                Field::Batch => {
                    self.generation = self.generation.max(Generation::From1_35);
                    self.batch = Some(reader.place.enter(record)?);
                }
                Field::Id | Field::Connection | Field::Other => reader.skip()?,
            }
            self.trace = Some((holder, reader.place));
        }
    }

    /// The event that is the value: of one in which the record ends, what is there.
    #[inline]
    fn event(
        &mut self,
        reader: &mut Reader<'_, E>,
        form: BodyForm,
        is_alone: bool,
    ) -> Result<Decoded, Damage> {
        let before = (!is_alone).then(|| reader.place.clone());
        let mut event = EventReader::new(form);
        let read = event.read(reader);
        let EventReader { mut decoded, damage: of_body, .. } = event;
        match read {
            Ok(()) => {
                self.damage = of_body;
                Ok(decoded)
            }
            Err(damage) if damage.is_end => {
                if !decoded.is_enough() {
                    return Err(damage);
                }
                decoded.is_truncated = true;
                self.damage = Some(damage);
                Ok(decoded)
            }
            // The events after it can be read.
            Err(damage) => match before.map(|before| reader.place.recover(reader.record, &before)) {
                Some(Ok(())) => Err(damage.in_event()),
                _ => Err(damage),
            },
        }
    }

    /// Goes on to the end of the record, after the trace.
    fn end_of_wrapper(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<(), Damage> {
        if let Some(damage) = self.broken.take() {
            return Err(damage);
        }
        let Some(wrapper) = self.wrapper.take() else { return Ok(()) };
        let mut reader = Reader::new(record, scratch, wrapper);
        while reader.next::<AnyWrapper>()?.is_some() {
            reader.skip()?;
        }
        Ok(())
    }
}
