//! What tshark finds of spans.

use super::*;
use crate::tools::{fields, tshark};

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn a_filter_gives_exactly_the_requests_and_responses_of_a_trace() {
    let dir = Dir::new();
    let mut all = taps("zipkinup_http_");
    all.extend(taps("zipkinup_upsock_"));
    dir.tap2pcap()
        .args(["--http", "1", "-w", "all.pcapng", "--spans"])
        .arg(spans("zipkin-v2.json"))
        .args(&all)
        .run()
        .expect(0);
    for request in expected("zipkinup").values() {
        let trace = request.iter().next().expect("a span").split('/').next().expect("a trace").to_owned();
        let filter = format!("frame.comment contains \"span.trace_id={trace}\"");
        let names = ["http.request.uri", "frame.comment"];
        let rows = fields(tshark(&dir.path("all.pcapng")).args(["-Y", &filter]), names);
        // The request and the response, in the HTTP tap and on the upstream socket.
        let (requests, responses): (Vec<_>, Vec<_>) =
            rows.iter().partition(|[_, comment]| comment.contains("span.match="));
        assert_eq!((requests.len(), responses.len()), (2, 2), "{trace} {rows:?}");
        let paths: BTreeSet<_> = requests.iter().map(|[uri, _]| uri).collect();
        assert_eq!(paths.len(), 1, "{rows:?}");
    }
}
