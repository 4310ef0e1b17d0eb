//! Connections begin with what the trace recorded; with a handshake where one is asked for, and with a SYN where
//! readers would take the connection for an earlier one.

use std::net::SocketAddr;

use super::{STREAMED, converted};
use crate::capture::{Capture, Packet};
use crate::conversion::{convert, convert_many};
use crate::encode::{Format, Tap};
use crate::expected::{assert_shows, sent};
use crate::model::Direction::{self, Read, Write};
use crate::model::{Conversation, START, ip, noise};

const HANDSHAKE: [&str; 3] = ["S", "SA", "A"];

fn flags(packets: &[Packet]) -> Vec<&str> {
    packets.iter().map(|packet| &*packet.flags).collect()
}

/// Who opened the conversation, by its handshake.
#[track_caller]
fn initiator(options: &[&str], tap: &Tap, conversation: &Conversation) -> &'static str {
    let converted =
        convert(&[options, &["--handshake"]].concat(), &tap.write(std::slice::from_ref(conversation)));
    let packets = &converted.capture.packets;
    assert_eq!(flags(&packets[..3]), HANDSHAKE);
    let [local, remote] = [packets[0].source, packets[0].destination];
    assert_eq!((packets[1].source, packets[2].source), (remote, local));
    // What was captured is inbound where it comes from the remote side.
    if packets[0].is_inbound == Some(true) { "remote" } else { "local" }
}

#[test]
fn a_handshake_stands_before_the_first_event() {
    for conversation in [
        Conversation::new(1).read("GET /").write("ok").closed(),
        Conversation::new(1)
            .between(ip("[fd00::1]:80"), ip("[fd00::2]:40000"))
            .write("220 hi")
            .read("HELO")
            .closed(),
    ] {
        let [local, remote] = conversation.addresses();
        let converted = converted(&["--handshake"], &conversation);
        let packets = &converted.capture.packets;
        assert_eq!(flags(&packets[..4]), ["S", "SA", "A", "PA"]);
        assert!(packets[..3].iter().all(|packet| packet.time == START && packet.length == 0));
        assert_eq!((packets[0].source, packets[0].destination), (remote, local));
        // From there on it is as it was without the handshake.
        let stream = converted.capture.stream();
        for (address, direction) in [(local, Write), (remote, Read)] {
            let mut expected = sent(&conversation, &STREAMED, direction);
            expected.syn = Some(START);
            assert_eq!(*stream.sent_by(address), expected);
        }
        // The comments on the conversation are on its first packet.
        assert!(!packets[0].comments.is_empty());
        assert!(packets[1..].iter().all(|packet| packet.comments.is_empty()));
    }
}

#[test]
fn a_handshake_allows_the_segments_that_follow() {
    for (local, remote, max) in [("10.0.0.1:1", "10.0.0.2:2", 65_495), ("[fd00::1]:1", "[fd00::2]:2", 65_515)]
    {
        let conversation = Conversation::new(1).between(ip(local), ip(remote)).read(noise(100_000));
        let packets = converted(&["--handshake"], &conversation).capture.packets;
        let sizes: Vec<Option<u16>> = packets.iter().map(|packet| packet.max_segment).collect();
        assert_eq!(sizes, [Some(max), Some(max), None, None, None]);
        assert_eq!(packets[3].length, usize::from(max));
    }
}

#[test]
fn there_is_no_handshake_unless_one_is_asked_for() {
    let converted = converted(&[], &Conversation::new(1).read("GET /").write("ok"));
    assert_eq!(flags(&converted.capture.packets), ["PA", "PA"]);
}

/// A client may use its port again as soon as the connection is closed.
fn on_one_pair() -> Vec<Conversation> {
    let [local, remote] = [ip("10.1.0.1:80"), ip("10.2.0.2:40000")];
    let conversation =
        |id: u64| Conversation::new(id).between(local.clone(), remote.clone()).at(START + id * 1_000_000_000);
    (1..=3).map(|id| conversation(id).read(format!("GET /{id}")).write("ok").closed()).collect()
}

/// Fails the test unless these are connections of their own, all but the first with a SYN.
#[track_caller]
fn assert_apart(capture: &Capture, tap: &Tap, conversations: &[Conversation]) {
    let streams = capture.streams();
    assert_eq!(streams.len(), conversations.len());
    for (number, (stream, conversation)) in streams.iter().zip(conversations).enumerate() {
        let [local, remote] = conversation.addresses();
        let mut expected = sent(conversation, tap, Read);
        expected.syn = (number > 0).then_some(conversation.events[0].time);
        assert_eq!(*stream.sent_by(remote), expected);
        assert_eq!(*stream.sent_by(local), sent(conversation, tap, Write));
    }
    let syns = capture.packets.iter().filter(|packet| packet.flags.contains('S'));
    let mut numbers: Vec<u32> = syns.map(|packet| packet.sequence).collect();
    assert_eq!(numbers.len(), conversations.len() - 1);
    numbers.push(capture.packets[0].sequence.wrapping_sub(1));
    numbers.sort();
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "initial numbers differ: {numbers:?}");
}

#[test]
fn a_pair_of_addresses_that_comes_back_begins_with_a_syn() {
    for tap in [STREAMED, Tap::buffered(Format::Binary)] {
        let capture = convert(&[], &tap.write(&on_one_pair())).capture;
        assert_apart(&capture, &tap, &on_one_pair());
    }
}

#[test]
fn a_pair_of_addresses_may_come_back_in_another_input() {
    let taps: Vec<Vec<u8>> =
        on_one_pair().iter().map(|conversation| STREAMED.write(std::slice::from_ref(conversation))).collect();
    let taps = [("c", &*taps[2]), ("a", &*taps[0]), ("b", &*taps[1])];
    let capture = convert_many("capture.pcap", &[], &taps, 0).capture;
    assert_apart(&capture, &STREAMED, &on_one_pair());
}

/// As when the proxies at both ends of a connection are tapped: for a reader it is the same pair.
#[test]
fn a_pair_of_addresses_that_comes_back_the_other_way_round_begins_with_a_syn() {
    let mut conversations = on_one_pair();
    for conversation in &mut conversations[1..] {
        std::mem::swap(&mut conversation.local, &mut conversation.remote);
    }
    let capture = convert(&[], &STREAMED.write(&conversations)).capture;
    let streams = capture.streams();
    assert_eq!(streams.len(), 3);
    assert!(
        streams
            .iter()
            .all(|stream| stream.addresses().iter().all(|&side| stream.sent_by(side).fin.is_some()))
    );
}

#[test]
fn with_handshakes_a_pair_that_comes_back_has_one_each_time() {
    let capture = convert(&["--handshake"], &STREAMED.write(&on_one_pair())).capture;
    let opening: Vec<&str> =
        flags(&capture.packets).into_iter().filter(|flags| HANDSHAKE.contains(flags)).collect();
    assert_eq!(opening, [HANDSHAKE; 3].concat());
    assert_eq!(capture.streams().len(), 3);
}

/// Envoy's connection ids start over with Envoy.
#[test]
fn an_id_that_comes_back_is_another_connection() {
    let mut later = Conversation::new(2).at(START + 1_000_000_000).read("GET /2").write("ok").closed();
    later.id = 1;
    for first in
        [Conversation::new(1).read("GET /1").write("ok").closed(), Conversation::new(1).read("GET /1")]
    {
        for tap in [STREAMED, Tap { seq_num: false, ..STREAMED }, Tap::buffered(Format::Text)] {
            let conversations = [first.clone(), later.clone()];
            let capture = convert(&[], &tap.write(&conversations)).capture;
            for conversation in &conversations {
                assert_shows(&capture, conversation, &tap);
            }
        }
    }
}

#[test]
fn the_first_bytes_tell_who_opened_a_connection() {
    let requests: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.0\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let responses: [&[u8]; 2] = [b"HTTP/1.1 200 OK\r\n", b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"];
    let pairs =
        [("10.0.0.1:80", "10.0.0.2:40000"), ("10.0.0.1:40000", "10.0.0.2:80"), ("10.0.0.1:1", "10.0.0.2:2")];
    for (local, remote) in pairs {
        let begins = |direction: Direction, bytes: &[u8]| {
            let conversation = Conversation::new(1).between(ip(local), ip(remote));
            initiator(&[], &STREAMED, &conversation.data(direction, bytes.to_vec(), None, false))
        };
        for bytes in requests {
            assert_eq!(
                (begins(Read, bytes), begins(Write, bytes)),
                ("remote", "local"),
                "{}",
                bytes.escape_ascii()
            );
        }
        for bytes in responses {
            assert_eq!(
                (begins(Read, bytes), begins(Write, bytes)),
                ("local", "remote"),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
}

#[test]
fn where_bytes_tell_nothing_the_ports_tell_who_opened_a_connection() {
    let begins = |local: SocketAddr, remote: SocketAddr, direction| {
        let [local, remote] = [local, remote].map(|address| Some(crate::model::Address::Ip(address)));
        let conversation = Conversation::new(1).between(local, remote);
        initiator(&[], &STREAMED, &conversation.data(direction, b"\0hello".to_vec(), None, false))
    };
    let [server, client, other] = [25, 50_000, 110].map(|port| SocketAddr::from(([10, 0, 0, 1], port)));
    for direction in [Read, Write] {
        assert_eq!(begins(server, client, direction), "remote");
        assert_eq!(begins(client, server, direction), "local");
    }
    assert_eq!((begins(server, other, Read), begins(server, other, Write)), ("remote", "local"));
}

#[test]
fn a_trace_without_a_local_address_at_first_is_of_a_connection_that_envoy_opened() {
    let mut conversation =
        Conversation::new(1).between(ip("10.0.0.1:1"), ip("10.0.0.2:40000")).read("220 hello");
    assert_eq!(initiator(&[], &STREAMED, &conversation), "remote");
    conversation.is_upstream = true;
    assert_eq!(initiator(&[], &STREAMED, &conversation), "local");
    let late = Tap { connection_per_event: true, ..STREAMED };
    assert_eq!(initiator(&[], &late, &conversation), "local");
}

#[test]
fn who_opened_the_connections_can_be_said() {
    let conversations =
        [Conversation::new(1).read("GET / HTTP/1.1"), Conversation::new(1).write("GET / HTTP/1.1")];
    for conversation in conversations {
        for side in ["local", "remote"] {
            assert_eq!(initiator(&["--initiator", side], &STREAMED, &conversation), side);
        }
    }
}
