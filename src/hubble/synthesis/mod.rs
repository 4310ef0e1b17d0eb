//! Flows in, packets out: each packet once, with what its flows say of it.

mod packets;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::connections::Connections;
use super::flow::{Flow, Kind, L7Record, Layer4};
use super::hosts::Hosts;
use super::http2::Sent;
use super::notes::Notes;
use super::observation::{Observations, Observed};
use super::others::Echoes;
use super::verdicts::{Fate, Verdicts};
use crate::capture::Capture;
use crate::filter::Filter;
use crate::packet::LinkType;
use crate::redact::Redaction;
use crate::report::{Report, Warning};
use crate::spans::{Annotator, Contexts, Pair, Selection};
use crate::trace::Direction;

/// Interfaces that a capture has at most; the rest share the last one.
const MAX_INTERFACES: usize = 1000;
/// Nodes of which lost events wait for a packet at most.
const MAX_NODES: usize = 10_000;
/// Conversations that a split capture tells apart at most.
const MAX_SPLIT: usize = 100_000;

/// Which observations of a packet are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Points {
    /// The first one.
    #[default]
    First,
    /// All: the first as the packet, the others captured short.
    All,
    /// That of this name.
    Named(String),
}

/// How flows are to look.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which observations of a packet are written.
    pub points: Points,
    /// Only packets with one of these verdicts, unless it is empty.
    pub verdicts: Vec<String>,
    /// All packets are captured short, so that they can be merged with real ones.
    pub is_overlay: bool,
    /// What sockets translate is written too.
    pub has_sockets: bool,
    /// HTTP is written as HTTP/2.
    pub is_http2: bool,
}

/// Where the packets and what there is to say go.
pub struct Sinks<'a> {
    /// The capture.
    pub capture: &'a mut Capture,
    /// The report.
    pub report: &'a mut Report,
    /// The names of the inputs.
    pub names: &'a [String],
    /// What puts spans on packets.
    pub annotator: Option<&'a mut Annotator>,
}

/// Makes packets of flows.
#[derive(Debug)]
pub struct Flows {
    options: Options,
    link_type: LinkType,
    filter: Filter,
    /// Bytes of payload in a segment at most.
    mss: usize,
    /// Bytes of it that are captured at most.
    snap_length: usize,
    observations: Observations,
    verdicts: Verdicts,
    connections: Connections,
    hosts: Hosts,
    echoes: Echoes,
    /// The numbers of interfaces, by a hash of node and point.
    interfaces: HashMap<u64, u32, foldhash::fast::RandomState>,
    /// Events that nodes lost since their last packet.
    lost: HashMap<u64, u64, foldhash::fast::RandomState>,
    /// The numbers of conversations of which each has its capture.
    split: HashMap<Pair, u32, foldhash::fast::RandomState>,
    selection: Selection<Pair>,
    redaction: Option<Arc<Redaction>>,
    notes: Notes,
    /// A payload.
    payload: Vec<u8>,
    /// Its parts, where it is sent in several.
    sent: Vec<Sent>,
    hasher: foldhash::fast::RandomState,
    /// The last time of a flow.
    time: u64,
}

/// One packet, as far as it does not depend on its protocol.
#[derive(Clone, Copy, Debug)]
struct Frame {
    time: u64,
    interface: u32,
    /// As seen from the point.
    direction: Direction,
    /// It has been written before, or was seen before it was dropped: its numbers.
    again: Option<[u32; 2]>,
    is_dropped: bool,
}

impl Flows {
    /// `mss` and `snap_length` in bytes of payload.
    #[must_use]
    pub fn new(
        options: Options,
        link_type: LinkType,
        filter: Filter,
        mss: Option<usize>,
        snap_length: Option<usize>,
    ) -> Self {
        Self {
            options,
            link_type,
            filter,
            mss: mss.unwrap_or(usize::MAX),
            snap_length: snap_length.unwrap_or(usize::MAX),
            observations: Observations::default(),
            verdicts: Verdicts::default(),
            connections: Connections::default(),
            hosts: Hosts::default(),
            echoes: Echoes::default(),
            interfaces: HashMap::default(),
            lost: HashMap::default(),
            split: HashMap::default(),
            selection: Selection::All,
            redaction: None,
            notes: Notes::default(),
            payload: Vec::new(),
            sent: Vec::new(),
            hasher: foldhash::fast::RandomState::default(),
            time: 0,
        }
    }

    /// Has values redacted.
    pub fn redact(&mut self, redaction: Option<Arc<Redaction>>) {
        self.redaction = redaction;
    }

    /// Which conversations are written.
    pub fn select(&mut self, selection: Selection<Pair>) {
        self.selection = selection;
    }

    /// What has been selected.
    pub fn take_selection(&mut self) -> Selection<Pair> {
        std::mem::take(&mut self.selection)
    }

    /// Writes a flow of the input with this number, or has it wait.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn write(&mut self, input: u32, flow: &Flow, sinks: &mut Sinks<'_>) -> io::Result<()> {
        let report = &mut *sinks.report;
        report.flows.records += 1;
        report.flows.flows += u64::from(flow.kind == Kind::Flow);
        let name = || sinks.names[input as usize].clone();
        match flow.kind {
            Kind::Flow => {}
            Kind::Lost(lost) => {
                let node = self.hasher.hash_one(flow.node());
                report.warn_many(Warning::LostEvents, lost.count, || {
                    format!(
                        "{}, {}",
                        lost.source.name(),
                        if flow.node().is_empty() { "unknown node" } else { flow.node() }
                    )
                });
                if self.lost.len() < MAX_NODES || self.lost.contains_key(&node) {
                    let count = self.lost.entry(node).or_default();
                    *count = count.saturating_add(lost.count);
                }
                return Ok(());
            }
            Kind::AgentEvent | Kind::DebugEvent | Kind::NodeStatus => {
                report.flows.events += 1;
                report.warn(Warning::OtherEvents, name);
                return Ok(());
            }
        }
        if flow.is_socket() && !self.options.has_sockets {
            report.warn(Warning::SocketFlows, name);
            return Ok(());
        }
        if !sinks.capture.has_comments() {
            report.warn(Warning::NoComments, || {
                format!(
                    "the verdict {}",
                    if flow.verdict().is_empty() { "of a flow" } else { flow.verdict() }
                )
            });
        }
        if flow.time.is_none() {
            report.warn(Warning::NoTime, name);
        }
        self.time = flow.time.unwrap_or(self.time);
        let node = self.hasher.hash_one(flow.node());
        self.release(Some((node, self.time)), sinks)?;
        if flow.is_l7() {
            self.packet(input, flow, &[], sinks)?;
        } else {
            let key =
                self.hasher.hash_one((flow.node(), flow.ip.source, flow.ip.destination, Packed(&flow.l4)));
            match self.verdicts.take(input, [node, key], flow) {
                Fate::Waits => {}
                Fate::Packet(verdicts) => {
                    self.packet(input, flow, &verdicts, sinks)?;
                    verdicts.into_iter().for_each(|verdict| self.verdicts.recycle(verdict));
                }
                Fate::VerdictOn(of, packet) => {
                    self.packet(of, &packet, std::slice::from_ref(flow), sinks)?;
                    self.verdicts.recycle(packet);
                }
            }
        }
        Ok(())
    }

    /// Writes what waits: nothing comes at the moment, or any more.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn flush(&mut self, sinks: &mut Sinks<'_>) -> io::Result<()> {
        self.release(None, sinks)
    }

    /// Writes what has waited long enough where a node says a time, or all.
    fn release(&mut self, now: Option<(u64, u64)>, sinks: &mut Sinks<'_>) -> io::Result<()> {
        while let Some((input, flow)) = self.verdicts.pop(now) {
            self.packet(input, &flow, &[], sinks)?;
            self.verdicts.recycle(flow);
        }
        Ok(())
    }

    /// Writes a flow as a packet, with the verdicts on it.
    fn packet(
        &mut self,
        input: u32,
        flow: &Flow,
        verdicts: &[Flow],
        sinks: &mut Sinks<'_>,
    ) -> io::Result<()> {
        let time = flow.time.unwrap_or(self.time);
        let point = flow.point_name();
        let is_wanted = self.filter.wants_time(time)
            && match &self.options.points {
                Points::Named(wanted) => wanted.eq_ignore_ascii_case(point),
                Points::First | Points::All => true,
            }
            && (self.options.verdicts.is_empty()
                || std::iter::once(flow).chain(verdicts).any(|flow| {
                    self.options.verdicts.iter().any(|wanted| wanted.eq_ignore_ascii_case(flow.verdict()))
                }));
        if !is_wanted {
            return Ok(());
        }
        let macs = if flow.ip.source.is_none() && flow.ip.destination.is_none() { flow.macs() } else { None };
        let is_link = macs.is_some();
        let (addresses, stands_in) =
            if is_link { ([IpAddr::from([0; 4]); 2], false) } else { self.hosts.addresses(flow) };
        let ports = flow.l4.ports().unwrap_or_default();
        let ends = [0, 1].map(|side| SocketAddr::new(addresses[side], ports[side]));
        if !self.filter.wants_addresses(ends[0], ends[1]) {
            return Ok(());
        }
        let mut pair = (ends, flow.l4.number());
        pair.0.sort_unstable();
        if !self.selection.wants(&pair) {
            return Ok(());
        }
        if stands_in {
            sinks.report.warn(Warning::MadeUpHost, || sinks.names[input as usize].clone());
        }
        let is_inbound = (flow.direction.number == 1) != flow.reply.unwrap_or_default();
        let interface = self.interface(flow.node(), point, sinks.capture);
        let hasher = self.hasher.clone();
        let key = |is_dropped: bool| {
            let l7 = flow.is_l7().then(|| {
                let (http, dns) = (&flow.l7.http, &flow.l7.dns);
                let kind = dns.question_types.first().map(|&text| flow.text(text));
                let texts = [http.url, http.method, dns.query].map(|text| flow.text(text));
                let id =
                    http.headers.iter().find(|[key, _]| flow.text(*key).eq_ignore_ascii_case("x-request-id"));
                (flow.l7.kind.number, http.code, texts, id.map(|&[_, id]| flow.text(id)), kind)
            });
            hasher.hash_one((is_dropped, addresses, macs, Packed(&flow.l4), l7))
        };
        let is_dropped = flow.is_dropped();
        // A packet that is dropped may have been seen before it was.
        let before =
            if is_dropped { self.observations.find(key(false), time, interface as u16) } else { None };
        let (id, again) = match self.observations.see(key(is_dropped), time, interface as u16) {
            Observed::First(seen) => {
                if let Some(before) = &before {
                    seen.id = before.id;
                }
                (seen.id, before.map(|before| before.numbers))
            }
            Observed::Again(seen) => {
                sinks.report.flows.duplicates += 1;
                if self.options.points == Points::First {
                    return Ok(());
                }
                (seen.id, Some(seen.numbers))
            }
        };
        let is_duplicate = again.is_some() && before.is_none();
        let redacted =
            self.redaction.as_deref().map(|rules| flow.redacted(rules, &mut sinks.report.redacted));
        let flow = redacted.as_ref().unwrap_or(flow);
        let has_comments = sinks.capture.has_comments();
        self.notes.clear();
        self.notes.metadata.packet_id = Some(id);
        if has_comments {
            self.notes.of(flow, verdicts);
            if is_duplicate {
                self.notes.add("duplicate", true);
            }
            if let Some(annotator) = &mut sinks.annotator
                && flow.is_l7()
                && flow.l7.record == L7Record::Http
            {
                let mut contexts = Contexts::default();
                let http = &flow.l7.http;
                contexts.request(flow.text(http.method).as_bytes(), flow.text(http.url).as_bytes());
                for &[key, value] in &http.headers {
                    contexts.header(flow.text(key).as_bytes(), flow.text(value).as_bytes());
                }
                let comments = if flow.is_response() {
                    annotator.response(&contexts, time, sinks.report)
                } else {
                    annotator.request(&contexts, &sinks.names[input as usize], time, sinks.report)
                };
                if !comments.is_empty() {
                    self.selection.found(pair);
                }
                comments.drain(..).for_each(|comment| self.notes.push(comment));
            }
            if !self.lost.is_empty()
                && let Some(lost) = self.lost.remove(&self.hasher.hash_one(flow.node()))
                && lost > 0
            {
                self.notes.add("lost", lost);
                self.notes.metadata.dropped = lost;
            }
            if !is_link {
                self.hosts.name(flow, addresses, sinks.capture);
            }
        }
        if sinks.capture.is_split() {
            let next = self.split.len();
            let number = match self.split.get(&pair) {
                Some(&number) => number,
                None if next >= MAX_SPLIT => MAX_SPLIT as u32,
                None => *self.split.entry(pair).or_insert(next as u32),
            };
            sinks.capture.select(input, number, &sinks.names[input as usize], number.into())?;
        }
        sinks.report.flows.packets += 1;
        let direction = if is_inbound { Direction::Read } else { Direction::Write };
        let frame = Frame { time, interface, direction, again, is_dropped };
        if let Some(macs) = macs {
            return self.link(flow, macs, frame, sinks);
        }
        match flow.l4 {
            Layer4::Tcp { flags, .. } if !self.is_udp(flow, ends) => {
                let numbers = self.tcp(flow, frame, ends, flags, sinks.capture)?;
                if again.is_none() {
                    self.observations.remember(key(is_dropped), id, numbers);
                }
                Ok(())
            }
            Layer4::Tcp { ports, .. } | Layer4::Udp(ports) => {
                self.udp(flow, frame, addresses, ports, sinks.capture)
            }
            _ => self.other(flow, frame, addresses, sinks.capture),
        }
    }

    /// Whether TCP is said of what was UDP: a DNS message, by Cilium up to 1.10, of a connection that nobody saw.
    fn is_udp(&self, flow: &Flow, ends: [SocketAddr; 2]) -> bool {
        flow.is_l7()
            && flow.l7.record == L7Record::Dns
            && flow.emitter[1].is_empty()
            && !self.connections.contains(ends)
    }

    /// The number of the interface of a point of a node.
    fn interface(&mut self, node: &str, point: &str, capture: &mut Capture) -> u32 {
        let hash = self.hasher.hash_one((node, point));
        if let Some(&number) = self.interfaces.get(&hash) {
            return number;
        }
        let number = match self.interfaces.len() {
            MAX_INTERFACES.. => return *self.interfaces.values().max().unwrap_or(&0),
            n if n == MAX_INTERFACES - 1 => capture.add_interface("other nodes and points"),
            _ if node.is_empty() => capture.add_interface(point),
            _ => capture.add_interface(&format!("{}/{point}", super::notes::Clean(node))),
        };
        self.interfaces.insert(hash, number);
        number
    }
}

/// A transport header to hash.
struct Packed<'a>(&'a Layer4);

impl Hash for Packed<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.number().hash(state);
        match *self.0 {
            Layer4::None => {}
            Layer4::Tcp { ports, flags } => (ports, flags).hash(state),
            Layer4::Udp(ports) => ports.hash(state),
            Layer4::Icmp(kind) | Layer4::Icmpv6(kind) => kind.hash(state),
            Layer4::Sctp { ports, chunk } => (ports, chunk).hash(state),
            Layer4::Vrrp(fields) => fields.hash(state),
            Layer4::Igmp { kind, group } => (kind, group).hash(state),
        }
    }
}
