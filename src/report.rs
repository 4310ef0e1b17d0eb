//! What a person is told: errors as they come, warnings once a kind with a count, and a summary at the end.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};

use crate::progress::Progress;
use crate::sequence::MAX_OPEN;

/// A kind of loss or of makeshift that does not keep a trace from being converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// A body is cut; its true length is known.
    Cut,
    /// A body is cut, and its true length is not known.
    CutUnknown,
    /// Messages of a trace were lost.
    Lost,
    /// A message came twice.
    Duplicate,
    /// A trace has no IP addresses.
    StandIn,
    /// `JSON_BODY_AS_STRING` has lost something: a part of a body, addresses, events.
    LossyText,
    /// Envoy could not write a message as JSON.
    FailedMessage,
    /// Lines around the records are no part of a trace.
    Stray,
    /// Too many traces of an input were open, and the one that had been idle for longest was given up.
    GivenUp,
    /// Two conversations go on between the same addresses at the same time.
    Overlap,
    /// A trace of the HTTP tap has no times.
    StandInTime,
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
    Late,
    /// A packet is later than the capture's format can say.
    Beyond,
    /// `--local` or `--remote` was given, but every trace has its own.
    UnusedAddress,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub struct Report {
    /// Conversations.
    pub traces: u64,
    /// Exchanges of the HTTP tap.
    pub exchanges: u64,
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
    /// Shows how far the work has come, where that is wanted.
    pub bar: Option<Progress>,
    /// Errors are counted and not printed.
    pub is_silent: bool,
    lost_messages: u64,
    warnings: BTreeMap<Warning, (u64, String)>,
    errors: u64,
    /// How many parts of an input, by its name, could not be read.
    input_errors: HashMap<String, u64>,
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

/// Of one input not more errors than this are shown.
pub const MAX_ERRORS: usize = 20;

impl Report {
    /// Says what is wrong with a part of the input `name`, at once; of many parts only the first, and how many there are
    /// in the end.
    pub fn input_error(&mut self, name: &str, error: &dyn Display) {
        let count = self.input_errors.entry(name.to_owned()).or_insert(0);
        *count += 1;
        if *count <= MAX_ERRORS as u64 {
            self.error(error);
        }
    }

    /// Says what is wrong with an input, at once.
    pub fn error(&mut self, error: &dyn Display) {
        self.errors += 1;
        match &self.bar {
            _ if self.is_silent => {}
            Some(bar) => bar.suspend(|| message("error", error)),
            None => message("error", error),
        }
    }

    /// Shows that the work has come so far, in bytes of the inputs.
    #[inline]
    pub fn progress(&mut self, bytes: impl FnOnce() -> u64) {
        if let Some(bar) = &mut self.bar {
            bar.come_to(bytes);
        }
    }

    /// Shows that another input is done.
    pub fn progress_file(&mut self) {
        if let Some(bar) = &mut self.bar {
            bar.end_file();
        }
    }

    /// Counts a warning. Of each kind the first `example` is kept.
    pub fn warn(&mut self, warning: Warning, example: impl FnOnce() -> String) {
        self.warn_many(warning, 1, example);
    }

    /// Counts `count` warnings of one kind.
    pub fn warn_many(&mut self, warning: Warning, count: u64, example: impl FnOnce() -> String) {
        if count > 0 {
            self.warnings.entry(warning).or_insert_with(|| (0, shortened(example()))).0 += count;
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

    /// Prints how many errors were not shown.
    pub fn print_more_errors(&self) {
        for (name, count) in &self.input_errors {
            let more = count.saturating_sub(MAX_ERRORS as u64);
            if more > 0 {
                message("error", &format!("{name}: {}", counted(more, "more error", "more errors")));
            }
        }
    }

    /// Prints the warnings.
    pub fn print_warnings(&self) {
        for (&warning, (count, example)) in &self.warnings {
            message(
                "warning",
                &Counted {
                    warning,
                    count: *count,
                    lost_messages: self.lost_messages,
                    lost_bytes: self.lost_bytes,
                    unsent_bytes: self.unsent_bytes,
                    example,
                },
            );
        }
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

/// Prints a line for people.
pub fn message(kind: &str, text: &dyn Display) {
    use std::io::Write;
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "tap2pcap: {kind}: {text}");
}

/// A warning with what makes it concrete.
struct Counted<'a> {
    warning: Warning,
    count: u64,
    lost_messages: u64,
    lost_bytes: u64,
    unsent_bytes: u64,
    example: &'a str,
}

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { warning, count, example, .. } = self;
        let many = |one: &str, more: &str| counted(*count, one, more);
        match warning {
            Warning::Cut => write!(
                f,
                "{} cut by the tap's limit; the packets say the true length ({example}); to keep whole bodies, raise \
                 max_buffered_rx_bytes and max_buffered_tx_bytes",
                many("body was", "bodies were")
            ),
            Warning::CutUnknown => write!(
                f,
                "{} cut by the tap's limit and the trace does not tell the true length: the packet says one byte more \
                 than there is ({example}); a buffered trace of a socket also lacks all that followed in the same \
                 direction; to keep whole bodies, raise max_buffered_rx_bytes and max_buffered_tx_bytes",
                many("body was", "bodies were")
            ),
            Warning::Lost => write!(
                f,
                "messages were lost in {}, with {} ({example}); the sequence numbers jump there",
                many("place", "places"),
                counted(self.lost_bytes, "byte", "bytes")
            ),
            Warning::Duplicate => {
                write!(
                    f,
                    "{} twice or too late and left out ({example})",
                    many("message came", "messages came")
                )
            }
            Warning::StandIn => write!(
                f,
                "{} no IP address for one or both sides; made-up ones stand in ({example}); set them with --local and --remote",
                many("trace has", "traces have")
            ),
            Warning::LossyText => {
                let bodies = *count - self.lost_messages;
                let bodies =
                    (bodies > 0).then(|| format!("bytes of at least {}", counted(bodies, "body", "bodies")));
                let messages = (self.lost_messages > 0).then(|| {
                    format!("{} with addresses or events", counted(self.lost_messages, "message", "messages"))
                });
                let lost: Vec<String> = bodies.into_iter().chain(messages).collect();
                write!(
                    f,
                    "JSON_BODY_AS_STRING has lost {} ({example}); to keep all, tap with JSON_BODY_AS_BYTES",
                    lost.join(", and ")
                )
            }
            Warning::FailedMessage => write!(
                f,
                "{} lost in Envoy, which says that it could not write JSON ({example}); to keep all, tap with \
                 JSON_BODY_AS_BYTES",
                many("message was", "messages were")
            ),
            Warning::Stray => write!(
                f,
                "{} no part of a trace and skipped ({example})",
                many("line around the records is", "lines around the records are")
            ),
            Warning::GivenUp => write!(
                f,
                "{} without a close when {} were open in one input ({example}), and more of it would look like another \
                 connection",
                many("connection was given up", "connections were given up"),
                grouped(MAX_OPEN as u64)
            ),
            Warning::Overlap => write!(
                f,
                "{} while another one between the same addresses was going on, and readers will mix the two ({example}); \
                 convert them into two captures",
                many("connection began", "connections began")
            ),
            Warning::StandInTime => write!(
                f,
                "{} no times; theirs begin when the file was last modified or at --start-time, in recorded order a \
                 microsecond apart ({example}); to have them, tap with streaming: false and record_headers_received_time",
                many("exchange has", "exchanges have")
            ),
            Warning::LostTrailers => write!(
                f,
                "trailers of {} left out, as HTTP/1.1 has none behind a body of a known length ({example}); --http 2 shows \
                 them",
                many("message were", "messages were")
            ),
            Warning::Pipelined => write!(
                f,
                "{} before the response to the one before it on the same connection had, as only HTTP/2 does ({example}); \
                 readers may take one response for another; --http 2 keeps them apart",
                many("request began", "requests began")
            ),
            Warning::BrokenOff => write!(
                f,
                "{} off {} before the end that content-length promised ({example}); the capture shows them incomplete, as \
                 they were",
                many("message broke", "messages broke"),
                counted(self.unsent_bytes, "byte", "bytes"),
            ),
            Warning::ContradictedHeader => write!(
                f,
                "{} the recorded body and {} left out ({example}); a filter between the tap and the client may have changed \
                 the body",
                many("header contradicts", "headers contradict"),
                if *count == 1 { "is" } else { "are" },
            ),
            Warning::RemovedBody => write!(
                f,
                "{} missing: something that is no base64, or no string, is in its place ({example})",
                many("body is", "bodies are")
            ),
            Warning::RoundedId => write!(
                f,
                "{} through a floating-point number, and its last digits are lost ({example}); traces with close ids may be \
                 taken for one",
                many("trace id has gone", "trace ids have gone")
            ),
            Warning::NoUpstream => write!(
                f,
                "{} no upstream host, by the trace, and {} left out ({example}); the downstream side has all exchanges",
                many("exchange reached", "exchanges reached"),
                if *count == 1 { "is" } else { "are" },
            ),
            Warning::Late => write!(
                f,
                "{} out of the order of time by more than can be put right while streaming; reordercap does it",
                many("packet is", "packets are")
            ),
            Warning::Beyond => write!(
                f,
                "{} later than pcap can say, and the capture says February 2106; pcapng has the true times",
                many("packet is", "packets are")
            ),
            Warning::UnusedAddress => write!(f, "{example} was not needed: every trace has its own address"),
        }
    }
}

/// A number and what it counts.
#[must_use]
pub fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { more })
}

/// A number with its thousands parted.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
