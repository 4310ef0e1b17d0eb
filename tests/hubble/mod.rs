//! Hubble's flows.

/// Kubectl, container runtimes, log collectors, arrays, noise.
mod envelopes;
/// `tap2pcap info`.
mod info;
/// Which flows are one packet.
mod once;
/// Options, inputs, damage.
mod program;
/// Tshark, editcap, mergecap, tcpdump.
mod readers;
/// What packets look like.
mod shapes;
/// Numbers of TCP segments.
mod tcp;

use serde_json::{Value, json};

use crate::frames::{Blocks, Frame, parse};
use crate::program::{Dir, Ran, testdata};

/// The time of the first flow of a test, in nanoseconds.
const START: u64 = 1_795_172_280_000_000_000;

/// A line of `hubble observe`: a flow between 10.0.0.1 and 10.0.0.2 so many milliseconds after the first, with these fields in place
/// of its own.
fn flow(ms: u64, fields: Value) -> String {
    let seconds = START / 1_000_000_000 + ms / 1000;
    let time = jiff_time(seconds, ms % 1000);
    let mut flow = json!({
        "time": time,
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 80, "flags": {"SYN": true}}},
        "source": {"ID": 1, "identity": 11, "namespace": "shop", "labels": ["k8s:app=a", "b=]\"{"], "pod_name": "client"},
        "destination": {"ID": 2, "identity": 12, "namespace": "shop", "pod_name": "server"},
        "Type": "L3_L4",
        "node_name": "n1",
        "event_type": {"type": 4},
        "traffic_direction": "INGRESS",
        "trace_observation_point": "TO_ENDPOINT",
        "is_reply": false,
    });
    for (name, value) in fields.as_object().expect("an object") {
        flow[name] = value.clone();
    }
    flow.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    let node = flow["node_name"].clone();
    json!({"flow": flow, "node_name": node, "time": time}).to_string() + "\n"
}

fn jiff_time(seconds: u64, ms: u64) -> String {
    // 2026-11-20T10:58:00Z and the minutes after it.
    let rest = seconds - START / 1_000_000_000;
    let (hour, minute) = (10 + (58 + rest / 60) / 60, (58 + rest / 60) % 60);
    format!("2026-11-20T{hour:02}:{minute:02}:{:02}.{ms:03}Z", rest % 60)
}

/// TCP between the two, or back, with these flags.
fn tcp(is_reply: bool, flags: &[&str]) -> Value {
    let (source, destination) = if is_reply { (80, 40000) } else { (40000, 80) };
    let flags: serde_json::Map<String, Value> =
        flags.iter().map(|&flag| (flag.to_owned(), true.into())).collect();
    let hosts = ["10.0.0.1", "10.0.0.2"];
    let [from, to] = if is_reply { [hosts[1], hosts[0]] } else { hosts };
    json!({
        "IP": {"source": from, "destination": to, "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": source, "destination_port": destination, "flags": flags}},
        "is_reply": is_reply,
    })
}

/// The fields of both.
fn with(mut fields: Value, more: Value) -> Value {
    for (name, value) in more.as_object().expect("an object") {
        fields[name] = value.clone();
    }
    fields
}

/// Converts lines to pcapng.
fn converted(args: &[&str], lines: &[String]) -> Blocks {
    let ran = run(args, lines.concat().as_bytes()).expect(0);
    parse(&ran.stdout)
}

fn run(args: &[&str], input: &[u8]) -> Ran {
    Dir::new().tap2pcap().args(["-F", "pcapng", "-"]).args(args).stdin(input).run()
}

fn frames(lines: &[String]) -> Vec<Frame> {
    converted(&[], lines).frames
}

/// A file of `testdata/hubble/`.
fn sample(name: &str) -> Vec<u8> {
    std::fs::read(testdata(&format!("hubble/{name}"))).expect("a file")
}
