//! What to do about it: the tap's limit that was too low, and the options with which tshark shows everything.

use serde_json::json;

use super::*;
use crate::model::{Address, ip};

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A conversation with Envoy at this port of 10.1.0.1.
fn at_port(id: u64, port: u16) -> Conversation {
    let conversation = Conversation::new(id);
    let remote = conversation.remote.clone();
    conversation.between(ip(&format!("10.1.0.1:{port}")), remote)
}

#[track_caller]
fn tshark_of(conversations: &[Conversation]) -> Vec<String> {
    let info = info_of(&Tap::streamed(Format::Delimited).write(conversations));
    strings(&info["tshark"]).into_iter().map(str::to_owned).collect()
}

#[test]
fn http2_is_named_by_the_port_of_the_side_that_accepts() {
    assert_eq!(tshark_of(&[at_port(1, 10_000).read(PREFACE)]), ["-d tcp.port==10000,http2"]);
    // Envoy is the client.
    let upstream = at_port(1, 50_000).write(PREFACE).read("answer");
    assert_eq!(tshark_of(&[upstream]), ["-d tcp.port==40000,http2"]);
    // The server speaks first: the client's preface still tells.
    let settings = "\0\0\0\x04\0\0\0\0\0";
    assert_eq!(tshark_of(&[at_port(1, 10_000).write(settings).read(PREFACE)]), ["-d tcp.port==10000,http2"]);
}

#[test]
fn grpc_is_named_as_http2() {
    let grpc =
        at_port(1, 10_000).read(PREFACE).read("\0\0\x20\x01\x04\0\0\0\x01@content-type application/grpc");
    let info = info_of(&Tap::streamed(Format::Delimited).write(&[grpc]));
    assert_eq!(info["traces"][0]["protocol"], "gRPC");
    assert_eq!(info["traces"][0]["server_port"], 10_000);
    assert_eq!(info["tshark"], json!(["-d tcp.port==10000,http2"]));
}

#[test]
fn every_port_is_named_once() {
    let conversations =
        [(1, 9_001), (2, 9_002), (3, 9_001), (4, 9_000)].map(|(id, port)| at_port(id, port).read(PREFACE));
    let expected = [9_000, 9_001, 9_002].map(|port| format!("-d tcp.port=={port},http2"));
    assert_eq!(tshark_of(&conversations), expected);
    let table = table_of(&Tap::streamed(Format::Delimited).write(&conversations));
    assert!(table.contains(&format!("  tshark: -r CAPTURE {}\n", expected.join(" "))), "{table}");
    for port in [9_000, 9_001, 9_002] {
        assert_eq!(table.matches(&format!("TCP port {port} > HTTP2\n")).count(), 1, "{table}");
    }
}

/// Wireshark looks for HTTP/2 there of itself; and other protocols need no hint.
#[test]
fn there_is_no_hint_where_none_is_needed() {
    let silent: [&[Conversation]; 5] = [
        &[at_port(1, 80).read(PREFACE)],
        &[at_port(1, 8_080).read(PREFACE)],
        &[at_port(1, 10_000).read("GET / HTTP/1.1\r\n\r\n")],
        &[at_port(1, 10_000).read("\x16\x03\x01\x02\0\x01\0\x01\u{7c}")],
        &[at_port(1, 10_000).read("PRI * nothing of the sort")],
    ];
    for conversations in silent {
        assert_eq!(tshark_of(conversations), [""; 0]);
        let table = table_of(&Tap::streamed(Format::Delimited).write(conversations));
        assert!(!table.contains("tshark") && !table.contains("Wireshark"), "{table}");
    }
}

#[test]
fn there_is_no_hint_for_a_port_that_nobody_knows() {
    let pipe =
        Conversation::new(1).between(Some(Address::Pipe("x".to_owned())), ip("10.0.0.1:5")).read(PREFACE);
    let info = info_of(&Tap::streamed(Format::Delimited).write(&[pipe]));
    assert_eq!((&info["traces"][0]["protocol"], &info["tshark"]), (&json!("HTTP/2"), &json!([])));
}

#[test]
fn protocols_are_told_by_the_first_bytes_of_either_side() {
    let read = |bytes: &str| at_port(1, 10_000).read(bytes);
    let write = |bytes: &str| at_port(1, 10_000).write(bytes);
    let hello = "\x16\x03\x01\x02\0\x01\0\x01\u{7c}";
    let cases = [
        (read("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), "HTTP/1.1", json!(10_000)),
        (read("PROPFIND /a HTTP/1.0\r\n"), "HTTP/1.1", json!(10_000)),
        (write("POST /x HTTP/1.1\r\n"), "HTTP/1.1", json!(40_000)),
        (write("HTTP/1.1 200 OK\r\n"), "HTTP/1.1", json!(10_000)),
        (read(PREFACE), "HTTP/2", json!(10_000)),
        (read(hello), "TLS", json!(10_000)),
        (write(hello), "TLS", json!(40_000)),
        (read("").read("").read("GET / HTTP/1.1\r\n"), "HTTP/1.1", json!(10_000)),
        (read("EHLO example.com\r\n"), "SMTP", json!(10_000)),
        (read("get / http/1.1\r\n"), "other", Json::Null),
        (read("HELO x HTTP/1.0 is no request\r\n"), "other", Json::Null),
        (read(""), "other", Json::Null),
    ];
    for (conversation, protocol, port) in cases {
        let bytes = format!("{:?}", conversation.events[0].what);
        let info = info_of(&Tap::streamed(Format::Delimited).write(&[conversation]));
        assert_eq!(info["traces"][0]["protocol"], protocol, "{bytes}");
        assert_eq!(info["traces"][0]["server_port"], port, "{bytes}");
    }
}

#[test]
fn the_limit_that_cut_is_named_with_what_it_was() {
    let cut = Conversation::new(1).cut_read(noise(5_000), 2_048).write("whole").cut_read(noise(3_000), 2_048);
    let cut = cut.cut_write(noise(900), 512).closed();
    let info = info_of(&Tap::streamed(Format::Delimited).write(std::slice::from_ref(&cut)));
    assert_eq!(
        strings(&info["warnings"]),
        [
            "2 bodies are cut by 3,904 bytes: raise max_buffered_rx_bytes, now 2048",
            "1 body is cut by 388 bytes: raise max_buffered_tx_bytes, now 512",
        ]
    );
    assert_eq!(
        (&info["traces"][0]["read"]["limit"], &info["traces"][0]["written"]["limit"]),
        (&json!(2048), &json!(512))
    );
}

/// Buffered, the limit is for a whole direction; and nobody knows how much is missing.
#[test]
fn the_limit_of_a_buffered_trace_is_for_all_of_a_direction() {
    let cut = Conversation::new(1).read(noise(600)).write("whole").cut_read(noise(3_000), 424);
    let info = info_of(&Tap::buffered(Format::Delimited).write(&[cut]));
    let [warning] = strings(&info["warnings"])[..] else { panic!("{info}") };
    assert!(warning.starts_with("1 body is cut by "), "{warning}");
    assert!(
        warning.contains(" or more") && warning.ends_with(": raise max_buffered_rx_bytes, now 1024"),
        "{warning}"
    );
    assert_eq!(info["traces"][0]["read"]["missing_unknown"], true);
}

/// tshark waits for the rest of a body that never comes.
#[test]
fn cut_http1_bodies_want_an_option() {
    let request = "GET / HTTP/1.1\r\n\r\n";
    let option = "-o http.desegment_body:FALSE";
    assert_eq!(tshark_of(&[at_port(1, 80).read(request).cut_write(noise(500), 10).closed()]), [option]);
    assert_eq!(tshark_of(&[at_port(1, 80).read(request).write(noise(500)).closed()]), [""; 0]);
    let http2 = at_port(1, 9_000).read(PREFACE).cut_write(noise(500), 10).closed();
    assert_eq!(tshark_of(std::slice::from_ref(&http2)), ["-d tcp.port==9000,http2"]);
    let http1 = at_port(2, 80).read(request).cut_write(noise(500), 10).closed();
    assert_eq!(tshark_of(&[http2, http1]), ["-d tcp.port==9000,http2", option]);
}

#[test]
fn the_generation_of_envoy_is_told() {
    let conversation = [Conversation::new(1).read("a").closed()];
    let plain = Tap { seq_num: false, ..Tap::streamed(Format::Delimited) };
    let cases = [
        (plain, "1.28 or later"),
        (Tap { connection_per_event: true, ..plain }, "1.34 or later"),
        (Tap { kind: crate::encode::Kind::Batched(2), ..plain }, "1.35 or later"),
        (Tap { seq_num: true, ..plain }, "1.37 or later"),
        (Tap::buffered(Format::Text), "1.10 or later"),
    ];
    for (tap, expected) in cases {
        let file = tap.write(&conversation);
        assert_eq!(info_of(&file)["envoy"], expected, "{tap:?}");
        assert!(table_of(&file).contains(&format!(", Envoy {expected}, ")), "{tap:?}");
    }
}

/// What a conversion warns of shows before it.
#[test]
fn info_warns_of_a_tap_where_a_conversion_does() {
    for entry in std::fs::read_dir(testdata("")).expect("testdata").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("UTF-8");
        if name.ends_with(".md") || name.ends_with(".txt") || entry.path().is_dir() {
            continue;
        }
        let dir = Dir::new();
        dir.write("tap", &std::fs::read(entry.path()).expect("a tap"));
        let converted = dir.tap2pcap().args(["tap", "capture.pcap"]).run();
        let info = info(&["--json"], &[&name]);
        assert_eq!(info.code, converted.code, "{name}: {}", converted.stderr);
        let (info, converted) = (only(&info.stdout), converted.stderr);
        let warnings = strings(&info["warnings"]);
        assert_eq!(converted.contains("warning: "), !warnings.is_empty(), "{name}: {warnings:?} {converted}");
    }
}
