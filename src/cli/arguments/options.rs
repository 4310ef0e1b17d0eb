//! Options that several commands have.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use tap2pcap::internal::capture::Format;
use tap2pcap::internal::filter::TimeBound;
use tap2pcap::internal::redact::Name;

#[derive(Args, Debug)]
#[command(next_help_heading = "HTTP taps")]
pub(crate) struct HttpOptions {
    /// The version of HTTP to write exchanges in
    ///
    /// The tap does not record it. `auto` is 1, and 2 for gRPC, trailers and whatever else only HTTP/2 can say.
    #[arg(long, value_name = "VERSION", default_value = "auto", hide_short_help = true)]
    pub(crate) http: HttpVersion,

    /// The connection to write: of the client, or to the upstream host
    ///
    /// `downstream` is the client's connection to Envoy, `upstream` Envoy's to the host of the cluster.
    #[arg(long, value_name = "SIDE", default_value = "downstream", hide_short_help = true)]
    pub(crate) http_side: HttpSide,

    /// When exchanges without times began [default: when the file was last modified]
    ///
    /// In RFC 3339, or in seconds since 1970: `--start-time 2026-11-20T10:58:36Z`.
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub(crate) start_time: Option<TimeBound>,
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
#[command(next_help_heading = "Privacy")]
pub(crate) struct RedactOptions {
    /// Write x for the values of these names
    ///
    /// Names of headers, cookies and query parameters, in any case: --redact authorization,session_id,token (repeatable). Each byte of
    /// a value becomes an x; bytes that cannot be understood are not captured.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) redact: Vec<Name>,

    /// Write x for the bodies of messages
    #[arg(long)]
    pub(crate) redact_bodies: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Packets")]
pub(crate) struct Packets {
    /// Put at most N bytes of payload into a packet [default: 65495 in IPv4, 65515 in IPv6]
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) mss: Option<u16>,

    /// Keep only the first N bytes of each payload
    ///
    /// The packets keep their true length. `--snaplen 0` keeps headers alone.
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) snaplen: Option<u32>,

    /// Begin each connection with SYN, SYN-ACK, ACK
    ///
    /// For readers that ignore connections without a handshake. It is made up.
    #[arg(long, hide_short_help = true)]
    pub(crate) handshake: bool,

    /// What is below IP: Ethernet with made-up addresses, or nothing
    #[arg(long, value_name = "TYPE", default_value = "ethernet", hide_short_help = true)]
    pub(crate) link_type: LinkType,

    /// Envoy's address, for traces that have none, such as 10.0.0.1:443
    #[arg(long, value_name = "ADDR:PORT", hide_short_help = true)]
    pub(crate) local: Option<SocketAddr>,

    /// The address of Envoy's peer, for traces that have none, such as [fd00::1]:40000
    #[arg(long, value_name = "ADDR:PORT", hide_short_help = true)]
    pub(crate) remote: Option<SocketAddr>,

    /// Who opened the connections [default: detected from addresses, first bytes and ports]
    ///
    /// `local` is Envoy, `remote` its peer.
    #[arg(long, value_name = "SIDE", hide_short_help = true)]
    pub(crate) initiator: Option<Initiator>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaptureFormat {
    /// pcap with nanoseconds
    Nsecpcap,
    /// pcap with microseconds
    Pcap,
    /// nanoseconds, comments, directions, an interface for each trace file
    Pcapng,
}

impl From<CaptureFormat> for Format {
    fn from(format: CaptureFormat) -> Self {
        match format {
            CaptureFormat::Nsecpcap => Self::NsecPcap,
            CaptureFormat::Pcap => Self::Pcap,
            CaptureFormat::Pcapng => Self::PcapNg,
        }
    }
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
