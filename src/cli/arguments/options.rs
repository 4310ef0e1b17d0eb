//! Options that several commands have.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use tap2pcap::internal::filter::TimeBound;

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
pub(crate) enum LinkType {
    Ethernet,
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Initiator {
    Local,
    Remote,
}
