//! A length that is not that of what follows.

use super::*;
use crate::batch::Outcome;
use crate::encode::tree::{Value, field};
use crate::encode::wire::{self, varint};
use crate::model::noise;
use crate::program::Dir;

const GIB: u64 = 1 << 30;
/// What stands in the claims' place where only one is made.
const CLAIMS: [u64; 9] =
    [100, 1_000_000, 256 << 20, (256 << 20) + 1, 10 * GIB, 1 << 31, 1 << 32, 1 << 63, u64::MAX];

fn conversation() -> Conversation {
    Conversation::new(9).read("GET /").write(noise(70)).read("GET /2")
}

/// The bytes of a varint.
fn number(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(value, &mut bytes);
    bytes
}

/// Fails the test unless there is one error, one line, which says at which byte.
#[track_caller]
fn assert_one_error(outcome: &Outcome, what: &str) {
    let [error] = &outcome.errors[..] else { panic!("one error of {what}: {:?}", outcome.errors) };
    let is_clear = error.contains("record ") && error.contains(" at byte ") && error.len() < 200;
    assert!(is_clear, "{what}: {error}");
}

#[test]
fn a_record_that_claims_more_than_there_is_is_an_error() {
    for format in [Format::Binary, Format::Delimited] {
        let tap = Tap::streamed(format).write(&[conversation()]);
        let tag: &[u8] = if format == Format::Binary { &[0x22] } else { &[] };
        // The beginning of a good record, and nothing.
        for rest in [&[0x22, 0x05, 0x08, 0x09][..], &[]] {
            let taps: Vec<Vec<u8>> =
                CLAIMS.iter().map(|&claim| [&tap[..], tag, &number(claim), rest].concat()).collect();
            for (outcome, claim) in convert_each(&taps).iter().zip(CLAIMS) {
                assert_one_error(outcome, &format!("{format:?} {claim}"));
                assert_eq!(outcome.payloads().len(), 3, "{format:?} {claim}");
            }
        }
    }
}

#[test]
fn a_length_that_is_no_number_is_an_error() {
    for format in [Format::Binary, Format::Delimited] {
        let tap = Tap::streamed(format).write(&[conversation()]);
        let tag: &[u8] = if format == Format::Binary { &[0x22] } else { &[] };
        let taps = [10, 11, 12, 1_000].map(|length| [&tap[..], tag, &vec![0xff; length], &[1]].concat());
        for outcome in convert_each(&taps) {
            assert_one_error(&outcome, &format!("{format:?}"));
            assert_eq!(outcome.payloads().len(), 3, "{format:?}");
        }
    }
}

/// The length of the record in the middle is not what it is: by a few bytes either way, or by many.
#[test]
fn a_record_with_another_length_takes_nothing_before_it_away() {
    let records = Tap::streamed(Format::Delimited).records(&[conversation()]);
    let [start @ .., broken, last] = &records[..] else { panic!("there are records") };
    let (start, broken) = (Format::Delimited.print(start), wire::message(broken));
    let lengths = [0, 1, 2, 10, broken.len() - 1, broken.len() + 1, broken.len() + 7, 100_000, 1 << 40];
    let taps = lengths.map(|length| {
        [&start[..], &number(length as u64), &broken, &Format::Delimited.print(std::slice::from_ref(last))]
            .concat()
    });
    for (outcome, length) in convert_each(&taps).iter().zip(lengths) {
        assert!(!outcome.errors.is_empty(), "{length}");
        assert!(outcome.errors.iter().all(|error| error.contains("at byte ")), "{:?}", outcome.errors);
        let payloads = outcome.payloads();
        assert_eq!(payloads[0].2, "GET /", "{length}");
        assert!(payloads.len() <= 3, "{length}");
    }
}

/// Any length in a record, one after another, is made a greater one.
#[test]
fn lengths_inside_of_a_record_do_no_harm() {
    for tap in [Tap::streamed(Format::Delimited), Tap::buffered(Format::Delimited)] {
        let records = tap.records(&[conversation()]);
        let whole = wire::message(records.last().expect("a record"));
        let before = tap.format.print(&records[..records.len() - 1]);
        let mut taps = Vec::new();
        for at in 0..whole.len() {
            for claim in [whole[at].wrapping_add(1).into(), 127, 10 * GIB, u64::MAX] {
                let broken = [&whole[..at], &number(claim), &whole[at + 1..]].concat();
                taps.push([&before[..], &number(broken.len() as u64), &broken].concat());
            }
        }
        let least = if records.len() > 1 { 2 } else { 0 };
        for outcome in convert_each(&taps) {
            assert!(outcome.payloads().len() >= least, "{:?}", outcome.errors);
            assert!(outcome.errors.len() <= 1, "{:?}", outcome.errors);
        }
    }
}

/// Runs the program with less memory than the records claim, and less than they would take if they were decoded as
/// they stand.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_for_what_is_there() {
    let claim =
        [&Tap::streamed(Format::Delimited).write(&[conversation()])[..], &number(10 * GIB), &[0x22]].concat();
    let mut event = field("read", 2, Value::Message(vec![]));
    event.is_in_oneof = true;
    let trace = vec![
        field("trace_id", 1, Value::U64(1)),
        field("events", 3, Value::Repeated(vec![vec![event]; 200_000])),
    ];
    let tiny = wire::message(&vec![field("socket_buffered_trace", 3, Value::Message(trace))]);
    for (tap, length, status) in [(claim, 0, 1), (vec![], 20 * GIB, 1), (tiny, 0, 0)] {
        let dir = Dir::new();
        let path = dir.write("tap", &tap);
        if length > 0 {
            // 20 GiB of zeros, which take no room, behind a record that says it has 10 GiB.
            let tap =
                [&Tap::streamed(Format::Delimited).write(&[conversation()])[..], &number(10 * GIB), &[0x22]];
            std::fs::write(&path, tap.concat()).expect("a file");
            let file = std::fs::File::options().write(true).open(&path).expect("a file");
            file.set_len(length).expect("a sparse file");
        }
        dir.tap2pcap_within("-v 65536").args(["tap", "capture.pcap"]).run().expect(status);
        assert!(dir.path("capture.pcap").exists());
    }
}

/// A length of zero that takes two bytes, where a plain one is passed over with the zeros that a crash leaves.
#[test]
fn a_long_zero_ends() {
    let tap = Tap::streamed(Format::Delimited).write(&[conversation()]);
    let taps = [[&tap[..], &[0x80, 0]].concat(), [&[0x80, 0], &tap[..]].concat()];
    for outcome in convert_each(&taps) {
        assert_eq!(outcome.payloads().len(), 3, "{:?}", outcome.errors);
    }
}
