//! Bodies that the tap's limit cut are packets that are captured short, as long as they were.

use super::{STREAMED, converted, shape};
use crate::conversion::convert;
use crate::encode::tree::{Value, each_field};
use crate::encode::{Format, Kind, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, noise};

/// The greatest payload of a packet in IPv4.
const MAX: usize = 65_535 - 20 - 20;

fn has_comment(comments: &[&str], name: &str, value: impl ToString) -> bool {
    comments.contains(&&*format!("{name}={}", value.to_string()))
}

#[test]
fn the_next_event_tells_the_true_length() {
    let conversation =
        Conversation::new(1).read("GET /").cut_write(noise(3_000), 100).read("GET /2").write("ok");
    let converted = converted(&[], &conversation);
    assert_eq!(shape(&converted), [("PA", 5, 5), ("PA", 100, 3_000), ("PA", 6, 6), ("PA", 2, 2)]);
    assert_shows(&converted.capture, &conversation, &STREAMED);

    let comments: Vec<&str> = converted.capture.packets[1].comments.iter().map(String::as_str).collect();
    assert!(has_comment(&comments, "tap.captured_length", 100), "{comments:?}");
    assert!(has_comment(&comments, "tap.original_length", 3_000), "{comments:?}");
    assert!(converted.capture.packets[2..].iter().all(|packet| packet.comments.is_empty()));
    assert!(converted.messages.contains("1 body was cut"), "{}", converted.messages);
    assert!(converted.messages.contains("2,900 bytes missing"), "{}", converted.messages);
}

#[test]
fn the_end_tells_the_true_length_of_the_last_event() {
    let conversation = Conversation::new(1).read("GET /").cut_write(noise(3_000), 100).closed();
    let converted = converted(&[], &conversation);
    assert_eq!(shape(&converted)[..2], [("PA", 5, 5), ("PA", 100, 3_000)]);
    assert_shows(&converted.capture, &conversation, &STREAMED);
}

#[test]
fn a_body_may_be_cut_to_nothing() {
    let conversation = Conversation::new(1).cut_read(noise(3_000), 0).write("ok").closed();
    let converted = converted(&[], &conversation);
    assert_eq!(shape(&converted)[0], ("PA", 0, 3_000));
    assert_shows(&converted.capture, &conversation, &STREAMED);
}

#[test]
fn a_body_that_is_cut_after_its_end_is_whole() {
    let conversation = Conversation::new(1).cut_read(noise(3_000), 3_000).write("ok").closed();
    let converted = converted(&[], &conversation);
    assert_eq!(shape(&converted)[0], ("PA", 3_000, 3_000));
}

#[test]
fn segments_without_payload_follow_where_much_is_missing() {
    let conversation =
        Conversation::new(1).read("GET /").cut_write(noise(200_000), 1_024).read("bye").closed();
    let converted = converted(&[], &conversation);
    let rest = 200_000 - 3 * MAX;
    let expected = [("A", 1_024, MAX), ("A", 0, MAX), ("A", 0, MAX), ("PA", 0, rest), ("PA", 3, 3)];
    assert_eq!(shape(&converted)[1..6], expected);
    assert_shows(&converted.capture, &conversation, &STREAMED);
}

#[test]
fn what_was_kept_may_be_larger_than_a_segment() {
    let conversation = Conversation::new(1).cut_read(noise(200_000), 100_000).write("ok").closed();
    let converted = converted(&[], &conversation);
    let expected = [("A", MAX, MAX), ("A", 100_000 - MAX, MAX), ("A", 0, MAX), ("PA", 0, 200_000 - 3 * MAX)];
    assert_eq!(shape(&converted)[..4], expected);
    assert_shows(&converted.capture, &conversation, &STREAMED);
}

#[test]
fn an_unknown_length_is_one_byte_more_than_was_kept() {
    let conversation = Conversation::new(1).read("GET /").cut_write(noise(3_000), 100).read("GET /2");
    let older = Tap { seq_num: false, ..STREAMED };
    for tap in [Tap::buffered(Format::Delimited), older] {
        let converted = convert(&[], &tap.write(std::slice::from_ref(&conversation)));
        assert_eq!(shape(&converted), [("PA", 5, 5), ("PA", 100, 101), ("PA", 6, 6)], "{tap:?}");
        assert_shows(&converted.capture, &conversation, &tap);
        let comments = converted.capture.comments();
        assert!(has_comment(&comments, "tap.original_length", "unknown"), "{comments:?}");
        assert!(converted.messages.contains("does not tell the true length"), "{}", converted.messages);
    }
}

#[test]
fn the_length_of_a_last_event_without_an_end_is_unknown() {
    let conversation = Conversation::new(1).read("GET /").cut_write(noise(3_000), 100);
    let converted = converted(&[], &conversation);
    assert_eq!(shape(&converted), [("PA", 5, 5), ("PA", 100, 101)]);
}

/// Some Envoys close with this number.
#[test]
fn an_end_with_the_greatest_number_tells_nothing() {
    let conversation = Conversation::new(1).read("GET /").cut_write(noise(3_000), 100).closed();
    let mut records = STREAMED.records(&[conversation]);
    each_field(records.last_mut().expect("the end"), &mut |field| {
        if field.name == "seq_num" {
            field.value = Value::U64(u64::MAX);
        }
    });
    let converted = convert(&[], &STREAMED.format.print(&records));
    assert_eq!(shape(&converted)[..2], [("PA", 5, 5), ("PA", 100, 101)]);
    assert_eq!(shape(&converted)[2..], [("FA", 0, 0), ("FA", 0, 0)]);
}

#[test]
fn other_conversations_come_between_a_cut_event_and_the_next() {
    let start = crate::model::START;
    let cut =
        Conversation::new(1).cut_read(noise(3_000), 7).at(start + 500).cut_read(noise(4_000), 9).closed();
    let others =
        (2..100).map(|id| Conversation::new(id).at(start + id).read("hello").cut_write(noise(9_000), 3));
    let conversations: Vec<Conversation> =
        [cut].into_iter().chain(others.map(Conversation::closed)).collect();
    let converted = convert(&[], &STREAMED.write(&conversations));
    for conversation in &conversations {
        assert_shows(&converted.capture, conversation, &STREAMED);
    }
    assert!(converted.capture.packets.is_sorted_by_key(|packet| packet.time));
}

/// The format drops what is no UTF-8, and `seq_num` still counts it.
#[test]
fn bytes_that_a_format_dropped_are_missing() {
    let tap = Tap { format: Format::JsonString, ..STREAMED };
    let conversation = Conversation::new(1).read("fourteen bytes").write("ok").closed();
    let mut records = tap.records(&[conversation]);
    each_field(&mut records[1], &mut |field| {
        if field.name == "as_string" {
            field.value = Value::Text("four  bytes".to_owned());
        }
    });
    let converted = convert(&[], &tap.format.print(&records));
    assert_eq!(shape(&converted)[..2], [("PA", 11, 14), ("PA", 2, 2)]);
}

/// A damaged number does not fill the disk, and what follows still stands where it says.
#[test]
fn more_than_a_proxy_reads_at_once_is_skipped() {
    let far = 3_000_000_001;
    let conversation = Conversation::new(1).cut_read(noise(3_000), 100).read("next").closed();
    let mut records = STREAMED.records(&[conversation]);
    for (record, number) in records[2..].iter_mut().zip([far, far + 5]) {
        each_field(record, &mut |field| {
            if field.name == "seq_num" {
                field.value = Value::U64(number);
            }
        });
    }
    let converted = convert(&[], &STREAMED.format.print(&records));
    let packets = &converted.capture.packets;
    assert!(packets.len() < 1_000, "{} packets", packets.len());
    let next = packets.iter().find(|packet| packet.payload == b"next").expect("the next event");
    assert_eq!(next.sequence.wrapping_sub(packets[0].sequence), (far - 1) as u32);
}

#[test]
fn a_limit_on_segments_holds_for_what_is_missing() {
    let conversation = Conversation::new(1).cut_read(noise(2_500), 1_200).write("ok").closed();
    let converted = converted(&["--mss", "1000"], &conversation);
    assert_eq!(shape(&converted)[..3], [("A", 1_000, 1_000), ("A", 200, 1_000), ("PA", 0, 500)]);
    let tap = Tap { kind: Kind::Streamed, ..STREAMED };
    assert_shows(&converted.capture, &conversation, &tap);
}
