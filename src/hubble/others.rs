//! What a flow's packet looks like that is neither TCP nor UDP, in forms that readers take for no damage: what nobody knows of it is
//! captured short. And the lengths of packets where the emitter tells them.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};

use super::flow::{Flow, Layer4};
use crate::packet::ip::{self, DatagramHeaders, Route};
use crate::packet::tcp::{FIN, PSH, RST, SYN};
use crate::packet::{Headers, LinkType, checksum, icmp, sctp};
use crate::trace::Direction;

/// The TCP option that is nothing (RFC 9293 section 3.1).
pub(super) const NO_OPERATION: u8 = 1;
/// Pairs of hosts of which echoes are counted at most.
pub(super) const MAX_ECHOES: usize = 10_000;

type Hashes = foldhash::fast::FixedState;

/// The way between two addresses.
pub(super) fn route(
    link_type: LinkType,
    direction: Direction,
    [source, destination]: [IpAddr; 2],
) -> Option<Route> {
    Route::new(link_type, direction, source, destination)
}

/// Bytes of a packet before its payload, with a transport header of so many.
pub(super) fn before_payload(is_ipv4: bool, transport: usize) -> usize {
    const ETHERNET: usize = 14;
    ETHERNET + if is_ipv4 { 20 } else { 40 } + transport
}

/// Bytes of options and of data in a segment of which the emitter tells the length. The options are what is too much for a segment
/// that has no data, or fits into options.
pub(super) fn lengths(bytes: u64, is_ipv4: bool, flags: u16) -> (usize, usize) {
    const MAX_OPTIONS: usize = 40;
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let rest =
        bytes.saturating_sub(before_payload(is_ipv4, 20)).min(crate::packet::max_payload(is_ipv4).into());
    let has_data = flags & PSH != 0 && flags & (SYN | RST) == 0 || rest > MAX_OPTIONS;
    if has_data && flags & (SYN | FIN | RST) == 0 { (0, rest) } else { (rest.min(MAX_OPTIONS) / 4 * 4, 0) }
}

/// The id of a DNS message: the same for a question and its answer.
pub(super) fn dns_id(mut ends: [SocketAddr; 2], flow: &Flow, question_type: u16) -> u16 {
    ends.sort_unstable();
    Hashes::default().hash_one((ends, flow.text(flow.l7.dns.query), question_type)) as u16
}

/// Echo requests and replies between two hosts.
#[derive(Debug, Default)]
pub(super) struct Echoes(HashMap<(IpAddr, IpAddr), [u16; 2], foldhash::fast::RandomState>);

impl Echoes {
    /// The sequence number of a message: that of a reply is the first request's that has none.
    fn number(&mut self, [source, destination]: [IpAddr; 2], is_reply: bool, is_first: bool) -> u16 {
        if self.0.len() >= MAX_ECHOES {
            self.0.clear();
        }
        let hosts = if is_reply { (destination, source) } else { (source, destination) };
        let [asked, answered] = self.0.entry(hosts).or_default();
        if is_first {
            match is_reply {
                true if *asked == *answered => {
                    (*asked, *answered) = (asked.wrapping_add(1), answered.wrapping_add(1))
                }
                true => *answered = answered.wrapping_add(1),
                false => *asked = asked.wrapping_add(1),
            }
        }
        if is_reply { *answered } else { *asked }
    }
}

/// Headers, how many bytes of them are captured, and how many bytes follow that are not.
pub(super) struct Shape {
    pub(super) headers: DatagramHeaders,
    pub(super) captured: usize,
    pub(super) original_len: usize,
}

impl Shape {
    fn whole(headers: DatagramHeaders) -> Self {
        Self { captured: headers.captured_len(), headers, original_len: 0 }
    }

    /// So many bytes less are captured.
    fn cut(self, less: usize) -> Self {
        Self { captured: self.captured - less, ..self }
    }
}

/// What the packet of a flow looks like.
pub(super) fn shape(
    flow: &Flow,
    route: &Route,
    addresses: [IpAddr; 2],
    echoes: &mut Echoes,
    is_first: bool,
    is_overlay: bool,
) -> Shape {
    match flow.l4 {
        Layer4::Icmp(kind) => icmp_shape(route, kind, addresses, echoes, is_first, is_overlay),
        Layer4::Icmpv6(kind) => icmp_shape(route, kind, addresses, echoes, is_first, is_overlay),
        Layer4::Sctp { ports, chunk } => sctp_shape(route, ports, chunk, addresses),
        Layer4::Vrrp([kind, router, priority]) => {
            // RFC 3768 section 5.1, RFC 9568 section 5.1.
            let version = if route.is_ipv4() { 2 } else { 3 };
            let header = summed([version << 4 | (kind & 0xf), router, priority, 0, 0, 1, 0, 0], 6);
            Shape::whole(ip::headers(&route.with_hop_limit(255), 112, &header))
        }
        Layer4::Igmp { kind, group } => {
            const V3_REPORT: u8 = 0x22;
            let group = match group {
                Some(IpAddr::V4(group)) => group.octets(),
                _ => [0; 4],
            };
            let [a, b, c, d] = group;
            // RFC 2236 section 2.
            let header = summed([kind, 0, 0, 0, a, b, c, d], 2);
            let shape = Shape::whole(ip::headers(&route.with_hop_limit(1), 2, &header));
            if kind == V3_REPORT { shape.cut(4) } else { shape }
        }
        Layer4::None | Layer4::Tcp { .. } | Layer4::Udp(_) => match icmp_of_summary(flow) {
            Some(kind) => icmp_shape(route, kind, addresses, echoes, is_first, is_overlay),
            // 255 is reserved; 59 says that nothing follows.
            None => Shape::whole(ip::headers(route, if route.is_ipv4() { 255 } else { 59 }, &[])),
        },
    }
}

/// The type and code of the message that only the summary tells: newer Cilium leaves out a message whose numbers are 0.
fn icmp_of_summary(flow: &Flow) -> Option<[u8; 2]> {
    (flow.text(flow.summary) == "ICMPv4 EchoReply").then_some([0, 0])
}

fn icmp_shape(
    route: &Route,
    kind: [u8; 2],
    addresses: [IpAddr; 2],
    echoes: &mut Echoes,
    is_first: bool,
    is_overlay: bool,
) -> Shape {
    let is_reply = match (route.is_ipv4(), kind[0]) {
        (true, 8) | (false, 128) => Some(false),
        (true, 0) | (false, 129) => Some(true),
        _ => None,
    };
    if let Some(is_reply) = is_reply {
        let mut hosts = addresses;
        hosts.sort_unstable();
        let id = (Hashes::default().hash_one(hosts) as u16).to_be_bytes();
        let number = echoes.number(addresses, is_reply, is_first).to_be_bytes();
        let rest = [id[0], id[1], number[0], number[1]];
        let shape = Shape::whole(icmp::headers(route, kind, rest, &[], 0));
        return if is_overlay || !is_first { shape.cut(4) } else { shape };
    }
    if route.is_ipv4() {
        // The header and 8 bytes of the packet that it is about, with its IP header (RFC 792).
        const INNER: usize = 28;
        let shape = Shape::whole(icmp::headers(route, kind, [0; 4], &[], INNER));
        return Shape { original_len: INNER, ..shape };
    }
    Shape::whole(icmp::headers(route, kind, [0; 4], &[], 0)).cut(4)
}

/// The common header, and the chunk where its type is known (RFC 9260 section 3.3).
fn sctp_shape(route: &Route, ports: [u16; 2], chunk: Option<u8>, addresses: [IpAddr; 2]) -> Shape {
    let tag = Hashes::default().hash_one((addresses, ports)) as u32 | 1;
    let mut bytes = Vec::new();
    if let Some(kind) = chunk {
        let length: u16 = match kind {
            1 | 2 => 20,
            7 => 8,
            _ => 4,
        };
        bytes.extend_from_slice(&[kind, 0]);
        bytes.extend_from_slice(&length.to_be_bytes());
        if length == 20 {
            bytes.extend_from_slice(&tag.to_be_bytes());
            bytes.extend_from_slice(&[0, 0, 0xff, 0xff, 0, 1, 0, 1]);
        }
        bytes.resize(length.into(), 0);
    }
    // An INIT has none yet.
    let verification_tag = if chunk == Some(1) { 0 } else { tag };
    let transport = sctp::packet(ports, verification_tag, &bytes);
    Shape::whole(ip::headers(route, 132, &transport))
}

/// A header with its Internet checksum at an offset.
fn summed(mut header: [u8; 8], at: usize) -> [u8; 8] {
    let sum = (!checksum::fold(checksum::sum(&header))).to_le_bytes();
    header[at..at + 2].copy_from_slice(&sum);
    header
}
