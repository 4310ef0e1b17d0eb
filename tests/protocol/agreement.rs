//! `info` and the conversion ask one recognizer: the port that `info` names as the server's is that to which the SYN goes.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::info;
use super::samples::samples;
use crate::conversion::convert;
use crate::encode::{Format, Tap};
use crate::model::Direction::{self, Read, Write};
use crate::model::{Address, Conversation, Random, noise_from};

/// Begins a conversation with one event; who has which port says nothing, or the wrong thing.
fn conversation(id: u64, ports: [u16; 2], direction: Direction, bytes: Vec<u8>) -> Conversation {
    let [.., high, low] = id.to_be_bytes();
    let [local, remote] = ports;
    let local = SocketAddr::from(([10, 1, high, low], local));
    let remote = SocketAddr::from(([10, 2, high, low], remote));
    let [local, remote] = [local, remote].map(|address| Some(Address::Ip(address)));
    Conversation::new(id).between(local, remote).data(direction, bytes, None, false)
}

/// The port to which each SYN goes, and that of the server as `info` has it, by trace.
#[track_caller]
fn assert_agree(conversations: &[Conversation]) -> usize {
    let tap = Tap::streamed(Format::Delimited).write(conversations);
    let syns = convert(&["--handshake"], &tap).capture.packets;
    let syns: HashMap<[SocketAddr; 2], SocketAddr> = syns
        .iter()
        .filter(|packet| packet.flags == "S")
        .map(|packet| {
            let mut ends = [packet.source, packet.destination];
            ends.sort();
            (ends, packet.destination)
        })
        .collect();
    assert_eq!(syns.len(), conversations.len());
    let info = info(&tap);
    let traces = info["traces"].as_array().expect("an array");
    let mut named = 0;
    for (trace, conversation) in traces.iter().zip(conversations) {
        let mut ends = conversation.addresses();
        ends.sort();
        if trace["protocol"] == "other" {
            assert!(trace["server_port"].is_null(), "{trace}");
        } else {
            named += 1;
            assert_eq!(trace["server_port"], syns[&ends].port(), "{trace} {:?}", conversation.events);
        }
    }
    named
}

const PORTS: [[u16; 2]; 4] = [[80, 50_000], [50_000, 80], [1, 2], [40_000, 50_000]];

#[test]
fn on_what_each_side_of_each_protocol_begins_with() {
    let mut conversations = Vec::new();
    for sample in samples() {
        for (_, bytes) in &sample.messages {
            for ports in PORTS {
                for direction in [Read, Write] {
                    let id = conversations.len() as u64 + 1;
                    conversations.push(conversation(id, ports, direction, bytes.clone()));
                }
            }
        }
    }
    let named = assert_agree(&conversations);
    assert!(named > conversations.len() / 2, "{named}");
}

/// Openings, parts, mixtures of protocols, with bytes that are changed.
#[test]
fn on_bytes_at_random() {
    let pieces: Vec<Vec<u8>> =
        samples().iter().flat_map(|sample| &sample.messages).map(|(_, bytes)| bytes.clone()).collect();
    for seed in 1..=3 {
        let mut random = Random(seed);
        let mut below = |limit: usize| (random.next() % limit as u64) as usize;
        let mut conversations = Vec::new();
        for id in 1..=1_500 {
            let mut bytes = match below(4) {
                0 => noise_from(seed << 32 | id, 1 + below(60)),
                _ => pieces[below(pieces.len())].clone(),
            };
            if below(3) == 0 {
                let at = below(bytes.len());
                bytes[at] = below(256) as u8;
            }
            if below(3) == 0 {
                bytes.truncate(below(bytes.len() + 1));
            }
            if below(4) == 0 {
                bytes.extend_from_slice(&pieces[below(pieces.len())]);
            }
            let direction = if below(2) == 0 { Read } else { Write };
            conversations.push(conversation(id, PORTS[below(PORTS.len())], direction, bytes));
        }
        let named = assert_agree(&conversations);
        assert!((300..1_400).contains(&named), "{named}");
    }
}

#[test]
fn on_a_method_that_few_know_and_a_greeting_that_is_none() {
    for (request, is_http) in [("PROPFIND / HTTP/1.1\r\n\r\n", true), ("HELO x HTTP/1.0\r\n\r\n", false)] {
        // A remote client with the port of a server.
        let one = conversation(1, [50_000, 80], Read, request.as_bytes().to_vec());
        assert_eq!(assert_agree(std::slice::from_ref(&one)), usize::from(is_http), "{request}");
        let capture = convert(&["--handshake"], &Tap::streamed(Format::Delimited).write(&[one])).capture;
        // Where the bytes say nothing the ports do.
        let server = if is_http { 50_000 } else { 80 };
        assert_eq!(capture.packets[0].destination.port(), server, "{request}");
    }
}
