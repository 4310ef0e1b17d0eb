//! The headers of a packet: Ethernet, IPv4 or IPv6, and TCP.
//!
//! etherparse lays the headers of each direction of a conversation out once, as a template; for a packet only what
//! changes (sequence numbers, flags, lengths, checksums) is written into it. The payload is read once, for the TCP
//! checksum, and never copied here.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};

use crate::checksum;

/// FIN: the sender has no more data.
pub const FIN: u8 = 0x01;
/// SYN: the sequence number is the initial one.
pub const SYN: u8 = 0x02;
/// PSH: the end of what was read or written in one go.
pub const PSH: u8 = 0x08;
/// ACK: the acknowledgment number counts.
pub const ACK: u8 = 0x10;

/// An IP packet's length field is 16 bits wide: the most bytes of TCP header and payload in IPv4.
const IPV4_MAX: usize = 65_535 - Ipv4Header::MIN_LEN;
/// The same in IPv6, whose length field does not count the IPv6 header (RFC 8200 section 3).
const IPV6_MAX: usize = 65_535;

// Where the headers stand in a template: the TCP header at its end, all others before it, so that each has its place.
const IPV6: usize = Ethernet2Header::LEN;
const TCP: usize = IPV6 + Ipv6Header::LEN;
const IPV4: usize = TCP - Ipv4Header::MIN_LEN;
const TEMPLATE_LEN: usize = TCP + TcpHeader::MIN_LEN;

/// A shift of the receive window that no conversation here fills (RFC 7323 section 2.2).
const WINDOW_SHIFT: u8 = 14;
/// Maximum segment size (4 bytes), no-operation (1), window scale (3).
const SYN_OPTIONS_LEN: usize = 8;

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
pub fn max_payload(address: IpAddr) -> usize {
    let max = if address.is_ipv4() { IPV4_MAX } else { IPV6_MAX };
    max - TcpHeader::MIN_LEN
}

/// The headers of one direction of a conversation.
#[derive(Debug)]
pub struct Headers {
    template: [u8; TEMPLATE_LEN],
    /// Where the first header begins in it.
    start: usize,
    is_ipv4: bool,
    max_segment: u16,
    /// Sums of what never changes: the IPv4 header; the TCP pseudo header and ports.
    ip_sum: u64,
    tcp_sum: u64,
}

/// What distinguishes a packet from the others of its direction.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Sequence number of the first byte.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// [`FIN`], [`SYN`], [`PSH`], [`ACK`].
    pub flags: u8,
    /// Bytes of payload on the wire: more than are captured where the trace cut them. At most [`max_payload`].
    pub original_len: usize,
}

impl Headers {
    /// The headers of what `source` sends to `destination`, which are of one IP version. `mac` tells the two sides
    /// apart: the last byte of the source's and the destination's Ethernet address.
    #[must_use]
    pub fn new(link_type: LinkType, source: SocketAddr, destination: SocketAddr, mac: [u8; 2]) -> Self {
        let is_ipv4 = source.is_ipv4();
        let mut template = [0; TEMPLATE_LEN];
        let tcp = TcpHeader::new(source.port(), destination.port(), 0, u16::MAX);
        template[TCP..].copy_from_slice(&tcp.to_bytes());
        let mut ip_sum = 0;
        let (ip, addresses) = match (source.ip(), destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut ip = Ipv4Header {
                    protocol: IpNumber::TCP,
                    time_to_live: 64,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv4Header::default()
                };
                ip.dont_fragment = true;
                template[IPV4..TCP].copy_from_slice(&ip.to_bytes());
                ip_sum = u64::from(checksum::sum(&template[IPV4..TCP]));
                (IPV4, IPV4 + 12)
            }
            (source, destination) => {
                let ip = Ipv6Header {
                    next_header: IpNumber::TCP,
                    hop_limit: 64,
                    source: ipv6_octets(source),
                    destination: ipv6_octets(destination),
                    ..Ipv6Header::default()
                };
                template[IPV6..TCP].copy_from_slice(&ip.to_bytes());
                (IPV6, IPV6 + 8)
            }
        };
        let mut start = ip;
        if link_type == LinkType::Ethernet {
            let ethernet = Ethernet2Header {
                source: [0x02, 0, 0, 0, 0, mac[0]],
                destination: [0x02, 0, 0, 0, 0, mac[1]],
                ether_type: if is_ipv4 { EtherType::IPV4 } else { EtherType::IPV6 },
            };
            start -= Ethernet2Header::LEN;
            template[start..ip].copy_from_slice(&ethernet.to_bytes());
        }
        let tcp_sum = u64::from(IpNumber::TCP.0)
            + u64::from(checksum::sum(&template[addresses..TCP]))
            + u64::from(checksum::sum(&template[TCP..]));
        Self { template, start, is_ipv4, max_segment: max_payload(source.ip()) as u16, ip_sum, tcp_sum }
    }

    /// The bytes that stand before `payload`, which may be shorter than `segment.original_len`: the checksum of such a
    /// packet is that of a payload that goes on with zeros.
    #[inline]
    pub fn of(&mut self, segment: &Segment, payload: &[u8]) -> &[u8] {
        let tcp_len = (TcpHeader::MIN_LEN + segment.original_len) as u16;
        if self.is_ipv4 {
            let total_len = Ipv4Header::MIN_LEN as u16 + tcp_len;
            let ip_checksum = !checksum::fold(self.ip_sum + u64::from(total_len));
            self.put(IPV4 + 2, total_len.to_be_bytes());
            self.put(IPV4 + 10, ip_checksum.to_be_bytes());
        } else {
            self.put(IPV6 + 4, tcp_len.to_be_bytes());
        }
        self.put(TCP + 4, segment.sequence.to_be_bytes());
        self.put(TCP + 8, segment.acknowledgment.to_be_bytes());
        self.put(TCP + 13, [segment.flags]);
        let sum = self.tcp_sum
            + u64::from(tcp_len)
            + u64::from(segment.sequence)
            + u64::from(segment.acknowledgment)
            + u64::from(segment.flags)
            + u64::from(checksum::sum(payload));
        let tcp_checksum = !checksum::fold(sum);
        self.put(TCP + 16, tcp_checksum.to_be_bytes());
        &self.template[self.start..]
    }

    /// The headers of a packet that opens the connection: no payload, and the options of a SYN (RFC 9293 section 3.2,
    /// RFC 7323 section 2.2), so that readers know how large segments and the window can be.
    pub fn syn(&mut self, sequence: u32, acknowledgment: u32, flags: u8) -> Vec<u8> {
        let segment = Segment { sequence, acknowledgment, flags, original_len: SYN_OPTIONS_LEN };
        let mut tcp = TcpHeader::new(0, 0, 0, 0);
        tcp.set_options(&[
            TcpOptionElement::MaximumSegmentSize(self.max_segment),
            TcpOptionElement::Noop,
            TcpOptionElement::WindowScale(WINDOW_SHIFT),
        ])
        .expect("eight bytes of options fit");
        // The options stand where payload would, and count the same in the lengths and the checksum; only the data
        // offset has to say what they are.
        let options = tcp.options.as_slice().to_vec();
        let offset = TCP + 12;
        let words = (((TcpHeader::MIN_LEN + SYN_OPTIONS_LEN) / 4) << 4) as u8;
        let without = std::mem::replace(&mut self.template[offset], words);
        let added = u64::from(words - without) << 8;
        self.tcp_sum += added;
        let mut packet = self.of(&segment, &options).to_vec();
        packet.extend_from_slice(&options);
        self.tcp_sum -= added;
        self.template[offset] = without;
        packet
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.template[at..at + N].copy_from_slice(&bytes);
    }
}

fn ipv6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
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
            (source, destination) in addresses(),
            sequence: u32,
            acknowledgment: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..3000),
        ) {
            let mut headers = Headers::new(LinkType::Ethernet, source, destination, [1, 2]);
            let segment =
                Segment { sequence, acknowledgment, flags: PSH | ACK, original_len: payload.len() };
            let mut packet = headers.of(&segment, &payload).to_vec();
            packet.extend_from_slice(&payload);
            let tcp = read_back(&packet);
            prop_assert_eq!((tcp.sequence_number, tcp.acknowledgment_number), (sequence, acknowledgment));
            prop_assert_eq!((tcp.psh, tcp.ack, tcp.syn, tcp.fin), (true, true, false, false));

            let tcp = read_back(&headers.syn(sequence, acknowledgment, SYN | ACK));
            prop_assert_eq!((tcp.syn, tcp.ack, tcp.options.len()), (true, true, SYN_OPTIONS_LEN));

            // The template is as it was before the SYN.
            let mut again = headers.of(&segment, &payload).to_vec();
            again.extend_from_slice(&payload);
            prop_assert_eq!(again, packet);
        }
    }
}
