//! The command line of `tap2pcap live`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use tap2pcap::internal::live::admin::Address;

use super::InputFormat;
use super::options::{CaptureFormat, HttpOptions, Packets, RedactOptions};
use super::texts::LIVE_EXAMPLES;

#[derive(Args, Debug)]
#[command(after_long_help = LIVE_EXAMPLES)]
pub(crate) struct Live {
    /// http://HOST:PORT, unix:PATH, udp://ADDR:PORT or a path
    ///
    /// Envoy's admin interface (http://HOST:PORT or unix:PATH), where Envoy's UDP sink sends to (udp://ADDR:PORT), or files that
    /// are still written and directories in which new ones appear. Several sources are merged into one capture.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<LiveSource>,

    /// Print only errors, and no status line on a terminal
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// The format of files; auto detects it from the bytes
    #[arg(short, long, value_name = "FORMAT", default_value = "auto", hide_short_help = true)]
    pub(crate) input_format: InputFormat,

    /// The config_id of the tap to switch on
    ///
    /// It is in the tap's `admin_config`. Give one for all admin interfaces, or one for each in their order. An Envoy has one
    /// tap switched on at a time.
    #[arg(long, value_name = "ID", help_heading = "Admin interface")]
    pub(crate) config_id: Vec<String>,

    /// Only requests with this header, of an HTTP tap
    ///
    /// Such as `--header x-user=42`. Repeatable: a request then has all of them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header, help_heading = "Admin interface")]
    pub(crate) header: Vec<(String, String)>,

    /// Only requests that got this status, of an HTTP tap
    #[arg(long, value_name = "CODE", help_heading = "Admin interface")]
    pub(crate) status: Option<u16>,

    /// Only what the predicate in this file matches
    ///
    /// In JSON, as Envoy's MatchPredicate: `{"http_response_headers_match": {"headers": [{"name": "grpc-status",
    /// "string_match": {"exact": "14"}}]}}`.
    #[arg(long = "match", value_name = "FILE", help_heading = "Admin interface")]
    pub(crate) predicate: Option<PathBuf>,

    /// Bytes that Envoy keeps of each body, or of each read and write
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, hide_short_help = true, help_heading = "Admin interface")]
    pub(crate) max_body: u32,

    /// Wait for an Envoy that is not there, or that restarts
    #[arg(long, help_heading = "Admin interface")]
    pub(crate) retry: bool,

    /// End after this many seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Output")]
    pub(crate) duration: Option<u64>,

    /// End after this many packets
    ///
    /// The message that has the last of them is complete.
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub(crate) count: Option<u64>,

    /// The capture to write [default: standard output]
    ///
    /// The file appears, whole, when the capture ends. Standard output has packets as they come.
    #[arg(short = 'w', long = "write", value_name = "CAPTURE", help_heading = "Output")]
    pub(crate) write: Option<PathBuf>,

    /// Write a ring of files, as dumpcap does
    ///
    /// Each file has a number and a time in its name. The next one begins at `filesize:KB` or
    /// `duration:SECONDS`; `files:N` keeps only the last N: `-w ring.pcapng -b filesize:100000 -b files:5`. Repeatable.
    #[arg(short = 'b', long = "ring", value_name = "LIMIT", requires = "write", help_heading = "Output")]
    pub(crate) limits: Vec<Limit>,

    /// Serve the capture to many readers (PCAP-over-IP)
    ///
    /// Such as `--serve 127.0.0.1:57012`; each reader (`wireshark -k -i TCP@127.0.0.1:57012`) gets packets from when it comes.
    #[arg(long, value_name = "ADDR:PORT", conflicts_with_all = ["write", "format"], help_heading = "Output")]
    pub(crate) serve: Option<SocketAddr>,

    /// Earlier packets that each reader of --serve gets
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "serve",
        hide_short_help = true,
        help_heading = "Output"
    )]
    pub(crate) backlog: usize,

    /// The format of the capture
    #[arg(short = 'F', long, value_name = "FORMAT", hide_short_help = true, help_heading = "Output")]
    pub(crate) format: Option<CaptureFormat>,

    #[command(flatten)]
    pub(crate) http: HttpOptions,

    #[command(flatten)]
    pub(crate) redact: RedactOptions,

    #[command(flatten)]
    pub(crate) packets: Packets,
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
