//! What the headers of all conversations share: link and IP headers, and templates of them with TCP that etherparse lays out
//! once, with the sums of what is in them.

use std::array;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};

use super::checksum;

/// An IP packet's length field is 16 bits wide: the most bytes of TCP header and payload in IPv4.
const IPV4_MAX: u16 = u16::MAX - Ipv4Header::MIN_LEN as u16;
/// The same in IPv6, whose length field does not count the IPv6 header (RFC 8200 section 3).
const IPV6_MAX: u16 = u16::MAX;

/// Headers take at most this many bytes.
const ROOM: usize = Ethernet2Header::LEN + Ipv6Header::LEN + TcpHeader::MIN_LEN;
/// Room for headers that are laid out for one packet: an SCTP packet with an INIT chunk is the longest.
const LONGEST: usize = Ethernet2Header::LEN + Ipv6Header::LEN + 32;

/// Headers while they are laid out: bytes on the stack, because each packet but a TCP segment has its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Default for Bytes {
    fn default() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }
}

impl Bytes {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A shift of the receive window that no conversation here fills (RFC 7323 section 2.2).
const WINDOW_SHIFT: u8 = 14;
/// Maximum segment size (4 bytes), no-operation (1), window scale (3).
const SYN_OPTIONS_LEN: usize = 8;
/// What hosts begin with.
pub(super) const HOP_LIMIT: u8 = 64;

/// The last byte of each side's Ethernet address.
pub(super) const LOCAL_MAC: u8 = 1;
pub(super) const REMOTE_MAC: u8 = 2;

/// What stands below IP in a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkType {
    /// LINKTYPE_ETHERNET (1), with locally administered addresses.
    #[default]
    Ethernet,
    /// LINKTYPE_RAW (101): the packet begins with its IP header.
    Raw,
}

/// The most bytes of TCP payload that a packet can have.
#[must_use]
pub fn max_payload(is_ipv4: bool) -> u16 {
    let max = if is_ipv4 { IPV4_MAX } else { IPV6_MAX };
    max - TcpHeader::MIN_LEN as u16
}

/// What the headers of all conversations with one link type and IP version share.
#[derive(Debug)]
pub(super) struct Template {
    /// By direction. What stands behind the headers is of no meaning: all take the same room, so that they are copied
    /// faster.
    pub(super) headers: [[u8; ROOM]; 2],
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
static TEMPLATES: LazyLock<[[Template; 2]; 2]> = LazyLock::new(|| {
    [LinkType::Raw, LinkType::Ethernet]
        .map(|link_type| [false, true].map(|is_ipv4| Template::new(link_type, is_ipv4)))
});

impl Template {
    pub(super) fn of(link_type: LinkType, is_ipv4: bool) -> &'static Self {
        &TEMPLATES[usize::from(link_type == LinkType::Ethernet)][usize::from(is_ipv4)]
    }

    fn new(link_type: LinkType, is_ipv4: bool) -> Self {
        let headers = [[REMOTE_MAC, LOCAL_MAC], [LOCAL_MAC, REMOTE_MAC]]
            .map(|[source, destination]| headers(link_type, is_ipv4, source, destination));
        // But for the Ethernet addresses, those of the two directions are the same.
        let (before, tcp) =
            headers[0].as_slice().split_last_chunk::<{ TcpHeader::MIN_LEN }>().expect("a TCP header");
        let ip = before.last_chunk::<{ Ipv4Header::MIN_LEN }>().expect("an IP header");
        Self {
            ip_sum: if is_ipv4 { sum(ip) } else { 0 },
            tcp_sum: sum(tcp) + sum(&[0, IpNumber::TCP.0]),
            len: headers[0].len,
            headers: headers.map(|headers| array::from_fn(|at| headers.bytes[at])),
            is_ipv4,
            syn_options: syn_options(max_payload(is_ipv4)),
        }
    }
}

/// A sum of little-endian words, folded: many of these can be added up.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    checksum::fold(checksum::sum(bytes)).into()
}

/// The headers of a direction, without addresses, ports and lengths.
fn headers(link_type: LinkType, is_ipv4: bool, source: u8, destination: u8) -> Bytes {
    let mut headers = Bytes::default();
    let (nowhere_4, nowhere_6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    let nowhere = if is_ipv4 { Addresses::V4([nowhere_4; 2]) } else { Addresses::V6([nowhere_6; 2]) };
    write_link(link_type, is_ipv4, [source, destination], &mut headers);
    write_ip(&nowhere, IpNumber::TCP, HOP_LIMIT, None, &mut headers);
    headers.extend(&TcpHeader::new(0, 0, 0, 0).to_bytes());
    headers
}

/// The IP addresses of a packet: source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    V4([Ipv4Addr; 2]),
    V6([Ipv6Addr; 2]),
}

/// Appends the link header of a packet between hosts whose Ethernet addresses end in these bytes: source and destination.
pub(super) fn write_link(link_type: LinkType, is_ipv4: bool, ends: [u8; 2], headers: &mut Bytes) {
    if link_type == LinkType::Ethernet {
        let [source, destination] = ends.map(|end| [0x02, 0, 0, 0, 0, end]);
        let ether_type = if is_ipv4 { EtherType::IPV4 } else { EtherType::IPV6 };
        headers.extend(&Ethernet2Header { source, destination, ether_type }.to_bytes());
    }
}

/// Appends the IP header of a packet with `length` bytes after it, of which no more are counted than IP can say. A template has no
/// length and no checksum.
pub(super) fn write_ip(
    addresses: &Addresses,
    protocol: IpNumber,
    hop_limit: u8,
    length: Option<usize>,
    headers: &mut Bytes,
) {
    match addresses {
        Addresses::V4([source, destination]) => {
            let mut ip = Ipv4Header {
                protocol,
                time_to_live: hop_limit,
                dont_fragment: true,
                total_len: length
                    .map_or(0, |length| length.min(IPV4_MAX.into()) as u16 + Ipv4Header::MIN_LEN as u16),
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv4Header::default()
            };
            if length.is_some() {
                ip.header_checksum = ip.calc_header_checksum();
            }
            headers.extend(&ip.to_bytes());
        }
        Addresses::V6([source, destination]) => {
            let ip = Ipv6Header {
                next_header: protocol,
                hop_limit,
                payload_length: length.unwrap_or_default().min(IPV6_MAX.into()) as u16,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            };
            headers.extend(&ip.to_bytes());
        }
    }
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
