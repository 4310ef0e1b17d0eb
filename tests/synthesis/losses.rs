//! Messages that were lost, came twice or changed places on their way, as from the UDP sink: `seq_num` tells.

use super::STREAMED;
use crate::capture::Packet;
use crate::conversion::{Converted, convert};
use crate::encode::Tap;
use crate::encode::tree::Message;
use crate::expected::assert_shows;
use crate::model::{Conversation, noise};

fn conversation() -> Conversation {
    let events = (1..=20).fold(Conversation::new(1), |conversation, n| {
        if n % 3 == 0 { conversation.read(noise(n)) } else { conversation.write(noise(n * 50)) }
    });
    events.closed()
}

/// The records of [`conversation`], changed.
#[track_caller]
fn converted(change: impl FnOnce(&mut Vec<Message>)) -> Converted {
    let mut records = STREAMED.records(&[conversation()]);
    change(&mut records);
    convert(&[], &STREAMED.format.print(&records))
}

#[test]
fn events_that_changed_places_are_put_in_order() {
    for place in 1..20 {
        let converted = converted(|records| records.swap(place, place + 1));
        assert_shows(&converted.capture, &conversation(), &STREAMED);
        assert!(!converted.messages.contains("warning"), "{place}: {}", converted.messages);
    }
}

#[test]
fn an_event_that_comes_twice_is_there_once() {
    for place in 1..20 {
        for copy_at in [place + 1, place + 3] {
            let converted = converted(|records| records.insert(copy_at, records[place].clone()));
            assert_shows(&converted.capture, &conversation(), &STREAMED);
            assert!(converted.messages.contains("warning: 1 message"), "{}", converted.messages);
        }
    }
}

/// `seq_num` does not tell which side sent what was lost.
#[test]
fn the_sequence_numbers_jump_over_an_event_that_was_lost() {
    let whole = converted(|_| {}).capture.packets;
    let payloads = |packets: &[Packet]| -> Vec<_> {
        packets.iter().map(|packet| (packet.time, packet.source, packet.payload.clone())).collect()
    };
    let ends = |packets: &[Packet]| {
        let [.., one, other] = packets else { panic!("there are two FINs") };
        assert_eq!((&*one.flags, &*other.flags), ("FA", "FA"));
        one.sequence.wrapping_add(other.sequence)
    };
    for place in 2..=20 {
        let converted = converted(|records| drop(records.remove(place)));
        let packets = &converted.capture.packets;
        let mut expected = payloads(&whole);
        expected.remove(place - 1);
        assert_eq!(payloads(packets), expected);
        assert_eq!(ends(packets), ends(&whole), "both directions together are as long as they were");
        assert!(converted.messages.contains("lost"), "{}", converted.messages);
    }
}

#[test]
fn an_old_envoy_has_no_numbers_and_loses_nothing() {
    let tap = Tap { seq_num: false, ..STREAMED };
    let converted = convert(&[], &tap.write(&[conversation()]));
    assert_shows(&converted.capture, &conversation(), &tap);
    assert!(!converted.messages.contains("warning"), "{}", converted.messages);
}
