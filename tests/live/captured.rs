//! Packet captures in which somebody has recorded the datagrams of Envoy's UDP sink.

use etherparse::{IpFragOffset, Ipv4Header, PacketBuilder};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock;

use super::*;

/// An IP packet with a datagram.
fn packet(sender: [u8; 4], datagram: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4(sender, [192, 0, 2, 2], 64).udp(40_000, 5000);
    let mut packet = Vec::with_capacity(builder.size(datagram.len()));
    builder.write(&mut packet, datagram).expect("memory");
    packet
}

/// The same in fragments of at most 1,480 bytes, the last one first.
fn fragments(packet: &[u8]) -> Vec<Vec<u8>> {
    let (header, _) = Ipv4Header::from_slice(packet).expect("a header");
    let pieces: Vec<_> = packet[20..].chunks(1480).collect();
    let count = pieces.len();
    let fragments = pieces.into_iter().enumerate().map(|(at, piece)| {
        let mut header = header.clone();
        header.identification = 7;
        (header.dont_fragment, header.more_fragments) = (false, at + 1 < count);
        header.fragment_offset = IpFragOffset::try_new((at * 185) as u16).expect("an offset");
        header.set_payload_len(piece.len()).expect("a length");
        header.header_checksum = header.calc_header_checksum();
        [&header.to_bytes()[..], piece].concat()
    });
    fragments.rev().collect()
}

fn pcap(link: DataLink, before: &[u8], packets: &[Vec<u8>]) -> Vec<u8> {
    let header = PcapHeader { datalink: link, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).expect("memory");
    for packet in packets {
        let bytes = [before, packet].concat();
        let length = bytes.len() as u32;
        let packet = PcapPacket::new(Duration::from_secs(1), length, &bytes).expect("a packet");
        writer.write_packet(&packet).expect("memory");
    }
    writer.into_inner()
}

fn pcapng(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = PcapNgWriter::new(Vec::new()).expect("memory");
    let interface = InterfaceDescriptionBlock { linktype: DataLink::RAW, snaplen: 0, options: Vec::new() };
    writer.write_pcapng_block(interface).expect("memory");
    for packet in packets {
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_secs(1),
            original_len: packet.len() as u32,
            data: packet.into(),
            options: Vec::new(),
        };
        writer.write_pcapng_block(block).expect("memory");
    }
    writer.into_inner()
}

/// A question about a name.
const DNS: &[u8] = b"\x0a\x1b\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";

#[test]
fn datagrams_in_a_capture_are_messages() {
    let ethernet = [&[2; 12][..], &[8, 0]].concat();
    let cooked = [&[0, 0, 3, 4, 0, 6][..], &[0; 8], &[8, 0]].concat();
    for name in ["post-streamed-as-bytes.json", "post-streamed.pb_length_delimited", "post-streamed.pb_text"]
    {
        let dir = Dir::new();
        let tap = sample(name);
        let expected = converted(&dir, &tap);
        let mut packets = vec![packet([192, 0, 2, 1], DNS)];
        packets.extend(messages(name, &tap).iter().map(|message| packet([192, 0, 2, 1], message)));
        packets.insert(2, vec![0x45; 7]);
        packets.insert(2, packet([192, 0, 2, 3], DNS));
        let captures = [
            pcap(DataLink::ETHERNET, &ethernet, &packets),
            pcap(DataLink::RAW, &[], &packets),
            pcap(DataLink::LINUX_SLL, &cooked, &packets),
            pcap(DataLink::NULL, &[2, 0, 0, 0], &packets),
            pcapng(&packets),
        ];
        for (number, capture) in captures.iter().enumerate() {
            eprintln!("{name} {number}");
            assert_eq!(converted(&dir, capture), expected, "{name}, {number}");
        }
    }
}

#[test]
fn fragments_are_put_together() {
    let dir = Dir::new();
    let body = "x".repeat(4000);
    let data = json!({ "as_string": body });
    let event = json!({ "timestamp": "2026-11-20T10:58:36Z", "read": { "data": data } });
    let message = json!({ "socket_streamed_trace_segment": { "trace_id": "1", "event": event } }).to_string();
    let packets = fragments(&packet([192, 0, 2, 1], message.as_bytes()));
    assert_eq!(packets.len(), 3);
    let found = converted(&dir, &pcap(DataLink::RAW, &[], &packets));
    assert_eq!(found[0].3, body.as_bytes());
}

#[test]
fn what_is_not_taken_is_told() {
    let dir = Dir::new();
    let name = "post-streamed.pb_length_delimited";
    let tap = sample(name);
    let expected = converted(&dir, &tap);
    let from = |sender| messages(name, &tap).into_iter().map(move |message| packet(sender, &message));
    let both: Vec<_> = from([192, 0, 2, 1]).chain(from([192, 0, 2, 9])).collect();
    dir.write("both.pcap", &pcap(DataLink::RAW, &[], &both));
    let ran = dir.tap2pcap().args(["both.pcap", "out.pcapng"]).run().expect(1);
    assert!(ran.stderr.contains("of another sender than the first one"), "{}", ran.stderr);
    assert_eq!(packets(&dir), expected);
    dir.tap2pcap().args(["-i", "udp", "both.pcap", "out.pcapng"]).run().expect(1);
    assert_eq!(packets(&dir), expected);
    dir.write("none.pcap", &pcap(DataLink::RAW, &[], &[packet([192, 0, 2, 1], DNS)]));
    let ran = dir.tap2pcap().args(["none.pcap", "none.pcapng"]).run().expect(1);
    assert!(
        ran.stderr.contains("a packet capture without datagrams of Envoy's UDP tap sink"),
        "{}",
        ran.stderr
    );
    // As `tcpdump -s 60` captures it.
    let header = PcapHeader { datalink: DataLink::RAW, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).expect("memory");
    for bytes in from([192, 0, 2, 1]) {
        let captured = &bytes[..bytes.len().min(60)];
        let packet = PcapPacket::new(Duration::from_secs(1), bytes.len() as u32, captured).expect("a packet");
        writer.write_packet(&packet).expect("memory");
    }
    dir.write("short.pcap", &writer.into_inner());
    let ran = dir.tap2pcap().args(["short.pcap", "short.pcapng"]).run().expect(1);
    assert!(ran.stderr.contains("captured short, and left out"), "{}", ran.stderr);
    let whole = pcap(DataLink::RAW, &[], &both);
    dir.write("cut.pcap", &whole[..whole.len() - 3]);
    let ran = dir.tap2pcap().args(["cut.pcap", "cut.pcapng"]).run().expect(1);
    assert!(ran.stderr.contains("the pcap data is truncated"), "{}", ran.stderr);
}
