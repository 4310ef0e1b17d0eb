//! The command line.

mod generate;
mod live;
mod open;
mod options;
mod texts;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use tap2pcap::internal::filter::{AddressMatch, TimeBound};
use tap2pcap::internal::input::Format;

pub(crate) use generate::{Generate, Shell};
pub(crate) use live::{Limit, Live, LiveSource};
pub(crate) use open::Open;
pub(crate) use options::{
    CaptureFormat, HttpOptions, HttpSide, HttpVersion, Initiator, LinkType, Packets, RedactOptions,
};
use texts::{EXAMPLES, INFO_EXAMPLES, LONG_VERSION, USAGE};

/// Turns Envoy's taps and Hubble's flows into packet captures
///
/// Envoy's taps hold the plain text of what was TLS on the wire, and Hubble's flows say which policy dropped a packet. tap2pcap turns
/// both into packet captures that Wireshark, tshark and every other reader of pcap can show.
#[derive(Debug, Parser)]
#[command(version, long_version = LONG_VERSION, max_term_width = 100, override_usage = USAGE)]
#[command(after_long_help = EXAMPLES)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
#[command(
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// The trace to convert, and the capture to write
    ///
    /// With -w or --split all of them are traces, or directories with traces below them. `-` is standard input or output.
    #[arg(value_name = "TAP", required = true, hide_short_help = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Exit with status 1 after any warning
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print only errors, no warnings and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print the format of each input
    #[arg(short, long, hide_short_help = true)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) output: Output,

    #[command(flatten)]
    pub(crate) input: InputOptions,

    #[command(flatten)]
    pub(crate) http: HttpOptions,

    #[command(flatten)]
    pub(crate) hubble: HubbleOptions,

    #[command(flatten)]
    pub(crate) spans: SpanOptions,

    #[command(flatten)]
    pub(crate) redact: RedactOptions,

    #[command(flatten)]
    pub(crate) packets: Packets,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report what is in traces: connections, times, what is cut or lost
    ///
    /// For each trace file: its format, the Envoy that wrote it, the connections and HTTP exchanges with their addresses, times
    /// and bytes, what is cut or lost, and the options that tshark needs to decode the capture.
    Info(Info),
    /// Convert traces as they come, from a running Envoy or growing files
    ///
    /// The source is Envoy's admin interface, what Envoy's UDP sink sends, or files that are still written and directories
    /// in which new ones appear.
    Live(Box<Live>),
    /// Convert traces into a temporary capture, and show it in Wireshark
    Open(Box<Open>),
    /// Write man pages or shell completions
    #[command(subcommand)]
    Generate(Generate),
    /// Install or remove Wireshark's plugin, profile and live interfaces
    ///
    /// The Lua plugin, the profile and the live interfaces of tap2pcap, where Wireshark looks for them.
    #[command(subcommand)]
    Wireshark(Wireshark),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Wireshark {
    /// Install the plugin, the profile and the live interfaces
    ///
    /// They go where Wireshark looks for them; the interfaces are a link to this program. Files that tap2pcap did not write are kept.
    Install(Folders),
    /// Remove the plugin, the profile and the live interfaces
    ///
    /// Files that were changed since are kept.
    Uninstall(Folders),
}

#[derive(Args, Debug, Default)]
pub(crate) struct Folders {
    /// Only say what would be done
    #[arg(long)]
    pub(crate) print: bool,

    /// The folder for Lua plugins [default: the personal one]
    ///
    /// As `tshark -G folders` says.
    #[arg(long, value_name = "DIR")]
    pub(crate) plugin_dir: Option<PathBuf>,

    /// The folder for preferences [default: the personal one]
    ///
    /// As `tshark -G folders` says. The profiles are in it.
    #[arg(long, value_name = "DIR", env = "WIRESHARK_CONFIG_DIR")]
    pub(crate) config_dir: Option<PathBuf>,

    /// The folder for interfaces [default: the personal one]
    ///
    /// As `tshark -G folders` says; the global one where Wireshark has no personal one (before 4.2).
    #[arg(long, value_name = "DIR", env = "WIRESHARK_EXTCAP_DIR")]
    pub(crate) extcap_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_long_help = INFO_EXAMPLES)]
pub(crate) struct Info {
    /// The traces to report on, or directories with traces below them; `-` is standard input
    #[arg(value_name = "TAP", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write JSON, for scripts
    #[arg(long)]
    pub(crate) json: bool,

    /// List requests beside the tracing spans in this file
    ///
    /// Each request with the spans in this file, or in the files below this directory, and how their times differ. Repeatable.
    #[arg(long, value_name = "FILE", conflicts_with = "decode_as")]
    pub(crate) spans: Vec<PathBuf>,

    /// Write only the -d options for tshark
    ///
    /// They are for a capture of all these traces: `tap2pcap TAP | tshark -r - $(tap2pcap info --decode-as TAP)`.
    #[arg(long, conflicts_with = "json")]
    pub(crate) decode_as: bool,

    /// The format of the traces; auto detects it from the bytes
    #[arg(short, long, value_name = "FORMAT", default_value = "auto", hide_short_help = true)]
    pub(crate) input_format: InputFormat,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Convert every TAP into this one capture
    ///
    /// All files named are then traces. Their packets are sorted by time. `-` is standard output.
    #[arg(short = 'w', long = "write", value_name = "CAPTURE")]
    pub(crate) write: Option<PathBuf>,

    /// Write a capture for each connection here
    ///
    /// Each is named after its trace. The directory is made if it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "write")]
    pub(crate) split: Option<PathBuf>,

    /// The format of the capture [default: by its name]
    ///
    /// A capture whose name ends in `.pcapng` is pcapng, any other nsecpcap.
    #[arg(short = 'F', long, value_name = "FORMAT", hide_short_help = true)]
    pub(crate) format: Option<CaptureFormat>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// The format of the traces; auto detects it from the bytes
    #[arg(short, long, value_name = "FORMAT", default_value = "auto", hide_short_help = true)]
    pub(crate) input_format: InputFormat,

    /// Only the trace with this id
    ///
    /// Repeatable, such as `--trace-id 127 --trace-id 128`.
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub(crate) trace_id: Vec<u64>,

    /// Only events since this time (RFC 3339, or seconds)
    ///
    /// In RFC 3339, or in seconds since 1970: `--since 2026-11-20T10:58:36.5Z`, `--since 1795172316.5`.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<TimeBound>,

    /// Only events up to this time
    ///
    /// In the same forms as `--since`.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<TimeBound>,

    /// Only connections of this IP or CIDR (10.0.0.0/8:443)
    ///
    /// One side has to match, with the port if one is given: `--address 10.0.0.1`, `--address 10.0.0.0/8:443`,
    /// `--address [fd00::1]:80`. Repeatable.
    #[arg(long, value_name = "ADDR")]
    pub(crate) address: Vec<AddressMatch>,

    /// Only connections of this port
    ///
    /// One side has to match. Repeatable.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Vec<u16>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Hubble flows")]
pub(crate) struct HubbleOptions {
    /// Which observations of a packet to write
    ///
    /// Nodes and points each report a packet once. `first` writes it where it was observed first. `all` writes the other
    /// observations too, captured short. The name of a point, such as `--point TO_ENDPOINT`, writes those at this point.
    #[arg(long, value_name = "POINT", default_value = "first", value_hint = ValueHint::Other, hide_short_help = true)]
    pub(crate) point: String,

    /// Only packets with this verdict, such as DROPPED
    ///
    /// The names are Hubble's: FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED, TRANSLATED. Repeatable.
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    pub(crate) verdict: Vec<String>,

    /// Capture packets short, for mergecap with a capture of tcpdump
    ///
    /// Wireshark then shows verdicts, policies and pods beside the real packets, and analyses only those.
    #[arg(long, hide_short_help = true)]
    pub(crate) overlay: bool,

    /// Convert the flows of sockets too, whose addresses Cilium translates
    #[arg(long, hide_short_help = true)]
    pub(crate) hubble_sock: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Tracing spans")]
pub(crate) struct SpanOptions {
    /// Put tracing spans on the packets of their requests
    ///
    /// The spans are in this file, or in the files below this directory: OpenCensus, OTLP or Zipkin, binary or JSON.
    /// Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) spans: Vec<PathBuf>,

    /// Only connections that have spans
    ///
    /// The traces are read twice, and have to be files.
    #[arg(long, requires = "spans", hide_short_help = true)]
    pub(crate) spans_only: bool,

    /// Put these attributes of spans there too
    ///
    /// Names separated by commas, or `all`: `--span-attributes http.route,k8s.pod.name`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "spans", hide_short_help = true)]
    pub(crate) span_attributes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    Auto,
    /// PROTO_BINARY (.pb)
    Binary,
    /// PROTO_BINARY_LENGTH_DELIMITED (.pb_length_delimited)
    Delimited,
    /// PROTO_TEXT (.pb_text)
    Text,
    /// JSON_BODY_AS_BYTES or JSON_BODY_AS_STRING (.json)
    Json,
    /// A packet capture of the datagrams of Envoy's UDP sink (.pcap); their messages tell their format
    Udp,
}

impl From<InputFormat> for Option<Format> {
    fn from(format: InputFormat) -> Self {
        match format {
            // A capture is told by its first bytes, always.
            InputFormat::Auto | InputFormat::Udp => None,
            InputFormat::Binary => Some(Format::Binary),
            InputFormat::Delimited => Some(Format::Delimited),
            InputFormat::Text => Some(Format::Text),
            InputFormat::Json => Some(Format::Json),
        }
    }
}
