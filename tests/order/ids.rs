//! Envoy counts its connections from the beginning after a restart, so that a trace id can come again, with or without
//! the end of the connection that had it before.

use super::*;
use crate::expected::assert_shows;

/// The same id for two conversations, one after the other.
fn with_one_id(mut first: Conversation, mut second: Conversation) -> [Conversation; 2] {
    (first.id, second.id) = (7, 7);
    [first, second]
}

/// Later than anything that [`conversation`] says.
const LATER: u64 = START + 60_000_000_000;

fn open_conversation(id: u64) -> Conversation {
    let mut conversation = conversation(id);
    conversation.events.pop();
    conversation
}

fn later(conversation: Conversation) -> Conversation {
    let mut conversation = conversation;
    for event in &mut conversation.events {
        event.time += LATER - START;
    }
    conversation
}

#[track_caller]
fn assert_both_are_shown(tap: &Tap, conversations: &[Conversation; 2], records: &[Message]) {
    let converted = converted(tap, records);
    for conversation in conversations {
        assert_shows(&converted.capture, conversation, tap);
    }
    assert_eq!(converted.capture.streams().len(), 2);
    assert!(converted.messages.contains("2 traces"), "{}", converted.messages);
    for word in ["lost", "duplicate", "twice"] {
        assert!(!converted.messages.contains(word), "{}", converted.messages);
    }
}

fn taps() -> impl Iterator<Item = Tap> {
    let kinds = [(true, false), (false, false), (true, true), (false, true)];
    FORMATS.into_iter().flat_map(move |format| {
        kinds.map(|(seq_num, connection_per_event)| Tap {
            seq_num,
            connection_per_event,
            ..Tap::streamed(format)
        })
    })
}

#[test]
fn an_id_may_come_again_after_the_close() {
    for tap in taps() {
        let conversations = with_one_id(conversation(1), later(conversation(2)));
        assert_both_are_shown(&tap, &conversations, &tap.records(&conversations));
    }
}

#[test]
fn an_id_may_come_again_without_a_close() {
    for tap in taps() {
        let conversations = with_one_id(open_conversation(1), later(conversation(2)));
        assert_both_are_shown(&tap, &conversations, &tap.records(&conversations));
    }
}

/// Not even the addresses tell the two apart: a reused port.
#[test]
fn an_id_may_come_again_with_the_same_addresses() {
    for is_closed in [true, false] {
        for tap in taps() {
            let first = if is_closed { conversation(1) } else { open_conversation(1) };
            let second = later(conversation(2)).between(first.local.clone(), first.remote.clone());
            let conversations = with_one_id(first, second);
            let converted = converted(&tap, &tap.records(&conversations));
            let streams = converted.capture.streams();
            assert_eq!(streams.len(), 2, "{tap:?}");
            for (stream, conversation) in streams.iter().zip(&conversations) {
                use crate::model::Direction::{Read, Write};
                for (address, direction) in conversation.addresses().into_iter().zip([Write, Read]) {
                    let mut sent = stream.sent_by(address).clone();
                    sent.syn = None;
                    assert_eq!(sent, crate::expected::sent(conversation, &tap, direction), "{tap:?}");
                }
            }
            assert!(converted.messages.contains("2 traces"), "{}", converted.messages);
            assert!(!converted.messages.contains("duplicate"), "{}", converted.messages);
        }
    }
}

#[test]
fn an_id_may_come_again_while_others_go_on() {
    for tap in taps() {
        let conversations = with_one_id(open_conversation(1), later(conversation(2)));
        let others: Vec<Conversation> = (11..14)
            .map(|id| {
                let mut other = conversation(id);
                // They begin before the restart and end after it.
                let half = other.events.len() / 2;
                other.events[half..].iter_mut().for_each(|event| event.time += LATER - START);
                other
            })
            .collect();
        let all = [&conversations[..], &others].concat();
        let converted = converted(&tap, &tap.records(&all));
        for conversation in &all {
            assert_shows(&converted.capture, conversation, &tap);
        }
        assert!(converted.messages.contains("5 traces"), "{}", converted.messages);
    }
}

/// Three times over, as a buffered trace, where each record is a whole connection.
#[test]
fn an_id_may_come_again_in_buffered_traces() {
    for format in FORMATS {
        let tap = Tap::buffered(format);
        let [first, second] = with_one_id(conversation(1), later(conversation(2)));
        let conversations = [first, second];
        assert_both_are_shown(&tap, &conversations, &tap.records(&conversations));
    }
}

/// A short connection, of which all is over before its id comes again: within the reach of records that change places.
#[test]
fn an_id_may_come_again_at_once() {
    for tap in taps() {
        let first = Conversation::new(1).read("a").closed();
        let conversations = with_one_id(first, Conversation::new(2).at(LATER).read("b").write("c").closed());
        assert_both_are_shown(&tap, &conversations, &tap.records(&conversations));
        let open = Conversation::new(1).read("a");
        let conversations = with_one_id(open, Conversation::new(2).at(LATER).read("b").write("c").closed());
        assert_both_are_shown(&tap, &conversations, &tap.records(&conversations));
    }
}

/// Of another connection there is nothing left but a close that came twice, which must not close this one.
#[test]
fn a_close_that_came_twice_is_not_that_of_another_connection() {
    for format in FORMATS {
        let tap = Tap { seq_num: false, ..Tap::streamed(format) };
        let [first, other] = [conversation(1), Conversation::new(2).closed()];
        let mut records = tap.records(std::slice::from_ref(&first));
        let close = &tap.records(&[other])[1..];
        for place in [5, 5] {
            records.splice(place..place, close.iter().cloned());
        }
        assert_shows(&converted(&tap, &records).capture, &first, &tap);
    }
}
