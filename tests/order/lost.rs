//! Where something was lost, the packets that are left stay where they were.

use super::*;
use crate::model::What;

/// The direction of each event, `None` for the close.
fn directions(conversation: &Conversation) -> Vec<Option<crate::model::Direction>> {
    let direction = |what: &What| match what {
        What::Data(data) => Some(data.direction),
        What::Closed => None,
    };
    conversation.events.iter().map(|event| direction(&event.what)).collect()
}

/// The events between two that go the same way, so that nobody has to guess which way they went: the close has none,
/// and what went before it counts.
fn certain(conversation: &Conversation) -> Vec<usize> {
    let directions = directions(conversation);
    let is_certain = |&event: &usize| {
        let [before, lost, behind] = directions[event - 1..=event + 1] else { unreachable!("three") };
        before == lost && (behind == lost || behind.is_none())
    };
    (1..directions.len() - 1).filter(is_certain).collect()
}

/// A packet without its comments.
fn bare(packets: &[Packet]) -> Vec<Packet> {
    packets.iter().map(|packet| Packet { comments: Vec::new(), ..packet.clone() }).collect()
}

/// Fails the test unless only this one packet is missing, and that is said.
#[track_caller]
fn assert_one_is_lost(lost: &Converted, whole: &Converted, packet: usize, what: &str) {
    let mut expected = bare(&whole.capture.packets);
    let missing = expected.remove(packet);
    assert_same_packets(&bare(&lost.capture.packets), &expected, what);
    let length = missing.length;
    let comment = format!("tap.lost_bytes={length}");
    assert_eq!(lost.capture.packets[packet].comments, [comment], "{what}");
    let bytes = if length == 1 { "1 byte".to_owned() } else { format!("{length} bytes") };
    assert!(lost.messages.contains(&format!(", 1 lost ({bytes}) ->")), "{what}: {}", lost.messages);
    assert!(!lost.messages.contains("duplicate"), "{what}: {}", lost.messages);
}

/// No `end_stream`: it makes packets of its own.
fn plain_conversation(id: u64) -> Conversation {
    let start = Conversation::new(id).at(START + id * 1_234);
    let talk = (1..10).fold(start, |conversation, n| match n % 3 {
        0 => conversation.read(noise_from(n, 40)).read(noise_from(n + 100, 7)).read("r"),
        _ => conversation.write(noise_from(n, 30)).write("w").write(noise_from(n + 100, 400)),
    });
    talk.closed()
}

#[test]
fn one_lost_event_leaves_a_hole_of_its_length() {
    for format in FORMATS {
        let tap = Tap::streamed(format);
        let conversation = plain_conversation(1);
        let records = tap.records(std::slice::from_ref(&conversation));
        let whole = converted(&tap, &records);
        let certain = certain(&conversation);
        assert!(certain.len() > 8);
        for event in certain {
            let mut records = records.clone();
            records.remove(1 + event);
            let lost = converted(&tap, &records);
            assert_one_is_lost(&lost, &whole, event, &format!("{format:?} event {event}"));
        }
    }
}

#[test]
fn one_is_lost_and_the_others_change_places() {
    let tap = Tap::streamed(Format::Delimited);
    let conversation = plain_conversation(1);
    let records = tap.records(std::slice::from_ref(&conversation));
    let whole = converted(&tap, &records);
    let certain = certain(&conversation);
    for seed in 0..40 {
        let event = certain[below(certain.len(), seed)];
        let mut records = records.clone();
        records.remove(1 + event);
        let lost = converted(&tap, &shuffled(&records, seed));
        assert_one_is_lost(&lost, &whole, event, &format!("event {event}, shuffled with {seed}"));
    }
}

#[test]
fn one_is_lost_and_another_comes_twice() {
    let tap = Tap::streamed(Format::Text);
    let conversation = plain_conversation(1);
    let records = tap.records(std::slice::from_ref(&conversation));
    let whole = converted(&tap, &records);
    for event in certain(&conversation) {
        let mut records = records.clone();
        records.remove(1 + event);
        records.insert(event + 2, records[event - 1].clone());
        let lost = converted(&tap, &records);
        assert!(lost.messages.contains(", 1 lost ("), "{}", lost.messages);
        assert!(lost.messages.contains(", 1 duplicate ->"), "{}", lost.messages);
        let mut expected = bare(&whole.capture.packets);
        expected.remove(event);
        assert_same_packets(&bare(&lost.capture.packets), &expected, &format!("event {event}"));
    }
}

#[test]
fn a_loss_in_one_trace_is_none_in_another() {
    let tap = Tap::streamed(Format::Binary);
    let conversations = [plain_conversation(1), plain_conversation(2), plain_conversation(3)];
    let records = tap.records(&conversations);
    let whole = converted(&tap, &records);
    let second = conversations[1].addresses()[1];
    let is_second = |packet: &&Packet| [packet.source, packet.destination].contains(&second);
    // Every third record, about, is one of the second trace.
    for place in (20..40).filter(|&place| format!("{:?}", records[place]).contains("U64(2)")) {
        for seed in 0..3 {
            let mut records = records.clone();
            records.remove(place);
            let lost = converted(&tap, &shuffled(&records, seed));
            let of_others = |converted: &Converted| -> Vec<Packet> {
                converted.capture.packets.iter().filter(|packet| !is_second(packet)).cloned().collect()
            };
            assert_same_packets(&of_others(&lost), &of_others(&whole), &format!("{place} {seed}"));
            assert_eq!(lost.capture.packets.len() + 1, whole.capture.packets.len(), "{place} {seed}");
            assert!(lost.messages.contains(", 1 lost ("), "{place} {seed}: {}", lost.messages);
        }
    }
}

#[test]
fn two_lost_events_side_by_side_are_one_hole_and_two_apart_are_two() {
    let tap = Tap::streamed(Format::Delimited);
    let writes = (0..9).fold(Conversation::new(1), |conversation, n| conversation.write(noise(10 + n)));
    let records = tap.records(&[writes.closed()]);
    let whole = bare(&converted(&tap, &records).capture.packets);
    for (events, says) in [([3, 4], ", 1 lost (27 bytes) ->"), ([3, 6], ", 2 lost (29 bytes) ->")] {
        let is_left = |event: &usize| !events.contains(event);
        let left: Vec<Message> = (0..records.len())
            .filter(|place| *place == 0 || is_left(&(place - 1)))
            .map(|place| records[place].clone())
            .collect();
        let lost = converted(&tap, &left);
        let expected: Vec<Packet> =
            (0..whole.len()).filter(is_left).map(|packet| whole[packet].clone()).collect();
        assert_same_packets(&bare(&lost.capture.packets), &expected, says);
        assert!(lost.messages.contains(says), "{}", lost.messages);
    }
}

#[test]
fn a_lost_close_is_no_loss_of_bytes() {
    let tap = Tap::streamed(Format::JsonBytes);
    let mut records = tap.records(&[plain_conversation(1)]);
    let mut expected = converted(&tap, &records).capture.packets;
    records.pop();
    expected.truncate(expected.len() - 2);
    for seed in 0..8 {
        let lost = converted(&tap, &shuffled(&records, seed));
        assert_same_packets(&lost.capture.packets, &expected, &format!("{seed}"));
        assert!(!lost.messages.contains("lost"), "{}", lost.messages);
    }
}

#[test]
fn a_lost_connection_takes_no_byte_with_it() {
    let tap = Tap::streamed(Format::Text);
    let conversation = plain_conversation(1);
    let mut records = tap.records(std::slice::from_ref(&conversation));
    records.remove(0);
    let in_order = converted(&tap, &records);
    assert!(in_order.messages.contains("1 trace has no IP address"), "{}", in_order.messages);
    let payloads = in_order.capture.packets.iter().filter(|packet| packet.length > 0);
    let bytes: usize = payloads.map(|packet| packet.payload.len()).sum();
    let expected = conversation.events.iter().map(|event| match &event.what {
        What::Data(data) => data.bytes.len(),
        What::Closed => 0,
    });
    assert_eq!(bytes, expected.sum::<usize>());
    assert!(!in_order.messages.contains("lost"), "{}", in_order.messages);
    for seed in 0..8 {
        assert_same(&converted(&tap, &shuffled(&records, seed)), &in_order, &format!("{seed}"));
    }
}

/// It counts with the body: the next number is all that is known.
#[test]
fn what_is_lost_behind_a_cut_body_is_a_part_of_it() {
    let tap = Tap::streamed(Format::Delimited);
    let conversation =
        Conversation::new(1).read("a").cut_read(noise(300), 20).read("lost").read("b").closed();
    let mut records = tap.records(&[conversation]);
    records.remove(3);
    let lost = converted(&tap, &records);
    let shapes: Vec<(usize, usize)> =
        lost.capture.packets.iter().map(|packet| (packet.payload.len(), packet.length)).collect();
    assert_eq!(shapes, [(1, 1), (20, 304), (1, 1), (0, 0), (0, 0)]);
}

/// Longer than anything waits for it.
#[test]
fn what_comes_much_too_late_is_lost_and_left_out() {
    let tap = Tap::streamed(Format::Delimited);
    let writes = (0..200).fold(Conversation::new(1), |conversation, n| conversation.write(noise(10 + n)));
    let mut records = tap.records(&[writes.closed()]);
    let whole = converted(&tap, &records);
    let record = records.remove(11);
    records.insert(150, record);
    let late = converted(&tap, &records);
    let mut expected = bare(&whole.capture.packets);
    expected.remove(10);
    assert_same_packets(&bare(&late.capture.packets), &expected, &late.messages);
    assert!(late.messages.contains(", 1 lost (20 bytes), 1 duplicate ->"), "{}", late.messages);
}
