//! What stands behind the last record, or in a hole between two of them: zeros that a file system leaves after a crash,
//! the remains of another file, white space. The records are converted all the same, and one error says what is there.

use crate::batch::{Outcome, convert_each};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, noise, noise_from};
use tap2pcap::internal::quantity::counted;

/// Every event is a read, so that what is lost has a direction.
fn conversation() -> Conversation {
    (0..5).fold(Conversation::new(3), |conversation, n| conversation.read(noise(20 + n))).closed()
}

fn taps() -> impl Iterator<Item = Tap> {
    Format::LOSSLESS.into_iter().flat_map(|format| [Tap::buffered(format), Tap::streamed(format)])
}

fn tap_of(tap: &Tap) -> Vec<u8> {
    tap.write(&[conversation()])
}

/// Converts the tap with each of these behind it, and alone. Returns what came of the others, and fails the test unless
/// they have the same packets.
#[track_caller]
fn convert_with(tap: &Tap, behind: &[Vec<u8>]) -> Vec<Outcome> {
    let whole = tap_of(tap);
    let taps: Vec<Vec<u8>> =
        [vec![]].iter().chain(behind).map(|behind| [&whole[..], behind].concat()).collect();
    let mut outcomes = convert_each(&taps);
    let alone = outcomes.remove(0);
    assert_eq!(alone.errors, [""; 0]);
    assert!(alone.payloads().len() == 5, "{tap:?}");
    for (outcome, behind) in outcomes.iter().zip(behind) {
        let behind = behind[..behind.len().min(20)].escape_ascii();
        assert_eq!(outcome.payloads(), alone.payloads(), "{tap:?} {behind} {:?}", outcome.errors);
        let fins = |outcome: &Outcome| outcome.packets().iter().filter(|packet| packet.flags == "FA").count();
        assert_eq!(fins(outcome), fins(&alone), "{tap:?} {behind}");
    }
    outcomes
}

/// Fails the test unless there is one error and it says at which byte.
#[track_caller]
fn assert_one_error(outcome: &Outcome, tap: &Tap, behind: &[u8]) {
    assert_eq!(outcome.errors.len(), 1, "{tap:?} {:?}", outcome.errors);
    assert_errors(outcome, tap, behind);
}

/// Fails the test unless there is an error, and each is clear and says at which byte.
#[track_caller]
fn assert_errors(outcome: &Outcome, tap: &Tap, behind: &[u8]) {
    let place = format!("{tap:?} {} {:?}", behind[..behind.len().min(20)].escape_ascii(), outcome.errors);
    let start = tap_of(tap).len();
    assert!(!outcome.errors.is_empty(), "{place}");
    for error in &outcome.errors {
        let (_, rest) = error.split_once(" at byte ").unwrap_or_else(|| panic!("{place}"));
        let (at, what) = rest.split_once(": ").unwrap_or_else(|| panic!("{place}"));
        let at: usize = at.parse().expect("a number");
        assert!((start..=start + behind.len()).contains(&at), "{start} {place}");
        assert!(what.len() > 10 && what.len() < 300, "{place}");
        assert!(!what.contains(char::is_control), "{place}");
    }
}

#[test]
fn zeros_at_the_end_are_one_error() {
    let padding = [1, 2, 511, 4_096, 700_000].map(|length| vec![0; length]);
    for tap in taps() {
        for (outcome, zeros) in convert_with(&tap, &padding).iter().zip(&padding) {
            assert_one_error(outcome, &tap, zeros);
            if matches!(tap.format, Format::Binary | Format::Delimited) {
                let says =
                    format!("{} instead of a record", counted(zeros.len() as u64, "zero byte", "zero bytes"));
                assert!(outcome.errors[0].contains(&says), "{:?}", outcome.errors);
            }
        }
    }
}

/// A binary tap cannot be read behind it; text and JSON are looked through for more records.
#[test]
fn noise_at_the_end_is_an_error() {
    let noise = (1..60).map(|seed| noise_from(seed, seed as usize * 7 % 300 + 1));
    // A record cannot begin like this in any of the formats.
    let noise: Vec<Vec<u8>> = noise.map(|noise| [&b"\xff\xff"[..], &noise].concat()).collect();
    for tap in taps() {
        for (outcome, noise) in convert_with(&tap, &noise).iter().zip(&noise) {
            match tap.format {
                Format::Binary | Format::Delimited => assert_one_error(outcome, &tap, noise),
                _ => assert_errors(outcome, &tap, noise),
            }
        }
    }
}

#[test]
fn lines_of_noise_are_one_error() {
    let noise = ["\u{1}\u{2}", "}}\n}\n", "null\n\nnull\n", "\"event\": {\nkilled"];
    let noise = noise.map(|noise| noise.as_bytes().to_vec());
    for tap in taps() {
        for (outcome, noise) in convert_with(&tap, &noise).iter().zip(&noise) {
            assert_one_error(outcome, &tap, noise);
        }
    }
}

/// A binary tap cannot be read behind it. What people see of text and JSON in a terminal costs no record.
#[test]
fn lines_that_no_record_has_are_an_error_in_binary_only() {
    let lines = ["no route to host!\n", "???\n\n???\n", "^C\nkilled", "<html>no healthy upstream</html>\n"];
    let lines = lines.map(|noise| noise.as_bytes().to_vec());
    for tap in taps() {
        for (outcome, line) in convert_with(&tap, &lines).iter().zip(&lines) {
            match tap.format {
                Format::Binary | Format::Delimited => assert_one_error(outcome, &tap, line),
                _ => assert_eq!(outcome.errors, [""; 0], "{tap:?}"),
            }
        }
    }
}

#[test]
fn another_file_at_the_end_is_an_error() {
    let others: Vec<Vec<u8>> = [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0"[..],
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0",
        b"null\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for tap in taps() {
        for (outcome, other) in convert_with(&tap, &others).iter().zip(&others) {
            assert!(!outcome.errors.is_empty(), "{tap:?} {}", other.escape_ascii());
        }
    }
}

#[test]
fn white_space_at_the_end_of_text_is_nothing() {
    let spaces = [" ", "\n", "\r\n\t  \n", &"\n".repeat(300_000)].map(|space| space.as_bytes().to_vec());
    for format in [Format::Text, Format::JsonBytes, Format::JsonString] {
        for kind in [Tap::buffered(format), Tap { seq_num: false, ..Tap::streamed(format) }] {
            if !kind.tells_addresses() {
                continue;
            }
            let text = Conversation::new(3).read("a").write("b").read("c").write("d").read("e").closed();
            let tap = kind.write(&[text]);
            let taps: Vec<Vec<u8>> = spaces.iter().map(|space| [&tap[..], space].concat()).collect();
            for outcome in convert_each(&taps) {
                assert_eq!((outcome.payloads().len(), &outcome.errors[..]), (5, &[][..]), "{kind:?}");
            }
        }
    }
}

/// A block of the file was never written.
#[test]
fn zeros_between_two_records_are_one_error_and_what_is_behind_is_good() {
    for format in [Format::Binary, Format::Delimited] {
        let tap = Tap::streamed(format);
        let records = tap.records(&[conversation()]);
        let start = format.print(&records[..3]);
        let taps = [0, 1, 100, 300_000]
            .map(|zeros| [&start[..], &vec![0; zeros], &format.print(&records[3..])].concat());
        let outcomes = convert_each(&taps);
        let [whole, holed @ ..] = &outcomes[..] else { panic!("four taps") };
        assert_eq!(whole.errors, [""; 0]);
        for (outcome, zeros) in holed.iter().zip([1, 100, 300_000]) {
            assert_eq!(outcome.payloads(), whole.payloads(), "{format:?}");
            let [error] = &outcome.errors[..] else { panic!("one error: {:?}", outcome.errors) };
            assert!(
                error.contains(&format!(
                    "at byte {}: {} instead",
                    start.len(),
                    counted(zeros, "zero byte", "zero bytes")
                )),
                "{error}"
            );
        }
    }
}
