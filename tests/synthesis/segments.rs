//! One event is one packet where it fits, else as many as it takes, all at its time.

use pcap_file::DataLink;

use super::{STREAMED, converted, shape};
use crate::conversion::convert_to;
use crate::expected::assert_shows;
use crate::model::{Conversation, ip, noise};

/// The greatest payloads of a packet: what IP's length field leaves behind the headers.
const IPV4: usize = 65_535 - 20 - 20;
const IPV6: usize = 65_535 - 20;

fn over_ipv6(id: u64) -> Conversation {
    Conversation::new(id).between(ip("[fd00::1]:80"), ip("[fd00::2]:40000"))
}

#[test]
fn an_event_is_a_packet_up_to_what_ip_can_hold() {
    for (conversation, max) in [(Conversation::new(1), IPV4), (over_ipv6(1), IPV6)] {
        let conversation = conversation.read(noise(max)).write(noise(max + 1)).read("x");
        let converted = converted(&[], &conversation);
        let expected = [("PA", max, max), ("A", max, max), ("PA", 1, 1), ("PA", 1, 1)];
        assert_eq!(shape(&converted), expected);
        assert_shows(&converted.capture, &conversation, &STREAMED);
    }
}

#[test]
fn a_large_event_is_many_segments_and_the_last_one_says_push() {
    for (conversation, max) in [(Conversation::new(1), IPV4), (over_ipv6(1), IPV6)] {
        let conversation = conversation.read("GET /").write(noise(200_000)).closed();
        let converted = converted(&[], &conversation);
        let rest = 200_000 - 3 * max;
        let expected = [("A", max, max), ("A", max, max), ("A", max, max), ("PA", rest, rest)];
        assert_eq!(shape(&converted)[1..5], expected);
        assert_shows(&converted.capture, &conversation, &STREAMED);
    }
}

#[test]
fn a_limit_makes_smaller_segments() {
    for conversation in [Conversation::new(1), over_ipv6(1)] {
        let conversation = conversation.read(noise(200_000)).write(noise(1_000)).write(noise(1_001));
        let converted = converted(&["--mss", "1000"], &conversation);
        let (last, rest) = ([("PA", 1_000, 1_000), ("A", 1_000, 1_000), ("PA", 1, 1)], ("A", 1_000, 1_000));
        let shape = shape(&converted);
        assert_eq!(shape.len(), 203);
        assert!(shape[..199].iter().all(|packet| *packet == rest), "{shape:?}");
        assert_eq!(shape[199], ("PA", 1_000, 1_000));
        assert_eq!(shape[200..], last);
        assert_shows(&converted.capture, &conversation, &STREAMED);
    }
}

#[test]
fn a_limit_may_be_one_byte() {
    let conversation = Conversation::new(1).read("abc");
    let converted = converted(&["--mss", "1"], &conversation);
    assert_eq!(shape(&converted), [("A", 1, 1), ("A", 1, 1), ("PA", 1, 1)]);
}

#[test]
fn a_limit_beyond_what_ip_can_hold_changes_nothing() {
    let conversation = Conversation::new(1).read(noise(100_000)).closed();
    assert!(converted(&["--mss", "65535"], &conversation).file == converted(&[], &conversation).file);
}

#[test]
fn nothing_is_no_packet() {
    let conversation = Conversation::new(1).read("").write("").read("x").write("");
    assert_eq!(shape(&converted(&[], &conversation)), [("PA", 1, 1)]);
}

#[test]
fn raw_packets_begin_with_ip() {
    for conversation in [Conversation::new(1), over_ipv6(1)] {
        let conversation = conversation.read("GET /").cut_write(noise(100_000), 10).closed();
        for name in ["capture.pcapng", "capture.pcap"] {
            let tap = STREAMED.write(std::slice::from_ref(&conversation));
            let raw = convert_to(name, &["--link-type", "raw"], &tap, 0);
            let mut ethernet = convert_to(name, &[], &tap, 0);
            assert_eq!((raw.capture.link, ethernet.capture.link), (DataLink::RAW, DataLink::ETHERNET));
            for packet in &mut ethernet.capture.packets {
                packet.macs = None;
            }
            assert_eq!(raw.capture.packets, ethernet.capture.packets);
        }
    }
}

#[test]
fn ethernet_addresses_are_local_ones_and_tell_the_sides_apart() {
    let conversation = Conversation::new(1).read("GET /").write("ok");
    let [read, write] =
        <[_; 2]>::try_from(converted(&[], &conversation).capture.packets).expect("two packets");
    let ([remote, local], reply) = (read.macs.expect("addresses"), write.macs.expect("addresses"));
    assert_eq!(reply, [local, remote]);
    assert_ne!(local, remote);
    for address in [local, remote] {
        assert_eq!(address[0] & 0b11, 0b10, "locally administered, not a group");
    }
}

#[test]
fn pcapng_says_which_way_a_packet_went() {
    let conversation = Conversation::new(1).read("GET /").write("ok").closed();
    let [local, _] = conversation.addresses();
    for packet in converted(&[], &conversation).capture.packets {
        assert_eq!(packet.is_inbound, Some(packet.destination == local), "{packet:?}");
    }
}

#[test]
fn pcapng_says_who_made_the_headers() {
    let about = converted(&[], &Conversation::new(1).read("GET /")).capture.about.join("\n");
    for words in [concat!("tap2pcap ", env!("CARGO_PKG_VERSION")), "headers are synthetic"] {
        assert!(about.contains(words), "{words:?} is not in {about:?}");
    }
}

#[test]
fn a_snap_length_keeps_the_beginning_of_each_payload() {
    let body = noise(70_000);
    let conversation =
        Conversation::new(1).read("GET /").write(&*body).cut_read(noise(900), 50).read("").closed();
    let whole = converted(&[], &conversation).capture.packets;
    for length in [0, 3, 100, 65_000] {
        let packets = converted(&["--snaplen", &length.to_string()], &conversation).capture.packets;
        assert_eq!(packets.len(), whole.len());
        for (packet, whole) in packets.iter().zip(&whole) {
            assert_eq!(packet.payload, whole.payload[..whole.payload.len().min(length)]);
            assert_eq!((packet.length, packet.sequence), (whole.length, whole.sequence));
        }
    }
}
