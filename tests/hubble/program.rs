//! Options, inputs and messages.

use super::*;

#[test]
fn each_sample_is_as_many_packets() {
    for (name, flows, packets) in [
        ("conversation.json", 11, 10),
        ("dns.json", 9, 8),
        ("dns-says-tcp.json", 3, 3),
        ("http-2021.json", 3, 3),
        ("icmp.json", 4, 4),
        ("exporter-fieldmask.json", 2, 2),
        ("to-network.json", 2, 2),
        ("audit.json", 2, 2),
        ("http-1.20.json", 2, 2),
        ("flow-only.json", 3, 3),
        ("legacy-bare.json", 2, 2),
        ("lost-events.json", 2, 0),
        ("events.json", 4, 0),
        ("export-events.json", 10, 0),
        ("everything.json", 56, 51),
    ] {
        let ran = run(&[], &sample(name)).expect(0);
        assert_eq!(parse(&ran.stdout).frames.len(), packets, "{name}");
        let summary = if packets == 1 { "1 packet".to_owned() } else { format!("{packets} packets") };
        // Where there are no packets, there are no flows but other records.
        let read =
            if packets == 0 { format!("0 flows, {flows} other records") } else { format!("{flows} flows") };
        assert!(ran.stderr.contains(&format!("{read}, {summary} -> ")), "{name}: {}", ran.stderr);
    }
}

#[test]
fn an_overlay_ends_before_the_flags() {
    let blocks = parse(&run(&["--overlay"], &sample("everything.json")).expect(0).stdout);
    assert_eq!(blocks.frames.len(), 51);
    for frame in blocks.frames {
        let is_ipv4 = frame.bytes.len() > 14 && frame.bytes[12..14] == [8, 0];
        if is_ipv4 && frame.bytes[23] == 6 {
            assert_eq!(frame.bytes.len(), 14 + 20 + 12);
            assert!(frame.length >= 54);
        }
    }
}

#[test]
fn verdicts_addresses_and_times_are_chosen() {
    let lines = [
        flow(0, json!({})),
        flow(1000, json!({"verdict": "DROPPED"})),
        flow(2000, json!({"IP": {"source": "10.0.0.9", "destination": "10.0.0.2"}})),
    ];
    let count = |args: &[&str]| converted(args, &lines).frames.len();
    assert_eq!(count(&["--verdict", "DROPPED"]), 1);
    assert_eq!(count(&["--verdict", "dropped", "--verdict", "FORWARDED"]), 3);
    assert_eq!(count(&["--address", "10.0.0.9"]), 1);
    assert_eq!(count(&["--port", "80"]), 3);
    assert_eq!(count(&["--since", "2026-11-20T10:58:00.5Z"]), 2);
    let ran = run(&["--verdict", "ERROR"], lines.concat().as_bytes());
    assert_eq!(parse(&ran.stdout).frames.len(), 0);
}

#[test]
fn pcap_has_the_packets_and_one_warning() {
    let dir = Dir::new();
    let ran = dir.tap2pcap().args(["-F", "pcap", "-"]).stdin(sample("conversation.json")).run().expect(0);
    assert_eq!(ran.stderr.matches("warning").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("stay behind: pcap has no room for them; write a .pcapng"), "{}", ran.stderr);
}

#[test]
fn flows_and_taps_are_merged_in_order_of_time() {
    let dir = Dir::new();
    dir.write("flows.json", &sample("conversation.json"));
    let tap = testdata("post-streamed.pb");
    dir.tap2pcap().args(["-w", "all.pcapng", "flows.json"]).arg(&tap).run().expect(0);
    let blocks = parse(&dir.read("all.pcapng"));
    let of_tap = blocks.frames.iter().filter(|frame| frame.interface.ends_with("post-streamed.pb")).count();
    assert_eq!((blocks.frames.len() - of_tap, of_tap > 2), (10, true));
    assert!(blocks.frames.is_sorted_by_key(|frame| frame.time));
}

#[test]
fn several_nodes_files_are_one_capture() {
    let dir = Dir::new();
    let at = |ms: u64, node: &str, point: &str| {
        flow(ms, json!({"node_name": node, "trace_observation_point": point}))
    };
    dir.write("n1.json", (at(0, "n1", "TO_NETWORK") + &at(500, "n1", "TO_NETWORK")).as_bytes());
    dir.write("n2.json", (at(1, "n2", "TO_ENDPOINT") + &at(501, "n2", "TO_ENDPOINT")).as_bytes());
    dir.tap2pcap().args(["-w", "all.pcapng", "n2.json", "n1.json"]).run().expect(0);
    let frames = parse(&dir.read("all.pcapng")).frames;
    assert_eq!(frames.iter().map(|frame| &frame.interface[..]).collect::<Vec<_>>(), ["n1/TO_NETWORK"; 2]);
}

#[test]
fn a_live_pipe_shows_each_flow() {
    let line = flow(0, json!({}));
    let whole = run(&[], line.as_bytes()).expect(0).stdout;
    let dir = Dir::new();
    let ran = dir
        .tap2pcap()
        .args(["-F", "pcapng", "-q", "-"])
        .stdin(line.as_bytes())
        .run_and_read_while_open(whole.len());
    assert_eq!(ran.stdout, whole);
}

#[test]
fn conversations_are_split() {
    let dir = Dir::new();
    dir.write("flows.json", &sample("everything.json"));
    dir.tap2pcap().args(["--split", "out", "-F", "pcapng", "flows.json"]).run().expect(0);
    let names = std::fs::read_dir(dir.path("out")).expect("a directory").count();
    assert!(names > 10, "{names}");
}

#[test]
fn what_a_terminal_obeys_is_escaped() {
    let fields = json!({"source": {"namespace": "a", "pod_name": "\u{1b}[31mred\n"}, "node_name": "\u{7}n"});
    let blocks = converted(&[], &[flow(0, fields)]);
    assert_eq!(blocks.frames[0].comment("source"), Some("a/\\u{1b}[31mred\\n"));
    assert_eq!(blocks.interfaces, ["\\u{7}n/TO_ENDPOINT"]);
    let dir = Dir::new();
    let unknown = flow(0, json!({"verdict": "LOUD\u{7}"}));
    let dropped = flow(1, json!({"verdict": "DROPPED", "drop_reason_desc": "\u{1}reason"}));
    dir.write("flows.json", format!("{unknown}\n{dropped}").as_bytes());
    let told = dir.tap2pcap().args(["info", "flows.json"]).run().expect(0);
    let told = String::from_utf8(told.stdout).expect("UTF-8");
    assert!(told.contains("LOUD\\u{7}") && told.contains("\\u{1}reason"), "{told}");
}
