//! Whether the TCP around the bytes is one that readers believe: segments, gaps, beginnings and ends.

use super::{converted, converted_with};
use crate::program::{Dir, testdata};
use crate::tools::{Http, assert_healthy, decode_as, fields, follow, messages, tshark, ways};

/// 72,128 bytes in one write: more than IP can carry in a packet.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn event_larger_than_a_packet() {
    let dir = Dir::new();
    let capture = converted(&dir, "event-over-64k-streamed.pb");
    assert_healthy(&capture);
    let seen = messages(tshark(&capture).args(decode_as("http2", &[11010])), Http::Two);
    assert_eq!(seen, ["GET /b?n=71993 127.0.0.1:11010", "200"]);
    let lengths: Vec<usize> = follow(&capture, 0).values().map(Vec::len).collect();
    assert_eq!(lengths, [55 + 72_128, 113 + 9]);
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn cut_events_of_known_length() {
    let dir = Dir::new();
    let capture = converted(&dir, "cut-streamed-later-messages.pb_length_delimited");
    assert_healthy(&capture);
    let cut = fields(tshark(&capture).args(["-Y", "frame.cap_len < frame.len"]), ["tcp.len"]).concat();
    // What the trace's sequence numbers say, of which 1,024 were kept.
    assert_eq!(cut, [5_216 - 89, 6_871 - 5_216, 8_503 - 6_871].map(|length: u32| length.to_string()));
    // Else tshark holds a message back until it has seen the whole body.
    let at_once = tshark(&capture).args(["-o", "http.desegment_body:FALSE"]);
    let [host, get, post, get_next] = ["127.0.0.1:46273", "GET /text/5000", "POST /echo", "GET /text/9"];
    let expected = [(get, "200"), (post, "201"), (get_next, "200")];
    let expected = expected.map(|(request, status)| [format!("{request} {host}"), status.to_owned()]);
    assert_eq!(messages(at_once, Http::One), expected.concat());
}

/// 79,534 bytes in one write, 1,024 of them kept: segments with nothing in them follow.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn cut_event_larger_than_a_packet() {
    let dir = Dir::new();
    let capture = converted(&dir, "cut-over-64k-http2-streamed.pb_length_delimited");
    assert_healthy(&capture);
    let lengths = fields(tshark(&capture).args(["-Y", "tcp.srcport == 11021"]), ["tcp.len"]).concat();
    let sent: u32 = lengths.iter().map(|length| length.parse::<u32>().expect("a length")).sum();
    assert_eq!(sent, 79_703 - 114);
    // The client's last frame, after the gap in what came from the server.
    let settings = tshark(&capture).args(decode_as("http2", &[11021])).args(["-Y", "tcp.srcport == 36380"]);
    let types = fields(settings, ["http2.type"]).concat();
    assert_eq!(types.iter().rfind(|types| !types.is_empty()).map(String::as_str), Some("4"));
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn cut_event_of_unknown_length() {
    let dir = Dir::new();
    let capture = converted(&dir, "cut-buffered.pb");
    assert_healthy(&capture);
    let names = ["tcp.len", "frame.comment"];
    let cut = fields(tshark(&capture).args(["-Y", "frame.cap_len < frame.len"]), names);
    let [[length, comment]] = &cut[..] else { panic!("one cut packet: {cut:?}") };
    assert_eq!(length, "1025", "one more than was captured");
    assert!(!comment.is_empty());
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn closed_connection_ends_with_two_fins() {
    let dir = Dir::new();
    for (tap, fins) in
        [("post-streamed.pb", 2), ("half-close.pb_length_delimited", 2), ("post-buffered.pb", 0)]
    {
        let capture = converted(&dir, tap);
        let ports = fields(tshark(&capture).args(["-Y", "tcp.flags.fin == 1"]), ["tcp.srcport"]).concat();
        assert_eq!(ports.len(), fins, "{tap}");
        assert!(ports.first() != ports.last() || fins == 0, "one from each side: {ports:?}");
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn handshake_makes_a_connection_complete() {
    let dir = Dir::new();
    let taps = [
        ("tls-post-streamed.pb_length_delimited", "11015"),
        // Recorded on Envoy's own connection to a server.
        ("upstream-streamed.pb_length_delimited", "35383"),
        ("server-speaks-first.pb_length_delimited", "11029"),
    ];
    for (tap, server) in taps {
        let capture = converted_with(&dir, &["--handshake"], tap);
        assert_healthy(&capture);
        let packets = fields(tshark(&capture), ["tcp.completeness", "tcp.flags", "tcp.dstport"]);
        // It grows until the last packet.
        assert_eq!(packets[packets.len() - 1][0], "31", "{tap}: {packets:?}");
        assert_eq!(
            [0, 1, 2].map(|at| &*packets[at][1]),
            ["0x0002", "0x0012", "0x0010"],
            "{tap}: {packets:?}"
        );
        assert_eq!(packets[0][2], server, "{tap}: {packets:?}");
    }
}

/// Three connections, one after another, from the same client port.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn reused_port_makes_three_streams() {
    let dir = Dir::new();
    let taps = [1, 2, 3].map(|number| testdata(&format!("reused-port-{number}.pb_length_delimited")));
    let taps = taps.map(|tap| std::fs::read(tap).expect("a tap")).concat();
    let capture = dir.path("capture.pcapng");
    dir.tap2pcap().arg("-").arg(&capture).stdin(taps).run().expect(0);
    assert_healthy(&capture);
    let [local, remote] =
        ["127.0.0.1:11030", "127.0.0.1:45999"].map(|address| address.parse().expect("an address"));
    let streams = [0, 1, 2];
    assert_eq!(
        ways(&capture),
        streams.iter().flat_map(|&n| [(n, local, remote), (n, remote, local)]).collect()
    );
    for stream in streams {
        let said = format!("connection {stream} says hi\n").repeat(stream + 1).into_bytes();
        assert_eq!(follow(&capture, stream), [(local, said.clone()), (remote, said)].into());
    }
}
