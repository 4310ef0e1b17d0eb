//! Much of what takes a byte or two: none of it may take many bytes of memory, or of a capture, for each of its own.

use super::*;
use crate::capture::Capture;
use crate::encode::tree::{Message, Value, connection_field, event_message, field, wrapper};
use crate::encode::wire;
use crate::model::{Direction, START};
use crate::program::Dir;

const MIB: usize = 1 << 20;
/// Bytes that may come out for each that goes in, besides some to begin with: a packet for an event of 30 bytes.
const ONE_PACKET: usize = 8;
/// The same where missing bytes are packets: 17 of them for such an event.
const MANY_PACKETS: usize = 48;

/// An input that goes on and on.
struct Flood {
    name: &'static str,
    /// For `--input-format`.
    format: &'static str,
    head: Vec<u8>,
    /// What follows, by its number.
    next: Box<dyn Fn(u64) -> Vec<u8>>,
    status: i32,
}

impl Flood {
    fn of(name: &'static str, format: &'static str, head: &str, unit: &str, status: i32) -> Self {
        let unit = unit.as_bytes().repeat(1_024);
        Self { name, format, head: head.into(), next: Box::new(move |_| unit.clone()), status }
    }

    fn tap(&self, size: usize) -> Vec<u8> {
        let mut tap = self.head.clone();
        for number in 0.. {
            if tap.len() >= size {
                break;
            }
            tap.extend((self.next)(number));
        }
        tap
    }

    /// Converts so much of it, from a file and from a pipe, in so many bytes of addresses: more than the program can
    /// have used.
    #[track_caller]
    fn run(&self, size: usize, memory: usize) {
        self.run_and_write(size, memory, ONE_PACKET);
    }

    /// The same, with so many bytes written for each that is read.
    #[track_caller]
    fn run_and_write(&self, size: usize, memory: usize, times: usize) {
        let dir = Dir::new();
        let tap = self.tap(size);
        let most = 8_192 + times * tap.len();
        dir.write("tap", &tap);
        let limit = format!("-v {}", memory / 1_024);
        for (input, stdin) in [("tap", vec![]), ("-", tap)] {
            let args = ["-i", self.format, input, "capture.pcap"];
            let ran = dir.tap2pcap_within(&limit).args(args).stdin(stdin).run();
            assert_eq!(ran.code, Some(self.status), "{} {input}: {}", self.name, ran.stderr);
            let length = std::fs::metadata(dir.path("capture.pcap")).map_or(0, |capture| capture.len());
            assert!(length <= most as u64, "{} {input}: {length}", self.name);
            assert!(ran.stderr.len() < 4_096, "{} {input}: {}", self.name, ran.stderr);
        }
    }
}

/// Records that say nothing or next to it, and what stands between records.
fn small_records() -> Vec<Flood> {
    vec![
        Flood::of("empty buffered traces", "auto", "", "\x1a\0", 0),
        Flood::of("empty segments", "auto", "", "\x22\0", 0),
        Flood::of("empty records", "auto", "\x02\x1a\0", "\0", 1),
        Flood::of("records of empty traces", "auto", "", "\x02\x1a\0", 0),
        Flood::of("braces", "auto", "", "{}", 1),
        Flood::of("empty JSON traces", "auto", "", "{\"socket_buffered_trace\":{}}", 0),
        Flood::of("lines between JSON", "auto", "{\"socket_buffered_trace\":{}}", "x\n", 0),
        Flood::of("empty text traces", "auto", "", "socket_buffered_trace{}", 0),
        Flood::of("lines between texts", "auto", "socket_buffered_trace{}\n", "!\n", 0),
        Flood::of("brackets", "json", "", "[", 1),
        segments("losses", |number| 1_000 * number + 1),
        segments("the same event", |_| 1),
        // Each changes places with the one before it.
        segments("late events", |number| (number ^ 1) + 1),
        segments("the end first", |number| u64::MAX / 2 - number),
    ]
}

/// A record that never ends, and bytes that are none.
fn endless_records() -> Vec<Flood> {
    let event = "{\"socket_buffered_trace\":{\"events\":[{\"read\":{\"data\":{\"as_bytes\":\"";
    let text = "socket_buffered_trace { events { read { data { as_bytes: \"";
    let mut claim = Tap::streamed(Format::Delimited).write(&[Conversation::new(9).read("GET /")]);
    wire::varint(1 << 62, &mut claim);
    vec![
        Flood { head: claim, ..Flood::of("a claim", "auto", "", "\"\x05abcde", 1) },
        Flood::of("a JSON string", "auto", event, "YWFh", 1),
        Flood::of("objects", "auto", "{\"socket_buffered_trace\":", "{\"a\":", 1),
        Flood::of("open braces", "json", "", "{", 1),
        Flood::of("arrays", "auto", "{\"socket_buffered_trace\":", "[", 1),
        Flood::of("a line", "text", "", "socket", 1),
        Flood::of("a line of JSON", "json", "", "socket", 1),
        Flood::of("a text string", "auto", text, "abc", 1),
        Flood::of("messages", "auto", "socket_buffered_trace {", "a{", 1),
        Flood::of("open braces in text", "text", "", "{", 1),
        Flood::of("fields at the top", "auto", "socket_buffered_trace{}\n", "x: 1\n", 0),
        Flood::of("a comment", "text", "", "# ", 1),
        Flood::of("zeros", "auto", "", "\0", 1),
        Flood::of("spaces", "auto", "", " ", 1),
        Flood::of("spaces in JSON", "json", "", " ", 1),
        Flood::of("line ends in text", "text", "", "\n", 1),
        Flood::of("line ends in a record", "auto", "{\"socket_buffered_trace\":{", "\n", 1),
    ]
}

/// One connection's reads of a byte each, with the `seq_num` that a read of this number is to have.
fn segments(name: &'static str, seq_num: impl Fn(u64) -> u64 + 'static) -> Flood {
    let opening = segment(connection_field(2, &Conversation::new(9)));
    let next = move |number| {
        let read = Conversation::new(9).at(START).data(Direction::Read, vec![b'a'], None, false);
        segment(field("event", 3, Value::Message(event_message(&read.events[0], seq_num(number)))))
    };
    Flood { name, format: "auto", head: opening, next: Box::new(next), status: 0 }
}

fn segment(piece: crate::encode::tree::Field) -> Vec<u8> {
    let trace: Message = vec![field("trace_id", 1, Value::U64(9)), piece];
    wire::delimited(&wrapper("socket_streamed_trace_segment", 4, trace))
}

#[test]
fn small_records_take_no_memory() {
    small_records().iter().for_each(|flood| flood.run(MIB / 4, 40 * MIB));
}

/// As much memory as for a quarter of a mebibyte.
#[test]
#[ignore = "takes a minute"]
fn many_small_records_take_no_memory() {
    small_records().iter().for_each(|flood| flood.run(4 * MIB, 40 * MIB));
}

/// It is in memory as a whole, with room to grow.
#[test]
fn endless_records_take_little_more_than_themselves() {
    endless_records().iter().for_each(|flood| flood.run(4 * MIB, 56 * MIB));
}

#[test]
#[ignore = "takes a minute"]
fn long_endless_records_take_little_more_than_themselves() {
    endless_records().iter().for_each(|flood| flood.run(64 * MIB, 296 * MIB));
}

/// Connections that never close: those that have been idle for longest are given up.
#[test]
fn openings_without_end_take_no_memory() {
    let opening = |id| {
        let mut trace = vec![field("trace_id", 1, Value::U64(id))];
        trace.push(connection_field(2, &Conversation::new(id)));
        wire::delimited(&wrapper("socket_streamed_trace_segment", 4, trace))
    };
    let read = |id, seq_num| {
        let read = Conversation::new(id).at(START + id).read("a");
        let event = field("event", 3, Value::Message(event_message(&read.events[0], seq_num)));
        let trace = vec![field("trace_id", 1, Value::U64(id)), event];
        wire::delimited(&wrapper("socket_streamed_trace_segment", 4, trace))
    };
    let mut tap = [opening(1), read(1, 1), opening(2), read(2, 1)].concat();
    for id in 3..=200_000 {
        tap.extend(opening(id));
        if id % 10_000 == 0 {
            tap.extend(read(1, id / 10_000 + 1));
        }
    }
    tap.extend([read(200_000, 1), read(2, 2), read(1, 22)].concat());
    let dir = Dir::new();
    dir.write("tap", &tap);
    let args = ["tap", "capture.pcapng"];
    let ran = dir.tap2pcap_within("-v 131072").args(args).run().expect(0);
    assert!(ran.stderr.contains("warning: 150,000 connections were given up "), "{}", ran.stderr);
    let packets = Capture::parse(&dir.read("capture.pcapng")).packets;
    let of = |id| {
        let [_, remote] = Conversation::new(id).addresses();
        packets.iter().filter(move |packet| packet.source == remote).count()
    };
    // The first goes on from time to time and is kept, the second is not, and what comes of it has no addresses.
    assert_eq!([of(1), of(2), of(200_000)], [22, 1, 1]);
    assert!(ran.stderr.contains("warning: 1 trace has no IP address "), "{}", ran.stderr);
}

/// Each event says that it lacks 16 MiB and more.
#[test]
fn bytes_that_are_only_claimed_take_no_room() {
    let opening = segment(connection_field(2, &Conversation::new(9)));
    let next = |number| {
        let read = Conversation::new(9).at(START).cut_read("abc", 1);
        let event = event_message(&read.events[0], number * 20_000_000 + 1);
        segment(field("event", 3, Value::Message(event)))
    };
    let flood = Flood { name: "cut bodies", format: "auto", head: opening, next: Box::new(next), status: 0 };
    flood.run_and_write(MIB / 4, 40 * MIB, MANY_PACKETS);
}
