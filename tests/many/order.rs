//! Which of many inputs comes first.

use super::{Tapped, assert_merged, run, steady, write_tap};
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
