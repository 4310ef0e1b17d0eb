//! A record in, a [`Flow`] out: what the API, the exporter and older programs put around a flow, and what logs put around that.

use memchr::memmem;

use super::flow::{Flow, Kind, Lost};
use super::read::{FlowSchema, LostReader, lost_source};
use crate::proto::flow as proto;
use crate::proto::observer::ExportEvent;
use crate::protobuf::{Damage, Encoding, Field, Kind as FieldKind, Message, Reader, Schema, binary, json};
use crate::record::lines::is_fragment;
use crate::trace::timestamp::time;

/// What a record holds.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// A flow, or another event of Hubble's: [`Decoder::flow`].
    Flow,
    /// Nothing of Hubble's.
    Nothing,
    /// A part of a line, which goes on in the next record.
    Part,
}

/// Decodes records.
#[derive(Debug)]
pub(crate) struct Decoder {
    is_json: bool,
    flow: Flow,
    /// What readers need where a value is not in the record as it is.
    scratch: Vec<u8>,
    /// A line of a log that comes in parts.
    line: Vec<u8>,
    /// Bytes of the record up to the end of its object.
    end: usize,
    /// The record is one of Hubble's, as far as it could be read.
    has_found: bool,
}

impl Decoder {
    pub(crate) fn new(is_json: bool) -> Self {
        Self {
            is_json,
            flow: Flow::default(),
            scratch: Vec::new(),
            line: Vec::new(),
            end: 0,
            has_found: false,
        }
    }

    /// The flow that was decoded last.
    pub(crate) fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The same, to be taken and replaced by any other.
    pub(crate) fn flow_mut(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// How many bytes of the record its object takes: there may be more on its line.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Whether the record is one of Hubble's, where it could not be read to its end.
    pub(super) fn has_found(&self) -> bool {
        self.has_found
    }

    /// Decodes a record.
    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, Damage> {
        self.end = record.len();
        if !self.is_json {
            return self.decode_binary(record);
        }
        let mut top = Top::new(&mut self.flow);
        let mut reader = Reader::new(record, &mut self.scratch, json::Place::top(record, false));
        let read = reader.fields(&mut top);
        let Top { is_flow, is_event, log, .. } = top;
        if let Some(log) = log
            && read.is_ok()
            && !(is_flow || is_event)
        {
            self.end = reader.place.end_of_object();
            return self.decode_log(log);
        }
        self.has_found = is_flow || is_event;
        match read {
            Ok(()) => self.end = reader.place.end_of_object(),
            Err(damage) if self.has_found || is_fragment(record) => return Err(damage),
            Err(_) => return Ok(Decoded::Nothing),
        }
        Ok(if self.has_found { Decoded::Flow } else { Decoded::Nothing })
    }

    /// Decodes what the line of a log holds, in JSON around it.
    fn decode_log(&mut self, log: Vec<u8>) -> Result<Decoded, Damage> {
        /// What is no JSON by then is none.
        const MOST: usize = 16 * 1024 * 1024;
        let is_whole = log.ends_with(b"\n");
        if self.line.is_empty() {
            self.line = log;
        } else {
            self.line.extend_from_slice(&log);
        }
        let Some(begin) = memmem::find(&self.line, b"{\"") else {
            self.line.clear();
            return Ok(Decoded::Nothing);
        };
        let mut top = Top::new(&mut self.flow);
        let line = &self.line[begin..];
        let read = Reader::new(line, &mut self.scratch, json::Place::top(line, false)).fields(&mut top);
        let is_known = top.is_flow || top.is_event;
        match read {
            Err(damage) if damage.is_end && !is_whole && self.line.len() < MOST => return Ok(Decoded::Part),
            Err(damage) if is_known => {
                self.line.clear();
                return Err(Damage::new(0, damage.into_what()));
            }
            Ok(()) | Err(_) => {}
        }
        self.line.clear();
        Ok(if read.is_ok() && is_known { Decoded::Flow } else { Decoded::Nothing })
    }

    fn decode_binary(&mut self, record: &[u8]) -> Result<Decoded, Damage> {
        let place = |record: &[u8]| binary::Place::top(record, false);
        self.flow.clear();
        match BinaryShape::of(record) {
            BinaryShape::Event => {
                let mut top = Top::new(&mut self.flow);
                Reader::new(record, &mut self.scratch, place(record)).fields(&mut top)?;
            }
            BinaryShape::Flow => {
                Reader::new(record, &mut self.scratch, place(record)).fields(&mut self.flow)?;
            }
            BinaryShape::AgentEvent => self.flow.kind = Kind::AgentEvent,
            BinaryShape::DebugEvent => self.flow.kind = Kind::DebugEvent,
            BinaryShape::Unknown => return Ok(Decoded::Nothing),
        }
        Ok(Decoded::Flow)
    }
}

/// Which message a binary record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryShape {
    /// `ExportEvent` or `GetFlowsResponse`.
    Event,
    Flow,
    /// `GetAgentEventsResponse`, whose event has the number of a flow.
    AgentEvent,
    /// `GetDebugEventsResponse`, in the same way.
    DebugEvent,
    Unknown,
}

impl BinaryShape {
    /// Tells by the fields' numbers and types.
    pub(super) fn of(record: &[u8]) -> Self {
        let mut fields = binary::Fields::new(0..record.len(), false);
        let (mut is_enveloped, mut known, mut first) = (false, 0, None);
        let mut is_sure = false;
        loop {
            let (number, value) = match fields.next(record) {
                Ok(Some(field)) => field,
                Ok(None) => break,
                Err(_) => return Self::Unknown,
            };
            let is_bytes = matches!(value, binary::Value::Bytes(_));
            if let binary::Value::Bytes(range) = &value
                && !range.is_empty()
            {
                is_enveloped |= match number {
                    ExportEvent::NODE_NAME => is_name(&record[range.clone()]),
                    ExportEvent::TIME => is_timestamp(record, range.clone()),
                    _ => false,
                };
                is_sure |= match number {
                    proto::Flow::NODE_NAME => is_name(&record[range.clone()]),
                    proto::Flow::IP => is_ip(record, range.clone()),
                    _ => false,
                };
                if number == 1 {
                    first = Some(range.clone());
                }
            }
            match proto::Flow::field(number).map(|field| field.kind == FieldKind::Number) {
                Some(is_number) if is_number != is_bytes => known += 1,
                _ => {}
            }
        }
        if !is_enveloped {
            let has_time = first.is_some_and(|first| is_timestamp(record, first));
            return if known >= 3 && has_time && is_sure { Self::Flow } else { Self::Unknown };
        }
        // A flow begins with its time, an agent event and a debug event with their type.
        let Some(first) = first else { return Self::Event };
        let mut inner = binary::Fields::new(first, false);
        match inner.next(record) {
            Ok(Some((1, binary::Value::Varint(_)))) => match inner.next(record) {
                Ok(Some((2..=8, _))) => Self::DebugEvent,
                _ => Self::AgentEvent,
            },
            _ => Self::Event,
        }
    }
}

/// Whether these bytes may be the name of a node.
fn is_name(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_graphic)
}

/// Whether a message is an `IP` with a source that is an address.
fn is_ip(record: &[u8], range: std::ops::Range<usize>) -> bool {
    let mut fields = binary::Fields::new(range, false);
    let Ok(Some((proto::Ip::SOURCE, binary::Value::Bytes(source)))) = fields.next(record) else {
        return false;
    };
    str::from_utf8(&record[source]).is_ok_and(|source| source.parse::<std::net::IpAddr>().is_ok())
}

/// Whether a message is a `google.protobuf.Timestamp`.
fn is_timestamp(record: &[u8], range: std::ops::Range<usize>) -> bool {
    let mut fields = binary::Fields::new(range, false);
    loop {
        match fields.next(record) {
            Ok(Some((1 | 2, binary::Value::Varint(_)))) => {}
            Ok(None) => return true,
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

/// The numbers that a flow's own fields have at the top of a record, where those of the message around a flow are too.
const BARE: u32 = 1 << 29;
const LOG: u32 = (1 << 30) + 1;
/// Fields of bare events: those of a `LostEvent`, and what tells an `AgentEvent`, a `DebugEvent` and a `NodeStatusEvent`.
const BARE_LOST: u32 = (1 << 30) + 2;
const BARE_TYPE: u32 = (1 << 30) + 3;
const BARE_STATUS: u32 = (1 << 30) + 4;

/// The top of a record in JSON: a message around a flow or an event, a bare one, or the line of a log in JSON.
struct TopSchema;

impl Schema for TopSchema {
    fn number(name: &[u8]) -> Option<u32> {
        ExportEvent::number(name).or_else(|| match name {
            b"log" | b"message" => Some(LOG),
            b"num_events_lost" | b"numEventsLost" => Some(BARE_LOST),
            b"type" => Some(BARE_TYPE),
            b"state_change" | b"stateChange" => Some(BARE_STATUS),
            name => FlowSchema::number(name).map(|number| number | BARE),
        })
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            LOG | BARE_LOST | BARE_TYPE | BARE_STATUS => {
                Some(Field { kind: FieldKind::Bytes, is_repeated: false })
            }
            number if number & BARE != 0 => FlowSchema::field(number & !BARE),
            number => ExportEvent::field(number),
        }
    }
}

struct Top<'a> {
    flow: &'a mut Flow,
    is_flow: bool,
    is_event: bool,
    log: Option<Vec<u8>>,
}

impl<'a> Top<'a> {
    fn new(flow: &'a mut Flow) -> Self {
        flow.clear();
        Self { flow, is_flow: false, is_event: false, log: None }
    }

    fn event(&mut self, kind: Kind) {
        self.is_event = true;
        self.flow.kind = kind;
    }
}

impl Message for Top<'_> {
    type Schema = TopSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            ExportEvent::FLOW => {
                self.is_flow = true;
                value.message(self.flow)?;
            }
            ExportEvent::NODE_STATUS => {
                self.event(Kind::NodeStatus);
                value.skip()?;
            }
            ExportEvent::LOST_EVENTS => {
                let mut lost = Lost::default();
                self.event(Kind::Lost(lost));
                value.message(&mut LostReader(&mut lost))?;
                self.flow.kind = Kind::Lost(lost);
            }
            ExportEvent::AGENT_EVENT => {
                self.event(Kind::AgentEvent);
                value.skip()?;
            }
            ExportEvent::DEBUG_EVENT => {
                self.event(Kind::DebugEvent);
                value.skip()?;
            }
            // The flow says both too.
            ExportEvent::NODE_NAME if !self.flow.node.is_empty() => value.skip()?,
            ExportEvent::TIME if self.flow.time.is_some() => value.skip()?,
            ExportEvent::NODE_NAME => self.flow.node = super::read::string(&mut self.flow.texts, value)?,
            ExportEvent::TIME => self.flow.time = Some(time(value)?),
            LOG => {
                if value.is_replaced() {
                    value.string(self.log.insert(Vec::new()))?;
                } else {
                    value.skip()?;
                }
            }
            BARE_LOST => {
                let count = value.unsigned()?;
                let lost = self.lost();
                lost.count = count;
            }
            BARE_STATUS => {
                self.event(Kind::NodeStatus);
                value.skip()?;
            }
            BARE_TYPE => {
                let mut name = Vec::new();
                if value.name_or_number(&mut name)?.is_none() {
                    if name.starts_with(b"DBG_") {
                        self.event(Kind::DebugEvent);
                    } else if str::from_utf8(&name)
                        .is_ok_and(|name| proto::AgentEventType::from_str_name(name).is_some())
                    {
                        self.event(Kind::AgentEvent);
                    }
                }
            }
            number if number == proto::Flow::SOURCE | BARE && value.is_replaced() => {
                let source = lost_source(value)?;
                if source != super::flow::LostSource::Unknown {
                    self.lost().source = source;
                }
            }
            number if number & BARE != 0 => {
                use proto::Flow as F;
                let number = number & !BARE;
                self.is_flow |= matches!(
                    number,
                    F::VERDICT
                        | F::IP
                        | F::L4
                        | F::EVENT_TYPE
                        | F::TYPE
                        | F::ETHERNET
                        | F::SUMMARY
                        | F::TRACE_OBSERVATION_POINT
                );
                self.flow.take(number, value)?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl Top<'_> {
    /// The bare `LostEvent` that the record is.
    fn lost(&mut self) -> &mut Lost {
        self.is_event = true;
        if !matches!(self.flow.kind, Kind::Lost(_)) {
            self.flow.kind = Kind::Lost(Lost::default());
        }
        match &mut self.flow.kind {
            Kind::Lost(lost) => lost,
            _ => unreachable!("it has just been set"),
        }
    }
}
