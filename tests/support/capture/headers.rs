//! The headers of one packet, by etherparse, and whether their lengths and checksums are right.

use std::net::SocketAddr;

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};
use pcap_file::DataLink;

use super::Packet;

/// Reads the headers of a packet that had `original` bytes on the wire. Of the rest of [`Packet`] it knows nothing.
#[track_caller]
pub(super) fn read(link: DataLink, captured: &[u8], original: usize) -> Packet {
    let missing = original.checked_sub(captured.len()).expect("no more is captured than there was");
    let (macs, ip) = match link {
        DataLink::ETHERNET => {
            let (ethernet, ip) = Ethernet2Header::from_slice(captured).expect("an Ethernet header");
            let ether_type = if ip[0] >> 4 == 4 { EtherType::IPV4 } else { EtherType::IPV6 };
            assert_eq!(ethernet.ether_type, ether_type);
            (Some([ethernet.source, ethernet.destination]), ip)
        }
        DataLink::RAW => (None, captured),
        other => panic!("no link type of this kind is written: {other:?}"),
    };
    let length = ip.len() + missing;
    let (source, destination, tcp, payload) =
        if ip[0] >> 4 == 4 { read_ipv4(ip, length) } else { read_ipv6(ip, length) };
    Packet {
        time: 0,
        macs,
        source: SocketAddr::new(source, tcp.source_port),
        destination: SocketAddr::new(destination, tcp.destination_port),
        flags: flags(&tcp),
        sequence: tcp.sequence_number,
        acknowledgment: tcp.acknowledgment_number,
        max_segment: max_segment(&tcp),
        payload: payload.to_vec(),
        length: payload.len() + missing,
        interface: 0,
        is_inbound: None,
        comments: Vec::new(),
    }
}

type Read<'a> = (std::net::IpAddr, std::net::IpAddr, TcpHeader, &'a [u8]);

#[track_caller]
fn read_ipv4(packet: &[u8], length: usize) -> Read<'_> {
    let (ip, rest) = Ipv4Header::from_slice(packet).expect("an IPv4 header");
    assert_eq!(ip.header_checksum, ip.calc_header_checksum());
    assert_eq!(usize::from(ip.total_len), length);
    assert_eq!(ip.protocol, IpNumber::TCP);
    let (tcp, payload) = TcpHeader::from_slice(rest).expect("a TCP header");
    let wire = wire_payload(payload, length - packet.len());
    assert_eq!(tcp.calc_checksum_ipv4(&ip, &wire).expect("it fits"), tcp.checksum);
    (ip.source.into(), ip.destination.into(), tcp, payload)
}

#[track_caller]
fn read_ipv6(packet: &[u8], length: usize) -> Read<'_> {
    let (ip, rest) = Ipv6Header::from_slice(packet).expect("an IPv6 header");
    assert_eq!(usize::from(ip.payload_length) + Ipv6Header::LEN, length);
    assert_eq!(ip.next_header, IpNumber::TCP);
    let (tcp, payload) = TcpHeader::from_slice(rest).expect("a TCP header");
    let wire = wire_payload(payload, length - packet.len());
    assert_eq!(tcp.calc_checksum_ipv6(&ip, &wire).expect("it fits"), tcp.checksum);
    (ip.source.into(), ip.destination.into(), tcp, payload)
}

/// A payload as long as it was on the wire: what is missing counts as zeros in the checksum.
fn wire_payload(captured: &[u8], missing: usize) -> Vec<u8> {
    let mut wire = captured.to_vec();
    wire.resize(captured.len() + missing, 0);
    wire
}

#[track_caller]
fn max_segment(tcp: &TcpHeader) -> Option<u16> {
    let mut options = tcp.options_iterator().map(|option| option.expect("an option"));
    options.find_map(|option| match option {
        TcpOptionElement::MaximumSegmentSize(size) => Some(size),
        _ => None,
    })
}

fn flags(tcp: &TcpHeader) -> String {
    let all = [
        (tcp.syn, 'S'),
        (tcp.fin, 'F'),
        (tcp.rst, 'R'),
        (tcp.psh, 'P'),
        (tcp.ack, 'A'),
        (tcp.urg, 'U'),
        (tcp.ece || tcp.cwr || tcp.ns, 'E'),
    ];
    all.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter).collect()
}
