//! Spans of distributed tracing on packets.

/// Random contexts against random spans.
mod random;
/// What tshark finds.
mod readers;
/// Only what has spans, and lists.
mod selection;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::capture::Capture;
use crate::program::{Dir, Ran, testdata};

const OF_ZIPKIN: [&str; 3] = ["zipkin-v2.json", "opencensus.pb_length_delimited", "opencensus.jsonl"];

fn spans(name: &str) -> PathBuf {
    testdata(&format!("spans/{name}"))
}

/// The taps whose names begin so.
fn taps(prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(testdata("spans")).expect("testdata/spans");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.file_name().expect("a name").to_string_lossy().starts_with(prefix));
    paths.sort();
    assert!(!paths.is_empty(), "{prefix}");
    paths
}

fn convert(dir: &Dir, args: &[&str], of: &Path, tap: &Path) -> (Capture, Ran) {
    let ran = dir.tap2pcap().arg("--spans").arg(of).args(args).arg(tap).arg("out.pcapng").run().expect(0);
    (Capture::parse(&dir.read("out.pcapng")), ran)
}

/// The ids of a request's spans, by its path, as `expected.json` has them.
fn expected(tracer: &str) -> BTreeMap<String, BTreeSet<String>> {
    let all: Vec<Value> =
        serde_json::from_slice(&std::fs::read(spans("expected.json")).expect("a file")).expect("JSON");
    let of_tracer = all.iter().filter(|request| request["tracer"] == tracer);
    let ids = |request: &Value| {
        let server = std::iter::once(&request["server_span"]);
        let all = server.chain(request["client_spans"].as_array().expect("an array"));
        all.map(|span| format!("{}/{}", span[0].as_str().expect("a trace"), span[1].as_str().expect("an id")))
            .collect()
    };
    let path = |request: &Value| {
        request["path"].as_str().expect("a path").split('?').next().expect("a path").to_owned()
    };
    of_tracer.map(|request| (path(request), ids(request))).collect()
}

/// A request's path, and the ids of its spans.
pub(crate) type OfRequest = (String, BTreeSet<String>);

/// The spans on each request of a capture, by its path, or "h2" where it is packed; and those on responses.
pub(crate) fn found(capture: &Capture) -> (Vec<OfRequest>, Vec<BTreeSet<String>>) {
    let (mut requests, mut responses) = (Vec::new(), Vec::new());
    for packet in &capture.packets {
        let ids: BTreeSet<String> = packet
            .comments
            .iter()
            .filter_map(|comment| {
                let rest = comment.strip_prefix("span.trace_id=")?;
                let (trace, rest) = rest.split_once(" span.id=")?;
                Some(format!("{trace}/{}", rest.split(' ').next()?))
            })
            .collect();
        let text = String::from_utf8_lossy(&packet.payload).into_owned();
        let is_annotated = packet.comments.iter().any(|comment| comment.contains("span.match="));
        if let Some(rest) = text.strip_prefix("GET ").or_else(|| text.strip_prefix("POST ")) {
            let path = rest.split(['?', ' ']).next().expect("a path").to_owned();
            requests.push((path, ids));
        } else if is_annotated {
            requests.push(("/h2".to_owned(), ids));
        } else if !ids.is_empty() {
            responses.push(ids);
        }
    }
    (requests, responses)
}

#[test]
fn each_request_of_an_http_tap_and_an_upstream_socket_has_its_spans() {
    for (tracer, formats) in [("zipkinup", &OF_ZIPKIN[..]), ("otel", &["otlp.jsonl"])] {
        let expected = expected(tracer);
        for format in formats {
            let mut seen = BTreeSet::new();
            for kind in ["http", "upsock"] {
                for tap in taps(&format!("{tracer}_{kind}_")) {
                    let (capture, _) = convert(&Dir::new(), &["--http", "1"], &spans(format), &tap);
                    let (requests, responses) = found(&capture);
                    assert!(!requests.is_empty());
                    for (path, ids) in &requests {
                        assert_eq!(Some(ids), expected.get(path), "{format} {path} {}", tap.display());
                        seen.insert((kind, path.clone()));
                    }
                    let of_requests: Vec<_> = requests.into_iter().map(|(_, ids)| ids).collect();
                    assert_eq!(responses, of_requests, "responses have the same");
                }
            }
            assert_eq!(seen.len(), 10, "{format}: {seen:?}");
        }
    }
}

#[test]
fn a_downstream_socket_has_the_spans_that_the_clients_context_allows() {
    for (tracer, format, allowed) in
        [("zipkinup", "zipkin-v2.json", &["/b3", "/h2", "/xb3"][..]), ("otel", "otlp.jsonl", &["/h2", "/tp"])]
    {
        let expected = expected(tracer);
        let mut seen = Vec::new();
        for tap in taps(&format!("{tracer}_sock_")) {
            let (capture, _) = convert(&Dir::new(), &[], &spans(format), &tap);
            for (path, ids) in found(&capture).0 {
                if !ids.is_empty() {
                    assert_eq!(Some(&ids), expected.get(&path), "{path}");
                    seen.push(path);
                }
            }
        }
        seen.sort();
        assert_eq!(seen, allowed);
    }
}

#[test]
fn every_file_of_spans_is_read() {
    for (name, count) in [
        ("zipkin-v2.json", 10),
        ("otlp.pb", 2),
        ("otlp.jsonl", 5),
        ("opencensus.pb_length_delimited", 10),
        ("opencensus.jsonl", 10),
        ("opencensus-file-exporter.json", 2),
    ] {
        let (_, ran) = convert(&Dir::new(), &[], &spans(name), &taps("zipkinup_sock_")[0]);
        assert!(ran.stderr.contains(&format!("\n{count} spans, ")), "{name}: {}", ran.stderr);
    }
}

#[test]
fn what_apis_answer_is_read() {
    let dir = Dir::new();
    let read = |name| std::fs::read_to_string(spans(name)).expect("a file");
    let otlp: Vec<Value> = serde_json::Deserializer::from_str(&read("otlp.jsonl"))
        .into_iter()
        .map(|value| value.expect("JSON"))
        .collect();
    let each =
        |wrap: fn(&Value) -> Value| otlp.iter().map(|value| wrap(value).to_string()).collect::<String>();
    for (answer, count) in [
        // Zipkin: an array of traces.
        (format!("[{}]", read("zipkin-v2.json").replace("][", "],[").replace("]\n[", "],[")), 10),
        // Jaeger.
        (each(|value| json!({ "result": value })), 5),
        // Tempo.
        (each(|value| json!({ "trace": value })), 5),
        (each(|value| json!({ "batches": value["resourceSpans"] })), 5),
    ] {
        let path = dir.write("answer.json", answer.as_bytes());
        let (_, ran) = convert(&dir, &[], &path, &taps("zipkinup_sock_")[0]);
        assert!(ran.stderr.contains(&format!("\n{count} spans, ")), "{answer}: {}", ran.stderr);
        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    }
    // As deep as the parser goes, and no deeper.
    let deep =
        dir.write("deep.json", (r#"{"result":"#.repeat(100_000) + "1" + &"}".repeat(100_000)).as_bytes());
    let ran = dir.tap2pcap().arg("--spans").arg(deep).arg(&taps("zipkinup_sock_")[0]).arg("out.pcapng").run();
    assert!(ran.stderr.contains("there is no span"), "{}", ran.stderr);
}

#[test]
fn a_file_without_spans_is_told() {
    let dir = Dir::new();
    let path = dir.write("jaeger.json", br#"{"data":[{"traceID":"1","spans":[]}]}"#);
    let (_, ran) = convert(&dir, &[], &path, &taps("zipkinup_sock_")[0]);
    assert!(
        ran.stderr.contains("1 file in which there is no span of OpenCensus, OTLP or Zipkin ("),
        "{}",
        ran.stderr
    );
}

#[test]
fn children_of_other_requests_are_told_by_their_paths() {
    let dir = Dir::new();
    let context = ["80f198ee56343ba864fe8b2a57d3eff7", "b142d70be9161666"];
    let span = |id: &str, tags: Value| json!({ "traceId": context[0], "id": id, "parentId": context[1], "kind": "SERVER", "tags": tags });
    let url = |url: &str| json!({ "http.url": url });
    let other = span("0000000000000001", url("http://other/elsewhere"));
    let this = span("0000000000000002", url("http://other/b3?n=11"));
    let target = span("0000000000000003", json!({ "url.path": "/b3" }));
    let unknown = span("0000000000000004", json!({}));
    // In the upstream's tap is `GET /b3?n=10` with this context.
    let tap = &taps("zipkinup_upsock_11.")[0];
    for (all, expected) in [
        (vec![&other, &this, &target, &unknown], &[2, 3, 4][..]),
        // A proxy may have changed the path.
        (vec![&other], &[1]),
        (vec![&other, &unknown], &[1, 4]),
    ] {
        let path = dir.write("spans.json", json!(all).to_string().as_bytes());
        let (requests, _) = found(&convert(&dir, &[], &path, tap).0);
        let ids: BTreeSet<_> = expected.iter().map(|id| format!("{}/{id:016x}", context[0])).collect();
        let found: Vec<_> = requests.iter().filter(|(_, ids)| !ids.is_empty()).collect();
        assert_eq!(found, [&("/b3".to_owned(), ids)]);
    }
}

#[test]
fn comments_say_what_a_span_says() {
    let tap = &taps("zipkinup_http_")[0];
    let (capture, _) = convert(
        &Dir::new(),
        &["--span-attributes", "http.status_code,component"],
        &spans("opencensus.jsonl"),
        tap,
    );
    let comments: Vec<&str> =
        capture.packets.iter().flat_map(|packet| &packet.comments).map(String::as_str).collect();
    let find = |part: &str| {
        comments
            .iter()
            .find(|comment| comment.contains(part))
            .unwrap_or_else(|| panic!("{part}: {comments:#?}"))
    };
    let client = find("span.kind=CLIENT");
    assert!(client.contains(" span.name=\"router zipkinup_up egress\" "), "{client}");
    assert!(client.contains(" span.match=id"), "{client}");
    assert!(find("span.kind=SERVER").contains(" span.match=parent"));
    find("span.event=\"RECEIVED ");
    assert!(comments.contains(&"span.attribute.http.status_code=200"), "{comments:#?}");
    assert!(!comments.iter().any(|comment| comment.starts_with("span.attribute.peer")));
}

#[test]
fn no_wrong_half_or_double_span_is_a_match() {
    let dir = Dir::new();
    let zipkin = std::fs::read_to_string(spans("zipkin-v2.json")).expect("a file");
    // Other spans of the same traces.
    let all: Vec<Vec<Value>> =
        serde_json::Deserializer::from_str(&zipkin).into_iter().map(|value| value.expect("JSON")).collect();
    let mut foreign: Vec<Value> = all.into_iter().flatten().collect();
    for span in &mut foreign {
        span["id"] = "1234567890abcdef".into();
        span["parentId"] = "fedcba0987654321".into();
        span["tags"] = Value::Null;
    }
    let half = r#"[{"traceId":"6ed0be41e135b48614af8099f920a57b"},{"id":"f5c5f1ba0d62a5b5"},{"traceId":"xyz","id":"f5c5f1ba0d62a5b5"}]"#;
    let path = dir.write("foreign.json", (Value::from(foreign).to_string() + half).as_bytes());
    let (_, ran) = convert(&dir, &[], &path, &taps("zipkinup_http_")[0]);
    assert!(ran.stderr.contains("0 matches"), "{}", ran.stderr);
    assert!(ran.stderr.contains("3 spans have no trace or no id"), "{}", ran.stderr);
    let twice = dir.write("twice.json", (zipkin.clone() + &zipkin).as_bytes());
    let (_, ran) = convert(&dir, &[], &twice, &taps("zipkinup_http_")[0]);
    assert!(ran.stderr.contains("10 spans are there twice"), "{}", ran.stderr);
    let broken = dir.write("broken.json", &zipkin.as_bytes()[..zipkin.len() - 50]);
    let ran = dir
        .tap2pcap()
        .arg("--spans")
        .arg(broken)
        .arg(&taps("zipkinup_http_")[0])
        .arg("o.pcapng")
        .run()
        .expect(1);
    assert!(ran.stderr.contains("broken.json: at byte"), "{}", ran.stderr);
    let ran = dir
        .tap2pcap()
        .args(["--spans", "o.pcapng"])
        .arg(&taps("zipkinup_http_")[0])
        .arg("p.pcapng")
        .run()
        .expect(1);
    assert!(ran.stderr.contains("no spans of OpenCensus, OTLP or Zipkin"), "{}", ran.stderr);
}

#[test]
fn without_spans_nothing_is_said_and_pcap_says_what_stays_behind() {
    let dir = Dir::new();
    let tap = &taps("zipkinup_http_")[0];
    dir.tap2pcap().arg(tap).arg("plain.pcapng").run().expect(0);
    assert!(
        Capture::parse(&dir.read("plain.pcapng"))
            .comments()
            .iter()
            .all(|comment| !comment.starts_with("span."))
    );
    let ran =
        dir.tap2pcap().arg("--spans").arg(spans("zipkin-v2.json")).arg(tap).arg("out.pcap").run().expect(0);
    assert!(ran.stderr.contains("spans of 2 packets stay behind"), "{}", ran.stderr);
}
