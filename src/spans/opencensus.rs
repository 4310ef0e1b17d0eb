//! Spans of OpenCensus (`opencensus.proto.trace.v1`), in binary and JSON: proto3 JSON, and what the file exporters of its SDKs for
//! Python and PHP write; and of Zipkin (v2 JSON), whose members are other ones.

use super::span::{Draft, Kind};
use super::values::{Wanted, span_id, string, trace_id};
use crate::proto::opencensus::proto::trace::v1 as proto;
use crate::protobuf::{Damage, Encoding, Field, Kind as FieldKind, Message, Reader, Schema};
use crate::trace::timestamp::time;

/// Members of JSON that the schema does not have: those of the Python SDK, and of Zipkin.
const FIRST: u32 = 1 << 28;
const ZIPKIN_ID: u32 = FIRST;
const ZIPKIN_PARENT: u32 = FIRST + 1;
const ZIPKIN_TIMESTAMP: u32 = FIRST + 2;
const ZIPKIN_DURATION: u32 = FIRST + 3;
const ZIPKIN_TAGS: u32 = FIRST + 4;
const ZIPKIN_ANNOTATIONS: u32 = FIRST + 5;
const ZIPKIN_ENDPOINT: u32 = FIRST + 6;

/// The schema of a span, with these.
pub(super) struct SpanSchema;

impl Schema for SpanSchema {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            b"displayName" | b"display_name" => Some(proto::Span::NAME),
            b"id" => Some(ZIPKIN_ID),
            b"parentId" => Some(ZIPKIN_PARENT),
            b"timestamp" => Some(ZIPKIN_TIMESTAMP),
            b"duration" => Some(ZIPKIN_DURATION),
            b"tags" => Some(ZIPKIN_TAGS),
            b"annotations" => Some(ZIPKIN_ANNOTATIONS),
            b"localEndpoint" => Some(ZIPKIN_ENDPOINT),
            name => proto::Span::number(name),
        }
    }

    fn field(number: u32) -> Option<Field> {
        let kind = match number {
            ZIPKIN_ID | ZIPKIN_PARENT => FieldKind::Bytes,
            ZIPKIN_TIMESTAMP | ZIPKIN_DURATION => FieldKind::Number,
            ZIPKIN_TAGS => FieldKind::Map,
            ZIPKIN_ANNOTATIONS | ZIPKIN_ENDPOINT => FieldKind::Message,
            number => return proto::Span::field(number),
        };
        let is_repeated = matches!(number, ZIPKIN_TAGS | ZIPKIN_ANNOTATIONS);
        Some(Field { kind, is_repeated })
    }
}

/// Reads a span.
pub(super) struct Span<'a> {
    pub(super) draft: &'a mut Draft,
    pub(super) wanted: &'a Wanted,
}

impl Message for Span<'_> {
    type Schema = SpanSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Span as S;
        const MICROSECOND: u64 = 1000;
        let Self { draft, wanted } = self;
        match number {
            S::TRACE_ID => draft.trace = trace_id(value)?,
            S::SPAN_ID | ZIPKIN_ID => draft.id = span_id(value)?,
            S::PARENT_SPAN_ID | ZIPKIN_PARENT => draft.parent = span_id(value)?,
            S::NAME => truncatable(value, &mut draft.name)?,
            S::START_TIME => draft.start = time(value)?,
            S::END_TIME => draft.end = time(value)?,
            S::KIND => draft.kind = kind(value)?,
            S::ATTRIBUTES => value.message(&mut Attributes { draft, wanted })?,
            S::TIME_EVENTS => value.message(&mut TimeEvents(&mut draft.events))?,
            S::LINKS => value.message(&mut Links(&mut draft.links))?,
            S::STATUS => value.message(&mut Status(&mut draft.status))?,
            S::STACK_TRACE => value.message(&mut StackTrace(&mut draft.frames))?,
            ZIPKIN_TIMESTAMP => {
                draft.start = value.unsigned()?.saturating_mul(MICROSECOND);
                draft.end = draft.end.saturating_add(draft.start);
            }
            // Which may come before.
            ZIPKIN_DURATION => {
                draft.end = draft.start.saturating_add(value.unsigned()?.saturating_mul(MICROSECOND));
            }
            ZIPKIN_TAGS => value.entries(|key, value| {
                let mut text = String::new();
                string(value, &mut text)?;
                draft.attribute(wanted, &String::from_utf8_lossy(key), text);
                Ok(())
            })?,
            ZIPKIN_ANNOTATIONS => {
                let mut annotation = Annotation(0, String::new());
                value.message(&mut annotation)?;
                draft.events.push((annotation.0.saturating_mul(MICROSECOND), annotation.1));
            }
            ZIPKIN_ENDPOINT => value.message(&mut Endpoint(&mut draft.service))?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// The kind that is the value: OpenCensus has two, Zipkin four by their names.
fn kind<E: Encoding>(value: &mut Reader<'_, E>) -> Result<Kind, Damage> {
    let mut name = Vec::new();
    Ok(match value.name_or_number(&mut name)? {
        Some(1) => Kind::Server,
        Some(2) => Kind::Client,
        Some(_) => Kind::Unspecified,
        None => match &name[..] {
            b"SERVER" => Kind::Server,
            b"CLIENT" => Kind::Client,
            b"PRODUCER" => Kind::Producer,
            b"CONSUMER" => Kind::Consumer,
            _ => Kind::Unspecified,
        },
    })
}

/// A `TruncatableString`, or in JSON of others a string.
fn truncatable<E: Encoding>(value: &mut Reader<'_, E>, to: &mut String) -> Result<(), Damage> {
    if value.is_replaced() { string(value, to) } else { value.message(&mut Truncatable(to)) }
}

struct Truncatable<'a>(&'a mut String);

impl Message for Truncatable<'_> {
    type Schema = proto::TruncatableString;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::TruncatableString::VALUE => string(value, self.0),
            _ => value.skip(),
        }
    }
}

struct Attributes<'a> {
    draft: &'a mut Draft,
    wanted: &'a Wanted,
}

impl Message for Attributes<'_> {
    type Schema = proto::span::Attributes;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let Self { draft, wanted } = self;
        match number {
            proto::span::Attributes::ATTRIBUTE_MAP => value.entries(|key, value| {
                let mut text = AttributeValue(String::new());
                value.message(&mut text)?;
                draft.attribute(wanted, &String::from_utf8_lossy(key), text.0);
                Ok(())
            }),
            _ => value.skip(),
        }
    }
}

struct AttributeValue(String);

impl Message for AttributeValue {
    type Schema = proto::AttributeValue;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::AttributeValue as V;
        match number {
            V::STRING_VALUE => truncatable(value, &mut self.0)?,
            V::INT_VALUE => self.0 = value.signed()?.to_string(),
            V::BOOL_VALUE => self.0 = value.boolean()?.to_string(),
            _ => self.0 = value.double()?.to_string(),
        }
        Ok(())
    }
}

struct TimeEvents<'a>(&'a mut Vec<(u64, String)>);

impl Message for TimeEvents<'_> {
    type Schema = proto::span::TimeEvents;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        if number != proto::span::TimeEvents::TIME_EVENT {
            return value.skip();
        }
        let mut event = TimeEvent(0, String::new());
        value.message(&mut event)?;
        self.0.push((event.0, event.1));
        Ok(())
    }
}

struct TimeEvent(u64, String);

impl Message for TimeEvent {
    type Schema = proto::span::TimeEvent;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::span::TimeEvent as T;
        match number {
            T::TIME => self.0 = time(value)?,
            T::ANNOTATION => value.message(&mut Description(&mut self.1))?,
            _ => {
                let mut message = MessageEvent::default();
                value.message(&mut message)?;
                let name = match message.kind {
                    1 => "SENT",
                    2 => "RECEIVED",
                    _ => "message",
                };
                self.1 = format!("{name} {} ({} bytes)", message.id, message.size);
            }
        }
        Ok(())
    }
}

struct Description<'a>(&'a mut String);

impl Message for Description<'_> {
    type Schema = proto::span::time_event::Annotation;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::span::time_event::Annotation::DESCRIPTION => truncatable(value, self.0),
            _ => value.skip(),
        }
    }
}

/// The schema of a message event, with a name of the Python SDK's.
struct MessageEventSchema;

impl Schema for MessageEventSchema {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            b"uncompressed_size_bytes" => Some(proto::span::time_event::MessageEvent::UNCOMPRESSED_SIZE),
            name => proto::span::time_event::MessageEvent::number(name),
        }
    }

    fn field(number: u32) -> Option<Field> {
        proto::span::time_event::MessageEvent::field(number)
    }
}

#[derive(Default)]
struct MessageEvent {
    kind: i32,
    id: u64,
    size: u64,
}

impl Message for MessageEvent {
    type Schema = MessageEventSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::span::time_event::MessageEvent as M;
        use proto::span::time_event::message_event::Type;
        match number {
            M::TYPE => self.kind = value.enumeration(|name| Type::from_str_name(name).map(Into::into))?,
            M::ID => self.id = value.unsigned()?,
            M::UNCOMPRESSED_SIZE => self.size = value.unsigned()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct Links<'a>(&'a mut u32);

impl Message for Links<'_> {
    type Schema = proto::span::Links;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        *self.0 += u32::from(number == proto::span::Links::LINK);
        value.skip()
    }
}

struct Status<'a>(&'a mut String);

impl Message for Status<'_> {
    type Schema = proto::Status;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            // A code of gRPC's.
            proto::Status::CODE => {
                let code = value.signed()?;
                let code = if code == 0 { "OK".to_owned() } else { format!("ERROR {code}") };
                *self.0 = if self.0.is_empty() { code } else { format!("{code}: {}", self.0) };
            }
            _ => {
                let mut message = String::new();
                string(value, &mut message)?;
                *self.0 = if self.0.is_empty() { message } else { format!("{}: {message}", self.0) };
            }
        }
        Ok(())
    }
}

struct StackTrace<'a>(&'a mut u32);

impl Message for StackTrace<'_> {
    type Schema = proto::StackTrace;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::StackTrace::STACK_FRAMES => value.message(&mut StackFrames(self.0)),
            _ => value.skip(),
        }
    }
}

struct StackFrames<'a>(&'a mut u32);

impl Message for StackFrames<'_> {
    type Schema = proto::stack_trace::StackFrames;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        *self.0 += u32::from(number == proto::stack_trace::StackFrames::FRAME);
        value.skip()
    }
}

/// A Zipkin annotation, whose time is in microseconds.
struct Annotation(u64, String);

struct AnnotationSchema;

impl Schema for AnnotationSchema {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            b"timestamp" => Some(1),
            b"value" => Some(2),
            _ => None,
        }
    }

    fn field(number: u32) -> Option<Field> {
        let kind = if number == 1 { FieldKind::Number } else { FieldKind::Bytes };
        Some(Field { kind, is_repeated: false })
    }
}

impl Message for Annotation {
    type Schema = AnnotationSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            1 => self.0 = value.unsigned()?,
            _ => string(value, &mut self.1)?,
        }
        Ok(())
    }
}

/// A Zipkin endpoint.
struct Endpoint<'a>(&'a mut String);

struct EndpointSchema;

impl Schema for EndpointSchema {
    fn number(name: &[u8]) -> Option<u32> {
        (name == b"serviceName").then_some(1)
    }

    fn field(_number: u32) -> Option<Field> {
        Some(Field { kind: FieldKind::Bytes, is_repeated: false })
    }
}

impl Message for Endpoint<'_> {
    type Schema = EndpointSchema;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        string(value, self.0)
    }
}
