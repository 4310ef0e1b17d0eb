use serde_json::json;

use crate::encode::{Format, Tap};
use crate::model::Conversation;
use crate::program::Dir;

const SECRETS: [&str; 5] = ["s3cret1", "s3cret2", "s3cret3", "s3cret4", "s3cret5"];

fn assert_hides(capture: &[u8], secrets: &[&str]) {
    for secret in secrets {
        assert!(memchr::memmem::find(capture, secret.as_bytes()).is_none(), "{secret}");
    }
}

#[test]
fn flows_are_redacted() {
    let headers = [
        ("Authorization", SECRETS[0]),
        ("Cookie", "a=b; sid=s3cret2"),
        ("Referer", "http://a/?token=s3cret3"),
    ];
    let headers: Vec<_> = headers.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let url = "http://h.test/a?b=c&token=s3cret4";
    let flow = |l7| {
        json!({"flow": {
            "time": "2026-11-20T10:58:00Z", "verdict": "FORWARDED", "Type": "L7", "node_name": "n",
            "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
            "l4": {"TCP": {"source_port": 40000, "destination_port": 80}}, "event_type": {"type": 129},
            "l7": l7, "Summary": format!("HTTP/1.1 GET {url}"),
        }})
        .to_string()
            + "\n"
    };
    let http = flow(json!({"type": "REQUEST", "http": {"method": "GET", "url": url, "headers": headers}}));
    let bare = flow(json!({"type": "REQUEST"}));
    for version in ["1", "2"] {
        let dir = Dir::new();
        let tap = dir.write("flows.json", (http.clone() + &bare).as_bytes());
        let options = ["--redact", "authorization,sid,token", "--http", version];
        let ran = dir.tap2pcap().args(options).arg(tap).arg("out.pcapng").run().expect(0);
        let capture = dir.read("out.pcapng");
        assert_hides(&capture, &SECRETS);
        for shown in [
            "/a?b=c&token=xxxxxxx",
            "a=b; sid=xxxxxxx",
            "http://a/?token=xxxxxxx",
            "hubble.summary=HTTP/1.1 GET",
        ] {
            assert!(memchr::memmem::find(&capture, shown.as_bytes()).is_some(), "{shown}");
        }
        assert!(ran.stderr.contains("values redacted"), "{}", ran.stderr);
    }
}

#[test]
fn the_trace_of_a_flow_is_that_of_its_headers() {
    let flow = json!({"flow": {
        "time": "2026-11-20T10:58:00Z", "verdict": "FORWARDED", "Type": "L7",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 80}}, "event_type": {"type": 129},
        "trace_context": {"parent": {"trace_id": "s3cret1"}},
        "l7": {"type": "REQUEST", "http": {"method": "GET", "url": "http://h.test/"}},
    }});
    let dir = Dir::new();
    dir.write("flows.json", (flow.to_string() + "\n").as_bytes());
    for (names, shown) in [("traceparent", "hubble.trace_id=xxxxxxx"), ("sid", "hubble.trace_id=s3cret1")] {
        dir.tap2pcap().args(["--redact", names, "flows.json", "out.pcapng"]).run().expect(0);
        assert!(memchr::memmem::find(&dir.read("out.pcapng"), shown.as_bytes()).is_some(), "{shown}");
    }
}

#[test]
fn texts_of_spans_are_redacted() {
    let spans = json!([{
        "traceId": format!("{:032x}", 5), "id": format!("{:016x}", 6), "kind": "SERVER",
        "name": "GET /a?token=s3cret1", "timestamp": 1, "duration": 1,
        "tags": {
            "http.url": "http://h.test/a?b=c&token=s3cret2", "http.request.header.x_api_key": "[\"s3cret3\"]",
            "http.request.header.cookie": "[\"a=b; sid=s3cret4\"]", "plain": "shown",
        },
        "annotations": [{"timestamp": 1, "value": "saw s3cret5"}],
    }]);
    let request = format!("GET /a HTTP/1.1\r\ntraceparent: 00-{:032x}-{:016x}-01\r\n\r\n", 5, 6);
    let dir = Dir::new();
    let of = dir.write("spans.json", spans.to_string().as_bytes());
    let tap =
        dir.write("tap", &Tap::streamed(Format::Delimited).write(&[Conversation::new(1).read(request)]));
    let convert = |options: &[&str]| {
        let command = dir.tap2pcap().args(options).arg("--spans").arg(&of).args(["--span-attributes", "all"]);
        command.arg(&tap).arg("out.pcapng").run().expect(0);
        dir.read("out.pcapng")
    };
    let all = convert(&[]);
    for secret in SECRETS {
        assert!(memchr::memmem::find(&all, secret.as_bytes()).is_some(), "{secret}");
    }
    let capture = convert(&["--redact", "x-api-key,sid,token"]);
    assert_hides(&capture, &SECRETS);
    for shown in
        ["/a?token=xxxxxxx", "b=c&token=xxxxxxx", "a=b; sid=xxx", "span.attribute.plain=shown", "span.event="]
    {
        assert!(memchr::memmem::find(&capture, shown.as_bytes()).is_some(), "{shown}");
    }
}
