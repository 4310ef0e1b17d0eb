//! The headers of a packet: Ethernet, IPv4 or IPv6, and TCP.
//!
//! etherparse lays the headers out once for all conversations, as templates ([`layout`]); for a packet its addresses, ports and what
//! else changes (sequence numbers, flags, lengths, checksums) are written into a copy. So a conversation keeps no more
//! than its addresses: thousands of them, of which packets come in turn, stay in the processor's cache. The payload is
//! read once, for the TCP checksum, and never copied here.

mod layout;

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use etherparse::{IpNumber, Ipv4Header, TcpHeader};

use crate::checksum;
use crate::trace::{Direction, Side};
use layout::{IPV4, IPV6, Layout, TCP, TEMPLATE_LEN};

/// FIN: the sender has no more data.
pub const FIN: u8 = 0x01;
/// SYN: the sequence number is the initial one.
pub const SYN: u8 = 0x02;
/// PSH: the end of what was read or written in one go.
pub const PSH: u8 = 0x08;
/// ACK: the acknowledgment number counts.
pub const ACK: u8 = 0x10;

/// What stands below IP in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// LINKTYPE_ETHERNET (1), with locally administered addresses.
    Ethernet,
    /// LINKTYPE_RAW (101): the packet begins with its IP header.
    Raw,
}

/// The most bytes of TCP payload that one packet from or to `address` can have.
#[must_use]
pub fn max_payload(address: IpAddr) -> u16 {
    layout::max_segment(address.is_ipv4())
}

/// The headers of a conversation.
#[derive(Debug)]
pub struct Headers {
    layout: &'static Layout,
    /// By the direction of what each sends.
    ends: [End; 2],
    /// Sums of what never changes, in either direction: the IPv4 header; the TCP pseudo header and ports.
    ip_sum: u32,
    tcp_sum: u32,
}

/// An end of a conversation as it stands in headers.
#[derive(Debug)]
struct End {
    /// An IPv4 address takes the first four bytes.
    ip: [u8; 16],
    port: [u8; 2],
}

/// What distinguishes a packet from the others of its conversation.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Which way it goes.
    pub direction: Direction,
    /// Sequence number of the first byte.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// [`FIN`], [`SYN`], [`PSH`], [`ACK`].
    pub flags: u8,
    /// Bytes of payload on the wire: more than are captured where the trace cut them. At most [`max_payload`].
    pub original_len: usize,
}

/// Room for the headers of one packet, where they are put so that nobody copies them from place to place.
#[derive(Debug)]
pub struct HeaderBytes {
    bytes: [u8; TEMPLATE_LEN],
    start: usize,
}

impl Default for HeaderBytes {
    #[inline(always)]
    fn default() -> Self {
        Self { bytes: [0; TEMPLATE_LEN], start: 0 }
    }
}

impl Headers {
    /// The headers of what is sent between two addresses, which are of one IP version.
    #[must_use]
    pub fn new(link_type: LinkType, local: SocketAddr, remote: SocketAddr) -> Self {
        let layout = Layout::of(link_type, local.is_ipv4());
        let ends = [Direction::Read, Direction::Write].map(|direction| match Side::sender(direction) {
            Side::Local => End::new(local),
            Side::Remote => End::new(remote),
        });
        let sum = |bytes: &[u8]| u32::from(checksum::sum(bytes));
        let addresses: u32 = ends.iter().map(|end| sum(&end.ip)).sum();
        let ports: u32 = ends.iter().map(|end| sum(&end.port)).sum();
        // But for the Ethernet addresses, those of the two directions are the same.
        let [template, _] = &layout.templates;
        let ip_sum = if layout.is_ipv4 { sum(&template[IPV4..TCP]) + addresses } else { 0 };
        let tcp_sum = u32::from(IpNumber::TCP.0) + addresses + ports + sum(&template[TCP..]);
        Self { layout, ends, ip_sum, tcp_sum }
    }

    /// Puts what stands before `payload` into `bytes`. The payload may be shorter than `segment.original_len`: the checksum
    /// of such a packet is that of a payload that goes on with zeros.
    #[inline(always)]
    pub fn write(&self, segment: &Segment, payload: &[u8], bytes: &mut HeaderBytes) {
        let template = &self.layout.templates[segment.direction as usize];
        self.fill(template, self.tcp_sum, segment, payload, bytes);
    }

    /// Puts the headers of a packet that opens the connection into `bytes`, and returns the options of a SYN (RFC 9293
    /// section 3.2, RFC 7323 section 2.2), so that readers know how large segments and the window can be. They stand where
    /// payload would, and there is none.
    pub fn write_syn(
        &self,
        direction: Direction,
        sequence: u32,
        acknowledgment: u32,
        flags: u8,
        bytes: &mut HeaderBytes,
    ) -> &'static [u8] {
        let options = &self.layout.syn_options;
        // They count as payload does in the lengths and the checksum; only the data offset has to say what they are.
        let segment = Segment { direction, sequence, acknowledgment, flags, original_len: options.len() };
        let mut template = self.layout.templates[direction as usize];
        let words = (options.len() as u8 / 4) << 4;
        template[TCP + 12] += words;
        self.fill(&template, self.tcp_sum + (u32::from(words) << 8), &segment, options, bytes);
        options
    }

    #[inline(always)]
    fn fill(
        &self,
        template: &[u8; TEMPLATE_LEN],
        tcp_sum: u32,
        segment: &Segment,
        payload: &[u8],
        HeaderBytes { bytes, start }: &mut HeaderBytes,
    ) {
        *bytes = *template;
        *start = self.layout.start;
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        let source = &self.ends[segment.direction as usize];
        let destination = &self.ends[segment.direction.reverse() as usize];
        let tcp_len = (TcpHeader::MIN_LEN + segment.original_len) as u16;
        if self.layout.is_ipv4 {
            let total_len = Ipv4Header::MIN_LEN as u16 + tcp_len;
            let sum = self.ip_sum + u32::from(total_len);
            put(IPV4 + 2, &total_len.to_be_bytes());
            put(IPV4 + 10, &(!checksum::fold(u64::from(sum))).to_be_bytes());
            put(IPV4 + 12, &source.ip[..4]);
            put(IPV4 + 16, &destination.ip[..4]);
        } else {
            put(IPV6 + 4, &tcp_len.to_be_bytes());
            put(IPV6 + 8, &source.ip);
            put(IPV6 + 24, &destination.ip);
        }
        let sum = u64::from(tcp_sum)
            + u64::from(tcp_len)
            + u64::from(segment.sequence)
            + u64::from(segment.acknowledgment)
            + u64::from(segment.flags)
            + u64::from(checksum::sum(payload));
        put(TCP, &source.port);
        put(TCP + 2, &destination.port);
        put(TCP + 4, &segment.sequence.to_be_bytes());
        put(TCP + 8, &segment.acknowledgment.to_be_bytes());
        put(TCP + 13, &[segment.flags]);
        put(TCP + 16, &(!checksum::fold(sum)).to_be_bytes());
    }
}

impl End {
    fn new(address: SocketAddr) -> Self {
        let mut ip = [0; 16];
        match address.ip() {
            IpAddr::V4(address) => ip[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => ip = address.octets(),
        }
        Self { ip, port: address.port().to_be_bytes() }
    }
}

impl Deref for HeaderBytes {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{NetHeaders, PacketHeaders, TransportHeader};
    use proptest::prelude::*;

    use super::*;

    fn addresses() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
        let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b)));
        let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>()).prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b)));
        (prop_oneof![v4, v6], any::<(u16, u16)>())
            .prop_map(|((a, b), (p, q))| (SocketAddr::new(a, p), SocketAddr::new(b, q)))
    }

    /// Reads a packet back with etherparse and holds its checksums against etherparse's.
    fn read_back(packet: &[u8]) -> TcpHeader {
        let packet = PacketHeaders::from_ethernet_slice(packet).expect("a packet");
        let payload = packet.payload.slice();
        let Some(TransportHeader::Tcp(tcp)) = packet.transport else { panic!("no TCP") };
        let expected = match packet.net {
            Some(NetHeaders::Ipv4(ip, _)) => {
                assert_eq!(ip.calc_header_checksum(), ip.header_checksum);
                tcp.calc_checksum_ipv4(&ip, payload)
            }
            Some(NetHeaders::Ipv6(ip, _)) => tcp.calc_checksum_ipv6(&ip, payload),
            _ => panic!("no IP"),
        };
        assert_eq!(expected.expect("a payload that fits"), tcp.checksum);
        tcp
    }

    proptest! {
        #[test]
        fn agrees_with_etherparse(
            (local, remote) in addresses(),
            is_read: bool,
            sequence: u32,
            acknowledgment: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..3000),
        ) {
            let headers = Headers::new(LinkType::Ethernet, local, remote);
            let direction = if is_read { Direction::Read } else { Direction::Write };
            let ports = if is_read { (remote.port(), local.port()) } else { (local.port(), remote.port()) };
            let segment = Segment {
                direction,
                sequence,
                acknowledgment,
                flags: PSH | ACK,
                original_len: payload.len(),
            };
            let mut bytes = HeaderBytes::default();
            headers.write(&segment, &payload, &mut bytes);
            let mut packet = bytes.to_vec();
            packet.extend_from_slice(&payload);
            let tcp = read_back(&packet);
            prop_assert_eq!((tcp.source_port, tcp.destination_port), ports);
            prop_assert_eq!((tcp.sequence_number, tcp.acknowledgment_number), (sequence, acknowledgment));
            prop_assert_eq!((tcp.psh, tcp.ack, tcp.syn, tcp.fin), (true, true, false, false));

            let options = headers.write_syn(direction, sequence, acknowledgment, SYN | ACK, &mut bytes);
            let tcp = read_back(&[&bytes, options].concat());
            prop_assert_eq!((tcp.source_port, tcp.destination_port), ports);
            prop_assert_eq!((tcp.syn, tcp.ack, tcp.options.len()), (true, true, options.len()));
        }
    }
}
