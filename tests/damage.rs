//! Damaged taps: what stands before the damage is converted, the damage is an error, and nothing worse happens.

use proptest::prelude::*;

use crate::capture::{Capture, Packet};
use crate::encode::{Format, Kind, Tap};
use crate::model::{Conversation, noise};
use crate::program::{Dir, Ran};

/// One conversation that shows all of what it is as soon as it is read.
fn conversation() -> Conversation {
    Conversation::new(1).read("GET /").write(noise(40)).read("{<'\"\\").write("ok").closed()
}

fn convert(tap: &[u8]) -> Ran {
    let dir = Dir::new();
    dir.write("tap", tap);
    dir.tap2pcap().arg("tap").run()
}

fn packets(ran: &Ran) -> Vec<Packet> {
    if ran.stdout.is_empty() { Vec::new() } else { Capture::parse(&ran.stdout).packets }
}

/// Fails the test unless these are the first of the expected packets, of which the last may be captured short.
#[track_caller]
pub(crate) fn assert_begins(packets: &[Packet], expected: &[Packet], place: &str) {
    for (packet, whole) in packets.iter().zip(expected) {
        if packet != whole {
            assert!(packet.payload.len() < packet.length, "{place}: {packet:?} {whole:?}");
            assert!(whole.payload.starts_with(&packet.payload), "{place}: {packet:?} {whole:?}");
            assert_eq!((packet.time, packet.sequence), (whole.time, whole.sequence), "{place}");
        }
    }
    let is_cut = |packet: &Packet| packet.payload.len() < packet.length;
    let cut = packets.iter().zip(expected).filter(|(packet, whole)| is_cut(packet) && !is_cut(whole));
    assert!(packets.len() <= expected.len() && cut.count() <= 1, "{place}");
}

#[test]
fn a_tap_that_breaks_off_anywhere_is_converted_up_to_there() {
    for format in Format::LOSSLESS {
        for kind in [Kind::Buffered, Kind::Streamed] {
            let tap = Tap { kind, ..Tap::streamed(format) }.write(&[conversation()]);
            let expected = packets(&convert(&tap));
            let mut most = 0;
            for end in (0..tap.len()).step_by(tap.len() / 40) {
                let ran = convert(&tap[..end]);
                assert!(matches!(ran.code, Some(0 | 1)), "{format:?} {kind:?} {end}: {}", ran.stderr);
                let packets = packets(&ran);
                assert!(packets.len() >= most, "{format:?} {kind:?} {end}: {}", ran.stderr);
                assert_begins(&packets, &expected, &format!("{format:?} {kind:?} {end}"));
                most = packets.len();
            }
            assert!(most >= 3, "{format:?} {kind:?}");
        }
    }
}

/// In the formats where a record shows where it begins, those behind the damage are good.
#[test]
fn a_record_that_breaks_off_does_not_take_the_next_one_with_it() {
    for format in [Format::Text, Format::JsonBytes] {
        let tap = Tap { seq_num: false, ..Tap::streamed(format) };
        let mut records: Vec<Vec<u8>> =
            tap.records(&[conversation()]).into_iter().map(|record| format.print(&[record])).collect();
        for broken in 1..records.len() - 1 {
            let whole = records[broken].clone();
            records[broken].truncate(whole.len() / 2);
            records[broken].push(b'\n');
            let ran = convert(&records.concat()).expect(1);
            assert_eq!(packets(&ran).len(), 5, "{format:?} {broken}: {}", ran.stderr);
            assert_eq!(
                ran.stderr.matches("tap2pcap: error: ").count(),
                1,
                "{format:?} {broken}: {}",
                ran.stderr
            );
            records[broken] = whole;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn changed_bytes_do_no_harm(
        format in prop::sample::select(&Format::ALL[..]),
        kind in prop::sample::select(&[Kind::Buffered, Kind::Streamed, Kind::Batched(2)][..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let conversation = Conversation::new(1).read("GET /").cut_write("answer", 3).last_write("ok").closed();
        let mut tap = Tap { kind, ..Tap::streamed(format) }.write(&[conversation]);
        for (place, byte) in changes {
            let place = place.index(tap.len());
            tap[place] = byte;
        }
        let ran = convert(&tap);
        prop_assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
        // Whatever comes out is a capture.
        packets(&ran);
    }
}
