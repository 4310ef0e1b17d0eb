//! A record that is broken does not take those before and behind it with it, in the formats in which a record shows
//! where it begins: text and JSON. The error says which record, and where.

use crate::batch::{Outcome, Payload, convert_each};
use crate::capture::{Capture, Packet};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, noise};
use crate::program::{Dir, Ran};

const FORMATS: [Format; 2] = [Format::Text, Format::JsonBytes];

/// The record that is broken, from 0, and the event in it.
const BROKEN: usize = 3;
const EVENT: usize = BROKEN - 1;

/// A tap, and where the record stands in it that is to be broken.
struct Target {
    records: Vec<Vec<u8>>,
}

/// The body of the event that is broken: only letters in every format.
const BODY: &[u8] = b"abcdefghijkl";

impl Target {
    /// Every event is a read, so that what is lost has a direction.
    fn new(format: Format) -> Self {
        let events = (0..6).map(|n| if n == EVENT { BODY.to_vec() } else { noise(10 + n) });
        let conversation = events.fold(Conversation::new(5), |conversation, bytes| conversation.read(bytes));
        let records = Tap::streamed(format).records(&[conversation.closed()]);
        Self { records: records.into_iter().map(|record| format.print(&[record])).collect() }
    }

    fn tap(&self) -> Vec<u8> {
        self.records.concat()
    }

    fn record(&mut self) -> &mut Vec<u8> {
        &mut self.records[BROKEN]
    }

    /// Whether the record stands at this byte of the file.
    fn has(&self, byte: &str) -> bool {
        let byte: usize = byte.parse().expect("a number");
        let start = self.records[..BROKEN].concat().len();
        (start..=start + self.records[BROKEN].len()).contains(&byte)
    }
}

fn convert(tap: &[u8]) -> (Ran, Vec<Packet>) {
    let dir = Dir::new();
    dir.write("tap", tap);
    let ran = dir.tap2pcap().args(["tap", "capture.pcapng"]).run();
    let packets = Capture::parse(&dir.read("capture.pcapng")).packets;
    (ran, packets)
}

/// What has to stay as it was, whatever is broken elsewhere.
fn shown(packets: &[Packet]) -> Vec<(u64, u32, &[u8], &str)> {
    let packets = packets.iter();
    packets.map(|packet| (packet.time, packet.sequence, &packet.payload[..], &*packet.flags)).collect()
}

/// Breaks the record in a tap of each format and fails the test unless an error says where, and all other records are
/// converted.
#[track_caller]
fn assert_is_broken_alone(what: &str, break_record: impl Fn(&mut Vec<u8>, Format)) {
    for format in FORMATS {
        let mut target = Target::new(format);
        let (_, whole) = convert(&target.tap());
        break_record(target.record(), format);
        let (ran, packets) = convert(&target.tap());
        let place = format!("{what} in {format:?}: {}", ran.stderr);
        let mut expected = shown(&whole);
        expected.remove(EVENT);
        assert_eq!(shown(&packets), expected, "{place}");
        assert_says_where(&ran, &target, &place);
    }
}

/// Fails the test unless the first error names the file, the record and a byte in it. What is left of the record may be
/// an error too.
#[track_caller]
fn assert_says_where(ran: &Ran, target: &Target, place: &str) {
    assert_eq!(ran.code, Some(1), "{place}");
    let errors = ran.stderr.lines().filter_map(|line| line.strip_prefix("tap2pcap: error: tap: record "));
    let errors: Vec<&str> = errors.collect();
    assert!(matches!(errors.len(), 1 | 2), "{place}");
    for (number, error) in errors.iter().enumerate() {
        let (record, rest) = error.split_once(" at byte ").expect("it says at which byte");
        let (byte, what) = rest.split_once(": ").expect("it says what is wrong");
        assert!(target.has(byte), "{place}");
        assert!(number > 0 || record == (BROKEN + 1).to_string(), "{place}");
        assert!(what.len() > 10, "{place}");
    }
}

/// Where the encoded body stands in the record.
#[track_caller]
fn body(record: &[u8]) -> std::ops::Range<usize> {
    let texts: [&[u8]; 2] = [BODY, b"YWJjZGVmZ2hpamts"];
    let found = texts.iter().find_map(|text| {
        let start = record.windows(text.len()).position(|window| window == *text)?;
        Some(start..start + text.len())
    });
    found.expect("the body stands in the record")
}

#[test]
fn a_flipped_brace() {
    assert_is_broken_alone("the event's opening brace", |record, _| {
        let brace =
            record.iter().enumerate().filter(|(_, byte)| **byte == b'{').nth(2).expect("it is there").0;
        record[brace] = b'}';
    });
    assert_is_broken_alone("the body's closing brace", |record, _| {
        let end = body(record).end;
        let brace = end + record[end..].iter().position(|&byte| byte == b'}').expect("it is there");
        record[brace] = b'{';
    });
}

#[test]
fn a_string_without_its_end() {
    assert_is_broken_alone("no closing quote", |record, _| {
        let quote = body(record).end;
        record.remove(quote);
    });
}

#[test]
fn a_string_without_its_beginning() {
    assert_is_broken_alone("no opening quote", |record, _| {
        let quote = body(record).start - 1;
        record.remove(quote);
    });
}

#[test]
fn an_escape_that_is_none() {
    assert_is_broken_alone("an escaped quote", |record, _| {
        let end = body(record).end;
        record[end - 1] = b'\\';
    });
}

#[test]
fn zeros_in_the_middle_of_a_record() {
    assert_is_broken_alone("zeros", |record, _| {
        let start = body(record).start - 20;
        record[start..start + 20].fill(0);
    });
}

#[test]
fn a_record_of_which_a_half_is_left() {
    assert_is_broken_alone("the first half", |record, _| {
        record.truncate(body(record).start);
        record.push(b'\n');
    });
    assert_is_broken_alone("the first half, and the next record on the same line", |record, format| {
        record.truncate(body(record).start);
        record.extend(if format == Format::Text { "\n" } else { "" }.bytes());
        record.push(b'\n');
    });
    assert_is_broken_alone("the second half", |record, _| drop(record.drain(..body(record).start)));
}

#[test]
fn noise_instead_of_a_record() {
    let lines: [&[u8]; 3] = [b"\xff\xfe\x00\x01 \x1b[31m\n", b"\\\n", b"\"seq_num\": \"7\"\n}\n"];
    for line in lines {
        assert_is_broken_alone(&line.escape_ascii().to_string(), |record, _| *record = line.to_vec());
    }
}

/// The lines are no error. That a record is missing shows in the numbers of the others.
#[test]
fn a_message_instead_of_a_record() {
    let lines: [(&[u8], &str); 2] = [
        (b"[2026-11-20 10:58:36.880][1][critical][backtrace] Caught Segmentation fault\n", "1 line "),
        (b"Out of disk space\nOut of disk space\n\nOut of disk space\n", "3 lines "),
    ];
    for format in FORMATS {
        for (line, count) in lines {
            let mut target = Target::new(format);
            let (_, whole) = convert(&target.tap());
            *target.record() = line.to_vec();
            let (ran, packets) = convert(&target.tap());
            let mut expected = shown(&whole);
            expected.remove(EVENT);
            assert_eq!(shown(&packets), expected, "{format:?} {}", ran.stderr);
            assert_eq!(ran.code, Some(0), "{format:?} {}", ran.stderr);
            let warnings = ["warning: messages were lost in 1 place", &format!("warning: {count}")];
            assert!(warnings.iter().all(|warning| ran.stderr.contains(warning)), "{format:?} {}", ran.stderr);
        }
    }
}

#[test]
fn a_line_of_noise_between_two_records_costs_no_record() {
    for format in FORMATS {
        let mut target = Target::new(format);
        let (_, whole) = convert(&target.tap());
        target.records.insert(BROKEN, b"2026-11-20T10:58:36Z warning: low disk space\n".to_vec());
        let (ran, packets) = convert(&target.tap());
        assert_eq!(packets, whole, "{format:?}");
        assert_eq!(ran.code, Some(0), "{format:?} {}", ran.stderr);
        assert_eq!(ran.stderr.matches("low disk space").count(), 1, "{}", ran.stderr);
    }
}

/// Every byte that holds a record together, left out or made another one.
#[test]
fn any_one_byte() {
    const STRUCTURE: &[u8] = b"{}\"[]:,\\\n\0x";
    for format in FORMATS {
        let mut target = Target::new(format);
        let [whole] = <[Outcome; 1]>::try_from(convert_each(&[target.tap()])).expect("one tap");
        let whole = whole.payloads();
        let record = target.record().clone();
        // Behind the last of its bytes there is only a line's end.
        let places: Vec<usize> =
            (0..record.len() - 1).filter(|&at| STRUCTURE[..7].contains(&record[at])).collect();
        let mut taps = Vec::new();
        for at in places {
            *target.record() = [&record[..at], &record[at + 1..]].concat();
            taps.push(target.tap());
            for &byte in STRUCTURE.iter().filter(|byte| **byte != record[at]) {
                *target.record() = record.clone();
                target.record()[at] = byte;
                taps.push(target.tap());
            }
        }
        *target.record() = record;
        for (outcome, tap) in convert_each(&taps).iter().zip(&taps) {
            assert_others_are_shown(outcome, &target, &whole, &String::from_utf8_lossy(tap));
        }
    }
}

#[track_caller]
fn assert_others_are_shown(outcome: &Outcome, target: &Target, whole: &[Payload], tap: &str) {
    let place = format!("{:?} of {tap}", outcome.errors);
    let shown = outcome.payloads();
    if outcome.errors.is_empty() {
        assert_eq!(shown, whole, "{place}");
    }
    let is_other = |payload: &&Payload| payload.0 != whole[EVENT].0;
    assert!(
        shown.iter().filter(is_other).eq(whole.iter().filter(is_other)),
        "{shown:?} is not {whole:?}: {place}"
    );
    for error in &outcome.errors {
        let byte = error.split_once(" at byte ").and_then(|(_, rest)| rest.split_once(": "));
        assert!(byte.is_some_and(|(byte, _)| target.has(byte)), "{place}");
    }
}
