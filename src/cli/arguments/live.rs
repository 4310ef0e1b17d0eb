//! The command line of `tap2pcap live`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use tap2pcap::internal::live::admin::Address;

use super::InputFormat;
use super::options::{CaptureFormat, HttpOptions, Packets};

const EXAMPLES: &str = "\
Examples:
  tap2pcap live http://127.0.0.1:9901 --config-id my_tap | wireshark -k -i -
  tap2pcap live http://127.0.0.1:9901 --config-id my_tap --status 503 -w errors.pcapng --duration 60
  tap2pcap live http://127.0.0.1:9901 --config-id my_tap --serve 127.0.0.1:57012 &
  wireshark -k -i TCP@127.0.0.1:57012
  tap2pcap live udp://127.0.0.1:5000 | tshark -l -r -
  tap2pcap live /var/log/taps/ | wireshark -k -i -

Ctrl-C ends it; the capture is then whole.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Live {
    /// Envoy's admin interface (http://HOST:PORT or unix:PATH), where Envoy's UDP sink sends to (udp://ADDR:PORT), or files that
    /// are still written and directories in which new ones appear; many sources become one capture
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<LiveSource>,

    /// The format of files; auto looks at the bytes, whatever the name
    #[arg(short, long, value_name = "FORMAT", default_value = "auto")]
    pub(crate) input_format: InputFormat,

    /// The config_id of the tap to switch on; one for all admin interfaces, or one for each in their order. An Envoy has one
    /// tap switched on at a time
    #[arg(long, value_name = "ID")]
    pub(crate) config_id: Vec<String>,

    /// Only requests with this header, by an HTTP tap (repeatable: all of them)
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub(crate) header: Vec<(String, String)>,

    /// Only requests whose response has this status, by an HTTP tap
    #[arg(long, value_name = "CODE")]
    pub(crate) status: Option<u16>,

    /// Only what the predicate in this file matches: JSON, as Envoy's MatchPredicate
    #[arg(long = "match", value_name = "FILE")]
    pub(crate) predicate: Option<PathBuf>,

    /// Bytes of each body, or of each read and write, that Envoy keeps
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub(crate) max_body: u32,

    /// Wait for an Envoy that is not there, and for one that ends to come back
    #[arg(long)]
    pub(crate) retry: bool,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration: Option<u64>,

    /// End after so many packets, with the message that has the last one
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,

    /// The capture to write, which appears when all is over [default: standard output, as it comes]
    #[arg(short = 'w', long = "write", value_name = "CAPTURE")]
    pub(crate) write: Option<PathBuf>,

    /// Write many files, CAPTURE with a number and a time in its name, as dumpcap does: the next one begins at filesize:KB or
    /// duration:SECONDS, and files:N are kept (repeatable)
    #[arg(short = 'b', long = "ring", value_name = "LIMIT", requires = "write")]
    pub(crate) limits: Vec<Limit>,

    /// Serve the capture at this address (PCAP-over-IP): wireshark -k -i TCP@ADDR:PORT; any number of readers, each from when it comes
    #[arg(long, value_name = "ADDR:PORT", conflicts_with_all = ["write", "format"])]
    pub(crate) serve: Option<SocketAddr>,

    /// Packets from before a reader came that it gets
    #[arg(long, value_name = "N", default_value_t = 0, requires = "serve")]
    pub(crate) backlog: usize,

    /// The capture's format
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "pcapng")]
    pub(crate) format: CaptureFormat,

    #[command(flatten)]
    pub(crate) http: HttpOptions,

    #[command(flatten)]
    pub(crate) packets: Packets,

    /// Print only errors, and no status line on a terminal
    #[arg(short, long, help_heading = "Messages")]
    pub(crate) quiet: bool,
}

/// Where what is live comes from.
#[derive(Clone, Debug)]
pub(crate) enum LiveSource {
    Admin(Address),
    Udp(SocketAddr),
    /// Files that are followed.
    Path(PathBuf),
}

impl FromStr for LiveSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(address) = text.strip_prefix("udp://") else {
            if !text.contains("://") && !text.starts_with("unix:") {
                let path = PathBuf::from(text);
                let is_address = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
                    && !path.exists();
                return if is_address {
                    Err(format!("no such file; an admin interface is http://{text}"))
                } else {
                    Ok(Self::Path(path))
                };
            }
            return text
                .parse()
                .map(Self::Admin)
                .map_err(|error| format!("{error}, nor udp://ADDR:PORT, nor a file"));
        };
        // Nobody else's datagrams, unless somebody asks for them.
        let port = address.strip_prefix(':').and_then(|port| port.parse().ok());
        let loopback = port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let address = loopback.or_else(|| address.parse().ok());
        address
            .map(Self::Udp)
            .ok_or_else(|| "UDP's source is udp://ADDR:PORT, such as udp://127.0.0.1:5000".to_owned())
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        // Envoy's headers are in lower case.
        Some((name, value)) if !name.is_empty() => Ok((name.to_ascii_lowercase(), value.to_owned())),
        _ => Err("a header is NAME=VALUE, such as x-user=42".to_owned()),
    }
}

/// A limit of dumpcap's `-b`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// Bytes of a file.
    Size(u64),
    /// Of a file.
    Age(Duration),
    /// Files that are kept.
    Files(usize),
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let number = || value.parse().ok().filter(|&number: &u32| number > 0);
        let limit = match name {
            // dumpcap's kB.
            "filesize" => number().map(|number| Self::Size(u64::from(number) * 1000)),
            "duration" => number().map(|number| Self::Age(Duration::from_secs(number.into()))),
            "files" => number().map(|number| Self::Files(number as usize)),
            _ => None,
        };
        limit.ok_or("a limit is filesize:KB, duration:SECONDS or files:N")
    }
}
