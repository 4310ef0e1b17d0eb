//! Random contexts against random spans, and a matcher that looks at every span.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::encode::{Format, Tap};
use crate::model::Conversation;

/// A span of a few traces and ids, so that many are alike.
#[derive(Clone, Debug)]
struct Span {
    trace: u64,
    id: u64,
    parent: u64,
    is_client: bool,
    request: u64,
}

/// A request, with the contexts of its headers and its id.
#[derive(Clone, Debug)]
struct Request {
    contexts: Vec<(u64, u64)>,
    request: u64,
}

fn spans_of() -> impl Strategy<Value = Vec<Span>> {
    let span = (1u64..4, 1u64..8, 0u64..8, any::<bool>(), 0u64..6);
    let span = span.prop_map(|(trace, id, parent, is_client, request)| Span {
        trace,
        id,
        parent,
        is_client,
        request,
    });
    proptest::collection::vec(span, 0..30)
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let request = (proptest::collection::vec((1u64..5, 1u64..9), 0..3), 0u64..7);
    proptest::collection::vec(request.prop_map(|(contexts, request)| Request { contexts, request }), 1..6)
}

/// The ids of all spans of a request.
fn matched(request: &Request, spans: &[Span]) -> BTreeSet<String> {
    let is_its = |span: &Span| {
        let by_context = request.contexts.iter().any(|&(trace, id)| {
            let is_parent_of_client = spans.iter().any(|client| {
                (client.trace, client.id) == (trace, id)
                    && client.is_client
                    && client.parent == span.id
                    && client.parent != 0
            });
            span.trace == trace && (span.id == id || span.parent == id || is_parent_of_client)
        });
        by_context || span.request != 0 && span.request == request.request
    };
    spans
        .iter()
        .filter(|span| is_its(span))
        .map(|span| format!("{:032x}/{:016x}", span.trace, span.id))
        .collect()
}

fn zipkin(spans: &[Span]) -> Vec<u8> {
    let span = |span: &Span| {
        let mut value = json!({
            "traceId": format!("{:032x}", span.trace), "id": format!("{:016x}", span.id),
            "kind": if span.is_client { "CLIENT" } else { "SERVER" }, "name": "x",
            "timestamp": 1, "duration": 1,
        });
        if span.parent != 0 {
            value["parentId"] = format!("{:016x}", span.parent).into();
        }
        if span.request != 0 {
            value["tags"] = json!({"guid:x-request-id": format!("request-{}", span.request)});
        }
        value
    };
    serde_json::to_vec(&spans.iter().map(span).collect::<Vec<_>>()).expect("JSON")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn only_the_spans_of_a_request_are_on_it(spans in spans_of(), requests in requests()) {
        let mut conversation = Conversation::new(7);
        for (number, request) in requests.iter().enumerate() {
            let mut text = format!("GET /{number} HTTP/1.1\r\nhost: a\r\n");
            for (at, (trace, id)) in request.contexts.iter().enumerate() {
                let _ = match at {
                    0 => write!(text, "traceparent: 00-{trace:032x}-{id:016x}-01\r\n"),
                    _ => write!(text, "X-B3-TraceId: {trace:016x}\r\nX-B3-SpanId: {id:016x}\r\n"),
                };
            }
            if request.request != 0 {
                let _ = write!(text, "x-request-id: request-{}\r\n", request.request);
            }
            conversation = conversation.read(text + "\r\n").write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
        let dir = Dir::new();
        let of = dir.write("spans.json", &zipkin(&spans));
        let tap = dir.write("tap", &Tap::streamed(Format::Delimited).write(&[conversation]));
        if spans.is_empty() {
            return Ok(());
        }
        let (capture, _) = convert(&dir, &[], &of, &tap);
        let (found, _) = found(&capture);
        prop_assert_eq!(found.len(), requests.len());
        for (number, request) in requests.iter().enumerate() {
            let of_path = found.iter().find(|(path, _)| *path == format!("/{number}")).expect("a request");
            prop_assert_eq!(&of_path.1, &matched(request, &spans), "{:?}", request);
        }
    }
}
