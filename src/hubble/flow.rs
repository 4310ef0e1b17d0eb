//! A flow, as far as a packet and its comments can show it: `proto/flow/flow.proto`, without labels.
//!
//! Its lists and texts keep their memory for the next flow. What a record holds besides flows ([`Kind`]) is counted.

use std::net::IpAddr;

use super::text::{Text, Texts};

/// A record of Hubble's: a flow, or another event.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub(super) texts: Texts,
    /// What the record is.
    pub kind: Kind,
    /// Nanoseconds since the Unix epoch.
    pub time: Option<u64>,
    pub(super) node: Text,
    pub(super) verdict: Enum,
    pub(super) drop_reason: Enum,
    pub(super) ext_drop_reason: Text,
    /// MAC addresses: source and destination.
    pub(super) ethernet: [Text; 2],
    pub(super) ip: Ip,
    pub(super) l4: Layer4,
    pub(super) tunnel: Option<Tunnel>,
    pub(super) ends: [Endpoint; 2],
    pub(super) flow_type: Enum,
    pub(super) names: [Vec<Text>; 2],
    pub(super) services: [Service; 2],
    pub(super) l7: Layer7,
    pub(super) reply: Option<bool>,
    /// `event_type.type` and `sub_type`: 1 a drop, 3 a debug capture, 4 a trace, 5 a policy verdict, 7 a socket, 129 L7.
    pub(super) event_type: [i32; 2],
    pub(super) direction: Enum,
    pub(super) match_type: u64,
    pub(super) point: Enum,
    pub(super) capture_point: Enum,
    pub(super) socket_point: Enum,
    pub(super) socket_cookie: u64,
    pub(super) interface: Text,
    pub(super) proxy_port: u64,
    pub(super) trace_id: Text,
    pub(super) ip_trace_id: u64,
    pub(super) uuid: Text,
    pub(super) auth_type: Enum,
    pub(super) trace_reason: Enum,
    pub(super) file: Text,
    pub(super) line: u64,
    pub(super) emitter: [Text; 2],
    pub(super) policies: Vec<Policy>,
    pub(super) policy_log: Vec<Text>,
    /// `aggregate`: flows of ingress, egress and unknown direction that this one stands for.
    pub(super) aggregate: Option<[u64; 3]>,
    pub(super) summary: Text,
    /// Bytes of the packet, link header included, where the emitter tells them (Retina).
    pub(super) bytes: Option<u64>,
}

/// What a record of Hubble's is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A flow.
    #[default]
    Flow,
    /// Events were lost.
    Lost(Lost),
    /// What the agent did.
    AgentEvent,
    /// What the datapath says when it is debugged.
    DebugEvent,
    /// A relay lost a node, or found it again.
    NodeStatus,
}

/// `LostEvent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Where they were lost.
    pub source: LostSource,
    /// How many.
    pub count: u64,
}

/// Where events were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LostSource {
    /// Not known.
    #[default]
    Unknown,
    /// Between the kernel and the agent.
    PerfEventRingBuffer,
    /// Between the agent and its observer.
    ObserverEventsQueue,
    /// In the ring buffer that clients read.
    HubbleRingBuffer,
}

impl LostSource {
    /// Its name in the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN_LOST_EVENT_SOURCE",
            Self::PerfEventRingBuffer => "PERF_EVENT_RING_BUFFER",
            Self::ObserverEventsQueue => "OBSERVER_EVENTS_QUEUE",
            Self::HubbleRingBuffer => "HUBBLE_RING_BUFFER",
        }
    }
}

/// A value of an enum: its number, -1 where only an unknown name is known, and its name or number as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enum {
    pub(super) number: i32,
    pub(super) text: Text,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ip {
    /// Before translation.
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) xlated: Text,
    pub(super) is_encrypted: bool,
}

/// The transport's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layer4 {
    #[default]
    None,
    Tcp {
        ports: [u16; 2],
        /// `None` where the flow does not have them.
        flags: Option<u16>,
    },
    Udp([u16; 2]),
    Icmp([u8; 2]),
    Icmpv6([u8; 2]),
    Sctp {
        ports: [u16; 2],
        chunk: Option<u8>,
    },
    /// Type, virtual router, priority.
    Vrrp([u8; 3]),
    Igmp {
        kind: u8,
        group: Option<IpAddr>,
    },
}

impl Layer4 {
    /// A number for each protocol.
    pub(super) fn number(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Tcp { .. } => 1,
            Self::Udp(_) => 2,
            Self::Icmp(_) => 3,
            Self::Icmpv6(_) => 4,
            Self::Sctp { .. } => 5,
            Self::Vrrp(_) => 6,
            Self::Igmp { .. } => 7,
        }
    }

    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::None => "IP",
            Self::Tcp { .. } => "TCP",
            Self::Udp(_) => "UDP",
            Self::Icmp(_) => "ICMP",
            Self::Icmpv6(_) => "ICMPv6",
            Self::Sctp { .. } => "SCTP",
            Self::Vrrp(_) => "VRRP",
            Self::Igmp { .. } => "IGMP",
        }
    }

    /// The ports, where it has them.
    pub(super) fn ports(&self) -> Option<[u16; 2]> {
        match *self {
            Self::Tcp { ports, .. } | Self::Udp(ports) | Self::Sctp { ports, .. } => Some(ports),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tunnel {
    pub(super) protocol: Enum,
    pub(super) source: Text,
    pub(super) destination: Text,
    pub(super) vni: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Endpoint {
    pub(super) id: u64,
    pub(super) identity: u64,
    pub(super) namespace: Text,
    pub(super) pod: Text,
    /// Kind and name of the first workload.
    pub(super) workload: [Text; 2],
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Service {
    pub(super) namespace: Text,
    pub(super) name: Text,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) effect: Effect,
    pub(super) namespace: Text,
    pub(super) name: Text,
}

/// What a policy did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    EgressAllowed,
    IngressAllowed,
    EgressDenied,
    IngressDenied,
}

impl Effect {
    pub(super) fn is_denial(self) -> bool {
        matches!(self, Self::EgressDenied | Self::IngressDenied)
    }

    /// The name of the field.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::EgressAllowed => "egress_allowed_by",
            Self::IngressAllowed => "ingress_allowed_by",
            Self::EgressDenied => "egress_denied_by",
            Self::IngressDenied => "ingress_denied_by",
        }
    }
}

/// What the proxy saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer7 {
    pub(super) kind: Enum,
    pub(super) latency: u64,
    pub(super) record: L7Record,
    pub(super) dns: Dns,
    pub(super) http: Http,
    pub(super) kafka: Kafka,
}

/// Which of the records there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum L7Record {
    #[default]
    None,
    Dns,
    Http,
    Kafka,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Dns {
    pub(super) query: Text,
    pub(super) ips: Vec<Text>,
    pub(super) ttl: u32,
    pub(super) cnames: Vec<Text>,
    pub(super) rcode: u32,
    pub(super) question_types: Vec<Text>,
    pub(super) record_types: Vec<Text>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Http {
    pub(super) code: u32,
    pub(super) method: Text,
    pub(super) url: Text,
    pub(super) protocol: Text,
    pub(super) headers: Vec<[Text; 2]>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kafka {
    pub(super) error_code: i64,
    pub(super) api_version: i64,
    pub(super) api_key: Text,
    pub(super) correlation_id: i64,
    pub(super) topic: Text,
}

/// Values of `event_type.type` (Cilium's monitor API).
pub(super) mod event_type {
    pub(in super::super) const DROP: i32 = 1;
    pub(in super::super) const TRACE: i32 = 4;
    pub(in super::super) const POLICY_VERDICT: i32 = 5;
}

impl Flow {
    /// A text of the flow.
    pub(super) fn text(&self, text: Text) -> &str {
        self.texts.get(text)
    }

    /// Makes it empty, but keeps its memory.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        let Layer7 { dns, http, .. } = &mut self.l7;
        let dns = Dns {
            ips: emptied(&mut dns.ips),
            cnames: emptied(&mut dns.cnames),
            question_types: emptied(&mut dns.question_types),
            record_types: emptied(&mut dns.record_types),
            ..Dns::default()
        };
        let http = Http { headers: emptied(&mut http.headers), ..Http::default() };
        *self = Self {
            texts: std::mem::take(&mut self.texts),
            names: [emptied(&mut self.names[0]), emptied(&mut self.names[1])],
            policies: emptied(&mut self.policies),
            policy_log: emptied(&mut self.policy_log),
            l7: Layer7 { dns, http, ..Layer7::default() },
            ..Self::default()
        };
    }

    /// The node that saw it; empty where that is unknown.
    #[must_use]
    pub fn node(&self) -> &str {
        self.text(self.node)
    }

    /// The verdict's name, or its number; empty where there is none.
    #[must_use]
    pub fn verdict(&self) -> &str {
        self.text(self.verdict.text)
    }

    /// Its MAC addresses, source and destination, if it has both.
    pub(super) fn macs(&self) -> Option<[[u8; 6]; 2]> {
        let [source, destination] = self.ethernet.map(|text| mac(self.text(text)));
        Some([source?, destination?])
    }

    /// The name of the point at which it was seen.
    pub(super) fn point_name(&self) -> &str {
        let points = [self.point, self.capture_point, self.socket_point];
        if let Some(point) = points.into_iter().find(|point| point.number != 0) {
            return self.text(point.text);
        }
        match self.event_type[0] {
            _ if self.is_l7() => "L7",
            event_type::DROP => "DROP",
            // Of a trace, 0 is left out.
            event_type::TRACE => "TO_ENDPOINT",
            event_type::POLICY_VERDICT => "POLICY_VERDICT",
            _ => "UNKNOWN_POINT",
        }
    }

    /// Whether a policy dropped it.
    pub(super) fn is_denied(&self) -> bool {
        use crate::proto::flow::DropReason;
        let reason = self.drop_reason.number;
        self.is_dropped()
            && (reason == DropReason::PolicyDenied as i32
                || reason == DropReason::PolicyDeny as i32
                || reason == DropReason::AuthRequired as i32)
    }

    /// Whether it is the message of a server.
    pub(super) fn is_response(&self) -> bool {
        self.l7.kind.number == crate::proto::flow::L7FlowType::Response as i32
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.verdict.number == crate::proto::flow::Verdict::Dropped as i32
    }

    pub(super) fn is_policy_verdict(&self) -> bool {
        self.event_type[0] == event_type::POLICY_VERDICT
    }

    pub(super) fn is_l7(&self) -> bool {
        self.flow_type.number == crate::proto::flow::FlowType::L7 as i32 || self.l7.kind.number != 0
    }

    pub(super) fn is_socket(&self) -> bool {
        self.flow_type.number == crate::proto::flow::FlowType::Sock as i32 || self.socket_point.number != 0
    }
}

/// The address in a text such as `5a:e2:ba:46:ba:fc`.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut parts = text.split(':');
    let mut address = [0; 6];
    for byte in &mut address {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(address)
}

fn emptied<T>(list: &mut Vec<T>) -> Vec<T> {
    list.clear();
    std::mem::take(list)
}
