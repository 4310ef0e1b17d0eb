//! Asks the programs that read captures (tshark, capinfos, editcap, tcpdump) about converted files of `testdata/`.

mod files;
mod http;
mod http_taps;
mod tcp;

use std::path::PathBuf;

use crate::program::{Dir, testdata};

/// Taps of every kind, in no order.
const MANY: [&str; 16] = [
    "upstream-streamed.pb_length_delimited",
    "reused-port-2.pb_length_delimited",
    "reused-port-1.pb_length_delimited",
    "reused-port-3.pb_length_delimited",
    "tap2pcap_h2_ipv4.pb_text",
    "admin-interleaved-as-bytes.json",
    "batched-as-string.json",
    "cut-buffered.pb",
    "cut-often-streamed.pb_length_delimited",
    "cut-over-64k-http2-streamed.pb_length_delimited",
    "event-over-64k-streamed.pb",
    "ipv6-streamed.pb_length_delimited",
    "not-utf8-buffered-as-string.json",
    "server-speaks-first.pb_length_delimited",
    "tls-http2-streamed.pb_length_delimited",
    "unix-socket.pb_length_delimited",
];

/// Converts one file of `testdata/`.
#[track_caller]
fn converted(dir: &Dir, tap: &str) -> PathBuf {
    converted_with(dir, &[], tap)
}

#[track_caller]
fn converted_with(dir: &Dir, args: &[&str], tap: &str) -> PathBuf {
    let capture = dir.path("capture.pcapng");
    dir.tap2pcap().args(args).arg(testdata(tap)).arg(&capture).run().expect(0);
    capture
}

/// Converts taps of every kind into one capture.
#[track_caller]
fn many_converted(dir: &Dir, args: &[&str], capture: &str) -> PathBuf {
    let capture = dir.path(capture);
    dir.tap2pcap().args(args).arg("-w").arg(&capture).args(MANY.map(testdata)).run().expect(0);
    capture
}
