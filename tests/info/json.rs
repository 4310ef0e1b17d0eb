//! What `--json` says of each tap in testdata/ is what the tests' own decoder finds there.

use serde_json::json;

use super::*;
use crate::decode::{Decoded, Seen, What, decode};

/// What it speaks, which nobody but a person can tell.
const TAPS: [(&str, Format, &str); 31] = [
    ("admin-interleaved-as-bytes.json", Format::JsonBytes, "HTTP/1.1"),
    ("batched-as-string.json", Format::JsonString, "HTTP/1.1"),
    ("batched.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
    ("chunked-buffered.pb_text", Format::Text, "HTTP/1.1"),
    ("chunked-streamed-as-bytes.json", Format::JsonBytes, "HTTP/1.1"),
    ("cut-buffered.pb", Format::Binary, "HTTP/1.1"),
    ("cut-often-streamed.pb_length_delimited", Format::Delimited, "other"),
    ("cut-over-64k-http2-streamed.pb_length_delimited", Format::Delimited, "HTTP/2"),
    ("cut-streamed-later-messages.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
    ("cut-streamed.pb", Format::Binary, "HTTP/1.1"),
    ("event-over-64k-streamed.pb", Format::Binary, "HTTP/2"),
    ("grpc.pb_length_delimited", Format::Delimited, "gRPC"),
    ("half-close.pb_length_delimited", Format::Delimited, "other"),
    ("http2-streamed.pb", Format::Binary, "HTTP/2"),
    ("ipv6-streamed.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
    ("post-buffered-as-bytes.json", Format::JsonBytes, "HTTP/1.1"),
    ("post-buffered-as-string.json", Format::JsonString, "HTTP/1.1"),
    ("post-buffered.pb", Format::Binary, "HTTP/1.1"),
    ("post-buffered.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
    ("post-buffered.pb_text", Format::Text, "HTTP/1.1"),
    ("post-streamed-as-bytes.json", Format::JsonBytes, "HTTP/1.1"),
    ("post-streamed-as-string.json", Format::JsonString, "HTTP/1.1"),
    ("post-streamed.pb", Format::Binary, "HTTP/1.1"),
    ("post-streamed.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
    ("post-streamed.pb_text", Format::Text, "HTTP/1.1"),
    ("server-speaks-first.pb_length_delimited", Format::Delimited, "SMTP"),
    ("tap2pcap_h2_ipv4.pb_text", Format::Text, "HTTP/2"),
    ("tls-http2-streamed.pb_length_delimited", Format::Delimited, "HTTP/2"),
    ("unix-socket.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
    ("upstream-buffered.pb", Format::Binary, "HTTP/1.1"),
    ("upstream-streamed.pb_length_delimited", Format::Delimited, "HTTP/1.1"),
];

#[test]
fn says_what_is_in_every_tap() {
    let names = TAPS.map(|(name, ..)| name);
    let infos = elements(&info(&["--json"], &names).expect(0).stdout);
    assert_eq!(infos.len(), TAPS.len());
    for (info, (name, format, protocol)) in infos.iter().zip(TAPS) {
        let decoded = decode(format, &std::fs::read(testdata(name)).expect("a tap"));
        assert_eq!(info["name"], name);
        assert_eq!(info["format"], format.option(), "{name}");
        assert_eq!((&info["duplicates"], &info["http_messages"]), (&json!(0), &json!(0)), "{name}");
        assert_eq!(info["errors"], json!([]), "{name}");
        let ids = trace_ids(&decoded);
        let traces = info["traces"].as_array().expect("an array");
        assert_eq!(traces.len(), ids.len(), "{name}");
        for (trace, id) in traces.iter().zip(ids) {
            assert_eq!(trace["protocol"], protocol, "{name}");
            assert_is_trace(trace, id, &decoded, name);
        }
    }
}

/// The trace ids in the order in which they come.
fn trace_ids(decoded: &Decoded) -> Vec<u64> {
    let mut ids = Vec::new();
    let connections = decoded.connections.iter().map(|(id, _)| *id);
    for id in connections.chain(decoded.events.iter().map(|event| event.trace_id)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

#[track_caller]
fn assert_is_trace(trace: &Json, id: u64, decoded: &Decoded, name: &str) {
    let is_buffered = name.contains("buffered") || name.starts_with("tap2pcap_h2");
    let events: Vec<&Seen> = decoded.events.iter().filter(|event| event.trace_id == id).collect();
    let [local, remote] = addresses(decoded, id);
    let expected = json!({
        "trace_id": id.to_string(),
        "kind": if is_buffered { "socket_buffered" } else { "socket_streamed" },
        "local": local,
        "remote": remote,
        "events": events.len(),
        "read": direction(&events, true, is_buffered),
        "written": direction(&events, false, is_buffered),
        "lost_bytes": 0,
        "closed": events.iter().any(|event| event.what == What::Closed),
    });
    for (key, expected) in expected.as_object().expect("an object") {
        assert_eq!(&trace[key], expected, "{key} of {id} in {name}");
    }
    let time = |key: &str| -> jiff::Timestamp {
        trace[key].as_str().expect("a string").parse().expect("a time as RFC 3339 has it")
    };
    let [first, .., last] = &events[..] else { panic!("there are events in {name}") };
    assert_eq!(time("first").as_nanosecond(), i128::from(first.time), "{name}");
    assert_eq!(time("last").as_nanosecond(), i128::from(last.time), "{name}");
}

/// What the messages of a trace say of its addresses, all together.
fn addresses(decoded: &Decoded, id: u64) -> [Option<String>; 2] {
    let mut known = [None, None];
    for (_, addresses) in decoded.connections.iter().filter(|(trace, _)| *trace == id) {
        for (known, address) in known.iter_mut().zip(addresses) {
            *known = address.clone().or(known.take());
        }
    }
    known
}

/// Bytes, cut bodies, what these lack, and the limit that cut them.
fn direction(events: &[&Seen], is_read: bool, is_buffered: bool) -> Json {
    let (mut bytes, mut cut, mut missing, mut is_unknown, mut limit) = (0, 0, 0, false, None);
    for (number, event) in events.iter().enumerate() {
        let What::Data { bytes: body, is_truncated, .. } = (match &event.what {
            What::Data { is_read: other, .. } if *other != is_read => continue,
            What::Closed => continue,
            data => data,
        }) else {
            continue;
        };
        bytes += body.len();
        if !is_truncated {
            continue;
        }
        cut += 1;
        // The limit holds for a direction of a buffered trace, and for each event of a streamed one.
        limit = limit.max(Some(if is_buffered { bytes } else { body.len() }));
        match events.get(number + 1) {
            Some(next) if event.seq_num > 0 => {
                let is_close = u64::from(next.what == What::Closed);
                missing += next.seq_num - is_close - event.seq_num - body.len() as u64;
            }
            _ => is_unknown = true,
        }
    }
    json!({
        "bytes": bytes,
        "cut": cut,
        "missing_bytes": missing,
        "missing_unknown": is_unknown,
        "limit": limit,
    })
}

#[test]
fn ids_that_are_too_large_for_a_number_are_kept() {
    let conversations = [u64::MAX, u64::MAX - 1, (1 << 53) + 1].map(|id| Conversation::new(id).read("a"));
    let info = info_of(&Tap::streamed(Format::JsonBytes).write(&conversations));
    let ids: Vec<&str> = info["traces"]
        .as_array()
        .expect("traces")
        .iter()
        .map(|trace| trace["trace_id"].as_str().expect("a string"))
        .collect();
    assert_eq!(ids, ["18446744073709551615", "18446744073709551614", "9007199254740993"]);
}

/// A trace has no numbers of its own where nothing happened in it.
#[test]
fn a_trace_without_events_has_no_times() {
    let info = info_of(&Tap::streamed(Format::Delimited).write(&[Conversation::new(1)]));
    let trace = &info["traces"][0];
    assert_eq!((&trace["events"], &trace["first"], &trace["last"]), (&json!(0), &Json::Null, &Json::Null));
    assert_eq!(trace["closed"], false);
}

#[test]
fn what_was_lost_or_came_twice_is_counted() {
    let tap = Tap::streamed(Format::Delimited);
    let writes = (0..8).fold(Conversation::new(1), |conversation, n| conversation.write(noise(100 + n)));
    let mut records = tap.records(&[writes.closed()]);
    records.insert(6, records[5].clone());
    records.remove(3);
    let info = info_of(&tap.format.print(&records));
    assert_eq!((&info["duplicates"], &info["traces"][0]["lost_bytes"]), (&json!(1), &json!(102)));
    assert_eq!(info["traces"][0]["events"], 8);
    let warnings = strings(&info["warnings"]);
    assert!(warnings.iter().any(|warning| warning.starts_with("102 bytes were lost")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.starts_with("1 message came twice")), "{warnings:?}");
}

/// The sample rate is said once, on the first message of a tap.
#[test]
fn the_sample_rate_is_said() {
    use crate::encode::tree::{Value, field};
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format);
        let mut records = tap.records(&[Conversation::new(1).read("a"), Conversation::new(2).read("b")]);
        let rate = vec![
            field("numerator", 1, Value::U32(25)),
            field("denominator", 2, Value::Enum("TEN_THOUSAND", 1)),
        ];
        records[0].push(field("configured_sample_rate", 5, Value::Message(rate)));
        let file = format.print(&records);
        assert_eq!(info_of(&file)["sample_rate"], "25/10000", "{format:?}");
        assert!(table_of(&file).contains("25/10000"), "{format:?}");
    }
    assert_eq!(
        info_of(&Tap::streamed(Format::Text).write(&[Conversation::new(1).read("a")]))["sample_rate"],
        Json::Null
    );
}
