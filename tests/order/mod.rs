//! Records that changed places, were lost or came twice on their way, as datagrams of the UDP sink do, and trace ids
//! that come again: `seq_num` tells.

mod doubled;
mod ids;
mod lost;
mod mixed;
mod shuffled;
mod slices;

use crate::capture::Packet;
use crate::conversion::{Converted, convert};
use crate::encode::tree::{Message, Value, each_field};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, START, noise, noise_from};

/// A record moves by less than this many places.
const PLACES: usize = 16;

/// A conversation that has all that can go wrong: runs in both directions, long and short bodies, an end.
fn conversation(id: u64) -> Conversation {
    let start = Conversation::new(id).at(START + id * 1_234);
    let talk = (1..12).fold(start, |conversation, n| match n % 4 {
        0 => conversation.read(noise_from(n, 40)).read(noise_from(n + 100, 7)).read("r"),
        1 => conversation.write(noise_from(n, 900)),
        _ => conversation.write(noise_from(n, 30)).write("w").write(noise_from(n + 100, 400)),
    });
    talk.last_write("the last but one").last_write("the last").closed()
}

/// The same with many bodies that the tap's limit has cut.
fn cut_conversation(id: u64) -> Conversation {
    let start = Conversation::new(id).at(START + id * 1_234);
    let talk = (1..10).fold(start, |conversation, n| match n % 3 {
        0 => conversation.cut_read(noise(2_000 + n), 1_024),
        1 => conversation.cut_write(noise(70_000), 500).write("whole"),
        _ => conversation.read("whole").cut_read(noise(40), 0).cut_write(noise(5), 5),
    });
    talk.closed()
}

/// Puts the records in another order, each less than [`PLACES`] places from where it was.
fn shuffled<T: Clone>(records: &[T], seed: u64) -> Vec<T> {
    let steps = noise_from(seed, records.len());
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|&place| place + usize::from(steps[place]) % PLACES);
    order.into_iter().map(|place| records[place].clone()).collect()
}

/// A number below `end`, for each seed another one.
fn below(end: usize, seed: u64) -> usize {
    let [byte, other] = noise_from(seed, 2)[..] else { unreachable!("two bytes") };
    usize::from(u16::from_le_bytes([byte, other])) % end
}

#[track_caller]
fn converted(tap: &Tap, records: &[Message]) -> Converted {
    convert(&[], &tap.format.print(records))
}

/// Fails the test unless the two are the same, to the byte, and the same is said of them.
#[track_caller]
fn assert_same(one: &Converted, other: &Converted, what: &str) {
    assert_same_packets(&one.capture.packets, &other.capture.packets, &format!("{what}: {}", one.messages));
    assert!(one.file == other.file, "{what}");
    assert_eq!(said(one), said(other), "{what}");
}

/// What was said, but for the trace that is named as an example: it is that of the first event.
fn said(converted: &Converted) -> String {
    let parts = converted.messages.split("(trace ");
    parts.map(|part| part.split_once(" in tap").map_or(part, |(_, rest)| rest)).collect()
}

/// Shows the first packet that differs, and not all of them.
#[track_caller]
fn assert_same_packets(packets: &[Packet], expected: &[Packet], what: &str) {
    let number = packets.iter().zip(expected).take_while(|(packet, expected)| packet == expected).count();
    assert_eq!(packets.get(number), expected.get(number), "packet {number}, {what}");
}

fn set_seq_num(record: &mut Message, number: u64) {
    each_field(record, &mut |field| {
        if field.name == "seq_num" {
            field.value = Value::U64(number);
        }
    });
}

/// The formats in which a sink of datagrams writes, and the rest that keeps every byte.
const FORMATS: [Format; 4] = Format::LOSSLESS;
