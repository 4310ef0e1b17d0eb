//! A newer Wireshark than the one that is installed: 4.4 as WebAssembly, in Node.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{captures, share};
use crate::program::{Dir, testdata};
use crate::tools::{text, tool};

/// What newer.js says of the packets that pass a filter, with the plugin and the profile.
#[track_caller]
fn packets(filter: &str, captures: &[String]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wireshark/newer.js");
    // Where .ci/run puts the package, unless NODE_PATH is another place.
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tap2pcap"));
    let target = program.ancestors().nth(2).expect("target/");
    let modules = std::env::var("NODE_PATH")
        .unwrap_or_else(|_| target.join("wiregasm/node_modules").to_string_lossy().into_owned());
    let node = tool("node").env("NODE_PATH", &modules).arg(script).arg(share("")).arg(filter);
    let lines = text(node.args(captures));
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
#[ignore = "needs node and the npm package @goodtools/wiregasm"]
fn captures_of_all_kinds_have_no_error_in_it() {
    let dir = Dir::new();
    let captures: Vec<String> = captures(&dir).into_iter().map(|(capture, _)| capture).collect();
    assert!(captures.len() > 90, "{}", captures.len());
    // What some gRPC messages of testdata have is no protobuf.
    let wrong =
        packets("(_ws.malformed || _ws.lua.error || _ws.expert.severity == 8388608) && !protobuf", &captures);
    assert!(wrong.is_empty(), "{} packets, first {}", wrong.len(), wrong[0]["columns"]);
    // Each of these is somewhere.
    let kinds =
        ["http.request", "http2.headers", "dns", "icmp", "hubble.verdict", "tap.truncated", "span.name"];
    let shown: String =
        packets(&kinds.join(" || "), &captures).iter().map(|packet| packet["tree"].to_string()).collect();
    for kind in kinds {
        assert!(shown.contains(&format!("[\"{kind}")), "{kind}");
    }
}

#[test]
#[ignore = "needs node and the npm package @goodtools/wiregasm"]
fn comments_are_typed_fields_and_http2_is_found_in_it() {
    let dir = Dir::new();
    let h2 = std::fs::read_to_string(testdata("tap2pcap_h2_ipv4.pb_text")).expect("a tap");
    dir.write("tap", h2.replace("10000", "8443").as_bytes());
    dir.tap2pcap().args(["-q", "tap", "h2.pcapng"]).run().expect(0);
    let capture = [dir.path("h2.pcapng").to_string_lossy().into_owned()];
    assert_eq!(packets("http2 && tcp.port == 8443", &capture).len(), 6);
    assert_eq!(packets("tap.trace_id < 1 && tap.kind == \"socket_buffered\"", &capture).len(), 6);
    let captures: Vec<String> = captures(&dir).into_iter().map(|(capture, _)| capture).collect();
    let dropped = packets("hubble.drop_reason == \"POLICY_DENIED\" && hubble.policy", &captures);
    assert!(!dropped.is_empty());
    for packet in dropped {
        // Columns of the profile.
        let columns = packet["columns"].to_string();
        assert!(columns.contains("\"DROPPED\",\"default/rule1"), "{columns}");
        let rule = "[\"frame.coloring_rule.name == \\\"Dropped\\\"\"";
        assert!(packet["tree"].to_string().contains(rule), "{columns}");
    }
    let slow = packets("span.duration_us > 2000 && span.name contains \"router\"", &captures);
    let labels = |packet: &Value| packet["tree"].to_string();
    assert!(
        !slow.is_empty() && slow.iter().all(|packet| labels(packet).contains("Duration (µs): ")),
        "{} packets",
        slow.len()
    );
}
