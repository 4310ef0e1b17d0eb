//! What flows say as a whole: who wrote them, which packets were denied and by what, which requests failed, what was lost.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::flow::{Effect, Flow, Kind, L7Record};
use super::notes::Clean;

/// Entries that each list has at most.
const MAX_ENTRIES: usize = 10_000;

/// What is in an input of Hubble's. The names of the fields are the names in the JSON.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Flows.
    pub flows: u64,
    /// Who wrote them, with the version, and how many.
    pub emitters: BTreeMap<String, u64>,
    /// The nodes that saw them, and how many each.
    pub nodes: BTreeMap<String, u64>,
    /// The first time, in nanoseconds since the Unix epoch.
    pub first_ns: Option<u64>,
    /// The last time.
    pub last_ns: u64,
    /// How far a time is before one that comes earlier, at most, in nanoseconds.
    pub goes_back_ns: u64,
    /// Flows by type and verdict, as `L3_L4 FORWARDED`.
    pub verdicts: BTreeMap<String, u64>,
    /// Packets and messages that were dropped, or would have been were it not for audit mode.
    pub denied: Vec<Denied>,
    /// HTTP responses with a status of 500 or more.
    pub http_errors: Vec<Failed>,
    /// DNS names that do not exist.
    pub nxdomain: Vec<Failed>,
    /// Events that were lost, by where.
    pub lost: BTreeMap<&'static str, u64>,
    /// Records that are no flows, by kind.
    pub events: BTreeMap<&'static str, u64>,
    /// Entries that the lists have no room for.
    pub more: u64,
    /// What could be done to see more.
    pub hints: Vec<String>,
    #[serde(skip)]
    signs: Signs,
    #[serde(skip)]
    denied_at: BTreeMap<DeniedKey, usize>,
    #[serde(skip)]
    failed_at: BTreeMap<(bool, String, String), usize>,
    #[serde(skip)]
    time: u64,
}

/// Packets between two ends that were dropped for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct Denied {
    /// Who sent them.
    pub source: String,
    /// Who was to get them.
    pub destination: String,
    /// The destination's port.
    pub port: Option<u16>,
    /// The protocol.
    pub protocol: &'static str,
    /// `DROPPED`, or `AUDIT` where they were not.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// The policies that denied them, where flows tell.
    pub policies: Vec<String>,
    /// How many.
    pub packets: u64,
    /// When the first was, in nanoseconds since the Unix epoch.
    pub first_ns: u64,
    /// When the last was.
    pub last_ns: u64,
    /// Drops, and verdicts without them.
    #[serde(skip)]
    seen: [u64; 2],
}

type DeniedKey = (String, String, Option<u16>, &'static str, String, String);

/// What failed, how often.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    /// The status, method and URL of a request, or the name that was asked for.
    pub what: String,
    /// Who asked.
    pub client: String,
    /// How often.
    pub count: u64,
}

/// What hints are given by.
#[derive(Debug, Default)]
struct Signs {
    l7: u64,
    without_ends: u64,
    aggregated: u64,
    without_addresses: u64,
}

impl Summary {
    /// Counts a record.
    pub fn add(&mut self, flow: &Flow) {
        match flow.kind {
            Kind::Flow => {}
            Kind::Lost(lost) => {
                let count = self.lost.entry(lost.source.name()).or_default();
                *count = count.saturating_add(lost.count);
                return;
            }
            Kind::AgentEvent => return *self.events.entry("agent_event").or_default() += 1,
            Kind::DebugEvent => return *self.events.entry("debug_event").or_default() += 1,
            Kind::NodeStatus => return *self.events.entry("node_status").or_default() += 1,
        }
        self.flows += 1;
        let time = flow.time.unwrap_or(self.time);
        self.goes_back_ns = self.goes_back_ns.max(self.last_ns.saturating_sub(time));
        self.first_ns = Some(self.first_ns.map_or(time, |first| first.min(time)));
        self.last_ns = self.last_ns.max(time);
        self.time = time;
        let emitter = match flow.emitter.map(|text| flow.text(text)) {
            ["", ""] => String::new(),
            [name, version] => format!("{} {}", Clean(name), Clean(version)).trim().to_owned(),
        };
        count(&mut self.emitters, emitter, &mut self.more);
        count(&mut self.nodes, Clean(flow.node()).to_string(), &mut self.more);
        let kind = match flow.text(flow.flow_type.text) {
            "" if flow.is_l7() => "L7",
            "" => "L3_L4",
            kind => kind,
        };
        let verdict = if flow.verdict().is_empty() { "VERDICT_UNKNOWN" } else { flow.verdict() };
        count(&mut self.verdicts, format!("{} {}", Clean(kind), Clean(verdict)), &mut self.more);
        self.signs.l7 += u64::from(flow.is_l7());
        self.signs.aggregated += u64::from(flow.aggregate.is_some());
        self.signs.without_addresses += u64::from(flow.ip.source.is_none() && flow.macs().is_none());
        self.signs.without_ends +=
            u64::from(flow.ends.iter().all(|end| end.identity == 0 && end.pod.is_empty()));
        if flow.is_dropped() || verdict == "AUDIT" {
            self.deny(flow, time, verdict);
        }
        if flow.is_l7() && flow.is_response() {
            self.answer(flow);
        }
    }

    fn deny(&mut self, flow: &Flow, time: u64, verdict: &str) {
        let reason = match flow.text(flow.drop_reason.text) {
            "" if verdict == "AUDIT" => "audit mode",
            "" if flow.is_l7() => "L7 policy",
            reason => reason,
        };
        let [source, destination] = [0, 1].map(|side| end_name(flow, side));
        let port = flow.l4.ports().map(|[_, port]| port);
        let key = (
            source,
            destination,
            port,
            flow.l4.name(),
            Clean(verdict).to_string(),
            Clean(reason).to_string(),
        );
        let at = match self.denied_at.get(&key) {
            Some(&at) => at,
            None if self.denied.len() >= MAX_ENTRIES => return self.more += 1,
            None => {
                let (source, destination, port, protocol, verdict, reason) = key.clone();
                self.denied.push(Denied {
                    source,
                    destination,
                    port,
                    protocol,
                    verdict,
                    reason,
                    policies: Vec::new(),
                    packets: 0,
                    first_ns: time,
                    last_ns: time,
                    seen: [0; 2],
                });
                self.denied_at.insert(key, self.denied.len() - 1);
                self.denied.len() - 1
            }
        };
        let denied = &mut self.denied[at];
        // A packet gives a drop and a policy's verdict.
        denied.seen[usize::from(flow.is_policy_verdict())] += 1;
        denied.packets = denied.seen[0].max(denied.seen[1]);
        denied.first_ns = denied.first_ns.min(time);
        denied.last_ns = denied.last_ns.max(time);
        let policies = flow.policies.iter().filter(|policy| Effect::is_denial(policy.effect));
        for policy in policies {
            let [namespace, name] =
                [policy.namespace, policy.name].map(|text| Clean(flow.text(text)).to_string());
            let name = if namespace.is_empty() { name } else { format!("{namespace}/{name}") };
            if !denied.policies.contains(&name) && denied.policies.len() < 10 {
                denied.policies.push(name);
            }
        }
    }

    fn answer(&mut self, flow: &Flow) {
        const NXDOMAIN: u32 = 3;
        // The client of a response is who gets it.
        let client = end_name(flow, 1);
        let is_http = match flow.l7.record {
            L7Record::Http if flow.l7.http.code >= 500 => true,
            L7Record::Dns if flow.l7.dns.rcode == NXDOMAIN => false,
            _ => return,
        };
        let what = if is_http {
            let http = &flow.l7.http;
            format!("{} {} {}", http.code, Clean(flow.text(http.method)), Clean(flow.text(http.url)))
        } else {
            Clean(flow.text(flow.l7.dns.query).trim_end_matches('.')).to_string()
        };
        let list = if is_http { &mut self.http_errors } else { &mut self.nxdomain };
        let key = (is_http, what, client);
        match self.failed_at.get(&key) {
            Some(&at) => list[at].count += 1,
            None if list.len() >= MAX_ENTRIES => self.more += 1,
            None => {
                list.push(Failed { what: key.1.clone(), client: key.2.clone(), count: 1 });
                self.failed_at.insert(key, list.len() - 1);
            }
        }
    }

    /// Gives hints: all has been counted.
    pub fn finish(&mut self) {
        self.emitters.remove("");
        self.nodes.remove("");
        // Those with the same number stay in the order in which they came.
        self.denied.sort_by_key(|denied| std::cmp::Reverse(denied.packets));
        let mut hint = |text: &str| self.hints.push(text.to_owned());
        if self.flows > 0 && self.signs.l7 == 0 {
            hint("there is no L7 flow: Cilium shows HTTP and DNS where an L7 policy selects the traffic");
        }
        if self.flows > 0 && self.signs.without_ends == self.flows {
            hint("no flow has pods or identities: the exporter's field mask has left them out");
        }
        if self.signs.without_addresses > 0 {
            hint(
                "flows have no IP address: the exporter's field mask has left it out; made-up ones will stand in",
            );
        }
        if self.signs.aggregated > 0 {
            hint("flows are aggregated, one for many: hubble-export-aggregation-interval is set");
        }
        for (source, text) in [
            (
                "PERF_EVENT_RING_BUFFER",
                "events were lost between the kernel and the agent: raise bpf-events-map-max or CPU",
            ),
            ("OBSERVER_EVENTS_QUEUE", "events were lost before the observer: raise hubble-event-queue-size"),
            (
                "HUBBLE_RING_BUFFER",
                "events were overwritten before they were read: raise hubble-event-buffer-capacity",
            ),
        ] {
            if self.lost.contains_key(source) {
                hint(text);
            }
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: String, more: &mut u64) {
    if counts.len() >= MAX_ENTRIES && !counts.contains_key(&key) {
        *more += 1;
    } else {
        *counts.entry(key).or_default() += 1;
    }
}

/// What an end is called: its pod, else its service, else its DNS name, else its address, else its identity.
fn end_name(flow: &Flow, side: usize) -> String {
    let end = &flow.ends[side];
    let service = &flow.services[side];
    let pair = |namespace, name| match (flow.text(namespace), flow.text(name)) {
        ("", name) => Clean(name).to_string(),
        (namespace, name) => format!("{}/{}", Clean(namespace), Clean(name)),
    };
    let ip: Option<IpAddr> = if side == 0 { flow.ip.source } else { flow.ip.destination };
    match (flow.names[side].first(), ip) {
        _ if !end.pod.is_empty() => pair(end.namespace, end.pod),
        _ if !service.name.is_empty() => pair(service.namespace, service.name),
        (Some(&name), _) => Clean(flow.text(name)).to_string(),
        (None, Some(ip)) => ip.to_string(),
        (None, None) if end.identity > 0 => format!("identity {}", end.identity),
        (None, None) => match flow.macs() {
            Some(macs) => macs[side].map(|byte| format!("{byte:02x}")).join(":"),
            None => "unknown".to_owned(),
        },
    }
}
