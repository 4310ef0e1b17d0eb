//! A tap that is still being written: what it has said so far comes out before it ends.

use crate::capture::Capture;
use crate::encode::{Format, Tap};
use crate::model::{Conversation, noise};
use crate::program::Dir;

/// What comes out of `tap` while it is open, as much as comes out of `expected` when that has ended, and the latter.
/// The first has to end with this status.
#[track_caller]
fn while_open(tap: &[u8], expected: &[u8], status: i32) -> (Vec<u8>, Vec<u8>) {
    let dir = Dir::new();
    let expected = dir.tap2pcap().arg("-").stdin(expected).run().expect(0).stdout;
    let live = dir.tap2pcap().arg("-").stdin(tap).run_and_read_while_open(expected.len()).expect(status);
    (live.stdout, expected)
}

#[test]
fn events_come_out_while_the_tap_is_open() {
    let conversation = Conversation::new(1).read("GET /").write(noise(5_000)).read("GET /2");
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format).write(std::slice::from_ref(&conversation));
        let (live, expected) = while_open(&tap, &tap, 0);
        assert!(live == expected, "{format:?}");
        assert_eq!(Capture::parse(&live).packets.len(), 3);
    }
}

#[test]
fn a_record_that_is_not_complete_holds_nothing_up() {
    let tap = Tap::streamed(Format::Binary);
    let records = tap.records(&[Conversation::new(1).read("GET /").write("ok").read(noise(900))]);
    let [whole, next] = [&records[..3], &records[3..]].map(|records| tap.format.print(records));
    let (live, expected) = while_open(&[&whole[..], &next[..300]].concat(), &whole, 1);
    assert!(live == expected);
}

/// How long it was shows in the next event, which may never come.
#[test]
fn a_cut_event_waits_for_the_next_one_only_so_long() {
    let tap = Tap::streamed(Format::Binary)
        .write(&[Conversation::new(1).read("GET /").cut_write(noise(5_000), 100)]);
    let (live, expected) = while_open(&tap, &tap, 0);
    assert!(live == expected);
    assert_eq!(Capture::parse(&live).packets[1].length, 101);
}
