//! What came of the work: counts, errors, and warnings, once a kind, with a count and a first example.
//!
//! A report prints nothing. An [`Observer`] hears of errors as they come, and of how far the work is.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};

/// Follows the work while it goes on.
pub trait Observer {
    /// Something is wrong with an input.
    fn error(&mut self, error: &dyn Display);

    /// This many bytes of the inputs are done. Called now and then.
    fn progress(&mut self, bytes: u64);

    /// An input is done.
    fn input_done(&mut self);

    /// What has been written so far of a live capture. Called now and then.
    fn status(&mut self, _status: &Status) {}
}

/// What has been written so far of a live capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Connections and HTTP exchanges.
    pub conversations: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Bodies that were cut.
    pub cut: u64,
    /// Bytes that are known to have been lost with messages.
    pub lost_bytes: u64,
}

/// A loss or workaround that did not stop the conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Warning {
    /// A body is cut; its true length is known.
    Cut,
    /// A body is cut, and its true length is not known.
    CutUnknown,
    /// A block of headers in HTTP/2 is hidden.
    HiddenHeaders,
    /// Bytes of a connection are hidden, as nobody knows what they are.
    HiddenBytes,
    /// Messages of a trace were lost.
    Lost,
    /// A message came twice.
    Duplicate,
    /// A trace has no IP addresses.
    MadeUpAddress,
    /// `JSON_BODY_AS_STRING` has lost something: a part of a body, addresses, events.
    LossyText,
    /// Envoy could not write a message as JSON.
    FailedMessage,
    /// Lines around the records are no part of a trace.
    Stray,
    /// Too many traces of an input were open, and the one that had been idle for longest was given up.
    Evicted,
    /// Two conversations go on between the same addresses at the same time.
    Overlap,
    /// A trace of the HTTP tap has no times.
    MadeUpTime,
    /// HTTP/1.1 could not say trailers.
    LostTrailers,
    /// Exchanges overlap on a connection, in HTTP/1.1.
    Pipelined,
    /// A message of the HTTP tap broke off before its content-length was reached.
    BrokenOff,
    /// The body of a message of the HTTP tap contradicts a header.
    ContradictedHeader,
    /// Somebody has removed a body from the trace.
    RemovedBody,
    /// A trace's id has gone through a floating-point number.
    RoundedId,
    /// An exchange of the HTTP tap reached no upstream host, so that it is not on that side.
    NoUpstream,
    /// A packet is older than what has already been written.
    OutOfOrder,
    /// A packet is later than the capture's format can say.
    TimeOutOfRange,
    /// There is no span in a file of them.
    WithoutSpans,
    /// A span has no trace or no id.
    BrokenSpans,
    /// A span came twice.
    DuplicateSpans,
    /// The format has no room for spans.
    NoSpans,
    /// Hubble says that events were lost.
    LostEvents,
    /// Events of Hubble's that are no packets.
    OtherEvents,
    /// Flows that say what a socket translated.
    SocketFlows,
    /// The format has no room for what flows say of packets.
    NoComments,
    /// A flow has no time.
    NoTime,
    /// A flow has no IP address.
    MadeUpHost,
    /// A flow is a frame without an IP packet, and the link type has no frames.
    LinkOnly,
    /// An address was given for one side, but every trace has its own.
    UnusedAddress,
}

impl Warning {
    /// What is counted, in a few words.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Cut => "bodies that the tap cut, of known length",
            Self::CutUnknown => "bodies that the tap cut, of unknown length",
            Self::HiddenHeaders => "blocks of headers in HTTP/2 that are hidden",
            Self::HiddenBytes => "connections that are hidden where they are not known to be HTTP/1",
            Self::Lost => "places where messages were lost",
            Self::Duplicate => "messages that came twice or too late",
            Self::MadeUpAddress => "traces with made-up addresses",
            Self::LossyText => "losses of JSON_BODY_AS_STRING",
            Self::FailedMessage => "messages that Envoy could not write as JSON",
            Self::Stray => "lines that are no part of a trace",
            Self::Evicted => "connections given up because too many were open",
            Self::Overlap => "connections between addresses that another one was using",
            Self::MadeUpTime => "exchanges with made-up times",
            Self::LostTrailers => "messages whose trailers HTTP/1.1 cannot say",
            Self::Pipelined => "requests before the response to the one before",
            Self::BrokenOff => "messages that broke off before their content-length",
            Self::ContradictedHeader => "headers left out that the body contradicts",
            Self::RemovedBody => "bodies that somebody removed",
            Self::RoundedId => "trace ids that a program rounded",
            Self::NoUpstream => "exchanges that reached no upstream host",
            Self::OutOfOrder => "packets out of the order of time",
            Self::TimeOutOfRange => "packets later than the format can say",
            Self::WithoutSpans => "files of spans without any",
            Self::BrokenSpans => "spans without a trace or an id",
            Self::DuplicateSpans => "spans that came twice",
            Self::NoSpans => "packets of which pcap does not keep the spans",
            Self::LostEvents => "events that Hubble lost",
            Self::OtherEvents => "events of Hubble's that are no packets",
            Self::SocketFlows => "flows of sockets that were left out",
            Self::NoComments => "flows of which pcap keeps only the packet",
            Self::NoTime => "flows without a time",
            Self::MadeUpHost => "flows with made-up addresses",
            Self::LinkOnly => "frames without an IP packet that were left out",
            Self::UnusedAddress => "addresses that no trace needed",
        }
    }
}

/// What has happened so far.
#[derive(Default)]
pub struct Report {
    /// Conversations.
    pub traces: u64,
    /// Exchanges of the HTTP tap.
    pub exchanges: u64,
    /// What became of Hubble's records.
    pub flows: FlowCounts,
    /// What became of spans.
    pub spans: SpanCounts,
    /// What was redacted.
    pub redacted: RedactionCounts,
    /// Bytes of payload that were captured.
    pub bytes: u64,
    /// Bytes that bodies are known to lack.
    pub missing_bytes: u64,
    /// Bytes that are known to have been lost with messages.
    pub lost_bytes: u64,
    /// Bytes that messages which broke off promised and never sent.
    pub unsent_bytes: u64,
    /// Bodies in which an input ends.
    pub truncated_bodies: TruncatedBodies,
    /// No trace passes the filters, which is an error.
    pub nothing_passes: bool,
    observer: Option<Box<dyn Observer>>,
    /// Calls of [`Self::progress`].
    steps: u32,
    lost_messages: u64,
    warnings: BTreeMap<Warning, (u64, String)>,
    errors: u64,
    /// How many parts of an input, by its name, could not be read.
    input_errors: HashMap<String, u64>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { traces, bytes, warnings, errors, .. } = self;
        write!(f, "Report {{ traces: {traces}, bytes: {bytes}, warnings: {warnings:?}, errors: {errors} }}")
    }
}

/// What became of Hubble's records.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowCounts {
    /// All of them.
    pub records: u64,
    /// Those that are flows.
    pub flows: u64,
    /// Those that are no flows and no lost events.
    pub events: u64,
    /// Flows that are another observation of a packet.
    pub duplicates: u64,
    /// Flows that were written.
    pub packets: u64,
}

/// What became of spans.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanCounts {
    /// Spans that were read.
    pub read: u64,
    /// Spans on requests, by the rule that found them: the request names the span, or its parent; it is the parent of a named one; it
    /// has the request's id.
    pub matched: [u64; 4],
    /// Spans that no request had.
    pub unmatched: u64,
    /// Packets that spans are on.
    pub packets: u64,
}

/// What was redacted.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedactionCounts {
    /// Values of headers, cookies and parameters.
    pub values: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    /// Bytes that are not captured.
    pub hidden_bytes: u64,
}

/// Bodies that are truncated.
#[derive(Clone, Copy, Debug, Default)]
pub struct TruncatedBodies {
    /// All of them.
    pub all: u64,
    /// Those whose length is unknown.
    pub unknown: u64,
}

impl TruncatedBodies {
    /// Counts one.
    pub fn count(&mut self, is_unknown: bool) {
        self.all += 1;
        self.unknown += u64::from(is_unknown);
    }
}

/// Errors of one input that are reported one by one.
pub const MAX_ERRORS: usize = 20;
/// The observer hears of progress once in so many steps.
const STEPS: u32 = 1024;

impl Report {
    /// Has somebody follow the work.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// Has nobody follow it any more.
    pub fn stop_observing(&mut self) {
        self.observer = None;
    }

    /// Reports what is wrong with a part of the input `name`; of many parts only the first, and the others are counted.
    pub fn input_error(&mut self, name: &str, error: &dyn Display) {
        let count = self.input_errors.entry(name.to_owned()).or_insert(0);
        *count += 1;
        if *count <= MAX_ERRORS as u64 {
            self.error(error);
        }
    }

    /// Reports what is wrong with an input.
    pub fn error(&mut self, error: &dyn Display) {
        self.errors += 1;
        if let Some(observer) = &mut self.observer {
            observer.error(error);
        }
    }

    /// Counts the error that no trace passes the filters.
    pub fn fail_filters(&mut self) {
        self.errors += 1;
        self.nothing_passes = true;
    }

    /// Reports that the work has come so far, in bytes of the inputs. Nobody hears of most of it; whether somebody may have.
    #[inline]
    pub fn progress(&mut self, bytes: impl FnOnce() -> u64) -> bool {
        self.steps = self.steps.wrapping_add(1);
        let is_heard = self.steps.is_multiple_of(STEPS);
        if is_heard && let Some(observer) = &mut self.observer {
            observer.progress(bytes());
        }
        is_heard
    }

    /// Reports what has been written so far, with so many packets.
    pub fn status(&mut self, packets: u64) {
        let Some(observer) = &mut self.observer else { return };
        let cut = [Warning::Cut, Warning::CutUnknown];
        let count = |warning| self.warnings.get(warning).map_or(0, |&(count, _)| count);
        observer.status(&Status {
            conversations: self.traces + self.exchanges,
            packets,
            bytes: self.bytes,
            cut: cut.iter().map(count).sum(),
            lost_bytes: self.lost_bytes,
        });
    }

    /// Reports that another input is done.
    pub fn input_done(&mut self) {
        if let Some(observer) = &mut self.observer {
            observer.input_done();
        }
    }

    /// Counts a warning. Of each kind the first `example` is kept.
    pub fn warn(&mut self, warning: Warning, example: impl FnOnce() -> String) {
        self.warn_many(warning, 1, example);
    }

    /// Counts `count` warnings of one kind.
    pub fn warn_many(&mut self, warning: Warning, count: u64, example: impl FnOnce() -> String) {
        if count > 0 {
            let entry = self.warnings.entry(warning).or_insert_with(|| (0, shortened(example())));
            entry.0 = entry.0.saturating_add(count);
        }
    }

    /// Counts messages with addresses or events that `JSON_BODY_AS_STRING` has lost.
    pub fn lose_messages(&mut self, count: u64, example: impl FnOnce() -> String) {
        self.lost_messages += count;
        self.warn_many(Warning::LossyText, count, example);
    }

    /// How many inputs, or parts of inputs, could not be read.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Whether there was a warning.
    #[must_use]
    pub fn has_warnings(&self) -> bool {
        !self.warnings.is_empty()
    }

    /// How many warnings of a kind there were.
    #[must_use]
    pub fn count(&self, warning: Warning) -> u64 {
        self.warnings.get(&warning).map_or(0, |&(count, _)| count)
    }

    /// The warnings: each kind once, how often it occurred, and a first example.
    pub fn warnings(&self) -> impl Iterator<Item = (Warning, u64, &str)> {
        self.warnings.iter().map(|(&warning, (count, example))| (warning, *count, &example[..]))
    }

    /// Messages with addresses or events that `JSON_BODY_AS_STRING` has lost.
    #[must_use]
    pub fn lost_messages(&self) -> u64 {
        self.lost_messages
    }

    /// The inputs of which more than [`MAX_ERRORS`] parts could not be read, and how many more.
    pub fn more_errors(&self) -> impl Iterator<Item = (&str, u64)> {
        let more = self
            .input_errors
            .iter()
            .map(|(name, count)| (&name[..], count.saturating_sub(MAX_ERRORS as u64)));
        more.filter(|&(_, more)| more > 0)
    }
}

/// An example, of which a trace may have made anything.
fn shortened(mut example: String) -> String {
    /// Longer than any path of a socket.
    const MAX_EXAMPLE: usize = 500;
    if example.len() > MAX_EXAMPLE {
        let mut end = MAX_EXAMPLE;
        while !example.is_char_boundary(end) {
            end -= 1;
        }
        example.truncate(end);
        example.push_str("...");
    }
    example
}
