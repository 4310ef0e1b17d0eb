//! What `tap2pcap info` says of flows.

use super::*;

fn info(args: &[&str], name: &str) -> String {
    let ran =
        Dir::new().tap2pcap().arg("info").args(args).arg(testdata(&format!("hubble/{name}"))).run().expect(0);
    String::from_utf8(ran.stdout).expect("UTF-8")
}

#[test]
fn denied_packets_come_with_their_policies() {
    let text = info(&[], "everything.json");
    let row = text.lines().find(|line| line.contains("POLICY_DENIED")).expect("a row");
    for part in ["default/xwing", "80/TCP", "default/rule1", "  1  ", "10:58:00"] {
        assert!(row.contains(part), "{row}");
    }
    assert!(text.contains("nope.example.com"), "{text}");
    assert!(
        text.lines().filter(|line| line.contains("  10:58")).all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert!(info(&[], "audit.json").contains("Hubble 1.20.1+g7d68cfb3 (2)"));
}

#[test]
fn failures_losses_and_hints_are_told() {
    assert!(info(&[], "http-2021.json").contains("503 GET http://10.156.1.2:9253/metrics"));
    let text = info(&[], "export-events.json");
    for part in
        ["4,711 events in PERF_EVENT_RING_BUFFER", "6 of agent_event", "raise hubble-event-queue-size"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(info(&[], "icmp.json").contains("an L7 policy"));
    assert!(info(&[], "to-network.json").contains("times go back by up to"));
}

#[test]
fn json_says_the_same() {
    let infos: Value = serde_json::from_str(&info(&["--json"], "everything.json")).expect("JSON");
    let flows = &infos[0]["flows"];
    assert_eq!(flows["flows"], 56);
    let denied = flows["denied"].as_array().expect("an array");
    let policy = denied.iter().find(|denied| denied["reason"] == "POLICY_DENIED").expect("one");
    assert_eq!((&policy["packets"], &policy["policies"]), (&json!(1), &json!(["default/rule1"])));
    assert_eq!(policy["source"], "default/xwing");
    assert_eq!(flows["nxdomain"][0]["what"], "nope.example.com");
}
