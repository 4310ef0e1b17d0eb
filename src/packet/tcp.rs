//! The headers of a TCP segment: Ethernet, IPv4 or IPv6, and TCP.
//!
//! etherparse lays the headers out once for all conversations, as templates. For a packet its template is
//! copied to where the packet is to stand, and what distinguishes it (addresses, ports, sequence numbers, flags,
//! lengths, checksums) is written into that. So a conversation keeps no more than its addresses: thousands of them, of
//! which packets come in turn, stay in the processor's cache. The payload is read once, for the TCP checksum, and never
//! copied here.

use std::net::{IpAddr, SocketAddr};

use etherparse::{Ipv4Header, Ipv6Header, TcpHeader};

use super::template::{self, Template};
use super::{Headers, LinkType, checksum};
use crate::trace::{Direction, Side};

/// FIN: the sender has no more data.
pub const FIN: u16 = 0x01;
/// SYN: the sequence number is the initial one.
pub const SYN: u16 = 0x02;
/// RST: the connection is broken off.
pub const RST: u16 = 0x04;
/// PSH: the end of what was read or written in one go.
pub const PSH: u16 = 0x08;
/// ACK: the acknowledgment number counts.
pub const ACK: u16 = 0x10;

/// The receive window of a sender, in bytes, where nothing else is said.
pub const WINDOW: u16 = u16::MAX;

const IN_TEMPLATE: &str = "a template has all headers";

/// The headers of a conversation.
#[derive(Debug)]
pub struct TcpHeaders {
    template: &'static Template,
    /// By the direction of what each sends.
    ends: [Octets; 2],
    /// Sums of what never changes, in either direction, as little-endian words: the IPv4 header, if that is what
    /// it is; the TCP pseudo header and ports.
    ip_sum: u32,
    tcp_sum: u32,
}

/// The address and port of an end of a conversation, as they are in headers.
#[derive(Debug)]
struct Octets {
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
    /// The lower nine bits: [`FIN`], [`SYN`], [`RST`], [`PSH`], [`ACK`], URG, ECE, CWR, NS.
    pub flags: u16,
    /// Receive window.
    pub window: u16,
    /// Bytes of payload on the wire: more than are captured where the trace cut them. At most [`max_payload`](super::max_payload).
    pub original_len: usize,
}

/// The headers of one packet, which [`Self::append`] puts where they are to stand: nobody copies them from place to
/// place.
#[derive(Clone, Copy, Debug)]
pub struct SegmentHeaders<'a> {
    conversation: &'a TcpHeaders,
    segment: Segment,
    /// 32-bit words of options that follow the TCP header.
    options: u8,
    tcp_checksum: u16,
}

impl TcpHeaders {
    /// The headers of what is sent between two addresses, which are of one IP version.
    #[must_use]
    pub fn new(link_type: LinkType, local: SocketAddr, remote: SocketAddr) -> Self {
        let template = Template::of(link_type, local.is_ipv4());
        let ends = [Direction::Read, Direction::Write].map(|direction| match Side::sender(direction) {
            Side::Local => Octets::new(local),
            Side::Remote => Octets::new(remote),
        });
        let addresses: u32 = ends.iter().map(|end| template::sum(&end.ip)).sum();
        let ports: u32 = ends.iter().map(|end| template::sum(&end.port)).sum();
        Self {
            template,
            ends,
            ip_sum: template.ip_sum + addresses,
            tcp_sum: template.tcp_sum + addresses + ports,
        }
    }

    /// What stands before `payload`, which may be shorter than `segment.original_len`: the checksum of such a packet is
    /// that of a payload that goes on with zeros.
    #[inline(always)]
    #[must_use]
    pub fn packet(&self, segment: Segment, payload: &[u8]) -> SegmentHeaders<'_> {
        self.with_options(segment, 0, payload)
    }

    /// What opens the connection, and the options of a SYN (RFC 9293 section 3.2, RFC 7323 section 2.2), so that
    /// readers know how large segments and the window can be. They stand where payload would, and there is none.
    #[must_use]
    pub fn syn(
        &self,
        direction: Direction,
        sequence: u32,
        acknowledgment: u32,
        flags: u16,
    ) -> (SegmentHeaders<'_>, &'static [u8]) {
        let options = &self.template.syn_options;
        // They count as payload does in the lengths and the checksum; only the data offset has to say what they are.
        let original_len = options.len();
        let segment = Segment { direction, sequence, acknowledgment, flags, window: WINDOW, original_len };
        (self.with_options(segment, options.len() as u8 / 4, options), options)
    }

    /// What stands before `payload`, of which the first words of 32 bits are options.
    #[inline(always)]
    #[must_use]
    pub fn with_options(&self, segment: Segment, options: u8, payload: &[u8]) -> SegmentHeaders<'_> {
        let sum = u64::from(self.tcp_sum)
            + u64::from(segment.tcp_len().swap_bytes())
            + u64::from(segment.sequence.swap_bytes())
            + u64::from(segment.acknowledgment.swap_bytes())
            + u64::from(((u16::from(options) << 12) + segment.flags).swap_bytes())
            + u64::from(segment.window.swap_bytes())
            + checksum::sum(payload);
        SegmentHeaders { conversation: self, segment, options, tcp_checksum: !checksum::fold(sum) }
    }
}

impl Segment {
    /// Bytes of TCP header and payload.
    #[inline(always)]
    fn tcp_len(&self) -> u16 {
        (TcpHeader::MIN_LEN + self.original_len) as u16
    }
}

impl Headers for SegmentHeaders<'_> {
    #[inline(always)]
    fn captured_len(&self) -> usize {
        self.conversation.template.len
    }

    #[inline(always)]
    fn append(&self, buffer: &mut Vec<u8>) {
        let Self { conversation: TcpHeaders { template, ends, .. }, segment, .. } = self;
        let start = buffer.len();
        buffer.extend_from_slice(&template.headers[segment.direction as usize]);
        buffer.truncate(start + template.len);
        let [source, destination] =
            [segment.direction, segment.direction.reverse()].map(|way| &ends[way as usize]);
        let (before, tcp) = buffer.split_last_chunk_mut::<{ TcpHeader::MIN_LEN }>().expect(IN_TEMPLATE);
        if template.is_ipv4 {
            let ip = before.last_chunk_mut::<{ Ipv4Header::MIN_LEN }>().expect(IN_TEMPLATE);
            let total_len = Ipv4Header::MIN_LEN as u16 + segment.tcp_len();
            let sum = u64::from(self.conversation.ip_sum) + u64::from(total_len.swap_bytes());
            ip[2..4].copy_from_slice(&total_len.to_be_bytes());
            ip[10..12].copy_from_slice(&(!checksum::fold(sum)).to_le_bytes());
            ip[12..16].copy_from_slice(&source.ip[..4]);
            ip[16..20].copy_from_slice(&destination.ip[..4]);
        } else {
            let ip = before.last_chunk_mut::<{ Ipv6Header::LEN }>().expect(IN_TEMPLATE);
            ip[4..6].copy_from_slice(&segment.tcp_len().to_be_bytes());
            ip[8..24].copy_from_slice(&source.ip);
            ip[24..40].copy_from_slice(&destination.ip);
        }
        tcp[0..2].copy_from_slice(&source.port);
        tcp[2..4].copy_from_slice(&destination.port);
        tcp[4..8].copy_from_slice(&segment.sequence.to_be_bytes());
        tcp[8..12].copy_from_slice(&segment.acknowledgment.to_be_bytes());
        let [high, low] = segment.flags.to_be_bytes();
        tcp[12] += (self.options << 4) + high;
        tcp[13] = low;
        tcp[14..16].copy_from_slice(&segment.window.to_be_bytes());
        tcp[16..18].copy_from_slice(&self.tcp_checksum.to_le_bytes());
    }
}

impl Octets {
    fn new(address: SocketAddr) -> Self {
        let mut ip = [0; 16];
        match address.ip() {
            IpAddr::V4(address) => ip[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => ip = address.octets(),
        }
        Self { ip, port: address.port().to_be_bytes() }
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
            let headers = TcpHeaders::new(LinkType::Ethernet, local, remote);
            let direction = if is_read { Direction::Read } else { Direction::Write };
            let ports = if is_read { (remote.port(), local.port()) } else { (local.port(), remote.port()) };
            let segment = Segment {
                direction,
                sequence,
                acknowledgment,
                flags: PSH | ACK,
                window: WINDOW,
                original_len: payload.len(),
            };
            let mut packet = Vec::new();
            headers.packet(segment, &payload).append(&mut packet);
            packet.extend_from_slice(&payload);
            let tcp = read_back(&packet);
            prop_assert_eq!((tcp.source_port, tcp.destination_port), ports);
            prop_assert_eq!((tcp.sequence_number, tcp.acknowledgment_number), (sequence, acknowledgment));
            prop_assert_eq!((tcp.psh, tcp.ack, tcp.syn, tcp.fin), (true, true, false, false));

            let (syn, options) = headers.syn(direction, sequence, acknowledgment, SYN | ACK);
            packet.clear();
            syn.append(&mut packet);
            packet.extend_from_slice(options);
            let tcp = read_back(&packet);
            prop_assert_eq!((tcp.source_port, tcp.destination_port), ports);
            prop_assert_eq!((tcp.syn, tcp.ack, tcp.options.len()), (true, true, options.len()));
        }
    }
}
