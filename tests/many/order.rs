//! Which of many inputs comes first.

use proptest::prelude::*;

use super::{Tapped, assert_merged, run, steady, write_in, write_tap};
use crate::capture::Capture;
use crate::encode::{Format, Tap};
use crate::model::{Conversation, START, What, noise_from};
use crate::program::Dir;

/// When a file begins is told from its first 4,096 bytes if they suffice.
#[test]
fn a_first_event_of_any_length_is_due_in_its_time() {
    let dir = Dir::new();
    let mut tapped: Vec<Tapped> = Vec::new();
    let lengths = [
        0, 1, 2_900, 3_040, 3_900, 3_990, 4_000, 4_010, 4_020, 4_030, 4_040, 4_060, 4_090, 4_096, 4_100,
        9_000,
    ];
    for length in lengths {
        for format in Format::LOSSLESS {
            for tap in [Tap::buffered(format), Tap::streamed(format)] {
                let id = tapped.len() as u64 + 1;
                // The last file by name begins first.
                let conversation = Conversation::new(id)
                    .at(START + 1_000_000_000 - id)
                    .write(noise_from(id, length))
                    .at(START + 2_000_000_000 + id)
                    .read(noise_from(id + 1_000, 10));
                write_tap(&dir, &format!("taps/{id:04}"), &(conversation.clone(), tap));
                tapped.push((conversation, tap));
            }
        }
    }
    run(&dir, &["-w", "all.pcapng", "--strict", "taps"], 0);
    let capture = Capture::parse(&dir.read("all.pcapng"));
    assert!(capture.packets.is_sorted_by_key(|packet| packet.time));
    for (conversation, _) in &mut tapped {
        // No bytes, no packet.
        conversation.events.retain(|event| !matches!(&event.what, What::Data(data) if data.bytes.is_empty()));
    }
    assert_merged(&capture, &tapped);
}

#[test]
fn of_two_events_at_one_time_the_input_named_first_has_the_first() {
    let dir = Dir::new();
    for (name, id) in [("b", 1), ("a", 2), ("c", 3)] {
        write_tap(&dir, name, &(steady(id, START, 1_000, 5, 10), Tap::streamed(Format::Binary)));
    }
    run(&dir, &["-w", "all.pcapng", "b", "a", "c"], 0);
    let capture = Capture::parse(&dir.read("all.pcapng"));
    assert_eq!(
        capture.packets.iter().map(|packet| packet.interface).collect::<Vec<_>>(),
        [0, 1, 2].repeat(5)
    );
}

/// The inputs of a merge: of each its conversations, and of each of these what comes how long after the event before.
type Inputs = Vec<Vec<Vec<(u64, usize)>>>;

fn inputs() -> impl Strategy<Value = Inputs> {
    // Short steps, so that many events are at one time.
    let event = (0u64..3, 0usize..40);
    let conversation = prop::collection::vec(event, 1..40);
    prop::collection::vec(prop::collection::vec(conversation, 1..4), 1..4)
}

/// One input: its conversations one after another where `is_late`, so that times go back; else in order of time.
fn tap_of(number: u64, conversations: &[Vec<(u64, usize)>], is_late: bool, format: Format) -> Vec<u8> {
    let conversations: Vec<Conversation> = (1..)
        .zip(conversations)
        .map(|(id, events)| {
            let mut time = START;
            events.iter().fold(Conversation::new(number * 100 + id), |conversation, &(step, length)| {
                time += step;
                let conversation = conversation.at(time);
                let bytes = noise_from(time ^ id, length);
                if length % 2 == 0 { conversation.read(bytes) } else { conversation.write(bytes) }
            })
        })
        .collect();
    let tap = Tap::streamed(format);
    match is_late {
        true => conversations
            .iter()
            .flat_map(|conversation| tap.write(std::slice::from_ref(conversation)))
            .collect(),
        false => tap.write(&conversations),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Events of delimited inputs take the fast lane, those of binary inputs never do.
    #[test]
    fn the_fast_lane_merges_as_the_general_way(inputs in inputs(), is_late: bool) {
        let captures = [Format::Delimited, Format::Binary].map(|format| {
            let dir = Dir::new();
            let names: Vec<String> = (0..inputs.len()).map(|number| format!("tap-{number}")).collect();
            for ((number, name), conversations) in (0..).zip(&names).zip(&inputs) {
                write_in(&dir, name, &tap_of(number, conversations, is_late, format));
            }
            let names = names.iter().map(String::as_str);
            let options = ["-w", "all.pcapng", "-i", format.option()];
            let ran = dir.tap2pcap().args(options.into_iter().chain(names).collect::<Vec<_>>()).run();
            (ran.code, ran.stderr, dir.read("all.pcapng"))
        });
        prop_assert_eq!(&captures[0], &captures[1]);
    }
}
