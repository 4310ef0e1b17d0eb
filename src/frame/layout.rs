//! What the headers of all conversations share: templates that etherparse lays out once, with the sums of what is in
//! them.

use std::array;
use std::sync::LazyLock;

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};

use super::LinkType;
use crate::checksum;

/// An IP packet's length field is 16 bits wide: the most bytes of TCP header and payload in IPv4.
const IPV4_MAX: u16 = u16::MAX - Ipv4Header::MIN_LEN as u16;
/// The same in IPv6, whose length field does not count the IPv6 header (RFC 8200 section 3).
const IPV6_MAX: u16 = u16::MAX;

/// Headers take at most this many bytes.
const ROOM: usize = Ethernet2Header::LEN + Ipv6Header::LEN + TcpHeader::MIN_LEN;

/// A shift of the receive window that no conversation here fills (RFC 7323 section 2.2).
const WINDOW_SHIFT: u8 = 14;
/// Maximum segment size (4 bytes), no-operation (1), window scale (3).
const SYN_OPTIONS_LEN: usize = 8;
/// What hosts begin with.
const HOP_LIMIT: u8 = 64;

/// The last byte of each side's Ethernet address.
const LOCAL_MAC: u8 = 1;
const REMOTE_MAC: u8 = 2;

/// The most bytes of TCP payload that a packet can have.
#[must_use]
pub fn max_payload(is_ipv4: bool) -> u16 {
    let max = if is_ipv4 { IPV4_MAX } else { IPV6_MAX };
    max - TcpHeader::MIN_LEN as u16
}

/// What the headers of all conversations with one link type and IP version share.
#[derive(Debug)]
pub(super) struct Layout {
    /// By direction. What stands behind the headers is of no meaning: all take the same room, so that they are copied
    /// faster.
    pub(super) templates: [[u8; ROOM]; 2],
    /// How many bytes the headers take.
    pub(super) len: usize,
    pub(super) is_ipv4: bool,
    /// Sums of the IPv4 header and of the TCP header with the protocol of its pseudo header, without addresses and
    /// ports.
    pub(super) ip_sum: u32,
    pub(super) tcp_sum: u32,
    pub(super) syn_options: [u8; SYN_OPTIONS_LEN],
}

/// By whether there is an Ethernet header, and whether the IP header is IPv4's.
static LAYOUTS: LazyLock<[[Layout; 2]; 2]> = LazyLock::new(|| {
    [LinkType::Raw, LinkType::Ethernet]
        .map(|link_type| [false, true].map(|is_ipv4| Layout::new(link_type, is_ipv4)))
});

impl Layout {
    pub(super) fn of(link_type: LinkType, is_ipv4: bool) -> &'static Self {
        &LAYOUTS[usize::from(link_type == LinkType::Ethernet)][usize::from(is_ipv4)]
    }

    fn new(link_type: LinkType, is_ipv4: bool) -> Self {
        let headers = [[REMOTE_MAC, LOCAL_MAC], [LOCAL_MAC, REMOTE_MAC]]
            .map(|[source, destination]| headers(link_type, is_ipv4, source, destination));
        // But for the Ethernet addresses, those of the two directions are the same.
        let (before, tcp) = headers[0].split_last_chunk::<{ TcpHeader::MIN_LEN }>().expect("a TCP header");
        let ip = before.last_chunk::<{ Ipv4Header::MIN_LEN }>().expect("an IP header");
        Self {
            ip_sum: if is_ipv4 { sum(ip) } else { 0 },
            tcp_sum: sum(tcp) + sum(&[0, IpNumber::TCP.0]),
            len: headers[0].len(),
            templates: headers
                .map(|headers| array::from_fn(|at| headers.get(at).copied().unwrap_or_default())),
            is_ipv4,
            syn_options: syn_options(max_payload(is_ipv4)),
        }
    }
}

/// A sum of little-endian words, folded: many of these can be added up.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    checksum::fold(checksum::sum(bytes)).into()
}

/// The headers of a direction.
fn headers(link_type: LinkType, is_ipv4: bool, source: u8, destination: u8) -> Vec<u8> {
    let mut headers = Vec::new();
    if link_type == LinkType::Ethernet {
        let ethernet = Ethernet2Header {
            source: [0x02, 0, 0, 0, 0, source],
            destination: [0x02, 0, 0, 0, 0, destination],
            ether_type: if is_ipv4 { EtherType::IPV4 } else { EtherType::IPV6 },
        };
        headers.extend_from_slice(&ethernet.to_bytes());
    }
    if is_ipv4 {
        let ip = Ipv4Header {
            protocol: IpNumber::TCP,
            time_to_live: HOP_LIMIT,
            dont_fragment: true,
            ..Ipv4Header::default()
        };
        headers.extend_from_slice(&ip.to_bytes());
    } else {
        let ip = Ipv6Header { next_header: IpNumber::TCP, hop_limit: HOP_LIMIT, ..Ipv6Header::default() };
        headers.extend_from_slice(&ip.to_bytes());
    }
    headers.extend_from_slice(&TcpHeader::new(0, 0, 0, u16::MAX).to_bytes());
    headers
}

fn syn_options(max_segment: u16) -> [u8; SYN_OPTIONS_LEN] {
    let mut tcp = TcpHeader::new(0, 0, 0, 0);
    tcp.set_options(&[
        TcpOptionElement::MaximumSegmentSize(max_segment),
        TcpOptionElement::Noop,
        TcpOptionElement::WindowScale(WINDOW_SHIFT),
    ])
    .expect("eight bytes of options fit");
    array::from_fn(|at| tcp.options.as_slice()[at])
}
