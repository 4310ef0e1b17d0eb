//! Taps that somebody has changed, wrapped or cut on their way.

use super::path;
use crate::conversion::{convert, convert_to};
use crate::encode::http::{HttpKind, HttpTap, NotUtf8};
use crate::encode::{Format, Tap};
use crate::http::connections;
use crate::http::exchange::{Message, Tapped};
use crate::model::{Conversation, noise};
use crate::program::{Dir, testdata};

fn file(tap: &str) -> Vec<u8> {
    std::fs::read(testdata(tap)).expect("a tap")
}

/// Envoy was killed: the file ends in an event of 12,000 bytes.
#[test]
fn the_last_event_of_a_killed_envoy_is_a_packet_captured_short() {
    let converted = convert_to("capture.pcapng", &[], &file("truncated-streamed.pb_length_delimited"), 1);
    let [.., last] = &converted.capture.packets[..] else { panic!("packets") };
    assert_eq!((last.payload.len(), last.length), (7_849, 12_000));
    let comments = ["tap.truncated=true", "tap.captured_length=7849", "tap.original_length=12000"];
    assert_eq!(last.comments, comments);
    let error = "tap: record 4 at byte 310: truncated record: 7,882 of 12,036 bytes are there, 4,154 are missing; \
                 Envoy writes in blocks and may still have the connection open, or was killed";
    assert!(converted.messages.contains(error), "{}", converted.messages);
    assert!(converted.messages.contains(", 1 body cut (4,151 bytes missing) -> "), "{}", converted.messages);
    assert!(!converted.messages.contains("max_buffered"), "no limit has cut it: {}", converted.messages);
    let dir = Dir::new();
    let table =
        dir.tap2pcap().args(["info", &path("truncated-streamed.pb_length_delimited")]).run().expect(1);
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    assert!(table.contains("truncated, open") && !table.contains("max_buffered"), "{table}");
}

/// A 64-bit id that jq has taken for a floating-point number.
#[test]
fn a_rounded_trace_id_is_one_exchange_and_a_warning() {
    let converted = convert(&[], &file("http-float-id-streamed-as-bytes.json"));
    let [connection] = &connections(&converted.capture)[..] else { panic!("one connection") };
    assert_eq!(connection.exchanges.len(), 1);
    assert!(
        converted.messages.contains("1 trace id has gone through a floating-point number"),
        "{}",
        converted.messages
    );
    assert!(converted.capture.comments().contains(&"tap.trace_id=13662045347661860864"));
    convert_to("capture", &["--strict"], &file("http-float-id-streamed-as-bytes.json"), 1);
}

#[test]
fn numbers_may_be_floating_point_ones_without_a_fraction() {
    let event = |id: &str, seq: &str| {
        format!(
            "{{\"socket_streamed_trace_segment\": {{\"trace_id\": {id}, \"event\": {{\"timestamp\": \
             \"2026-11-20T10:58:36Z\", \"read\": {{\"data\": {{\"as_bytes\": \"YQ==\"}}}}, \"seq_num\": {seq}}}}}}}\n"
        )
    };
    for (id, rounded) in [
        ("7", false),
        ("7.0", false),
        ("7e0", false),
        ("\"7\"", false),
        ("\"13662045347661858816\"", false),
        ("1.3662045347661859e+19", true),
        ("13662045347661859000", true),
        ("9007199254740992", true),
    ] {
        let messages = convert(&[], event(id, "1.0").as_bytes()).messages;
        assert_eq!(messages.contains("floating-point"), rounded, "{id}: {messages}");
    }
    for id in ["-1", "1.5", "1e30", "-0.5", "\"x\"", "NaN"] {
        let ran = convert_to_status(&event(id, "1"));
        assert_eq!(ran, Some(1), "{id}");
    }
}

fn convert_to_status(tap: &str) -> Option<i32> {
    let dir = Dir::new();
    dir.write("tap", tap.as_bytes());
    dir.tap2pcap().args(["tap", "capture"]).run().code
}

/// Bodies that were replaced before the tap was handed on.
#[test]
fn a_removed_body_costs_only_itself() {
    let converted = convert(&["--http", "1"], &file("http-redacted-buffered-as-bytes.json"));
    let [connection] = &connections(&converted.capture)[..] else { panic!("one connection") };
    assert_eq!(
        [connection.client.port(), connection.server.port()],
        [32_782, 11_033],
        "the addresses are kept"
    );
    let response = connection.exchanges[0].response.as_ref().expect("a response");
    assert_eq!((response.kept().len(), response.length()), (0, 487));
    assert!(converted.messages.contains("warning: 1 body is missing: "), "{}", converted.messages);
    convert_to("capture", &["--strict"], &file("http-redacted-buffered-as-bytes.json"), 1);
    let tap =
        Tap::streamed(Format::JsonBytes).write(&[Conversation::new(1).read("GET /").write("ok").closed()]);
    let base64 = base64_simd::STANDARD.encode_to_string("GET /");
    for removed in ["<redacted>", "***", "[REDACTED]", "removed by policy 7"] {
        let text = String::from_utf8(tap.clone()).expect("UTF-8").replace(&base64, removed);
        let converted = convert(&[], text.as_bytes());
        let packets = &converted.capture.packets;
        assert_eq!((packets[0].payload.len(), packets[0].length), (0, 5), "seq_num tells how long it was");
        assert_eq!(packets[1].payload, b"ok", "{removed}");
        assert!(converted.messages.contains("1 body is missing"), "{}", converted.messages);
    }
}

/// A long body with a wrong character is damage.
#[test]
fn a_damaged_body_is_kept_up_to_the_damage() {
    let body = noise(300);
    let tap =
        Tap::streamed(Format::JsonBytes).write(&[Conversation::new(1).read(&body).write("ok").closed()]);
    let base64 = base64_simd::STANDARD.encode_to_string(&body);
    let damaged = format!("{}!{}", &base64[..100], &base64[101..]);
    let text = String::from_utf8(tap).expect("UTF-8").replace(&base64, &damaged);
    let converted = convert_to("capture.pcapng", &[], text.as_bytes(), 1);
    let packets = &converted.capture.packets;
    assert!(packets[0].payload == body[..75] && packets[0].length == 300, "{packets:?}");
    assert_eq!(packets[1].payload, b"ok");
    assert!(converted.messages.contains("a body is not valid base64"), "{}", converted.messages);
}

/// Gloo's `TapRequest` around Envoy's `TraceWrapper`.
#[test]
fn a_wrapped_trace_is_the_trace() {
    for tap in ["http-gloo-buffered.pb", "http-gloo-buffered-as-bytes.json"] {
        let converted = convert(&[], &file(tap));
        let [connection] = &connections(&converted.capture)[..] else { panic!("one connection") };
        let [exchange] = &connection.exchanges[..] else { panic!("one exchange") };
        assert_eq!(
            exchange.request.as_ref().and_then(|request| request.text(":path")),
            Some("/noise?n=49238")
        );
        assert_eq!(connection.server.port(), 11_043);
    }
}

/// The end of what a killed Envoy wrote is the same with `TapRequest` around it.
#[test]
fn a_wrapped_trace_that_is_truncated_is_the_trace() {
    let wrapped = file("http-gloo-buffered.pb");
    // Two tags and lengths.
    let inner = &wrapped[3..];
    assert_eq!(inner[0], 0x0a, "a wrapper");
    let options = ["--start-time", "5"];
    let (plain, whole) = (convert(&options, inner), convert(&options, &wrapped));
    assert!(plain.file == whole.file);
    for missing in (1..inner.len() - 100).step_by(61) {
        let [plain, cut] =
            [inner, &wrapped].map(|tap| convert_to("capture", &options, &tap[..tap.len() - missing], 1));
        assert!(plain.file == cut.file, "{missing}: {}", cut.messages);
    }
}

/// Any trace in a `TapRequest` is read as the trace itself, and no trace is taken for one in a request.
#[test]
fn every_wrapped_trace_is_read_as_it_is_without() {
    let exchanges = [
        Tapped::new(1, Message::request("GET", "/", &[]), Message::response("200", &[]).piece("a")),
        Tapped::new(1, Message::request("POST", "/", &[]).piece("\n\n"), None),
        Tapped::new(1, None, Message::response("503", &[])),
    ];
    let http = |kind, format, exchange: &Tapped| {
        let not_utf8 = NotUtf8::RawValue;
        let tap = HttpTap { kind, format, has_times: true, has_connections: true, not_utf8 };
        (tap.records(exchange), tap.format)
    };
    let conversation = Conversation::new(7).read("GET /").write("ok").closed();
    for format in Format::LOSSLESS {
        let socket = [Tap::buffered(format), Tap::streamed(format)]
            .map(|tap| (tap.records(std::slice::from_ref(&conversation)), format));
        let of_http = exchanges.iter().flat_map(|exchange| {
            [HttpKind::Buffered, HttpKind::Streamed].map(|kind| http(kind, format, exchange))
        });
        for (records, format) in socket.into_iter().chain(of_http) {
            let wrapped: Vec<_> = records
                .iter()
                .map(|record| {
                    vec![crate::encode::tree::field(
                        "trace_data",
                        1,
                        crate::encode::tree::Value::Message(record.clone()),
                    )]
                })
                .collect();
            let options = ["--start-time", "5"];
            let [plain, wrapped] =
                [records, wrapped].map(|records| convert(&options, &format.print(&records)));
            assert!(plain.file == wrapped.file, "{format:?} {}", wrapped.messages);
        }
    }
}

/// The limit is tap2pcap's own, and higher where a record need not be held twice.
#[test]
fn a_record_that_is_too_large_is_one_for_tap2pcap() {
    let dir = Dir::new();
    let record = |length: u64| {
        let mut record = vec![0x0a];
        crate::encode::wire::varint(length, &mut record);
        [&record[..], b"\x0a\x13\x0a\x11\x0a\x07:method\x12\x06GETGET"].concat()
    };
    dir.write("300-mib", &record(300 << 20));
    dir.write("2-gib", &record(2 << 30));
    let in_file = dir.tap2pcap().args(["300-mib", "capture"]).run().expect(1).stderr;
    assert!(in_file.contains(" of 314,572,806 bytes are there"), "{in_file}");
    let in_pipe = dir.tap2pcap().args(["-", "capture"]).stdin(record(300 << 20)).run().expect(1).stderr;
    let too_large = dir.tap2pcap().args(["2-gib", "capture"]).run().expect(1).stderr;
    for message in [in_pipe, too_large] {
        let says = ": tap2pcap reads records of at most 256 MiB, of 1,088 MiB from a binary file";
        assert!(message.contains(says), "{message}");
    }
}

/// Two pods that both had a connection 92.
#[test]
fn captures_of_inputs_with_one_name_say_whose_they_are() {
    let dir = Dir::new();
    for (id, pod) in [(1, "pod-a"), (2, "pod-b")] {
        let tap = Tap::streamed(Format::Delimited)
            .write(&[Conversation::new(92).read(format!("GET /{id}")).closed()]);
        std::fs::create_dir(dir.path(pod)).expect("a directory");
        std::fs::write(dir.path(pod).join("tap_92.pb"), tap).expect("a tap");
    }
    for inputs in [["pod-a", "pod-b"], ["pod-b", "pod-a"]] {
        dir.tap2pcap().args(["--split", "captures"]).args(inputs).run().expect(0);
        for (id, pod) in [(1, "pod-a"), (2, "pod-b")] {
            let capture = crate::capture::Capture::parse(&dir.read(&format!("captures/{pod}-tap_92.pcap")));
            assert_eq!(capture.packets[0].payload, format!("GET /{id}").into_bytes());
        }
    }
}
