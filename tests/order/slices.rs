//! The UDP sink cuts bodies that are too large for a datagram into slices, each an event of its own: the times count on
//! in nanoseconds, and so does `seq_num` since Envoy 1.37. They become one event again.

use super::*;
use crate::encode::tree::Field;

/// The length of a slice.
fn slice_len(format: Format) -> usize {
    if format == Format::JsonString { 63_488 } else { 47_104 }
}

/// Bytes that every format keeps.
fn body(length: usize) -> Vec<u8> {
    noise(length).into_iter().map(|byte| byte & 0x3f | 0x40).collect()
}

/// Cuts a record's body into slices. `is_numbered`: each has a `seq_num` of its own.
#[track_caller]
fn sliced(record: &Message, slice_len: usize, is_numbered: bool) -> Vec<Message> {
    let mut body = None;
    each_field(&mut record.clone(), &mut |field| match &field.value {
        Value::Bytes(bytes) if field.name == "as_bytes" => body = Some(bytes.clone()),
        Value::Text(text) if field.name == "as_string" => body = Some(text.clone().into_bytes()),
        _ => {}
    });
    let body = body.expect("there is a body");
    let slices = body.chunks(slice_len).zip(0..);
    let slice = |(bytes, number): (&[u8], u64)| {
        let mut slice = record.clone();
        each_field(&mut slice, &mut |Field { name, value, .. }| match value {
            Value::Bytes(body) if name == "as_bytes" => *body = bytes.to_vec(),
            Value::Text(body) if name == "as_string" => {
                *body = String::from_utf8(bytes.to_vec()).expect("ASCII");
            }
            Value::Time { nanos, .. } => *nanos += number,
            Value::U64(seq_num) if name == "seq_num" && is_numbered => *seq_num += number * slice_len as u64,
            Value::Bool(value) => *value = false,
            _ => {}
        });
        slice
    };
    slices.map(slice).collect()
}

/// Requests and one long answer.
fn conversation(answer: usize) -> Conversation {
    let conversation = Conversation::new(1).read("GET /").write(body(answer));
    conversation.read("GET /2").write("ok").closed()
}

/// The record of the long answer.
const ANSWER: usize = 2;

#[track_caller]
fn with_slices(tap: &Tap, conversation: &Conversation) -> (Vec<Message>, Vec<Message>) {
    let whole = tap.records(std::slice::from_ref(conversation));
    let slices = sliced(&whole[ANSWER], slice_len(tap.format), tap.seq_num);
    let mut records = whole.clone();
    records.splice(ANSWER..=ANSWER, slices);
    (whole, records)
}

#[test]
fn slices_are_one_event_again() {
    for format in [Format::Binary, Format::Text, Format::JsonBytes, Format::JsonString] {
        let slice = slice_len(format);
        for seq_num in [true, false] {
            let tap = Tap { seq_num, ..Tap::streamed(format) };
            for length in [slice - 1, slice, slice + 1, 2 * slice - 1, 2 * slice, 5 * slice + 100] {
                let (whole, records) = with_slices(&tap, &conversation(length));
                assert_eq!(records.len(), whole.len() + length.div_ceil(slice) - 1);
                let what = format!("{format:?} {length} bytes, seq_num {seq_num}");
                assert_same(&converted(&tap, &records), &converted(&tap, &whole), &what);
            }
        }
    }
}

#[test]
fn slices_may_change_places() {
    for format in [Format::Binary, Format::JsonString] {
        let tap = Tap::streamed(format);
        let (whole, records) = with_slices(&tap, &conversation(6 * slice_len(format) + 5));
        let expected = converted(&tap, &whole);
        for seed in 0..6 {
            let what = format!("{format:?} shuffled with {seed}");
            assert_same(&converted(&tap, &shuffled(&records, seed)), &expected, &what);
        }
    }
}

#[test]
fn other_traces_may_come_between_slices() {
    let tap = Tap::streamed(Format::Binary);
    let (whole, records) = with_slices(&tap, &conversation(4 * slice_len(tap.format)));
    let other = tap.records(&[super::conversation(2)]);
    let interleaved: Vec<Message> = (0..records.len().max(other.len()))
        .flat_map(|place| [records.get(place), other.get(place)])
        .flatten()
        .cloned()
        .collect();
    let together = [whole, other].concat();
    let expected = converted(&tap, &together).capture.packets;
    assert_same_packets(&converted(&tap, &interleaved).capture.packets, &expected, "interleaved");
    for seed in 0..4 {
        let shuffled = converted(&tap, &shuffled(&interleaved, seed)).capture.packets;
        assert_same_packets(&shuffled, &expected, &format!("shuffled with {seed}"));
    }
}

/// The sink adds to the nanoseconds without a look at the second. In JSON the time is a text, and Envoy writes the next
/// second there.
#[test]
fn the_nanoseconds_of_slices_may_go_on_beyond_the_second() {
    for format in [Format::Binary, Format::Text] {
        for seq_num in [true, false] {
            let tap = Tap { seq_num, ..Tap::streamed(format) };
            let long =
                Conversation::new(1).read("GET /").at(START / 1_000_000_000 * 1_000_000_000 + 999_999_998);
            let long = long.write(body(5 * slice_len(format))).read("GET /2").closed();
            let (whole, records) = with_slices(&tap, &long);
            assert!(format!("{records:?}").contains("nanos: 1000000002"), "the test is one");
            let what = format!("{format:?}, seq_num {seq_num}");
            assert_same(&converted(&tap, &records), &converted(&tap, &whole), &what);
        }
    }
}

#[test]
fn a_lost_slice_leaves_a_hole_and_what_is_left_is_there() {
    let tap = Tap::streamed(Format::Binary);
    let slice = slice_len(tap.format);
    let (whole, records) = with_slices(&tap, &conversation(4 * slice));
    let ends = |converted: &Converted| -> Vec<u32> {
        let packets = converted.capture.packets.iter().rev().take(3);
        packets.map(|packet| packet.sequence.wrapping_add(packet.acknowledgment)).collect()
    };
    let whole = converted(&tap, &whole);
    for lost in ANSWER..ANSWER + 4 {
        let mut records = records.clone();
        records.remove(lost);
        let holed = converted(&tap, &records);
        let bytes: usize = holed.capture.packets.iter().map(|packet| packet.payload.len()).sum();
        assert_eq!(bytes, 5 + 3 * slice + 6 + 2, "{lost}");
        assert_eq!(ends(&holed), ends(&whole), "{lost}");
        assert!(holed.messages.contains(", 1 lost (47,104 bytes) ->"), "{}", holed.messages);
    }
}

/// Two events that are as long as a slice, but not one nanosecond apart.
#[test]
fn events_that_are_as_long_as_a_slice_stay_apart() {
    for seq_num in [true, false] {
        let tap = Tap { seq_num, ..Tap::streamed(Format::Binary) };
        let slice = body(slice_len(tap.format));
        let conversation = Conversation::new(1).write(&slice).write(&slice).read(&slice).write("x").closed();
        let capture = converted(&tap, &tap.records(std::slice::from_ref(&conversation))).capture;
        crate::expected::assert_shows(&capture, &conversation, &tap);
    }
}
