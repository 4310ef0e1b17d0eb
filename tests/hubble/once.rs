//! One packet once: observations at several points and nodes, and policy verdicts.

use super::*;

fn at(ms: u64, node: &str, point: &str) -> String {
    flow(ms, json!({"node_name": node, "trace_observation_point": point}))
}

#[test]
fn observations_at_other_points_are_the_same_packet() {
    let lines = [
        at(0, "n1", "TO_STACK"),
        at(1, "n1", "TO_NETWORK"),
        at(2, "n2", "TO_ENDPOINT"),
        at(3, "n1", "TO_STACK"),
    ];
    let blocks = converted(&[], &lines);
    let seen: Vec<_> = blocks.frames.iter().map(|frame| (&frame.interface[..], frame.id)).collect();
    // The last is a retransmission.
    assert_eq!(seen, [("n1/TO_STACK", Some(1)), ("n1/TO_STACK", Some(2))]);
    let ran = run(&[], lines.concat().as_bytes());
    assert!(ran.stderr.contains("4 flows, 2 packets, 2 observations at other points"), "{}", ran.stderr);
}

#[test]
fn all_points_are_written_and_the_others_captured_short() {
    let lines = [at(0, "n1", "TO_STACK"), at(1, "n2", "TO_ENDPOINT")];
    let frames = converted(&["--point", "all"], &lines).frames;
    let [first, second] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((first.id, second.id), (Some(1), Some(1)));
    assert_eq!((first.bytes.len(), second.bytes.len(), second.length), (54, 50, 54));
    assert_eq!(first.bytes[34..46], second.bytes[34..46], "the numbers are the same");
    assert_eq!((first.comment("duplicate"), second.comment("duplicate")), (None, Some("true")));
    let one = converted(&["--point", "to_endpoint"], &lines).frames;
    assert_eq!(one.len(), 1);
    assert_eq!((&one[0].interface[..], one[0].bytes.len()), ("n2/TO_ENDPOINT", 54));
}

#[test]
fn what_is_far_apart_or_otherwise_is_another_packet() {
    let far = [at(0, "n1", "TO_STACK"), at(101, "n2", "TO_ENDPOINT")];
    assert_eq!(frames(&far).len(), 2);
    let other = [at(0, "n1", "TO_STACK"), flow(1, with(tcp(false, &["ACK"]), json!({"node_name": "n2"})))];
    assert_eq!(frames(&other).len(), 2);
}

/// The two flows of a dropped packet: the drop, and the policy's verdict.
fn denied(ms: u64) -> [String; 2] {
    let drop = json!({
        "verdict": "DROPPED", "event_type": {"type": 1, "sub_type": 133}, "trace_observation_point": null,
        "drop_reason_desc": "POLICY_DENIED", "is_reply": null,
    });
    let verdict = with(
        drop.clone(),
        json!({
            "event_type": {"type": 5},
            "ingress_denied_by": [{"name": "deny-all", "namespace": "shop", "labels": ["x"], "kind": "CiliumNetworkPolicy"}],
            "policy_log": ["audit"],
        }),
    );
    [flow(ms, drop), flow(ms, verdict)]
}

#[test]
fn a_verdict_joins_its_packet_before_or_after_it() {
    let [drop, verdict] = denied(0);
    for lines in [vec![verdict.clone(), drop.clone()], vec![drop.clone(), verdict.clone()]] {
        let frames = frames(&lines);
        assert_eq!(frames.len(), 1);
        let comments: Vec<&str> = frames[0].comments.iter().map(String::as_str).take(4).collect();
        assert_eq!(
            comments,
            [
                "hubble.verdict=DROPPED",
                "hubble.drop_reason=POLICY_DENIED",
                "hubble.policy=shop/deny-all",
                "hubble.ingress_denied_by=shop/deny-all"
            ]
        );
        assert_eq!(frames[0].comment("policy_log"), Some("audit"));
        assert_eq!(frames[0].interface, "n1/DROP");
    }
    // Of two packets each has its own, and other flows come in between.
    let [second_drop, second_verdict] = denied(1);
    let other = flow(0, json!({"l4": {"UDP": {"source_port": 1, "destination_port": 2}}}));
    let frames = frames(&[verdict, other, drop, second_verdict, second_drop]);
    let policies = frames.iter().filter(|frame| frame.comment("policy").is_some()).count();
    assert_eq!((frames.len(), policies), (3, 2));
}

#[test]
fn a_verdict_without_a_packet_is_one() {
    let audit = json!({"verdict": "AUDIT", "event_type": {"type": 5}, "trace_observation_point": null});
    let frames = frames(&[flow(0, audit), flow(20, tcp(true, &["SYN", "ACK"]))]);
    assert_eq!(frames.len(), 2);
    assert_eq!(
        (&frames[0].interface[..], frames[0].comment("verdict")),
        ("n1/POLICY_VERDICT", Some("AUDIT"))
    );
}

#[test]
fn a_verdict_of_another_node_is_no_verdict_on_this_packet() {
    let [drop, _] = denied(0);
    let verdict = flow(
        0,
        json!({
            "node_name": "n2", "verdict": "FORWARDED", "event_type": {"type": 5}, "trace_observation_point": null,
            "egress_allowed_by": [{"name": "allow"}],
        }),
    );
    let frames = frames(&[verdict, drop]);
    assert_eq!(frames.len(), 2);
    let dropped = frames.iter().find(|frame| frame.comment("verdict") == Some("DROPPED")).expect("one");
    assert_eq!(dropped.comment("egress_allowed_by"), None);
}

#[test]
fn a_policy_that_allows_is_not_what_denied() {
    let [_, verdict] = denied(0);
    let verdict =
        verdict.replace("\"policy_log\"", "\"egress_allowed_by\":[{\"name\":\"allow\"}],\"policy_log\"");
    let frames = frames(&[verdict]);
    let policies: Vec<_> =
        frames[0].comments.iter().filter(|comment| comment.starts_with("hubble.policy=")).collect();
    assert_eq!(policies, ["hubble.policy=shop/deny-all"]);
    assert_eq!(frames[0].comment("egress_allowed_by"), Some("allow"));
}

#[test]
fn a_packet_that_was_seen_before_it_was_dropped_is_shown_again_short() {
    let drop = json!({"verdict": "DROPPED", "event_type": {"type": 1}, "trace_observation_point": null, "node_name": "n2"});
    let frames = frames(&[at(0, "n1", "TO_NETWORK"), flow(1, drop)]);
    assert_eq!(frames.len(), 2);
    assert_eq!((frames[0].id, frames[1].id), (Some(1), Some(1)));
    assert_eq!((frames[1].bytes.len(), frames[1].comment("duplicate")), (50, None));
}
