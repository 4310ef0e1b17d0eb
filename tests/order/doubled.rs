//! What came twice is there once, and is counted.

use super::*;

/// What is said of the same records without the copy.
fn without_duplicate(converted: &Converted) -> String {
    let messages = said(converted);
    let lines = messages.lines().filter(|line| !line.contains("warning: 1 message came twice"));
    lines.map(|line| line.replace(", 1 duplicate ->", " ->") + "\n").collect()
}

#[track_caller]
fn assert_copy_is_left_out(copied: &Converted, expected: &Converted, what: &str) {
    let with = format!("{what}: {}", copied.messages);
    assert_same_packets(&copied.capture.packets, &expected.capture.packets, &with);
    assert!(copied.messages.contains(", 1 duplicate ->"), "{what}: {}", copied.messages);
    assert_eq!(without_duplicate(copied), said(expected), "{what}");
}

/// The connection and the close are records too.
#[test]
fn any_record_may_come_twice() {
    for format in FORMATS {
        let tap = Tap::streamed(format);
        let records = tap.records(&[conversation(1)]);
        let expected = converted(&tap, &records);
        for place in 0..records.len() {
            let mut records = records.clone();
            let behind = below(PLACES, place as u64);
            records.insert((place + 1 + behind).min(records.len()), records[place].clone());
            let what = format!("{format:?} number {place}, {behind} later");
            assert_copy_is_left_out(&converted(&tap, &records), &expected, &what);
        }
    }
}

#[test]
fn records_may_come_twice_and_change_places() {
    let tap = Tap::streamed(Format::Delimited);
    let three = [conversation(1), cut_conversation(2), conversation(3)];
    for conversations in [&[conversation(1)][..], &[cut_conversation(1)], &three] {
        let records = tap.records(conversations);
        let expected = converted(&tap, &records);
        for seed in 0..40 {
            let mut records = records.clone();
            let place = below(records.len(), seed);
            if is_empty(&records[place]) {
                continue;
            }
            records.insert(place + 1, records[place].clone());
            let what = format!("number {place} of {}, shuffled with {seed}", conversations.len());
            assert_copy_is_left_out(&converted(&tap, &shuffled(&records, seed)), &expected, &what);
        }
    }
}

/// Whether nothing is left of the record's body: such a one cannot be told from another one behind it.
fn is_empty(record: &Message) -> bool {
    format!("{record:?}").contains("Bytes([])")
}

#[test]
fn cut_bodies_may_come_twice() {
    let tap = Tap::streamed(Format::Delimited);
    let records = tap.records(&[cut_conversation(1)]);
    let expected = converted(&tap, &records);
    for place in (0..records.len()).filter(|&place| !is_empty(&records[place])) {
        for behind in [0, 1, 5, 15] {
            let mut records = records.clone();
            records.insert((place + 1 + behind).min(records.len()), records[place].clone());
            let what = format!("number {place}, {behind} later");
            assert_copy_is_left_out(&converted(&tap, &records), &expected, &what);
        }
    }
}

#[test]
fn a_close_with_the_greatest_number_may_come_twice() {
    let tap = Tap::streamed(Format::Delimited);
    let mut records = tap.records(&[conversation(1)]);
    set_seq_num(records.last_mut().expect("the close"), u64::MAX);
    let expected = converted(&tap, &records);
    let mut copied = records.clone();
    copied.extend(records.last().cloned());
    assert_copy_is_left_out(&converted(&tap, &copied), &expected, "side by side");
}
