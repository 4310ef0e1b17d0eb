//! Headers beside TCP's, and captures of a library's user: into any writer, with interfaces that are added while it runs.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use etherparse::{IpNumber, NetHeaders, PacketHeaders, TransportHeader};
use tap2pcap::internal::capture::destination::Destination;
use tap2pcap::internal::capture::{Capture, Format};
use tap2pcap::internal::packet::metadata::Metadata;
use tap2pcap::internal::packet::udp::{DatagramHeaders, Route};
use tap2pcap::internal::packet::{CutHeaders, Headers, LinkType, Packet, PacketSink, icmp, sctp, udp};
use tap2pcap::internal::trace::Direction;

use crate::program::Dir;
use crate::tools::{fields, tshark};

/// A writer whose bytes can be looked at while it is written to.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic").clone()
    }
}

fn packet<H: Headers>(time: u64, headers: H, payload: &[u8], original_len: usize) -> Packet<'_, H> {
    let direction = Direction::Write;
    Packet { time, order: time, interface: 0, direction, headers, payload, original_len, metadata: None }
}

fn routes(link_type: LinkType) -> [Route; 2] {
    [["10.0.0.1", "10.0.0.2"], ["2001:db8::1", "2001:db8::2"]].map(|addresses| {
        let [source, destination] = addresses.map(|address| address.parse::<IpAddr>().expect("an address"));
        Route::new(link_type, Direction::Write, source, destination).expect("of one version")
    })
}

/// The kinds of packets, each whole and cut, with as many bytes as it has.
fn samples(link_type: LinkType) -> Vec<(DatagramHeaders, Vec<u8>, usize)> {
    let mut samples = Vec::new();
    for route in routes(link_type) {
        for (payload, original_len) in [(&b"odd"[..], 3), (b"", 0), (b"cut off", 500)] {
            samples.push((
                udp::headers(&route, [40_000, 9_999], payload, original_len),
                payload.into(),
                original_len,
            ));
        }
        let is_ipv4 = samples.len() == 3;
        let echo = if is_ipv4 { 8 } else { 128 };
        for (payload, original_len) in [(&b"ping!"[..], 5), (b"pi", 56)] {
            let headers = icmp::headers(&route, [echo, 0], [0, 1, 0, 2], payload, original_len);
            samples.push((headers, payload.into(), original_len));
        }
        // COOKIE-ACK, a chunk of nothing but its header.
        let chunk = [11, 0, 0, 4];
        samples.push((sctp::headers(&route, [40_000, 2_905], 7, &chunk, 4), chunk.into(), 4));
        samples.push((sctp::headers(&route, [40_000, 2_905], 7, &[], 0), Vec::new(), 0));
    }
    samples
}

#[test]
fn headers_are_as_etherparse_reads_them() {
    for (headers, payload, original_len) in samples(LinkType::Ethernet) {
        let mut bytes = Vec::new();
        headers.append(&mut bytes);
        assert_eq!(bytes.len(), headers.captured_len());
        // The checksum is that of a payload that goes on with zeros.
        let mut whole = payload.clone();
        whole.resize(original_len, 0);
        bytes.extend_from_slice(&whole);
        let read = PacketHeaders::from_ethernet_slice(&bytes).expect("a packet");
        let rest = match (&read.transport, &read.net) {
            (Some(TransportHeader::Udp(udp)), Some(NetHeaders::Ipv4(ip, _))) => {
                assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                assert_eq!(usize::from(udp.length), 8 + original_len);
                assert_eq!(udp.checksum, udp.calc_checksum_ipv4(ip, &whole).expect("it fits"));
                8
            }
            (Some(TransportHeader::Udp(udp)), Some(NetHeaders::Ipv6(ip, _))) => {
                assert_eq!(udp.checksum, udp.calc_checksum_ipv6(ip, &whole).expect("it fits"));
                8
            }
            (Some(TransportHeader::Icmpv4(icmp)), _) => {
                assert_eq!(icmp.checksum, icmp.icmp_type.calc_checksum(&whole));
                8
            }
            (Some(TransportHeader::Icmpv6(icmp)), Some(NetHeaders::Ipv6(ip, _))) => {
                let expected = icmp.icmp_type.calc_checksum(ip.source, ip.destination, &whole);
                assert_eq!(icmp.checksum, expected.expect("it fits"));
                8
            }
            (None, Some(NetHeaders::Ipv4(ip, _))) => {
                assert_eq!(ip.protocol, IpNumber::SCTP);
                12
            }
            (None, Some(NetHeaders::Ipv6(ip, _))) => {
                assert_eq!(ip.next_header, IpNumber::SCTP);
                12
            }
            other => panic!("{other:?}"),
        };
        match read.net {
            Some(NetHeaders::Ipv4(ip, _)) => assert_eq!(usize::from(ip.total_len), 20 + rest + original_len),
            Some(NetHeaders::Ipv6(ip, _)) => assert_eq!(usize::from(ip.payload_length), rest + original_len),
            _ => panic!("no IP"),
        }
    }
}

/// The CRC-32C of SCTP, bit by bit (RFC 9260 appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

#[test]
fn the_checksum_of_sctp_counts_what_is_not_captured_as_zeros() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    for route in routes(LinkType::Raw) {
        for original_len in [4, 5, 3000] {
            let chunk = [11, 0, 0, 4];
            let mut bytes = Vec::new();
            sctp::headers(&route, [40_000, 2_905], 7, &chunk, original_len).append(&mut bytes);
            bytes.drain(..bytes.len() - 12);
            bytes.extend_from_slice(&chunk);
            bytes.resize(12 + original_len, 0);
            let written = bytes.splice(8..12, [0; 4]).collect::<Vec<_>>();
            assert_eq!(written, crc32c(&bytes).to_le_bytes());
        }
    }
}

/// A capture of all kinds of packets.
fn capture(link_type: LinkType) -> Vec<u8> {
    let shared = Shared::default();
    let names = ["packets".to_owned()];
    let mut capture = Capture::new(Destination::writer(shared.clone()), Format::PcapNg, link_type, &names)
        .expect("a thread to write");
    for (number, (headers, payload, original_len)) in (0..).zip(samples(link_type)) {
        capture.write(&packet(number, headers, &payload, original_len)).expect("memory");
        // Of headers that are cut nothing follows.
        capture
            .write(&packet(number, CutHeaders::new(headers, headers.captured_len() - 4), &[], original_len))
            .expect("memory");
    }
    capture.finish().expect("memory");
    shared.bytes()
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn tshark_finds_nothing_wrong_with_any_kind_of_packet() {
    let dir = Dir::new();
    for link_type in [LinkType::Ethernet, LinkType::Raw] {
        let path = dir.write("packets.pcapng", &capture(link_type));
        let checked =
            ["-o", "udp.check_checksum:TRUE", "-o", "sctp.checksum:CRC 32c", "-o", "ip.check_checksum:TRUE"];
        let names = ["frame.protocols", "_ws.expert.message", "_ws.malformed", "frame.cap_len", "frame.len"];
        let mut kinds = Vec::new();
        for [protocols, expert, malformed, captured, length] in fields(tshark(&path).args(checked), names) {
            assert_eq!((expert.as_str(), malformed.as_str()), ("", ""), "{protocols}");
            if captured == length {
                kinds.push(
                    protocols
                        .split(':')
                        .skip_while(|name| !name.starts_with("ip"))
                        .nth(1)
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
        }
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds, ["icmp", "icmpv6", "sctp", "udp"]);
        let whole = ["-Y", "frame.cap_len == frame.len"];
        let statuses =
            ["udp.checksum.status", "sctp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"];
        for status in fields(tshark(&path).args(checked).args(whole), statuses) {
            // 1 is good.
            assert_eq!(status.iter().filter(|status| *status == "1").count(), 1, "{status:?}");
            assert_eq!(status.iter().filter(|status| status.is_empty()).count(), 3, "{status:?}");
        }
    }
}

#[test]
fn interfaces_are_added_while_a_capture_runs() {
    for format in [Format::PcapNg, Format::NsecPcap] {
        let shared = Shared::default();
        let mut capture = Capture::new(
            Destination::writer(shared.clone()),
            format,
            LinkType::Ethernet,
            &["first".to_owned()],
        )
        .expect("a thread to write");
        let [route, _] = routes(LinkType::Ethernet);
        let headers = udp::headers(&route, [1, 2], b"", 0);
        capture.write(&packet(1, headers, b"", 0)).expect("memory");
        let before = capture.preamble().to_vec();
        let second = capture.add_interface("second");
        let after = capture.preamble().to_vec();
        assert!(after.starts_with(&before));
        assert_eq!(
            (second, after.len() > before.len()),
            if format == Format::PcapNg { (1, true) } else { (0, false) }
        );
        capture.write(&Packet { interface: second, ..packet(2, headers, b"", 0) }).expect("memory");
        capture.flush().expect("memory");
        let third = capture.add_interface("third");
        let metadata = Metadata { comments: vec!["a=b".to_owned()], packet_id: Some(7), dropped: 3 };
        let last = Packet { interface: third, metadata: Some(&metadata), ..packet(3, headers, b"", 0) };
        capture.write(&last).expect("memory");
        // A capture that begins anew with the preamble is whole.
        let preamble = capture.preamble().to_vec();
        assert_eq!(capture.finish().expect("memory").packets, 3);
        let bytes = shared.bytes();
        let blocks = interfaces_and_packets(&bytes);
        match format {
            Format::PcapNg => {
                assert_eq!(blocks, ["first", "second", "packet 0", "packet 1", "third", "packet 2"]);
                assert_eq!(interfaces_and_packets(&preamble), ["first", "second", "third"]);
                let options = bytes
                    .windows(12)
                    .filter(|bytes| bytes[..4] == [5, 0, 8, 0] && bytes[4..] == 7u64.to_le_bytes());
                assert_eq!(options.count(), 1, "epb_packetid");
                let options = bytes
                    .windows(12)
                    .filter(|bytes| bytes[..4] == [4, 0, 8, 0] && bytes[4..] == 3u64.to_le_bytes());
                assert_eq!(options.count(), 1, "epb_dropcount");
            }
            _ => {
                assert_eq!(preamble, bytes[..24]);
                // Each packet has a header of 16 bytes and, of UDP, 42.
                assert_eq!(bytes.len(), 24 + 3 * (16 + 42));
            }
        }
    }
}

/// The interfaces of a pcapng file by their names, and its packets by their interfaces, in the order of the blocks.
fn interfaces_and_packets(mut bytes: &[u8]) -> Vec<String> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
    let mut found = Vec::new();
    if bytes[..4] != [0x0a, 0x0d, 0x0d, 0x0a] {
        return found;
    }
    while !bytes.is_empty() {
        let block = &bytes[..number(&bytes[4..]) as usize];
        match number(block) {
            // `if_name` is the first option.
            1 => {
                let length = usize::from(u16::from_le_bytes([block[18], block[19]]));
                found.push(String::from_utf8(block[20..20 + length].to_vec()).expect("a name"));
            }
            6 => found.push(format!("packet {}", number(&block[8..]))),
            _ => {}
        }
        bytes = &bytes[block.len()..];
    }
    found
}
