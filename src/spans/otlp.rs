//! Spans of OTLP, OpenCensus's successor: `TracesData` and `ExportTraceServiceRequest`, which are the same, in binary and JSON.
//! <https://opentelemetry.io/docs/specs/otlp/>

use super::span::{Draft, Kind};
use super::values::{Wanted, span_id, string, trace_id};
use crate::proto::opentelemetry::proto::trace::v1 as proto;
use crate::protobuf::{Damage, Encoding, Message, Reader};

/// Reads `ResourceSpans`, and has `each` take each span.
pub(super) struct ResourceSpans<'a, F> {
    pub(super) draft: &'a mut Draft,
    pub(super) wanted: &'a Wanted,
    pub(super) each: &'a mut F,
    /// `service.name` of the resource, which comes before its spans.
    pub(super) service: String,
}

impl<F: FnMut(&Draft)> Message for ResourceSpans<'_, F> {
    type Schema = proto::ResourceSpans;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::ResourceSpans as R;
        match number {
            R::RESOURCE => value.message(&mut Resource(&mut self.service)),
            R::SCOPE_SPANS | R::INSTRUMENTATION_LIBRARY_SPANS => value.message(&mut ScopeSpans(self)),
            _ => value.skip(),
        }
    }
}

struct Resource<'a>(&'a mut String);

impl Message for Resource<'_> {
    type Schema = proto::Resource;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let mut attribute = KeyValue::default();
        value.message(&mut attribute)?;
        if attribute.key == "service.name" {
            *self.0 = attribute.value.0;
        }
        Ok(())
    }
}

struct ScopeSpans<'a, 'b, F>(&'a mut ResourceSpans<'b, F>);

impl<F: FnMut(&Draft)> Message for ScopeSpans<'_, '_, F> {
    type Schema = proto::ScopeSpans;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let ResourceSpans { draft, wanted, each, service } = &mut *self.0;
        draft.clear();
        draft.service.push_str(service);
        value.message(&mut Span { draft, wanted })?;
        each(draft);
        Ok(())
    }
}

struct Span<'a> {
    draft: &'a mut Draft,
    wanted: &'a Wanted,
}

impl Message for Span<'_> {
    type Schema = proto::Span;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Span as S;
        let draft = &mut *self.draft;
        match number {
            S::TRACE_ID => draft.trace = trace_id(value)?,
            S::SPAN_ID => draft.id = span_id(value)?,
            S::PARENT_SPAN_ID => draft.parent = span_id(value)?,
            S::NAME => string(value, &mut draft.name)?,
            S::KIND => {
                let kind =
                    value.enumeration(|name| proto::span::SpanKind::from_str_name(name).map(Into::into))?;
                draft.kind = match kind {
                    1 => Kind::Internal,
                    2 => Kind::Server,
                    3 => Kind::Client,
                    4 => Kind::Producer,
                    5 => Kind::Consumer,
                    _ => Kind::Unspecified,
                };
            }
            S::START_TIME_UNIX_NANO => draft.start = value.unsigned()?,
            S::END_TIME_UNIX_NANO => draft.end = value.unsigned()?,
            S::ATTRIBUTES => {
                let mut attribute = KeyValue::default();
                value.message(&mut attribute)?;
                let KeyValue { key, value: Value(text) } = attribute;
                draft.attribute(self.wanted, &key, text);
            }
            S::EVENTS => {
                let mut event = Event(0, String::new());
                value.message(&mut event)?;
                draft.events.push((event.0, event.1));
            }
            S::LINKS => {
                draft.links += 1;
                value.skip()?;
            }
            S::STATUS => value.message(&mut Status(&mut draft.status))?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct KeyValue {
    key: String,
    value: Value,
}

impl Message for KeyValue {
    type Schema = proto::KeyValue;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::KeyValue::KEY => string(value, &mut self.key),
            _ => value.message(&mut self.value),
        }
    }
}

/// A value as text: lists and messages are left out.
#[derive(Default)]
struct Value(String);

impl Message for Value {
    type Schema = proto::AnyValue;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::AnyValue as V;
        match number {
            V::STRING_VALUE => string(value, &mut self.0)?,
            V::BOOL_VALUE => self.0 = value.boolean()?.to_string(),
            V::INT_VALUE => self.0 = value.signed()?.to_string(),
            _ => self.0 = value.double()?.to_string(),
        }
        Ok(())
    }
}

struct Event(u64, String);

impl Message for Event {
    type Schema = proto::span::Event;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::span::Event::TIME_UNIX_NANO => self.0 = value.unsigned()?,
            _ => string(value, &mut self.1)?,
        }
        Ok(())
    }
}

struct Status<'a>(&'a mut String);

impl Message for Status<'_> {
    type Schema = proto::Status;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        const OK: i32 = 1;
        const ERROR: i32 = 2;
        match number {
            proto::Status::CODE => {
                let code = value
                    .enumeration(|name| proto::status::StatusCode::from_str_name(name).map(Into::into))?;
                let name = match code {
                    OK => "OK",
                    ERROR => "ERROR",
                    _ => return Ok(()),
                };
                // What is there is the message, if it came first.
                *self.0 = join(name, self.0);
            }
            _ => {
                let mut message = String::new();
                string(value, &mut message)?;
                *self.0 = join(self.0, &message);
            }
        }
        Ok(())
    }
}

fn join(code: &str, message: &str) -> String {
    match (code, message) {
        (code, "") => code.to_owned(),
        ("", message) => message.to_owned(),
        (code, message) => format!("{code}: {message}"),
    }
}
