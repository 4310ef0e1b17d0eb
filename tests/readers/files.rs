//! What readers make of a capture file as such, and of what it says besides the packets.

use std::path::Path;

use super::{converted, many_converted};
use crate::program::{Dir, testdata};
use crate::tools::{assert_healthy, assert_in_time_order, fields, is_nobodys, text, tool, tshark, ways};

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn directions_and_comments() {
    let dir = Dir::new();
    let capture = converted(&dir, "post-streamed.pb");
    let names = ["frame.packet_flags_direction", "tcp.dstport", "frame.comment"];
    let packets = fields(tshark(&capture), names);
    for (number, [direction, port, comment]) in packets.iter().enumerate() {
        // What goes to the tapped listener is inbound.
        assert!(direction.ends_with(if port == "11010" { '1' } else { '2' }), "{packets:?}");
        assert_eq!(number == 0, !comment.is_empty(), "{packets:?}");
    }
    let comment = &packets[0][2];
    for word in ["tap.trace_id=68", "tap.kind=", "tap.file="] {
        assert!(comment.contains(word), "{comment}");
    }
    assert!(comment.contains("post-streamed.pb"), "{comment}");
}

#[test]
#[ignore = "needs capinfos (Debian package wireshark-common, with tshark)"]
fn section_header_and_interface() {
    let dir = Dir::new();
    let report = text(tool("capinfos").arg(converted(&dir, "post-streamed.pb")));
    let line =
        |start: &str| report.lines().map(str::trim).find(|line| line.starts_with(start)).unwrap_or(&report);
    assert!(line("Capture application:").contains("tap2pcap"), "{report}");
    assert!(line("File timestamp precision:").contains("nanoseconds"), "{report}");
    assert!(line("Name =").contains("post-streamed.pb"), "{report}");
    assert!(line("Time precision =").contains("nanoseconds"), "{report}");
}

/// Where Envoy left an address out, nobody's stands in, and the first packet says so.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn missing_addresses() {
    let dir = Dir::new();
    // How many of the two ends, and what the comment has to name.
    let taps = [
        ("upstream-streamed.pb_length_delimited", 1, ""),
        ("upstream-streamed-late-addresses.pb_length_delimited", 0, ""),
        ("batched-as-string.json", 2, ""),
        ("unix-socket.pb_length_delimited", 2, "tap.sock"),
    ];
    for (tap, missing, name) in taps {
        let capture = converted(&dir, tap);
        assert_healthy(&capture);
        let ways = ways(&capture);
        assert_eq!(ways.len(), 2, "{tap}");
        assert_eq!(ways.iter().filter(|&&(_, from, _)| is_nobodys(from)).count(), missing, "{tap}: {ways:?}");
        let comments = fields(tshark(&capture).args(["-c", "1"]), ["frame.comment"]).concat().concat();
        assert!(comments.contains(name), "{tap}: {comments}");
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn capture_from_a_pipe() {
    let dir = Dir::new();
    for format in ["pcap", "nsecpcap", "pcapng"] {
        let tap = testdata("post-streamed.pb");
        let capture = dir.tap2pcap().args(["-F", format]).arg(tap).run().expect(0).stdout;
        let lines = text(tool("tshark").args(["-r", "-", "-P"]).stdin(capture));
        assert!(lines.contains("POST /post HTTP/1.1"), "{format}: {lines}");
    }
}

#[test]
#[ignore = "needs tshark, with capinfos (Debian package tshark)"]
fn many_traces_in_one_capture() {
    let dir = Dir::new();
    let capture = many_converted(&dir, &[], "capture.pcapng");
    assert_healthy(&capture);
    assert_in_time_order(&capture);
    let raw = many_converted(&dir, &["--link-type", "raw"], "raw.pcapng");
    assert_healthy(&raw);
    assert_in_time_order(&raw);
    assert_eq!(ways(&raw), ways(&capture));
}

#[test]
#[ignore = "needs tcpdump and tshark (Debian packages of these names)"]
fn tcpdump_reads_every_kind_of_capture() {
    let dir = Dir::new();
    for link_type in ["ethernet", "raw"] {
        for format in ["pcap", "nsecpcap", "pcapng"] {
            let capture = many_converted(&dir, &["-F", format, "--link-type", link_type], "capture");
            let packets = fields(tshark(&capture), ["frame.number"]).len();
            // From its standard input: where AppArmor guards tcpdump, it opens few files itself.
            let command = tool("tcpdump").args(["-nn", "-q", "-r", "-"]).stdin(dir.read("capture"));
            assert_eq!(text(command).lines().count(), packets, "{format}, {link_type}");
        }
    }
}

#[test]
#[ignore = "needs editcap and tshark (Debian packages wireshark-common and tshark)"]
fn editcap_copies_every_packet() {
    let dir = Dir::new();
    let capture = many_converted(&dir, &[], "capture.pcapng");
    let packets = |capture: &Path| fields(tshark(capture), ["tcp.stream", "frame.cap_len", "frame.len"]);
    for format in ["pcap", "nsecpcap", "pcapng"] {
        let copy = dir.path(format);
        text(tool("editcap").args(["-F", format]).arg(&capture).arg(&copy));
        assert_eq!(packets(&copy), packets(&capture), "{format}");
    }
}
