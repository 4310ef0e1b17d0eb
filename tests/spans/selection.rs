//! Only the conversations that have spans, and the list of requests with their spans.

use super::*;
use crate::frames::parse;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A Hubble flow of an HTTP request, or of its response.
fn flow(port: u16, span: &str, time: &str, is_response: bool) -> String {
    let (kind, ends, ports) = if is_response {
        ("RESPONSE", ["10.0.0.2", "10.0.0.1"], [80, port])
    } else {
        ("REQUEST", ["10.0.0.1", "10.0.0.2"], [port, 80])
    };
    let traceparent = format!("00-{TRACE}-{span}-01");
    let headers = json!([{ "key": "Traceparent", "value": traceparent }]);
    let flow = json!({
        "time": format!("2026-11-26T14:16:{time}Z"), "verdict": "FORWARDED", "Type": "L7", "node_name": "n1",
        "IP": { "source": ends[0], "destination": ends[1], "ipVersion": "IPv4" },
        "l4": { "TCP": { "source_port": ports[0], "destination_port": ports[1] } },
        "l7": { "type": kind, "http": {
            "method": "GET", "url": format!("http://shop/{port}"), "protocol": "HTTP/1.1", "headers": headers,
            "code": if is_response { 200 } else { 0 },
        } },
        "event_type": { "type": 129 }, "traffic_direction": "INGRESS", "is_reply": is_response,
    });
    json!({ "flow": flow, "node_name": "n1" }).to_string() + "\n"
}

/// Two exchanges of which the first has a span, with an event at its end.
fn flows(dir: &Dir) -> [PathBuf; 2] {
    let (with, without) = ("00f067aa0ba902b7", "00f067aa0ba902b8");
    let flows = flow(1001, with, "49.000", false)
        + &flow(1002, without, "49.010", false)
        + &flow(1001, with, "49.500", true)
        + &flow(1002, without, "49.510", true);
    let begin = 1_795_702_609_000_000_u64;
    let span = json!([{
        "traceId": TRACE, "id": with, "name": "pay", "kind": "SERVER", "timestamp": begin - 100_000, "duration": 600_000,
        "annotations": [{ "timestamp": begin + 450_000, "value": "paid" }],
        "localEndpoint": { "serviceName": "shop" },
    }]);
    [dir.write("flows.json", flows.as_bytes()), dir.write("spans.json", span.to_string().as_bytes())]
}

#[test]
fn only_the_connections_with_spans_are_written() {
    let dir = Dir::new();
    let all = [taps("zipkinup_"), taps("otel_")].concat();
    let convert = |options: &[&str]| {
        dir.tap2pcap()
            .args(["--http", "1", "-w", "out.pcapng", "--spans"])
            .arg(spans("otlp.jsonl"))
            .args(options)
            .args(&all)
            .run()
            .expect(0);
        Capture::parse(&dir.read("out.pcapng"))
    };
    let (whole, only) = (convert(&[]), convert(&["--spans-only"]));
    // A conversation, by the interface of its tap and its ends.
    let key = |packet: &crate::capture::Packet| {
        let mut ends = [packet.source, packet.destination];
        ends.sort();
        (packet.interface, ends)
    };
    let with_spans: BTreeSet<_> = whole
        .packets
        .iter()
        .filter(|packet| packet.comments.iter().any(|comment| comment.starts_with("span.")))
        .map(key)
        .collect();
    let mut wanted = whole.packets.clone();
    wanted.retain(|packet| with_spans.contains(&key(packet)));
    assert!(!wanted.is_empty() && wanted.len() < whole.packets.len());
    // Whether a SYN begins a connection depends on what was there before between the same ends.
    let parts = |packets: &[crate::capture::Packet]| {
        let with_payload = packets.iter().filter(|packet| !packet.payload.is_empty());
        with_payload
            .map(|packet| {
                let is_of_span = |comment: &&String| comment.starts_with("span.");
                let comments: Vec<_> = packet.comments.iter().filter(is_of_span).cloned().collect();
                (packet.time, key(packet), packet.payload.clone(), comments)
            })
            .collect::<Vec<_>>()
    };
    let (only, wanted) = (parts(&only.packets), parts(&wanted));
    for (packet, wanted) in only.iter().zip(&wanted) {
        assert_eq!(packet, wanted);
    }
    assert_eq!(only.len(), wanted.len());
}

#[test]
fn only_the_flows_with_spans_are_written() {
    let dir = Dir::new();
    let [flows, spans] = flows(&dir);
    let ran = dir
        .tap2pcap()
        .args(["--spans-only", "--spans"])
        .arg(spans)
        .arg(flows)
        .arg("out.pcapng")
        .run()
        .expect(0);
    assert!(ran.stderr.contains("1 span, 0 of no request; 1 match: 1 by id; "), "{}", ran.stderr);
    let frames = parse(&dir.read("out.pcapng")).frames;
    // The event is nearer to the response.
    let events = frames.iter().map(|frame| {
        let is_event = |comment: &&String| comment.starts_with("span.event=paid");
        frame.comments.iter().filter(is_event).count()
    });
    assert_eq!(events.collect::<Vec<_>>(), [0, 1]);
    assert!(frames.iter().all(|frame| frame.tcp().ports.contains(&1001)));
}

#[test]
fn what_can_be_read_only_once_is_refused() {
    let ran = Dir::new()
        .tap2pcap()
        .arg("--spans")
        .arg(spans("otlp.jsonl"))
        .args(["--spans-only", "-", "out.pcapng"])
        .run()
        .expect(2);
    assert!(ran.stderr.contains("--spans-only reads the traces twice"), "{}", ran.stderr);
}

#[test]
fn requests_are_listed_with_their_spans() {
    let expected = expected("zipkinup");
    let all = [taps("zipkinup_http_"), taps("zipkinup_upsock_")].concat();
    let run = |options: &[&str]| {
        let ran = Dir::new()
            .tap2pcap()
            .args(["info", "--spans"])
            .arg(spans("zipkin-v2.json"))
            .args(options)
            .args(&all)
            .run()
            .expect(0);
        String::from_utf8(ran.stdout).expect("UTF-8")
    };
    let listed: Vec<Value> = serde_json::from_str(&run(&["--json"])).expect("JSON");
    assert_eq!(listed.len(), 10, "{listed:#?}");
    for request in &listed {
        let ids = request["spans"].as_array().expect("spans").iter().map(|span| {
            let text = |name| span[name].as_str().unwrap_or_else(|| panic!("{name}: {span}"));
            assert!(text("start") < text("end"));
            format!("{}/{}", text("trace_id"), text("span_id"))
        });
        let what = request["request"].as_str().expect("a text");
        let path = what.strip_prefix("GET ").or_else(|| what.strip_prefix("POST ")).expect("a method");
        let path = path.split('?').next().expect("a path");
        assert_eq!(Some(&ids.collect()), expected.get(path), "{request}");
    }
    let times: Vec<_> = listed.iter().map(|request| request["time"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let text = run(&[]);
    assert!(
        text.ends_with(" ms after Envoy got them\n") && text.contains("\n10 requests, 10 with spans"),
        "{text}"
    );
    assert!(text.contains(" 127.0.0.1:11001 SERVER, by parent, "), "{text}");
}

#[test]
fn the_list_says_what_the_difference_is() {
    let dir = Dir::new();
    let [_, spans] = flows(&dir);
    let ran = dir.tap2pcap().args(["info", "--spans"]).arg(spans).arg("flows.json").run().expect(0);
    let text = String::from_utf8(ran.stdout).expect("UTF-8");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..3], ["2026-11-26T14:16:49.000000Z", "GET", "http://shop/1001"]);
    let id = format!("{TRACE}/00f067aa0ba902b7");
    let row =
        ["14:16:48.900000", "14:16:49.500000", "-100.000", "ms", "shop:", "pay", "SERVER,", "by", "id,", &id];
    assert_eq!(lines[2], row);
    assert_eq!(lines[3][1..], ["GET", "http://shop/1002", "(flows.json)"], "{text}");
    assert!(
        text.contains("2 requests, 1 with spans, which began -100.000 ms to -100.000 ms after"),
        "{text}"
    );
}
