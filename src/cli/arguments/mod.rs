//! The command line.

mod live;
mod open;
mod options;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use tap2pcap::internal::filter::{AddressMatch, TimeBound};
use tap2pcap::internal::input::Format;

pub(crate) use live::{Limit, Live, LiveSource};
pub(crate) use open::Open;
pub(crate) use options::{CaptureFormat, HttpOptions, HttpSide, HttpVersion, Initiator, LinkType, Packets};

/// Turns Envoy tap traces into packet captures that Wireshark, tshark and everything else that reads pcap can show.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES, override_usage = USAGE)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
#[command(
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Other uses"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// A trace to convert, and the capture to write; with -w traces, and directories with traces below them. `-` is
    /// standard input or output
    #[arg(value_name = "TAP", required = true)]
    pub(crate) files: Vec<PathBuf>,

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
    pub(crate) packets: Packets,

    /// Fail (status 1) if there is any warning
    #[arg(long, help_heading = "Messages")]
    pub(crate) strict: bool,

    /// Print neither warnings nor the summary, only errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Messages")]
    pub(crate) quiet: bool,

    /// Say more: each input and its format
    #[arg(short, long, help_heading = "Messages")]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what is in trace files: format, traces, HTTP exchanges, addresses, times, bytes, what is cut or lost
    Info(Info),
    /// Convert what a running Envoy sends, as it comes: through its admin interface, or from its UDP sink
    Live(Box<Live>),
    /// Convert traces into a temporary capture, and show it in Wireshark
    Open(Box<Open>),
    /// Give Wireshark the plugin, the profile and the live interfaces of tap2pcap, or take them away
    #[command(subcommand)]
    Wireshark(Wireshark),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Wireshark {
    /// Put the Lua plugin, the profile and a link to this program where Wireshark looks for them. What is somebody else's stays
    Install(Folders),
    /// Take them away. What was changed since stays
    Uninstall(Folders),
}

#[derive(Args, Debug, Default)]
pub(crate) struct Folders {
    /// Only say what would be done
    #[arg(long)]
    pub(crate) print: bool,

    /// The folder for Lua plugins [default: the personal one, as `tshark -G folders` says]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugin_dir: Option<PathBuf>,

    /// The folder for preferences, with the profiles in it [default: the personal one, as `tshark -G folders` says]
    #[arg(long, value_name = "DIR", env = "WIRESHARK_CONFIG_DIR")]
    pub(crate) config_dir: Option<PathBuf>,

    /// The folder for interfaces [default: the personal one if there is one, as `tshark -G folders` says]
    #[arg(long, value_name = "DIR", env = "WIRESHARK_EXTCAP_DIR")]
    pub(crate) extcap_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    /// The traces to look into; `-` is standard input
    #[arg(value_name = "TAP", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write JSON, for scripts
    #[arg(long)]
    pub(crate) json: bool,

    /// List the requests with the spans in this file, or below this directory, and how their times differ (repeatable)
    #[arg(long, value_name = "FILE", conflicts_with = "decode_as")]
    pub(crate) spans: Vec<PathBuf>,

    /// Write only the -d options that tshark wants for a capture of all these traces
    #[arg(long, conflicts_with = "json")]
    pub(crate) decode_as: bool,

    /// The traces' format; auto looks at the bytes, whatever the name
    #[arg(short, long, value_name = "FORMAT", default_value = "auto")]
    pub(crate) input_format: InputFormat,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// The capture to write; every file named is then a trace, and all go into this one, in order of time
    #[arg(short = 'w', long = "write", value_name = "CAPTURE")]
    pub(crate) write: Option<PathBuf>,

    /// Write a capture for each connection into this directory, named after its trace
    #[arg(long, value_name = "DIR", conflicts_with = "write")]
    pub(crate) split: Option<PathBuf>,

    /// The capture's format [default: pcapng if CAPTURE ends in .pcapng, else nsecpcap]
    #[arg(short = 'F', long, value_name = "FORMAT", hide_possible_values = false)]
    pub(crate) format: Option<CaptureFormat>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// The traces' format; auto looks at the bytes, whatever the name
    #[arg(short, long, value_name = "FORMAT", default_value = "auto")]
    pub(crate) input_format: InputFormat,

    /// Convert only the trace with this id (repeatable)
    #[arg(long, value_name = "ID")]
    pub(crate) trace_id: Vec<u64>,

    /// Convert only events from this time on: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<TimeBound>,

    /// Convert only events up to this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<TimeBound>,

    /// Convert only connections with this address on one side: an IP or CIDR, perhaps with a port, such as 10.0.0.0/8:443
    /// or [fd00::1]:80 (repeatable)
    #[arg(long, value_name = "ADDR")]
    pub(crate) address: Vec<AddressMatch>,

    /// Convert only connections with this port on one side (repeatable)
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Vec<u16>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Hubble flows")]
pub(crate) struct HubbleOptions {
    /// Which observations of a packet are written: first; all, the others captured short; or that of a point, such as
    /// TO_ENDPOINT
    #[arg(long, value_name = "POINT", default_value = "first")]
    pub(crate) point: String,

    /// Convert only packets with this verdict, such as DROPPED or AUDIT (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) verdict: Vec<String>,

    /// Capture every packet short, so that mergecap can put verdicts, policies and pods beside the packets of tcpdump
    #[arg(long)]
    pub(crate) overlay: bool,

    /// Convert the flows of sockets too, whose addresses Cilium translates
    #[arg(long)]
    pub(crate) hubble_sock: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Tracing spans")]
pub(crate) struct SpanOptions {
    /// Put the spans in this file, or below this directory, on the packets of their requests: OpenCensus, OTLP or Zipkin, binary or JSON
    /// (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) spans: Vec<PathBuf>,

    /// Convert only the connections that have spans; the traces are read twice, and have to be files
    #[arg(long, requires = "spans")]
    pub(crate) spans_only: bool,

    /// Put attributes of spans there too: their names, separated by commas, or all
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "spans")]
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
}

impl From<InputFormat> for Option<Format> {
    fn from(format: InputFormat) -> Self {
        match format {
            InputFormat::Auto => None,
            InputFormat::Binary => Some(Format::Binary),
            InputFormat::Delimited => Some(Format::Delimited),
            InputFormat::Text => Some(Format::Text),
            InputFormat::Json => Some(Format::Json),
        }
    }
}

const USAGE: &str = "tap2pcap [OPTIONS] TAP CAPTURE
       tap2pcap [OPTIONS] -w CAPTURE TAP...
       tap2pcap [OPTIONS] TAP | tshark -r -
       tap2pcap [OPTIONS] --split DIR TAP...
       tap2pcap open [OPTIONS] TAP...
       tap2pcap live [OPTIONS] SOURCE...
       tap2pcap wireshark install
       tap2pcap info [--json] [--decode-as | --spans FILE] TAP...";

const EXAMPLES: &str = "\
Examples:
  tap2pcap tap_1.pb out.pcapng                 one trace, one capture
  tap2pcap -w all.pcapng taps/                 every trace below taps/, one capture in order of time
  tap2pcap tap_1.pb | tshark -r -              look at it at once
  cat taps/*.json | tap2pcap - - | tcpdump -r -
  tap2pcap info taps/*                         what is in there, and the -d that tshark wants
  tap2pcap tap_1.pb | tshark -r - $(tap2pcap info --decode-as tap_1.pb)
  tap2pcap --http 2 --http-side upstream http_1.pb out.pcapng

Status: 0 every trace was read to its end; 1 a trace was damaged, absent or unreadable, or the
capture could not be written (what could be converted is written); 2 wrong usage.";
