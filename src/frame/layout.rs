//! What the headers of all conversations share: templates that etherparse lays out once, and where in them each header
//! stands.

use std::array;
use std::sync::LazyLock;

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};

use super::LinkType;

/// An IP packet's length field is 16 bits wide: the most bytes of TCP header and payload in IPv4.
const IPV4_MAX: u16 = u16::MAX - Ipv4Header::MIN_LEN as u16;
/// The same in IPv6, whose length field does not count the IPv6 header (RFC 8200 section 3).
const IPV6_MAX: u16 = u16::MAX;

// Where the headers stand in a template: the TCP header at its end, all others before it, so that each has its place.
pub(super) const IPV6: usize = Ethernet2Header::LEN;
pub(super) const TCP: usize = IPV6 + Ipv6Header::LEN;
pub(super) const IPV4: usize = TCP - Ipv4Header::MIN_LEN;
pub(super) const TEMPLATE_LEN: usize = TCP + TcpHeader::MIN_LEN;

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
pub(super) fn max_segment(is_ipv4: bool) -> u16 {
    let max = if is_ipv4 { IPV4_MAX } else { IPV6_MAX };
    max - TcpHeader::MIN_LEN as u16
}

/// What the headers of all conversations with one link type and IP version share.
#[derive(Debug)]
pub(super) struct Layout {
    /// By direction.
    pub(super) templates: [[u8; TEMPLATE_LEN]; 2],
    /// Where the first header begins in them.
    pub(super) start: usize,
    pub(super) is_ipv4: bool,
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
        let ip = if is_ipv4 { IPV4 } else { IPV6 };
        let start = if link_type == LinkType::Ethernet { ip - Ethernet2Header::LEN } else { ip };
        Self {
            templates: [[REMOTE_MAC, LOCAL_MAC], [LOCAL_MAC, REMOTE_MAC]]
                .map(|[source, destination]| template(start, is_ipv4, source, destination)),
            start,
            is_ipv4,
            syn_options: syn_options(max_segment(is_ipv4)),
        }
    }
}

/// The headers of a direction, which begin at `start`.
fn template(start: usize, is_ipv4: bool, source: u8, destination: u8) -> [u8; TEMPLATE_LEN] {
    let mut template = [0; TEMPLATE_LEN];
    template[TCP..].copy_from_slice(&TcpHeader::new(0, 0, 0, u16::MAX).to_bytes());
    let ip = if is_ipv4 {
        let ip = Ipv4Header {
            protocol: IpNumber::TCP,
            time_to_live: HOP_LIMIT,
            dont_fragment: true,
            ..Ipv4Header::default()
        };
        template[IPV4..TCP].copy_from_slice(&ip.to_bytes());
        IPV4
    } else {
        let ip = Ipv6Header { next_header: IpNumber::TCP, hop_limit: HOP_LIMIT, ..Ipv6Header::default() };
        template[IPV6..TCP].copy_from_slice(&ip.to_bytes());
        IPV6
    };
    if start < ip {
        let ethernet = Ethernet2Header {
            source: [0x02, 0, 0, 0, 0, source],
            destination: [0x02, 0, 0, 0, 0, destination],
            ether_type: if is_ipv4 { EtherType::IPV4 } else { EtherType::IPV6 },
        };
        template[start..ip].copy_from_slice(&ethernet.to_bytes());
    }
    template
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
