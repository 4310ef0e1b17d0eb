//! Inputs: bytes in, [`Event`]s out, and of HTTP taps [`Part`]s of exchanges.
//!
//! A [`source`] reads the bytes; the format is told from the first of them ([`format`]); [`records`] finds the records,
//! one at a time, and a decoder the events in a record ([`binary`], [`text`], [`json`]). Memory holds one record and one
//! read, and events borrow from there.

mod binary;
mod decoded;
mod error;
pub mod format;
mod http;
mod json;
mod literal;
mod peek;
mod records;
pub(crate) mod source;
mod text;

use std::borrow::Cow;
use std::io;
use std::path::Path;

use crate::http::Part;
use crate::trace::{Connection, Data, Event, Kind, Length, SampleRate, TraceId, What};
use decoded::{
    Begun, Body, Damage, Decoded, DecodedWhat, Head, HttpBody, HttpFields, HttpMessage, HttpPiece,
    HttpRecord, HttpWhat,
};
pub use error::InputError;
pub use format::Generation;
use format::{Format, detect};
pub use peek::{Peek, Peeked};
use records::{Next, RecordError, Records};
use source::{Fill, Source};

const TOO_MANY_HEADERS: &str = "a message has more than 65,536 headers";

/// The format is told from this many bytes, or all there are.
const DETECT: usize = 64 * 1024;

/// A trace that is being read.
#[derive(Debug)]
pub struct Input {
    name: String,
    format: Format,
    records: Records,
    cursor: Cursor,
    /// A record has been found and not been looked into.
    has_record: bool,
    is_in_record: bool,
    /// The trace of the record.
    trace: TraceId,
    /// Nothing of that trace comes behind the record.
    ends_with_record: bool,
    /// That record has been read: it is to be said that the trace has ended.
    is_ended: bool,
    /// The sample rate that stands behind the record, which the trace's next event is to have.
    sample_rate: Option<SampleRate>,
    current: Current,
    /// The body of the event, where it does not stand in the record as it is.
    scratch: Vec<u8>,
    traces: u64,
    http_records: u64,
    /// The parts of an HTTP tap's record.
    parts: Option<http::Parts>,
    /// The next of them.
    part: Option<Part>,
    has_failed: bool,
}

#[derive(Debug)]
enum Cursor {
    Binary(binary::Cursor),
    Text(text::Cursor),
    Json(json::Cursor),
}

/// The event that [`Input::event`] is to give.
#[derive(Debug)]
enum Current {
    Opened(Option<Box<Connection>>),
    Decoded(Decoded),
    Ended,
}

/// What Envoy loses when it writes `JSON_BODY_AS_STRING`, besides bytes of bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextLoss {
    /// Messages with the addresses of a trace.
    pub connections: u64,
    /// Batches of events (Envoy 1.35 and 1.36).
    pub batches: u64,
}

/// What came of looking for the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is one: [`Input::event`].
    Event,
    /// There is a part of an exchange that an HTTP tap recorded: [`Input::part`].
    Part,
    /// There is nothing at the moment, because the writer of a pipe takes its time.
    Idle,
    /// The input has ended.
    End,
}

impl Input {
    /// Opens the file at `path`, or standard input where that is `-`. Reads as much as it takes to tell the format,
    /// unless `format` says it.
    ///
    /// # Errors
    /// It cannot be read, or is no tap trace.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let name = name(path);
        let opened = if path == Path::new("-") { Source::stream(io::stdin()) } else { Source::open(path) };
        match opened {
            Ok(source) => Self::new(name, source, format),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// Opens one of many regular files: it is open only while it is read from, and its memory can be
    /// [released](Self::release).
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_one_of_many(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let name = name(path);
        match Source::one_of_many(path) {
            Ok(source) => Self::new(name, source, format),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// Reads from memory.
    ///
    /// # Errors
    /// The bytes are no tap trace.
    pub fn from_bytes(name: String, bytes: Vec<u8>, format: Option<Format>) -> Result<Self, InputError> {
        Self::new(name, Source::memory(bytes), format)
    }

    fn new(name: String, mut source: Source, format: Option<Format>) -> Result<Self, InputError> {
        while source.available().len() < DETECT {
            match source.fill() {
                // A live input is told by what it has said so far, if that is enough.
                Ok(Fill::Idle) if detect(source.available()).is_some() => break,
                Ok(Fill::More | Fill::Idle) => {}
                Ok(Fill::End) => break,
                Err(source) => return Err(InputError::Io { name, source }),
            }
        }
        if source.available().is_empty() {
            return Err(InputError::Empty { name });
        }
        let Some(format) = format.or_else(|| detect(source.available())) else {
            return Err(InputError::NotATap { name });
        };
        Ok(Self {
            name,
            format,
            records: Records::new(source, format),
            cursor: match format {
                Format::Binary | Format::Delimited => {
                    Cursor::Binary(binary::Cursor::new(format == Format::Binary))
                }
                Format::Text => Cursor::Text(text::Cursor::default()),
                Format::Json => Cursor::Json(json::Cursor::default()),
            },
            has_record: false,
            is_in_record: false,
            trace: TraceId { kind: Kind::SocketBuffered, id: 0 },
            ends_with_record: false,
            is_ended: false,
            sample_rate: None,
            current: Current::Ended,
            scratch: Vec::new(),
            traces: 0,
            http_records: 0,
            parts: None,
            part: None,
            has_failed: false,
        })
    }

    /// Whether it is read as it comes, from a pipe or a device.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.records.source().is_live()
    }

    /// When it was last modified, in nanoseconds since the Unix epoch; now, if it is no file.
    #[must_use]
    pub fn modified(&self) -> u64 {
        self.records.source().modified()
    }

    /// Bytes that have been read and done with.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.records.source().offset()
    }

    /// Bytes of memory that can be released.
    #[must_use]
    pub fn memory_used(&self) -> usize {
        self.records.source().memory_used()
    }

    /// Gives memory back until [`Self::restore`]. Between the two there is nothing to call.
    pub fn release(&mut self) {
        self.records.source_mut().release();
    }

    /// Reads anew what was released.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub fn restore(&mut self) -> Result<(), InputError> {
        let restored = self.records.source_mut().restore();
        restored.map_err(|source| InputError::Io { name: self.name.clone(), source })
    }

    /// The input's name in messages and in the capture.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many records hold traces of the HTTP tap.
    #[must_use]
    pub fn http_records(&self) -> u64 {
        self.http_records
    }

    /// Whether a part of it was damaged.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether it has a trace, of whichever tap.
    #[must_use]
    pub fn has_trace(&self) -> bool {
        self.traces + self.http_records > 0
    }

    /// Which Envoy wrote what has been read so far, as far as the messages' shapes show.
    #[must_use]
    pub fn generation(&self) -> Generation {
        match &self.cursor {
            Cursor::Binary(cursor) => cursor.generation(),
            Cursor::Text(cursor) => cursor.generation(),
            Cursor::Json(cursor) => cursor.generation(),
        }
    }

    /// What Envoy lost when it wrote `JSON_BODY_AS_STRING`.
    #[must_use]
    pub fn text_loss(&self) -> TextLoss {
        match &self.cursor {
            Cursor::Json(cursor) => cursor.loss(),
            Cursor::Binary(_) | Cursor::Text(_) => TextLoss::default(),
        }
    }

    /// How many messages Envoy says that it could not write as JSON.
    #[must_use]
    pub fn failed_messages(&self) -> u64 {
        self.records.failed_messages()
    }

    /// Goes on to the next event if that is all there is to do: if it stands alone in a record of a delimited trace. Else
    /// [`Self::advance`] goes on. The hot path, apart from all else so that the compiler keeps it small.
    #[inline(always)]
    pub fn advance_usual(&mut self) -> bool {
        let is_between = !self.is_in_record && !self.has_record && !self.is_ended && self.parts.is_none();
        if !is_between || !self.records.next_delimited() {
            return false;
        }
        let is_usual = self.is_usual_event();
        self.has_record = !is_usual;
        is_usual
    }

    /// Goes on to the next event.
    ///
    /// # Errors
    /// The input is damaged here. What can be read behind the damage comes with the next calls.
    pub fn advance(&mut self) -> Result<Step, InputError> {
        self.step().inspect_err(|_| self.has_failed = true)
    }

    fn step(&mut self) -> Result<Step, InputError> {
        loop {
            if let Some(parts) = &mut self.parts {
                self.part = parts.next(self.records.record(), &self.scratch);
                if self.part.is_some() {
                    return Ok(Step::Part);
                }
                let damage = parts.damage();
                self.parts = None;
                if let Err(damage) = damage.map_or_else(|| self.end_of_record(), Err) {
                    let offset = self.records.offset(damage.at);
                    return Err(self.damaged(self.records.number(), offset, damage.what));
                }
            }
            if std::mem::take(&mut self.is_ended) {
                self.current = Current::Ended;
                return Ok(Step::Event);
            }
            let found = if self.is_in_record {
                self.next_in_record()
            } else if std::mem::take(&mut self.has_record) {
                self.begin_record()
            } else {
                match self.records.next() {
                    Ok(Next::Record) if self.is_usual_event() => return Ok(Step::Event),
                    Ok(Next::Record) => self.begin_record(),
                    Ok(Next::Idle) => return Ok(Step::Idle),
                    Ok(Next::End) => return Ok(Step::End),
                    Err(RecordError::Io(source)) => {
                        return Err(InputError::Io { name: self.name.clone(), source });
                    }
                    Err(RecordError::Broken { offset, what }) => {
                        return Err(self.damaged(self.records.number() + 1, offset, what));
                    }
                }
            };
            match found {
                Ok(Some(current)) => {
                    self.current = current;
                    return Ok(Step::Event);
                }
                Ok(None) => {}
                Err(damage) => {
                    let offset = self.records.offset(damage.at);
                    return Err(self.damaged(self.records.number(), offset, damage.what));
                }
            }
        }
    }

    /// The event that [`Self::advance`] has found, without its bytes.
    #[inline]
    pub fn peek(&self) -> Peek<'_> {
        let (time, seq_num, what) = match &self.current {
            Current::Opened(connection) => (0, 0, Peeked::Opened(connection.as_deref())),
            Current::Ended => (0, 0, Peeked::Ended),
            Current::Decoded(decoded) => {
                let what = match &decoded.what {
                    DecodedWhat::Data { direction, body, truncated, end_stream } => Peeked::Data {
                        direction: *direction,
                        captured_len: match body {
                            Body::Record(range) => range.len(),
                            Body::Scratch | Body::ScratchText => self.scratch.len(),
                        },
                        is_length_known: !truncated && !matches!(body, Body::ScratchText),
                        end_stream: *end_stream,
                    },
                    DecodedWhat::Closed | DecodedWhat::Nothing => Peeked::Closed,
                };
                (decoded.time, decoded.seq_num, what)
            }
        };
        Peek { trace: self.trace, time, seq_num, what }
    }

    /// The event that [`Self::advance`] has found. Its connection is given once.
    #[inline(always)]
    pub fn event(&mut self) -> Event<'_> {
        let (time, seq_num, connection, what) = match &mut self.current {
            Current::Opened(connection) => (0, 0, connection.take(), What::Opened),
            Current::Ended => (0, 0, None, What::Ended),
            Current::Decoded(decoded) => {
                let what = match &decoded.what {
                    DecodedWhat::Data { direction, body, truncated, end_stream } => What::Data(Data {
                        direction: *direction,
                        bytes: Cow::Borrowed(match body {
                            Body::Record(range) => &self.records.record()[range.clone()],
                            Body::Scratch | Body::ScratchText => &self.scratch,
                        }),
                        length: match body {
                            _ if *truncated => Length::Cut,
                            Body::ScratchText => Length::Unsure,
                            Body::Record(_) | Body::Scratch => Length::Whole,
                        },
                        is_text: matches!(body, Body::ScratchText),
                        end_stream: *end_stream,
                    }),
                    DecodedWhat::Closed | DecodedWhat::Nothing => What::Closed,
                };
                (decoded.time, decoded.seq_num, decoded.connection.take(), what)
            }
        };
        Event { trace: self.trace, conversation: 0, time, seq_num, missing: None, connection, what }
    }

    /// The part that [`Self::advance`] has found; once.
    pub fn part(&mut self) -> Option<Part> {
        self.part.take()
    }

    /// The hot path: takes the record's event, if the record is nothing else.
    #[inline(always)]
    fn is_usual_event(&mut self) -> bool {
        if !matches!(self.cursor, Cursor::Binary(_)) || self.records.is_cut() {
            return false;
        }
        let (bytes, end) = self.records.record_and_behind();
        let Some((id, mut decoded)) = binary::usual::segment(bytes, end) else { return false };
        let trace = TraceId { kind: Kind::SocketStreamed, id };
        if let Some(rate) = self.sample_rate.take().filter(|_| trace == self.trace) {
            decoded.connection.get_or_insert_default().sample_rate = Some(rate);
        }
        self.trace = trace;
        self.traces += 1;
        self.current = Current::Decoded(decoded);
        true
    }

    fn begin_record(&mut self) -> Result<Option<Current>, Damage> {
        let record = self.records.record();
        let is_cut = self.records.is_cut();
        let begun = match &mut self.cursor {
            Cursor::Binary(cursor) => cursor.begin(record, is_cut),
            Cursor::Text(cursor) => cursor.begin(record, &mut self.scratch),
            Cursor::Json(cursor) => cursor.begin(record, &mut self.scratch),
        };
        match begun {
            Ok(Begun::Trace(Head { trace, opens, ends, mut connection, sample_rate })) => {
                if trace != self.trace {
                    self.sample_rate = None;
                }
                self.is_in_record = true;
                self.ends_with_record = ends;
                self.trace = trace;
                self.traces += 1;
                if sample_rate.is_some() {
                    connection.get_or_insert_default().sample_rate = sample_rate;
                }
                Ok(opens.then_some(Current::Opened(connection)))
            }
            Ok(Begun::Http(record)) => {
                self.http_records += 1;
                self.parts = Some(http::Parts::new(*record, self.records.number(), file_id(&self.name)));
                Ok(None)
            }
            Ok(Begun::SampleRate(rate)) => {
                self.sample_rate = Some(rate);
                Ok(None)
            }
            Ok(Begun::Nothing) => self.end_of_record().map(|()| None),
            Ok(Begun::Blank) => Ok(None),
            Err(damage) => {
                self.end_of_record()?;
                Err(damage)
            }
        }
    }

    fn next_in_record(&mut self) -> Result<Option<Current>, Damage> {
        let record = self.records.record();
        let next = match &mut self.cursor {
            Cursor::Binary(cursor) => cursor.next(record),
            Cursor::Text(cursor) => cursor.next(record, &mut self.scratch),
            Cursor::Json(cursor) => cursor.next(record, &mut self.scratch),
        };
        match next {
            Ok(Some(Decoded { what: DecodedWhat::Nothing, .. })) => return Ok(None),
            Ok(Some(mut decoded)) => {
                if let Some(rate) = self.sample_rate.take() {
                    decoded.connection.get_or_insert_default().sample_rate = Some(rate);
                }
                return Ok(Some(Current::Decoded(decoded)));
            }
            Err(damage) if damage.is_in_event => return Err(damage),
            Ok(None) | Err(_) => {}
        }
        self.is_in_record = false;
        // The trace has ended, whatever is wrong with the record.
        self.is_ended = self.ends_with_record;
        self.end_of_record()?;
        next.map(|_| None)
    }

    /// Says so where the record breaks off before its end.
    fn end_of_record(&self) -> Result<(), Damage> {
        if self.records.is_cut() {
            let at = self.records.record().len();
            return Err(Damage::new(at, "the record breaks off here"));
        }
        Ok(())
    }

    fn damaged(&self, record: u64, offset: u64, what: Cow<'static, str>) -> InputError {
        InputError::Damaged { name: self.name.clone(), record, offset, what }
    }
}

/// The id that Envoy has put into a file's name, `PREFIX_ID.ENDING`; 0 if there is none.
fn file_id(name: &str) -> u64 {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    stem.rsplit('_').next().and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// The input's name: that of the file, or a dash.
fn name(path: &Path) -> String {
    path.display().to_string()
}
