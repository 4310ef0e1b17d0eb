//! The events in a record, one at a time, so that a trace of millions of tiny events costs no more memory than its bytes.
//!
//! A record holds one `TraceWrapper`. [`Cursor::begin`] reads all but the events; [`Cursor::next`] goes from event to event.

use super::connection;
use super::decoded::{Begun, Decoded, Head, HttpRecord};
use super::event::{BodyForm, EventReader};
use super::generation::{AnyWrapper, Generation, Top, top};
use super::http;
use crate::proto::envoy::data::tap::v2alpha;
use crate::proto::envoy::data::tap::v3::{
    SocketBufferedTrace, SocketEvents, SocketStreamedTraceSegment as Segment,
};
use crate::proto::envoy::r#type::v3::FractionalPercent;
use crate::proto::envoy::r#type::v3::fractional_percent::DenominatorType;
use crate::protobuf::{Damage, Encoding, Reader, Schema, json};
use crate::trace::{Connection, Kind, SampleRate, TraceId};

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
    is_raw: bool,
    /// The id of the trace of the `capture` transport socket that is being read.
    capture: Option<u64>,
    generation: Generation,
    loss: TextLoss,
    /// The last trace whose id has gone through a floating-point number.
    rounded_id: Option<u64>,
    /// In the wrapper, after the trace.
    wrapper: Option<E>,
    /// In the trace, at or before its next event.
    trace: Option<(Holder, E)>,
    /// In a `SocketEvents` in the trace.
    batch: Option<E>,
    /// What is wrong with the event that was given last.
    damage: Option<Damage>,
    /// What is wrong after the trace.
    broken: Option<Damage>,
}

/// The message that holds the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// `SocketBufferedTrace`.
    Buffered,
    /// `SocketStreamedTraceSegment`.
    Streamed,
    /// `Trace`, of the `capture` transport socket.
    Capture,
    /// `SocketBufferedTrace` of early 2019.
    Early2019,
}

/// What stands before the events of a trace, or between them.
#[derive(Default)]
struct Beginning {
    id: Option<u64>,
    connection: Option<Box<Connection>>,
    /// `JSON_BODY_AS_STRING` has lost the connection.
    is_lost: bool,
    /// The end of the trace has been found.
    is_whole: bool,
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

    /// Reads what the record says besides its events. `is_truncated`: the input ends before the record does.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        record: &[u8],
        is_truncated: bool,
        scratch: &mut Vec<u8>,
    ) -> Result<Begun, Damage> {
        (self.wrapper, self.trace, self.batch) = (None, None, None);
        (self.damage, self.broken) = (None, None);
        scratch.clear();
        let mut reader = Reader::new(record, scratch, E::top(record, is_truncated));
        let (mut begun, mut rate) = (Begun::Nothing, None);
        loop {
            let before = reader.place.clone();
            let number = match reader.next::<AnyWrapper>() {
                Ok(Some(number)) => number,
                Ok(None) => break,
                Err(damage) => match &mut begun {
                    // A trace that has been found is good up to where the record breaks.
                    Begun::Trace(_) => {
                        self.broken = Some(damage);
                        break;
                    }
                    Begun::Http(trace) => {
                        trace.damage.get_or_insert(damage);
                        break;
                    }
                    _ => return Err(damage),
                },
            };
            begun = match top(number, &reader) {
                Top::SocketStreamed => self.begin_streamed(&mut reader)?,
                Top::SocketBuffered => self.begin_buffered(&mut reader, Holder::Buffered)?,
                Top::Early2019 => self.begin_buffered(&mut reader, Holder::Early2019)?,
                Top::HttpBuffered => self.http(http::read(&mut reader, true)?),
                Top::HttpStreamed => self.http(http::read(&mut reader, false)?),
                Top::Capture => return self.begin_capture(&mut reader),
                Top::CaptureEvent => return Ok(self.capture_event(before)),
                Top::Inner => {
                    reader.place = reader.place.enter(record)?;
                    begun
                }
                Top::SampleRate => match sample_rate(&mut reader) {
                    Ok(found) => {
                        rate = Some(found);
                        begun
                    }
                    Err(damage) if E::HAS_LENGTHS && !damage.is_end => begun,
                    Err(damage) => match begun {
                        Begun::Nothing => return Err(damage),
                        begun => {
                            self.broken = Some(damage);
                            return self.end_begin(record, begun, rate);
                        }
                    },
                },
                Top::Unknown => {
                    reader.skip()?;
                    begun
                }
            };
            // Where the trace has not been gone through to its end, what follows it cannot be found yet.
            let is_behind = match &begun {
                Begun::Trace(_) => self.wrapper.is_none(),
                Begun::Http(trace) => trace.damage.is_none() || E::HAS_LENGTHS,
                _ => true,
            };
            if !is_behind {
                break;
            }
        }
        self.end_begin(record, begun, rate)
    }

    fn end_begin(&mut self, record: &[u8], begun: Begun, rate: Option<SampleRate>) -> Result<Begun, Damage> {
        let is_blank = match &begun {
            Begun::Trace(head) => head.connection.is_none() && self.trace.is_none(),
            Begun::Http(_) => false,
            _ => true,
        };
        if E::IS_JSON && is_blank && self.broken.is_none() {
            json::check(record)?;
        }
        Ok(match (begun, rate) {
            (Begun::Trace(head), rate) => Begun::Trace(Head { sample_rate: rate, ..head }),
            (Begun::Nothing, Some(rate)) => Begun::SampleRate(rate),
            (begun, _) => begun,
        })
    }

    fn http(&mut self, record: HttpRecord) -> Begun {
        if record.is_id_rounded {
            self.round(record.id);
        }
        Begun::Http(Box::new(record))
    }

    /// Counts a trace whose id has gone through a floating-point number.
    fn round(&mut self, id: u64) {
        if self.rounded_id.replace(id) != Some(id) {
            self.loss.rounded_ids += 1;
        }
    }

    #[inline]
    fn begin_streamed(&mut self, reader: &mut Reader<'_, E>) -> Result<Begun, Damage> {
        let beginning = self.beginning::<Segment>(reader, Holder::Streamed)?;
        let Beginning { id, connection, is_lost, .. } = beginning;
        let trace = TraceId { kind: Kind::SocketStreamed, id: id.unwrap_or_default() };
        let opens = connection.is_some() || is_lost;
        Ok(Begun::Trace(Head { trace, opens, ends: false, connection, sample_rate: None }))
    }

    fn begin_buffered(&mut self, reader: &mut Reader<'_, E>, holder: Holder) -> Result<Begun, Damage> {
        let beginning = match holder {
            Holder::Early2019 => self.beginning::<v2alpha::SocketBufferedTrace>(reader, holder)?,
            _ => self.beginning::<SocketBufferedTrace>(reader, holder)?,
        };
        if holder == Holder::Early2019 {
            self.generation = Generation::Early2019;
        }
        let Beginning { id, connection, .. } = beginning;
        Ok(buffered(id.unwrap_or_default(), connection, true, true))
    }

    /// A connection of the `capture` transport socket. Raw, and in text, its events are the records after this one, because nothing
    /// parts a message from its fields; delimited, they are after it in the record.
    fn begin_capture(&mut self, reader: &mut Reader<'_, E>) -> Result<Begun, Damage> {
        let connection::Decoded { connection, id, .. } = connection::read(reader)?;
        let id = id.unwrap_or_default();
        self.generation = Generation::Capture;
        self.capture = Some(id);
        self.trace = Some((Holder::Capture, reader.place.clone()));
        let ends = !self.is_raw && E::HAS_LENGTHS;
        Ok(buffered(id, Some(connection), true, ends))
    }

    /// An event of the `capture` transport socket, which is a record of its own, at or after `place`.
    fn capture_event(&mut self, place: E) -> Begun {
        let Some(id) = self.capture else { return Begun::Nothing };
        self.trace = Some((Holder::Capture, place));
        buffered(id, None, false, false)
    }

    /// Reads the fields of a trace but for its events, and remembers where these begin.
    #[inline]
    fn beginning<S: Schema>(
        &mut self,
        reader: &mut Reader<'_, E>,
        holder: Holder,
    ) -> Result<Beginning, Damage> {
        let inner = reader.place.enter(reader.record)?;
        let outer = std::mem::replace(&mut reader.place, inner);
        let mut beginning = Beginning::default();
        self.trace = None;
        let read = loop {
            let before = reader.place.clone();
            let number = match reader.next::<S>() {
                Ok(Some(number)) => number,
                Ok(None) => {
                    beginning.is_whole = true;
                    break Ok(());
                }
                // Comes again when the events have been read.
                Err(_) => {
                    self.trace.get_or_insert((holder, before));
                    break Ok(());
                }
            };
            let read = match Field::of(holder, number) {
                Field::Id => self.id(reader).map(|id| beginning.id = Some(id)),
                Field::Connection => self.connection(reader, &mut beginning),
                Field::Event | Field::Batch => {
                    if self.trace.is_none() && E::IS_JSON && holder == Holder::Streamed {
                        self.look_for_losses(reader, number, &mut beginning);
                    }
                    self.trace.get_or_insert((holder, before.clone()));
                    if is_enough::<E>(&beginning, holder) {
                        // Where the end of the trace is known what follows can be found.
                        beginning.is_whole = E::HAS_LENGTHS;
                        break Ok(());
                    }
                    reader.skip()
                }
                Field::Other => reader.skip(),
            };
            match read {
                Ok(()) => {}
                // What stands before the end of the record is good.
                Err(damage) if damage.is_end => {
                    self.trace.get_or_insert((holder, before));
                    break Ok(());
                }
                Err(damage) => break Err(damage),
            }
        };
        let inner = std::mem::replace(&mut reader.place, outer);
        if beginning.is_whole {
            reader.place.leave(&inner);
        } else {
            self.wrapper = Some(reader.place.clone());
        }
        read.map(|()| beginning)
    }

    fn id(&mut self, reader: &mut Reader<'_, E>) -> Result<u64, Damage> {
        let id = reader.integer()?;
        if id.is_rounded {
            self.round(id.value);
        }
        Ok(id.value)
    }

    fn connection(&mut self, reader: &mut Reader<'_, E>, to: &mut Beginning) -> Result<(), Damage> {
        let decoded = connection::read(reader)?;
        self.generation = self.generation.max(decoded.generation);
        // In early 2019 the connection had the id.
        to.id = to.id.or(decoded.id);
        to.connection = Some(decoded.connection);
        Ok(())
    }

    /// Counts what `JSON_BODY_AS_STRING` has made of a connection, and of a batch of events: an event without a time and
    /// with nothing that happened, and a batch without events.
    fn look_for_losses(&mut self, reader: &mut Reader<'_, E>, number: u32, beginning: &mut Beginning) {
        /// A record with an event that has something in it is longer.
        const SHORT: usize = 512;
        let place = reader.place.clone();
        if number == Segment::EVENTS {
            if let Ok(batch) = place.enter(reader.record) {
                reader.place = batch;
                self.loss.batches += u64::from(matches!(reader.next::<SocketEvents>(), Ok(None)));
            }
        } else if reader.record.len() < SHORT {
            let mut event = EventReader::new(BodyForm::Message);
            beginning.is_lost = event.read(reader).is_ok() && event.decoded.is_blank();
            self.loss.connections += u64::from(beginning.is_lost);
        }
        reader.place = place;
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

/// Whether there is no need to look for more of a trace after its first event, as Envoy writes the id and the connection first.
/// In JSON a sample rate may follow a buffered trace, whose end has to be found for it.
fn is_enough<E: Encoding>(beginning: &Beginning, holder: Holder) -> bool {
    match holder {
        Holder::Streamed => beginning.id.is_some(),
        _ => !E::IS_JSON && beginning.id.is_some() && beginning.connection.is_some(),
    }
}

/// A field of a message that holds events.
enum Field {
    Batch,
    Connection,
    Event,
    Id,
    Other,
}

impl Field {
    fn of(holder: Holder, number: u32) -> Self {
        match (holder, number) {
            (Holder::Buffered, SocketBufferedTrace::TRACE_ID) => Self::Id,
            (Holder::Buffered, SocketBufferedTrace::CONNECTION) => Self::Connection,
            (Holder::Buffered, SocketBufferedTrace::EVENTS) => Self::Event,
            (Holder::Streamed, Segment::TRACE_ID) => Self::Id,
            (Holder::Streamed, Segment::CONNECTION) => Self::Connection,
            (Holder::Streamed, Segment::EVENT) => Self::Event,
            (Holder::Streamed, Segment::EVENTS) => Self::Batch,
            (Holder::Capture, v2alpha::Trace::EVENTS) => Self::Event,
            (Holder::Early2019, v2alpha::SocketBufferedTrace::CONNECTION) => Self::Connection,
            (Holder::Early2019, v2alpha::SocketBufferedTrace::EVENTS) => Self::Event,
            _ => Self::Other,
        }
    }
}

impl Holder {
    fn body_form(self) -> BodyForm {
        match self {
            Self::Buffered | Self::Streamed => BodyForm::Message,
            Self::Capture => BodyForm::Bytes,
            Self::Early2019 => BodyForm::BytesOrMessage,
        }
    }
}

fn buffered(id: u64, connection: Option<Box<Connection>>, opens: bool, ends: bool) -> Begun {
    let trace = TraceId { kind: Kind::SocketBuffered, id };
    Begun::Trace(Head { trace, opens, ends, connection, sample_rate: None })
}

/// Reads the `FractionalPercent` that is the value.
fn sample_rate<E: Encoding>(reader: &mut Reader<'_, E>) -> Result<SampleRate, Damage> {
    let mut rate = FractionalPercent::default();
    reader.message(&mut rate)?;
    let denominator = match rate.denominator() {
        DenominatorType::Hundred => 100,
        DenominatorType::TenThousand => 10_000,
        DenominatorType::Million => 1_000_000,
    };
    Ok(SampleRate { numerator: rate.numerator.into(), denominator })
}
