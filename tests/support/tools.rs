//! Runs the programs whose word counts: the readers of a capture (tshark and its friends) and what drives a real
//! Envoy (curl, openssl).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use crate::program::TestCommand;

/// More than enough for anything asked here, even on a busy machine; a hanging program fails its test.
const SECONDS: &str = "120";

/// An outside program. Nothing in the user's home changes what it does.
pub(crate) fn tool(name: &str) -> TestCommand {
    TestCommand::new("timeout")
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("LC_ALL", "C.UTF-8")
        .args([SECONDS, name])
}

/// What a program says that has to end well.
#[track_caller]
pub(crate) fn text(command: TestCommand) -> String {
    String::from_utf8(command.run().expect(0).stdout).expect("UTF-8")
}

/// tshark on a capture, with checksums verified.
pub(crate) fn tshark(capture: &Path) -> TestCommand {
    tool("tshark").args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r"]).arg(capture)
}

/// The arguments that make tshark read these ports as the protocol. Where the system gave the ports out, they can be
/// any that tshark takes for something else.
pub(crate) fn decode_as(protocol: &str, ports: &[u16]) -> Vec<String> {
    ports.iter().flat_map(|port| ["-d".to_owned(), format!("tcp.port=={port},{protocol}")]).collect()
}

/// These fields of every packet; a field that is there more than once has its values joined with `|`.
#[track_caller]
pub(crate) fn fields<const N: usize>(tshark: TestCommand, names: [&str; N]) -> Vec<[String; N]> {
    let command = tshark.args(["-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"]);
    let table = text(command.args(names.iter().flat_map(|&name| ["-e", name])));
    let row = |line: &str| {
        let values: Vec<String> = line.split('\t').map(str::to_owned).collect();
        values.try_into().unwrap_or_else(|_| panic!("{N} fields in {line:?}"))
    };
    table.lines().map(row).collect()
}

/// Fails the test if tshark sees a bad checksum, or TCP that no honest stack would have sent.
#[track_caller]
pub(crate) fn assert_healthy(capture: &Path) {
    let names = [
        "frame.number",
        "tcp.analysis.flags",
        "tcp.analysis.reused_ports",
        "ip.checksum.status",
        "tcp.checksum.status",
        "frame.cap_len",
        "frame.len",
    ];
    let packets = fields(tshark(capture), names);
    assert!(!packets.is_empty(), "no packets in {}", capture.display());
    for packet in packets {
        let [_, analysis, reused_ports, ip, tcp, captured, length] = &packet;
        // A client may use its port again: worth a note in tshark, but no fault.
        assert!(analysis.is_empty() || !reused_ports.is_empty(), "{packet:?}");
        // IPv6 has no checksum of its own.
        assert!(["1", "Good", ""].contains(&ip.as_str()), "{packet:?}");
        // Nobody can verify the checksum of bytes that were not captured.
        assert!(["1", "Good"].contains(&tcp.as_str()) || captured != length, "{packet:?}");
    }
}

/// Fails the test if a packet is older than the one before it.
#[track_caller]
pub(crate) fn assert_in_time_order(capture: &Path) {
    let report = text(tool("capinfos").arg("-o").arg(capture));
    let order = report.lines().find_map(|line| line.strip_prefix("Strict time order:"));
    assert_eq!(order.map(str::trim), Some("True"), "{report}");
}

/// Who sends to whom in which of tshark's TCP streams.
#[track_caller]
pub(crate) fn ways(capture: &Path) -> BTreeSet<(usize, SocketAddr, SocketAddr)> {
    let names = ["tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport"];
    let address = |host: String, port: &str| {
        SocketAddr::new(host.parse().expect("an IP address"), port.parse().expect("a port"))
    };
    let way = |[stream, from4, from6, from_port, to4, to6, to_port]: [String; 7]| {
        let stream = stream.parse().expect("the number of a stream");
        (stream, address(from4 + &from6, &from_port), address(to4 + &to6, &to_port))
    };
    fields(tshark(capture), names).into_iter().map(way).collect()
}

/// Whether an address is from a range that stands for nobody's: what an unknown address is replaced by.
pub(crate) fn is_nobodys(address: SocketAddr) -> bool {
    match address {
        SocketAddr::V4(address) => address.ip().is_documentation(),
        SocketAddr::V6(address) => address.ip().segments().starts_with(&[0x2001, 0xdb8]),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

impl Http {
    /// tshark's name for it.
    pub(crate) const fn protocol(self) -> &'static str {
        match self {
            Self::One => "http",
            Self::Two => "http2",
        }
    }
}

/// The HTTP messages that tshark sees, in its order: `GET /path host:port` or `200`.
#[track_caller]
pub(crate) fn messages(tshark: TestCommand, http: Http) -> Vec<String> {
    let names = match http {
        Http::One => ["http.request.method", "http.request.uri", "http.host", "http.response.code"],
        Http::Two => {
            ["http2.headers.method", "http2.headers.path", "http2.headers.authority", "http2.headers.status"]
        }
    };
    let packet = |[method, path, authority, status]: [String; 4]| {
        let requests = method.split('|').zip(path.split('|')).zip(authority.split('|'));
        let requests = requests.map(|((method, path), authority)| format!("{method} {path} {authority}"));
        let messages = requests.chain(status.split('|').map(str::to_owned));
        messages.filter(|message| !message.trim().is_empty()).collect::<Vec<_>>()
    };
    fields(tshark, names).into_iter().flat_map(packet).collect()
}

/// The bytes that each address sent in a TCP stream, as tshark's "follow stream" puts them together.
#[track_caller]
pub(crate) fn follow(capture: &Path, stream: usize) -> BTreeMap<SocketAddr, Vec<u8>> {
    let followed = text(tshark(capture).args(["-q", "-z", &format!("follow,tcp,raw,{stream}")]));
    let mut nodes = Vec::new();
    let mut sent = BTreeMap::new();
    for line in followed.lines() {
        if let Some((_, address)) = line.strip_prefix("Node ").and_then(|rest| rest.split_once(": ")) {
            nodes.push(node(address));
            sent.insert(node(address), Vec::new());
        } else if nodes.len() == 2 && !line.starts_with('=') {
            // What the second one sent is indented.
            let node = nodes[usize::from(line.starts_with('\t'))];
            sent.get_mut(&node).expect("a node").extend(unhex(line.trim()));
        }
    }
    sent
}

/// Reads `127.0.0.1:80`, `[::1]:80` and `::1:80`.
#[track_caller]
fn node(text: &str) -> SocketAddr {
    let (host, port) = text.rsplit_once(':').expect("a port");
    let host = host.trim_matches(['[', ']']).parse().expect("an IP address");
    SocketAddr::new(host, port.parse().expect("a port number"))
}

#[track_caller]
fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}
