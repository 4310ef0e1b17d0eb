//! What a person is told on standard error: errors, warnings with what to do, and a summary.

use std::fmt::{self, Display};
use std::io::{self, Write};

use super::line;
use tap2pcap::internal::capture::Written;
use tap2pcap::internal::merge::discover::empty_files;
use tap2pcap::internal::quantity::{counted, grouped};
use tap2pcap::internal::reassembly::MAX_OPEN;
use tap2pcap::internal::report::{Report, Warning};
use tap2pcap::internal::spans::Rule;

/// Prints a line for people, above the status line if there is one.
pub(crate) fn message(kind: &str, text: &dyn Display) {
    line::above(|| {
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(io::stderr().lock(), "tap2pcap: {kind}: {text}");
    });
}

/// Prints how many errors were not shown.
pub(crate) fn print_more_errors(report: &Report) {
    for (name, more) in report.more_errors() {
        message("error", &format!("{name}: {}", counted(more, "more error", "more errors")));
    }
}

/// Prints the warnings.
pub(crate) fn print_warnings(report: &Report) {
    for (warning, count, example) in report.warnings() {
        message("warning", &Words { warning, count, example, report });
    }
}

/// Prints one line about the whole conversion. Directories had so many files that are no taps, and so many empty ones.
pub(crate) fn print_summary(report: &Report, written: &Written, skipped: u64, empty: u64, capture: &str) {
    // An exchange is a trace of its own, of which one connection can carry many.
    let traces = match report.exchanges {
        0 => counted(report.traces, "trace", "traces"),
        exchanges => format!(
            "{}, {}",
            counted(report.traces, "connection", "connections"),
            counted(exchanges, "HTTP exchange", "HTTP exchanges")
        ),
    };
    let mut text = String::new();
    let flows = report.flows;
    if flows.records > 0 {
        let others = flows.records - flows.flows;
        text += &format!("{}, ", counted(flows.flows, "flow", "flows"));
        if others > 0 {
            text += &format!("{}, ", counted(others, "other record", "other records"));
        }
    }
    if report.traces > 0 || flows.records == 0 {
        text += &format!("{traces}, ");
    }
    text += &counted(written.packets, "packet", "packets");
    if report.traces > 0 || flows.records == 0 {
        text += &format!(", {} of payload", counted(report.bytes, "byte", "bytes"));
    }
    if flows.duplicates > 0 {
        text += &format!(", {} at other points", counted(flows.duplicates, "observation", "observations"));
    }
    let truncated = report.truncated_bodies;
    let unknown = report.count(Warning::CutUnknown) + report.count(Warning::RemovedBody) + truncated.unknown;
    let cut = report.count(Warning::Cut) + unknown + truncated.all - truncated.unknown;
    if cut > 0 {
        text += &format!(
            ", {} cut ({}{} missing)",
            counted(cut, "body", "bodies"),
            if unknown > 0 { "at least " } else { "" },
            counted(report.missing_bytes.saturating_add(unknown), "byte", "bytes"),
        );
    }
    let (lost, duplicates) = (report.count(Warning::Lost), report.count(Warning::Duplicate));
    if lost > 0 {
        text += &format!(", {lost} lost ({})", counted(report.lost_bytes, "byte", "bytes"));
    }
    if duplicates > 0 {
        text += &format!(", {}", counted(duplicates, "duplicate", "duplicates"));
    }
    let redacted = report.redacted;
    if redacted.values > 0 {
        text += &format!(", {} redacted", counted(redacted.values, "value", "values"));
    }
    if redacted.body_bytes > 0 {
        text += &format!(", {} of bodies redacted", counted(redacted.body_bytes, "byte", "bytes"));
    }
    if redacted.hidden_bytes > 0 {
        text += &format!(", {} hidden", counted(redacted.hidden_bytes, "byte", "bytes"));
    }
    if skipped > 0 {
        text += &format!(", {} skipped that no tap wrote", counted(skipped, "file", "files"));
    }
    if empty > 0 {
        text += &format!(", {}", empty_files(empty));
    }
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text} -> {capture}");
    let spans = report.spans;
    if spans.read > 0 {
        let matched: Vec<String> = Rule::ALL
            .iter()
            .zip(spans.matched)
            .filter(|&(_, count)| count > 0)
            .map(|(rule, count)| format!("{} by {}", grouped(count), rule.name()))
            .collect();
        // A span may match the same request in several taps.
        let matches = counted(spans.matched.iter().sum(), "match", "matches");
        let rules = if matched.is_empty() { String::new() } else { format!(": {}", matched.join(", ")) };
        let _ = writeln!(
            io::stderr().lock(),
            "{}, {} of no request; {matches}{rules}; {} annotated",
            counted(spans.read, "span", "spans"),
            grouped(spans.unmatched),
            counted(spans.packets, "packet", "packets"),
        );
    }
}

/// A warning with what makes it concrete.
struct Words<'a> {
    warning: Warning,
    count: u64,
    example: &'a str,
    report: &'a Report,
}

impl Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { warning, count, example, report } = self;
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
            Warning::HiddenHeaders => write!(
                f,
                "{} not captured, as no single value of HTTP/2 can be redacted in a socket tap ({example}); the packets say the \
                 true length; an HTTP tap keeps the other headers",
                many("block of headers is", "blocks of headers are")
            ),
            Warning::HiddenBytes => write!(
                f,
                "{} bytes of which --redact cannot know what they are, and which are not captured ({example}); the packets say \
                 the true length; see docs/privacy.md",
                many("connection has", "connections have")
            ),
            Warning::Lost => write!(
                f,
                "messages were lost in {}, with {} ({example}); the sequence numbers jump there",
                many("place", "places"),
                counted(report.lost_bytes, "byte", "bytes")
            ),
            Warning::Duplicate => {
                write!(
                    f,
                    "{} twice or too late and left out ({example})",
                    many("message came", "messages came")
                )
            }
            Warning::MadeUpAddress => write!(
                f,
                "{} no IP address for one or both sides; made-up ones stand in ({example}); set them with --local and --remote",
                many("trace has", "traces have")
            ),
            Warning::LossyText => {
                let bodies = *count - report.lost_messages();
                let bodies =
                    (bodies > 0).then(|| format!("bytes of at least {}", counted(bodies, "body", "bodies")));
                let messages = (report.lost_messages() > 0).then(|| {
                    format!(
                        "{} with addresses or events",
                        counted(report.lost_messages(), "message", "messages")
                    )
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
            Warning::Evicted => write!(
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
            Warning::MadeUpTime => write!(
                f,
                "{} no times; theirs begin when the file was last modified, or a pipe spoke, or at --start-time, in recorded order a \
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
                counted(report.unsent_bytes, "byte", "bytes"),
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
            Warning::OutOfOrder => write!(
                f,
                "{} out of the order of time by more than can be put right while streaming; reordercap does it",
                many("packet is", "packets are")
            ),
            Warning::TimeOutOfRange => write!(
                f,
                "{} later than pcap can say, and the capture says February 2106; pcapng has the true times",
                many("packet is", "packets are")
            ),
            Warning::WithoutSpans => {
                write!(
                    f,
                    "{} in which there is no span of OpenCensus, OTLP or Zipkin ({example})",
                    many("file", "files")
                )
            }
            Warning::BrokenSpans => {
                write!(f, "{} no trace or no id, and left out ({example})", many("span has", "spans have"))
            }
            Warning::DuplicateSpans => {
                write!(f, "{} twice, and counted once", many("span is there", "spans are there"))
            }
            Warning::NoSpans => write!(
                f,
                "spans of {} stay behind: pcap has no room for them; write a .pcapng",
                many("packet", "packets")
            ),
            Warning::LostEvents => write!(
                f,
                "Hubble lost {} before they got here ({example}); the next packet of the node says so",
                many("event", "events")
            ),
            Warning::OtherEvents => write!(
                f,
                "{} no flows: agent events, debug events or the status of nodes, which no packet shows ({example})",
                many("record is", "records are")
            ),
            Warning::SocketFlows => write!(
                f,
                "{} what a socket translated and are no packets ({example}); --hubble-sock writes them",
                many("flow tells", "flows tell")
            ),
            Warning::NoComments => write!(
                f,
                "verdicts, policies, pods and names of {} stay behind: pcap has no room for them; write a .pcapng",
                many("flow", "flows")
            ),
            Warning::NoTime => write!(
                f,
                "{} no time, and the one of the flow before stands in ({example})",
                many("flow has", "flows have")
            ),
            Warning::MadeUpHost => write!(
                f,
                "{} no IP address for one or both ends; made-up ones stand in ({example})",
                many("flow has", "flows have")
            ),
            Warning::LinkOnly => write!(
                f,
                "{} no IP packet and left out: --link-type raw has no frames ({example})",
                many("frame has", "frames have")
            ),
            Warning::UnusedAddress => {
                write!(f, "--{example} was not needed: every trace has its own address")
            }
            other => write!(f, "{} ({example})", other.description()),
        }
    }
}
