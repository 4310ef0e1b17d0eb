//! Inputs: bytes in, [`Event`]s out, and of HTTP taps [`Part`]s of exchanges.
//!
//! A [source](crate::source) reads the bytes; the first of them show the format ([`open`], [`detect`]); [records](crate::record)
//! are found one at a time, and the [events](crate::envoy) in a record ([`advance`]). Memory holds one record and one read, and
//! events borrow from there.

mod advance;
mod canonical_run;
mod detect;
mod error;
pub(crate) mod file_name;
mod flows;
mod foreign;
mod open;

use std::borrow::Cow;

pub use crate::envoy::TextLoss;
pub use crate::envoy::generation::Generation;
use crate::envoy::{AnyCursor, Decoded, DecodedWhat, Parts};
use crate::http::Part;
use crate::hubble::{Decoder, Flow};
use crate::protobuf::Home;
use crate::record::Records;
pub use crate::record::{Format, RecordTruncation};
use crate::source::Growth;
use crate::trace::{
    Connection, Data, Event, EventHeader, HeaderKind, Length, SampleRate, TraceId, Truncation, What,
};
pub(crate) use canonical_run::general;
pub use error::InputError;
pub use foreign::Foreign;
pub(crate) use open::Beginning;
pub use open::Opening;

/// A trace that is being read.
#[derive(Debug)]
pub struct Input {
    name: String,
    format: Format,
    /// Its first bytes.
    beginning: Box<[u8]>,
    records: Records,
    cursor: AnyCursor,
    is_in_record: bool,
    /// The trace of the record.
    trace: TraceId,
    /// The trace ends with the record.
    ends_with_record: bool,
    /// `Ended` is still to be emitted.
    is_ended: bool,
    /// Sample rate from the previous record, for the next event.
    sample_rate: Option<SampleRate>,
    current: Current,
    /// The body of the event, where it does not stand in the record as it is.
    scratch: Vec<u8>,
    traces: u64,
    http_records: u64,
    /// The parts of an HTTP tap's record.
    parts: Option<Parts>,
    /// The next of them.
    part: Option<Part>,
    has_failed: bool,
    /// The decoder of Hubble's flows, where it holds these.
    hubble: Option<Box<Decoder>>,
    /// How many of them there were.
    flows: u64,
    /// A record that a log has in parts, put together.
    joined: Vec<u8>,
}

/// The event that [`Input::event`] is to give.
#[derive(Debug)]
enum Current {
    Opened(Option<Box<Connection>>),
    Decoded(Decoded),
    Ended,
}

/// What came of looking for the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is one: [`Input::event`].
    Event,
    /// There is a part of an exchange that an HTTP tap recorded: [`Input::part`].
    Part,
    /// There is a flow of Hubble's: [`Input::flow`].
    Flow,
    /// There is nothing at the moment, because the writer of a pipe takes its time.
    Idle,
    /// The input has ended.
    End,
}

impl Input {
    /// Whether it is read as it comes, from a pipe or a device.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.records.source().is_live()
    }

    /// The file that is still written, if it is one.
    pub(crate) fn growth(&self) -> Option<&Growth> {
        self.records.source().growth()
    }

    /// Whether there may be something to read: not where nothing has been written since it was read last.
    pub(crate) fn may_have_more(&self) -> bool {
        self.records.source().may_have_more()
    }

    /// Whether no record has begun.
    pub(crate) fn is_between_records(&self) -> bool {
        !self.is_in_record && self.records.source().is_empty()
    }

    /// Never waits for bytes any more, where it is read as it comes: [`Step::Idle`] comes at once. Whoever has opened the input
    /// is unparked when bytes have come.
    pub fn never_wait(&mut self) {
        self.records.source_mut().never_wait();
    }

    /// When it was last modified, in nanoseconds since the Unix epoch; now, if it is no file.
    #[must_use]
    pub fn modified(&self) -> u64 {
        self.records.source().modified()
    }

    /// Bytes of the file that have been read and done with.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.records.source().file_offset()
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

    /// The encoding that is decoded as it is read: `gzip`, `zstd` or `UTF-16`.
    #[must_use]
    pub fn encoding(&self) -> Option<&'static str> {
        self.records.source().encoding()
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
        self.traces + self.http_records + self.flows > 0
    }

    /// The error that there is no trace, where the input has been read to its end and there is none.
    #[must_use]
    pub fn not_a_tap(&self) -> Option<InputError> {
        let is_tap = self.has_trace() || self.has_failed();
        (!is_tap)
            .then(|| InputError::NotATap { name: self.name.clone(), foreign: Foreign::new(&self.beginning) })
    }

    /// Whether it holds Hubble's flows, and no tap.
    #[must_use]
    pub fn is_hubble(&self) -> bool {
        self.hubble.is_some()
    }

    /// The flow that [`Self::advance`] has found.
    #[must_use]
    pub fn flow(&self) -> Option<&Flow> {
        self.hubble.as_deref().map(Decoder::flow)
    }

    /// The same, to be taken and replaced by any other.
    pub fn flow_mut(&mut self) -> Option<&mut Flow> {
        self.hubble.as_deref_mut().map(Decoder::flow_mut)
    }

    /// Which Envoy wrote what has been read so far, as far as the messages' shapes show.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.cursor.generation()
    }

    /// What Envoy lost when it wrote `JSON_BODY_AS_STRING`.
    #[must_use]
    pub fn text_loss(&self) -> TextLoss {
        self.cursor.loss()
    }

    /// How many messages Envoy says that it could not write as JSON.
    #[must_use]
    pub fn failed_messages(&self) -> u64 {
        self.records.failed_messages()
    }

    /// How many lines were passed over that are no part of a trace, and the first of them.
    #[must_use]
    pub fn stray_lines(&self) -> (u64, &str) {
        let stray = self.records.stray();
        (stray.lines, &stray.example)
    }

    /// The event that [`Self::advance`] has found, without its bytes.
    #[inline]
    pub fn peek(&self) -> EventHeader<'_> {
        let (time, seq_num, what) = match &self.current {
            Current::Opened(connection) => (0, 0, HeaderKind::Opened(connection.as_deref())),
            Current::Ended => (0, 0, HeaderKind::Ended),
            Current::Decoded(decoded) => {
                let what = match &decoded.what {
                    DecodedWhat::Data { direction, bytes, truncation, end_stream } => HeaderKind::Data {
                        direction: *direction,
                        captured_len: bytes.range.len(),
                        is_length_known: match truncation {
                            Truncation::None => bytes.home != Home::ScratchText,
                            Truncation::Limit => false,
                            // In which the record ends, mostly, without the number.
                            Truncation::Input { .. } => decoded.seq_num == 0,
                            Truncation::Removed => false,
                        },
                        end_stream: *end_stream,
                    },
                    DecodedWhat::Closed | DecodedWhat::Nothing => HeaderKind::Closed,
                };
                (decoded.time, decoded.seq_num, what)
            }
        };
        EventHeader { trace: self.trace, time, seq_num, what }
    }

    /// The event that [`Self::advance`] has found. Its connection is given once.
    #[inline(always)]
    pub fn event(&mut self) -> Event<'_> {
        let (time, seq_num, connection, what) = match &mut self.current {
            Current::Opened(connection) => (0, 0, connection.take(), What::Opened),
            Current::Ended => (0, 0, None, What::Ended),
            Current::Decoded(decoded) => {
                let what = match &decoded.what {
                    DecodedWhat::Data { direction, bytes, truncation, end_stream } => What::Data(Data {
                        direction: *direction,
                        bytes: Cow::Borrowed(bytes.get(self.records.record(), &self.scratch)),
                        length: length(*truncation, bytes.home, bytes.range.len() as u64),
                        truncation: *truncation,
                        is_text: bytes.home == Home::ScratchText,
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
}

/// How many bytes a read or write had of which `captured` are there.
fn length(truncation: Truncation, home: Home, captured: u64) -> Length {
    match truncation {
        Truncation::Limit | Truncation::Removed => Length::Cut,
        Truncation::Input { missing: Some(missing) } => Length::CutFrom(captured.saturating_add(missing)),
        Truncation::Input { missing: None } => Length::AtLeast(captured + 1),
        Truncation::None if home == Home::ScratchText => Length::Unsure,
        Truncation::None => Length::Whole,
    }
}
