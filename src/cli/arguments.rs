//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tap2pcap::internal::filter::{AddressMatch, TimeBound};
use tap2pcap::internal::input::Format;

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
#[command(next_help_heading = "HTTP taps")]
pub(crate) struct HttpOptions {
    /// The version of HTTP in which exchanges are written, which the tap does not record; auto is 1, and 2 for gRPC,
    /// trailers and what else only HTTP/2 can say
    #[arg(long, value_name = "VERSION", default_value = "auto")]
    pub(crate) http: HttpVersion,

    /// The connection that carries them: the client's to Envoy, or Envoy's to the cluster's host
    #[arg(long, value_name = "SIDE", default_value = "downstream")]
    pub(crate) http_side: HttpSide,

    /// When those exchanges began that have no times in the trace: RFC 3339, or seconds since 1970 [default: when the
    /// file was last modified]
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<TimeBound>,
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
pub(crate) enum HttpVersion {
    Auto,
    /// HTTP/1.1
    #[value(name = "1")]
    Http1,
    /// HTTP/2
    #[value(name = "2")]
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HttpSide {
    Downstream,
    Upstream,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Packets")]
pub(crate) struct Packets {
    /// Put at most N bytes of payload into a packet [default: 65495 in IPv4, 65515 in IPv6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) mss: Option<u16>,

    /// Keep only the first N bytes of payload of each packet; the packets say the true length
    #[arg(long, value_name = "N")]
    pub(crate) snaplen: Option<u32>,

    /// Begin each connection with SYN, SYN-ACK, ACK, for readers that want to see one
    #[arg(long)]
    pub(crate) handshake: bool,

    /// What stands below IP: Ethernet with made-up addresses, or nothing
    #[arg(long, value_name = "TYPE", default_value = "ethernet")]
    pub(crate) link_type: LinkType,

    /// Envoy's address, for traces that have none
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) local: Option<SocketAddr>,

    /// The address of Envoy's peer, for traces that have none
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) remote: Option<SocketAddr>,

    /// Who opened the connections [default: told from addresses, first bytes and ports]
    #[arg(long, value_name = "SIDE")]
    pub(crate) initiator: Option<Initiator>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaptureFormat {
    /// pcap with nanoseconds
    Nsecpcap,
    /// pcap with microseconds
    Pcap,
    /// pcapng: nanoseconds, comments, directions, an interface for each trace file
    Pcapng,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkType {
    Ethernet,
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Initiator {
    Local,
    Remote,
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
