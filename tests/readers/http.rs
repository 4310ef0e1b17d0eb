//! What tshark sees in the connections: requests, answers, bodies.

use super::converted;
use crate::program::{Dir, testdata};
use crate::tools::{Http, assert_healthy, decode_as, follow, messages, text, tshark, ways};

/// The same exchange in each format, buffered and streamed.
const POSTS: [&str; 10] = [
    "post-buffered-as-bytes.json",
    "post-buffered-as-string.json",
    "post-buffered.pb",
    "post-buffered.pb_length_delimited",
    "post-buffered.pb_text",
    "post-streamed-as-bytes.json",
    "post-streamed-as-string.json",
    "post-streamed.pb",
    "post-streamed.pb_length_delimited",
    "post-streamed.pb_text",
];

/// Envoy's own test of its tap2pcap.py, which knows microseconds only.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn golden_case() {
    let dir = Dir::new();
    let capture = converted(&dir, "tap2pcap_h2_ipv4.pb_text");
    let golden = std::fs::read_to_string(testdata("tap2pcap_h2_ipv4.txt")).expect("the golden lines");
    let lines = text(tshark(&capture).args(decode_as("http2", &[10000])).arg("-P"));
    assert_eq!(lines.lines().count(), 6, "{lines}");
    assert_eq!(golden.lines().count(), 6);
    for (line, golden) in lines.lines().zip(golden.lines()) {
        let [(time, others), (golden_time, golden_others)] = [line, golden].map(time_and_others);
        assert_eq!(others, golden_others);
        assert!(time.abs_diff(golden_time) <= 1_000, "{line}\n{golden}");
    }
}

/// The nanoseconds in a line of tshark's summary, and its other words.
fn time_and_others(line: &str) -> (u64, Vec<&str>) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let (seconds, nanoseconds) = words.remove(1).split_once('.').expect("a time");
    assert_eq!(nanoseconds.len(), 9);
    (format!("{seconds}{nanoseconds}").parse().expect("a number"), words)
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn one_exchange_in_every_format() {
    for tap in POSTS {
        println!("{tap}");
        let dir = Dir::new();
        let capture = converted(&dir, tap);
        assert_healthy(&capture);
        let [request, answer] = &messages(tshark(&capture), Http::One)[..] else { panic!("two messages") };
        assert!(request.starts_with("POST /post 127.0.0.1:"), "{request}");
        assert_eq!(answer, "201");
        // What is posted comes back.
        for (address, bytes) in follow(&capture, 0) {
            let text = String::from_utf8(bytes).expect("text");
            assert!(text.contains("\r\n\r\nx=") && text.ends_with("&y=hello"), "{address}: {text}");
        }
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn http2_of_a_tls_connection() {
    let dir = Dir::new();
    let capture = converted(&dir, "tls-http2-streamed.pb_length_delimited");
    assert_healthy(&capture);
    let seen = messages(tshark(&capture).args(decode_as("http2", &[11015])), Http::Two);
    let gets = ["/p1?n=9000", "/p2?n=12000", "/p3?n=100"].map(|path| format!("GET {path} 127.0.0.1:11015"));
    assert_eq!(seen, [&gets[..], &["200", "200", "200"].map(str::to_owned)].concat());
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn grpc_calls() {
    let dir = Dir::new();
    let capture = converted(&dir, "grpc.pb_length_delimited");
    assert_healthy(&capture);
    let seen = messages(tshark(&capture).args(decode_as("http2", &[11032])), Http::Two);
    let calls: Vec<&str> = seen.iter().filter_map(|message| message.strip_prefix("POST ")).collect();
    assert_eq!(calls, ["Say", "Stream", "Fail"].map(|call| format!("/lab.Echo/{call} 127.0.0.1:11032")));
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn ipv6_connection() {
    let dir = Dir::new();
    let capture = converted(&dir, "ipv6-streamed.pb_length_delimited");
    assert_healthy(&capture);
    let [local, remote] = ["[::1]:11023", "[::1]:52986"].map(|address| address.parse().expect("an address"));
    assert_eq!(ways(&capture), [(0, remote, local), (0, local, remote)].into());
    assert_eq!(messages(tshark(&capture), Http::One), ["POST /post [::1]:11023", "201"]);
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn connections_interleaved_in_one_file() {
    let dir = Dir::new();
    let capture = converted(&dir, "admin-interleaved-as-bytes.json");
    assert_healthy(&capture);
    assert_eq!(ways(&capture).len(), 6, "three connections, both ways");
    let mut seen = messages(tshark(&capture), Http::One);
    seen.sort();
    let gets = [100, 200, 300].map(|size| format!("GET /x?n={size} 127.0.0.1:11050"));
    assert_eq!(seen, [&["200"; 3].map(str::to_owned), &gets[..]].concat());
}
