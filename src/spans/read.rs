//! Files of spans: which format they have, and all spans in them.
//!
//! JSON is told by its members, binary by ids that have the lengths of ids. What is no span, or half of one, is counted.

use std::ops::Range;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::opencensus::{Span, SpanSchema};
use super::otlp::ResourceSpans;
use super::span::{Draft, Spans};
use super::values::{Wanted, string};
use crate::proto::opencensus::proto::agent::common::v1 as common;
use crate::proto::opencensus::proto::agent::trace::v1::ExportTraceServiceRequest;
use crate::proto::opentelemetry::proto::trace::v1::TracesData;
use crate::protobuf::binary::{Fields, Value};
use crate::protobuf::{Damage, Encoding, Field, Kind, Message, Reader, Schema, binary, json};
use crate::record::binary::Frame;
use crate::record::lines::join_parts;
use crate::record::{Format, Next, RecordError, Records, framed};
use crate::report::{Report, Warning};
use crate::source::{Fill, Source};

/// The format is told from this many bytes, or from all there are.
const DETECT: usize = 64 * 1024;

impl Spans {
    /// Reads the spans in files, and in the files of directories. What is wrong with one goes to `report`.
    #[must_use]
    pub fn read(paths: &[PathBuf], wanted: &Wanted, report: &mut Report) -> Self {
        let mut spans = Self::default();
        for path in paths {
            if !path.is_dir() {
                spans.read_file(path, wanted, false, report);
                continue;
            }
            for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
                match entry {
                    Ok(entry) if entry.file_type().is_file() => {
                        spans.read_file(entry.path(), wanted, true, report);
                    }
                    Ok(_) => {}
                    Err(error) => report.error(&error),
                }
            }
        }
        spans.sort();
        report.spans.read = spans.len() as u64;
        report.warn_many(Warning::DuplicateSpans, spans.duplicates, String::new);
        spans
    }

    /// Reads the spans in bytes of memory.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>, wanted: &Wanted, report: &mut Report) -> Self {
        let mut spans = Self::default();
        spans.read_source("memory", Source::memory(bytes), wanted, false, report);
        spans.sort();
        spans
    }

    fn read_file(&mut self, path: &Path, wanted: &Wanted, is_in_directory: bool, report: &mut Report) {
        let name = path.display().to_string();
        let opened = if path == Path::new("-") { Source::stdin() } else { Source::open(path) };
        match opened {
            Ok(source) => self.read_source(&name, source, wanted, is_in_directory, report),
            Err(error) => report.error(&format!("{name}: {error}")),
        }
    }

    fn read_source(
        &mut self,
        name: &str,
        source: Source,
        wanted: &Wanted,
        is_in_directory: bool,
        report: &mut Report,
    ) {
        let mut source = source.decoded();
        let mut fill = || {
            while source.available().len() < DETECT && source.fill()? != Fill::End {}
            Ok::<_, std::io::Error>(())
        };
        if let Err(error) = fill() {
            return report.error(&format!("{name}: {error}"));
        }
        match Shape::of(source.available()) {
            Some(shape) => {
                let before = self.places();
                self.read_records(name, shape.records(source), shape, wanted, report);
                if self.places() == before && !is_in_directory {
                    report.warn(Warning::WithoutSpans, || name.to_owned());
                }
            }
            // What else is in a directory is nobody's fault.
            None if is_in_directory => {}
            None => report
                .error(&format!("{name}: these are no spans of OpenCensus, OTLP or Zipkin (binary or JSON)")),
        }
    }

    fn read_records(
        &mut self,
        name: &str,
        mut records: Records,
        shape: Shape,
        wanted: &Wanted,
        report: &mut Report,
    ) {
        let mut decoder = Decoder::new(wanted);
        let mut joined = Vec::new();
        loop {
            match records.next() {
                Ok(Next::Record) => {}
                Ok(Next::Idle) => continue,
                Ok(Next::End) => break,
                Err(RecordError::Io(error)) => return report.error(&format!("{name}: {error}")),
                Err(RecordError::Broken { offset, what }) => {
                    report.input_error(name, &format!("{name}: at byte {offset}: {what}"));
                    continue;
                }
            }
            let record = records.record();
            let is_joined = join_parts(record, &mut joined);
            let mut has_room = true;
            let decoded = decoder.decode(if is_joined { &joined } else { record }, shape, &mut |draft| {
                has_room &= self.add(draft);
            });
            match decoded {
                Ok(end) if !is_joined => records.shorten(end),
                Ok(_) => {}
                Err(damage) if damage.is_end && records.lengthen() => {}
                Err(damage) => {
                    let offset = records.offset(if is_joined { 0 } else { damage.at });
                    report.input_error(name, &format!("{name}: at byte {offset}: {}", damage.into_what()));
                }
            }
            if !has_room {
                return report.error(&format!("{name}: there are more spans than can be kept"));
            }
        }
        report.warn_many(Warning::BrokenSpans, decoder.broken, || name.to_owned());
    }
}

/// What the records of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Json,
    /// Binary, of OpenCensus: a span each after its length, or one alone.
    Spans {
        is_delimited: bool,
    },
    /// `ExportTraceServiceRequest` of OpenCensus.
    Requests {
        is_delimited: bool,
    },
    /// `TracesData`.
    Otlp {
        is_delimited: bool,
    },
}

impl Shape {
    fn of(prefix: &[u8]) -> Option<Self> {
        let is_text =
            prefix.iter().take(256).all(|&byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
        if is_text {
            let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix).trim_ascii_start();
            return matches!(text, [b'{' | b'[', ..]).then_some(Self::Json);
        }
        if let Ok(Frame { prefix: before, length }) = framed(prefix)
            && let Some(message) = before.checked_add(length).and_then(|end| prefix.get(before..end))
            && let Some(shape) = Self::of_message(message, 0..message.len(), true)
        {
            return Some(shape);
        }
        Self::of_message(prefix, 0..prefix.len(), false)
    }

    /// What a message is. One that is no frame may go on.
    fn of_message(bytes: &[u8], range: Range<usize>, is_delimited: bool) -> Option<Self> {
        if is_span(bytes, range.clone()) {
            return Some(Self::Spans { is_delimited });
        }
        let mut fields = Fields::new(range, !is_delimited);
        loop {
            match fields.next(bytes) {
                Ok(Some((2, Value::Bytes(span)))) if is_span(bytes, span.clone()) => {
                    return Some(Self::Requests { is_delimited });
                }
                Ok(Some((1, Value::Bytes(inner)))) if holds_spans(bytes, inner.clone(), 2) => {
                    return Some(Self::Otlp { is_delimited });
                }
                Ok(Some((1..=3, Value::Bytes(_)))) => {}
                _ => return None,
            }
        }
    }

    fn records(self, source: Source) -> Records {
        match self {
            Self::Json => Records::of_flows(source, Format::Json),
            Self::Spans { is_delimited: true }
            | Self::Requests { is_delimited: true }
            | Self::Otlp { is_delimited: true } => Records::of_flows(source, Format::Delimited),
            Self::Spans { is_delimited: false } => Records::of_flows(source, Format::Binary),
            // Each field is a record: a batch of spans need not be in memory as a whole.
            Self::Requests { is_delimited: false } | Self::Otlp { is_delimited: false } => {
                Records::new(source, Format::Binary)
            }
        }
    }
}

/// Whether a message begins as a span does: 16 bytes, and 8.
fn is_span(bytes: &[u8], range: Range<usize>) -> bool {
    let mut fields = Fields::new(range, true);
    let mut has = |number: u32, length: usize| matches!(fields.next(bytes), Ok(Some((found, Value::Bytes(value)))) if found == number && value.len() == length);
    has(1, 16) && has(2, 8)
}

/// Whether a span is in the fields number 2 of a message, so many messages deep.
fn holds_spans(bytes: &[u8], range: Range<usize>, depth: u8) -> bool {
    let mut fields = Fields::new(range, true);
    while let Ok(Some((number, value))) = fields.next(bytes) {
        if let (2, Value::Bytes(inner)) = (number, value) {
            return if depth == 1 { is_span(bytes, inner) } else { holds_spans(bytes, inner, depth - 1) };
        }
    }
    false
}

struct Decoder<'a> {
    wanted: &'a Wanted,
    draft: Draft,
    scratch: Vec<u8>,
    service: String,
    /// Spans without the ids that a span has.
    broken: u64,
}

impl<'a> Decoder<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, draft: Draft::default(), scratch: Vec::new(), service: String::new(), broken: 0 }
    }

    /// Has `each` take the spans in a record. Returns where the record's object ends.
    fn decode(&mut self, record: &[u8], shape: Shape, each: &mut dyn FnMut(&Draft)) -> Result<usize, Damage> {
        let Self { wanted, draft, scratch, service, broken } = self;
        let mut each = |draft: &Draft| {
            if draft.trace != 0 && draft.id != 0 { each(draft) } else { *broken += 1 }
        };
        if shape == Shape::Json {
            let mut top = Top {
                wanted,
                span: Draft::default(),
                has_span: false,
                draft,
                service,
                each: &mut each,
                is_container: false,
                is_wrapped: false,
            };
            let mut reader = Reader::new(record, scratch, json::Place::top(record, false));
            let read = reader.fields(&mut top);
            let Top { span, has_span, is_container, .. } = top;
            if has_span && !is_container && read.is_ok() {
                each(&span);
            }
            service.clear();
            return read.map(|()| reader.place.end_of_object());
        }
        let mut reader = Reader::new(record, scratch, binary::Place::top(record, false));
        match shape {
            Shape::Spans { .. } => {
                draft.clear();
                reader.fields(&mut Span { draft, wanted })?;
                each(draft);
            }
            Shape::Requests { .. } => {
                reader.fields(&mut Request { wanted, draft, service, each: &mut each })?;
            }
            Shape::Otlp { .. } | Shape::Json => {
                reader.fields(&mut Traces { wanted, draft, each: &mut each })?;
            }
        }
        Ok(record.len())
    }
}

/// Reads `ExportTraceServiceRequest` of OpenCensus.
struct Request<'a, F> {
    wanted: &'a Wanted,
    draft: &'a mut Draft,
    service: &'a mut String,
    each: &'a mut F,
}

impl<F: FnMut(&Draft)> Message for Request<'_, F> {
    type Schema = ExportTraceServiceRequest;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            ExportTraceServiceRequest::NODE => value.message(&mut Node(self.service))?,
            ExportTraceServiceRequest::SPANS => {
                self.draft.clear();
                self.draft.service.push_str(self.service);
                value.message(&mut Span { draft: self.draft, wanted: self.wanted })?;
                (self.each)(self.draft);
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct Node<'a>(&'a mut String);

impl Message for Node<'_> {
    type Schema = common::Node;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            common::Node::SERVICE_INFO => value.message(&mut ServiceInfo(self.0)),
            _ => value.skip(),
        }
    }
}

struct ServiceInfo<'a>(&'a mut String);

impl Message for ServiceInfo<'_> {
    type Schema = common::ServiceInfo;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        string(value, self.0)
    }
}

/// Reads `TracesData`.
struct Traces<'a, F> {
    wanted: &'a Wanted,
    draft: &'a mut Draft,
    each: &'a mut F,
}

impl<F: FnMut(&Draft)> Message for Traces<'_, F> {
    type Schema = TracesData;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let Self { wanted, draft, each } = self;
        value.message(&mut ResourceSpans { wanted, draft, each, service: String::new() })
    }
}

/// The top of a record in JSON: a span, or what holds spans.
struct Top<'a, F> {
    wanted: &'a Wanted,
    /// The record, where it is a span.
    span: Draft,
    has_span: bool,
    is_container: bool,
    /// It is a part of what an API answered.
    is_wrapped: bool,
    draft: &'a mut Draft,
    service: &'a mut String,
    each: &'a mut F,
}

const RESOURCE_SPANS: u32 = 1 << 29;
const SPANS: u32 = RESOURCE_SPANS + 1;
const NODE: u32 = RESOURCE_SPANS + 2;
const ANSWER: u32 = RESOURCE_SPANS + 3;

struct TopSchema;

impl Schema for TopSchema {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            // Tempo calls them batches.
            b"resourceSpans" | b"resource_spans" | b"batches" => Some(RESOURCE_SPANS),
            // What Jaeger's and Tempo's APIs put around them.
            b"result" | b"trace" => Some(ANSWER),
            b"spans" => Some(SPANS),
            b"node" => Some(NODE),
            name => SpanSchema::number(name),
        }
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            RESOURCE_SPANS | SPANS => Some(Field { kind: Kind::Message, is_repeated: true }),
            NODE | ANSWER => Some(Field { kind: Kind::Message, is_repeated: false }),
            number => SpanSchema::field(number),
        }
    }
}

impl<F: FnMut(&Draft)> Message for Top<'_, F> {
    type Schema = TopSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let Self { wanted, draft, service, each, .. } = self;
        match number {
            RESOURCE_SPANS => {
                self.is_container = true;
                value.message(&mut ResourceSpans { wanted, draft, each: *each, service: String::new() })
            }
            SPANS => {
                self.is_container = true;
                draft.clear();
                draft.service.push_str(service);
                // The Python SDK says the trace once.
                draft.trace = self.span.trace;
                value.message(&mut Span { draft, wanted })?;
                each(draft);
                Ok(())
            }
            NODE => value.message(&mut Node(service)),
            ANSWER if self.is_wrapped => value.skip(),
            ANSWER => {
                self.is_wrapped = true;
                value.message(self)
            }
            number => {
                self.has_span = true;
                Span { draft: &mut self.span, wanted }.take(number, value)
            }
        }
    }
}
