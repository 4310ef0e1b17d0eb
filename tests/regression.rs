//! Faults that were found, a test each that failed before, with what was wrong. A fault whose subject has a module is there.

use crate::conversion::convert;
use crate::encode::{Format, Tap};
use crate::model::Conversation;
use crate::program::Dir;

/// Bytes that were read and written, whichever way a trace is read.
const EVENTS: usize = 2;

fn conversation() -> Conversation {
    Conversation::new(7).read("GET / HTTP/1.1\r\n\r\n").write("HTTP/1.1 204 No Content\r\n\r\n")
}

/// In JSON and in text a trace was read up to its first event only: an id that another program has sorted behind it was lost.
#[test]
fn an_id_after_the_event_is_the_events() {
    let tap = Tap::streamed(Format::JsonBytes);
    let json = String::from_utf8(tap.write(&[conversation()])).expect("JSON is UTF-8");
    let mut records: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&json)
        .into_iter()
        .map(|record| record.expect("a record"))
        .collect();
    for record in &mut records {
        let trace = record["socket_streamed_trace_segment"].as_object_mut().expect("a trace");
        let id = trace.remove("trace_id").expect("an id");
        // serde_json keeps the names sorted: `event` comes before `traceId`.
        trace.insert("traceId".to_owned(), id);
    }
    let sorted: String = records.iter().map(|record| record.to_string() + "\n").collect();
    let text = "socket_streamed_trace_segment { event { timestamp { seconds: 1 } read { data { as_bytes: \"a\" } } } trace_id: 7 }
        socket_streamed_trace_segment { event { timestamp { seconds: 2 } write { data { as_bytes: \"b\" } } } trace_id: 7 }";
    for tap in [sorted.as_bytes(), text.as_bytes()] {
        let converted = convert(&["--trace-id", "7"], tap);
        let payloads = converted.capture.packets.iter().filter(|packet| packet.length > 0);
        assert_eq!(payloads.count(), EVENTS, "{}", converted.messages);
        assert_eq!(converted.capture.streams().len(), 1);
    }
}

/// A port of more than 16 bits in text and JSON was taken modulo 2^32.
#[test]
fn a_port_that_is_too_large_is_no_other_port() {
    let text = "socket_buffered_trace { trace_id: 7 connection { local_address { socket_address { address: \"10.0.0.1\" port_value: 4294967376 } }
        remote_address { socket_address { address: \"10.0.0.2\" port_value: 9 } } } events { timestamp { seconds: 1 } read { data { as_bytes: \"a\" } } } }";
    let dir = Dir::new();
    dir.write("tap.pb_text", text.as_bytes());
    let ran = dir.tap2pcap().args(["info", "tap.pb_text"]).run().expect(0);
    let table = String::from_utf8(ran.stdout).expect("text");
    assert!(!table.contains("10.0.0.1:80"), "{table}");
}

/// An input that is no tap, and is the capture by another name, was not recognized as an input: the capture replaced it.
#[cfg(unix)]
#[test]
fn a_capture_that_is_an_input_by_a_hard_link_is_not_replaced() {
    let dir = Dir::new();
    dir.write("tap.pb", &Tap::buffered(Format::Binary).write(&[conversation()]));
    dir.tap2pcap().args(["tap.pb", "out.pcap"]).run().expect(0);
    std::fs::hard_link(dir.path("out.pcap"), dir.path("linked.pcap")).expect("a link");
    let ran = dir.tap2pcap().args(["-w", "out.pcap", "tap.pb", "linked.pcap"]).run().expect(1);
    assert!(ran.stderr.contains("out.pcap is an input"), "{}", ran.stderr);
}
