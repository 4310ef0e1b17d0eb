//! What a record says besides its events: which trace it holds, its addresses, the sample rate.
//!
//! [`Cursor::begin`] remembers where the events begin, and [`Cursor::next`] goes on there.

use super::connection;
use super::cursor::Cursor;
use super::decoded::{Begun, Head, HttpRecord};
use super::event::{BodyForm, EventReader};
use super::generation::{AnyWrapper, Generation, Top, top};
use super::holder::{Field, Holder};
use super::http;
use crate::proto::envoy::data::tap::v2alpha;
use crate::proto::envoy::data::tap::v3::{
    SocketBufferedTrace, SocketEvents, SocketStreamedTraceSegment as Segment,
};
use crate::proto::envoy::r#type::v3::FractionalPercent;
use crate::proto::envoy::r#type::v3::fractional_percent::DenominatorType;
use crate::protobuf::{Damage, Encoding, Reader, Schema, json};
use crate::trace::{Connection, Kind, SampleRate, TraceId};

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
}

/// Whether there is no need to look for more of a trace after its first event, as Envoy writes the id and the connection first.
/// In JSON a sample rate may follow a buffered trace, whose end has to be found for it.
fn is_enough<E: Encoding>(beginning: &Beginning, holder: Holder) -> bool {
    match holder {
        Holder::Streamed => beginning.id.is_some(),
        _ => !E::IS_JSON && beginning.id.is_some() && beginning.connection.is_some(),
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
