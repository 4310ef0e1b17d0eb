//! Hubble flows to convert, as `hubble observe -o jsonpb` of Cilium 1.20 writes them: of connections between pods, half of the packets
//! seen at two nodes, one of ten denied, with labels that take half of each line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::generate::Generated;
use crate::random::Random;

/// 2026-11-20T11:00:00Z in seconds: the minutes and seconds of a time are those since then.
const HOUR: &str = "2026-11-20T11";
/// pcapng's block around a packet of Ethernet, IPv4 and TCP.
const LEAST_PACKET: u64 = 32 + 54;

/// A segment of a connection.
struct Segment {
    is_reply: bool,
    flags: &'static str,
}

const SEGMENTS: [Segment; 6] = [
    Segment { is_reply: false, flags: r#""SYN":true"# },
    Segment { is_reply: true, flags: r#""SYN":true,"ACK":true"# },
    Segment { is_reply: false, flags: r#""PSH":true,"ACK":true"# },
    Segment { is_reply: true, flags: r#""PSH":true,"ACK":true"# },
    Segment { is_reply: true, flags: r#""FIN":true,"ACK":true"# },
    Segment { is_reply: false, flags: r#""FIN":true,"ACK":true"# },
];

/// Writes so many flows to `path`.
pub(crate) fn write(count: u64, path: &Path) -> io::Result<Generated> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random::new(7);
    let mut written = Generated::default();
    let (mut flows, mut time) = (0, 0);
    while flows < count {
        let pods = [random.below(200), random.below(200)];
        let port = random.between(32_768, 60_999);
        if random.below(10) == 0 {
            for kind in [5, 1] {
                time += random.between(1000, 20_000) as u64;
                written.bytes += denied(&mut out, pods, port, kind, time)?;
                flows += 1;
            }
            written.least_capture += LEAST_PACKET;
            continue;
        }
        for segment in &SEGMENTS {
            let points: &[_] =
                if random.below(2) == 0 { &["TO_ENDPOINT"] } else { &["TO_NETWORK", "TO_ENDPOINT"] };
            for point in points {
                time += random.between(1000, 20_000) as u64;
                written.bytes += seen(&mut out, pods, port, segment, point, time)?;
                flows += 1;
            }
            written.least_capture += LEAST_PACKET;
        }
    }
    out.flush()?;
    Ok(written)
}

fn seen(
    out: &mut impl Write,
    [client, server]: [usize; 2],
    port: usize,
    segment: &Segment,
    point: &str,
    time: u64,
) -> io::Result<u64> {
    let node = if point == "TO_NETWORK" { client % 4 } else { server % 4 };
    let what = format!(
        r#""Type":"L3_L4","node_name":"cluster/node-{node}","event_type":{{"type":4,"sub_type":3}},"traffic_direction":"INGRESS","trace_observation_point":"{point}","trace_reason":"ESTABLISHED","is_reply":{},"interface":{{"index":27,"name":"lxc{server:012x}"}}"#,
        segment.is_reply
    );
    let (from, to, ports) = match segment.is_reply {
        false => (client, server, [port, 8080]),
        true => (server, client, [8080, port]),
    };
    line(out, "FORWARDED", [from, to], ports, segment.flags, &what, node, time)
}

fn denied(
    out: &mut impl Write,
    [client, server]: [usize; 2],
    port: usize,
    kind: u8,
    time: u64,
) -> io::Result<u64> {
    let node = server % 4;
    let policy = match kind {
        5 => {
            r#","ingress_denied_by":[{"name":"deny-all","namespace":"shop","labels":["k8s:io.cilium.k8s.policy.name=deny-all"],"revision":"7","kind":"CiliumNetworkPolicy"}]"#
        }
        _ => r#","file":{"name":"bpf_lxc.c","line":2129}"#,
    };
    let what = format!(
        r#""Type":"L3_L4","node_name":"cluster/node-{node}","event_type":{{"type":{kind},"sub_type":133}},"traffic_direction":"INGRESS","drop_reason_desc":"POLICY_DENIED"{policy}"#
    );
    line(out, "DROPPED", [client, server], [port, 8080], r#""SYN":true"#, &what, node, time)
}

#[expect(clippy::too_many_arguments, reason = "as many parts as a line has")]
fn line(
    out: &mut impl Write,
    verdict: &str,
    [from, to]: [usize; 2],
    [source, destination]: [usize; 2],
    flags: &str,
    what: &str,
    node: usize,
    time: u64,
) -> io::Result<u64> {
    let seconds = time / 1_000_000_000;
    let time = format!("{HOUR}:{:02}:{:02}.{:09}Z", seconds / 60 % 60, seconds % 60, time % 1_000_000_000);
    let pod = |pod: usize| {
        format!(
            r#"{{"ID":{pod},"identity":{},"cluster_name":"cluster","namespace":"shop","labels":["k8s:app=service-{pod}","k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=shop","k8s:io.cilium.k8s.policy.cluster=cluster","k8s:io.cilium.k8s.policy.serviceaccount=service-{pod}","k8s:io.kubernetes.pod.namespace=shop","k8s:version=v1"],"pod_name":"service-{pod}-7848d6c4d5-th9v2","workloads":[{{"name":"service-{pod}","kind":"Deployment"}}]}}"#,
            20_000 + pod
        )
    };
    let ip = |pod: usize| format!("10.{}.{}.{}", pod % 4, pod / 4, 10 + pod % 200);
    let line = format!(
        r#"{{"flow":{{"time":"{time}","uuid":"592df0ed-1fa5-4ed2-b07d-{time_hash:012x}","emitter":{{"name":"Hubble","version":"1.20.1+g7d68cfb3"}},"verdict":"{verdict}","ethernet":{{"source":"56:11:8a:89:a6:1c","destination":"8e:52:b3:36:14:fd"}},"IP":{{"source":"{}","destination":"{}","ipVersion":"IPv4"}},"l4":{{"TCP":{{"source_port":{source},"destination_port":{destination},"flags":{{{flags}}}}}}},"source":{},"destination":{},{what},"Summary":"TCP Flags"}},"node_name":"cluster/node-{node}","time":"{time}"}}"#,
        ip(from),
        ip(to),
        pod(from),
        pod(to),
        time_hash = seconds * 31 + source as u64,
    );
    writeln!(out, "{line}")?;
    Ok(line.len() as u64 + 1)
}
