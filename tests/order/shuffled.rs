//! What only changed places is put in order.

use super::*;

#[track_caller]
fn assert_order_does_not_matter(tap: &Tap, records: &[Message], seeds: std::ops::Range<u64>) {
    let expected = converted(tap, records);
    for seed in seeds {
        let shuffled = converted(tap, &shuffled(records, seed));
        assert_same(&shuffled, &expected, &format!("{:?} shuffled with {seed}", tap.format));
    }
}

#[test]
fn records_that_changed_places_are_put_in_order() {
    for (format, seed) in FORMATS.into_iter().zip([1, 100, 200, 300]) {
        let tap = Tap::streamed(format);
        assert_order_does_not_matter(&tap, &tap.records(&[conversation(1)]), seed..seed + 12);
    }
}

#[test]
fn every_record_carries_its_addresses() {
    let tap = Tap { connection_per_event: true, ..Tap::streamed(Format::Delimited) };
    assert_order_does_not_matter(&tap, &tap.records(&[conversation(1)]), 0..12);
}

#[test]
fn traces_may_be_interleaved() {
    let tap = Tap::streamed(Format::Binary);
    let conversations: Vec<Conversation> = (1..6).map(conversation).collect();
    assert_order_does_not_matter(&tap, &tap.records(&conversations), 0..12);
}

#[test]
fn the_true_length_of_a_cut_body_is_found() {
    let tap = Tap::streamed(Format::Delimited);
    assert_order_does_not_matter(&tap, &tap.records(&[cut_conversation(1)]), 0..24);
}

#[test]
fn the_true_length_of_a_cut_body_is_found_among_others() {
    let tap = Tap::streamed(Format::Delimited);
    let conversations = [cut_conversation(1), conversation(2), cut_conversation(3)];
    assert_order_does_not_matter(&tap, &tap.records(&conversations), 0..12);
}

#[test]
fn batches_that_changed_places_are_put_in_order() {
    let tap = Tap { kind: crate::encode::Kind::Batched(2), ..Tap::streamed(Format::Text) };
    let records = tap.records(&[conversation(1)]);
    let expected = converted(&tap, &records);
    for place in 0..records.len() - 1 {
        let mut records = records.clone();
        records.swap(place, place + 1);
        assert_same(&converted(&tap, &records), &expected, &format!("{place} and the next"));
    }
}

/// The addresses come later than what they are the addresses of.
#[test]
fn the_connection_may_come_late() {
    for format in FORMATS {
        let tap = Tap::streamed(format);
        let records = tap.records(&[conversation(1)]);
        let expected = converted(&tap, &records);
        for place in 1..PLACES {
            let mut records = records.clone();
            let connection = records.remove(0);
            records.insert(place, connection);
            assert_same(&converted(&tap, &records), &expected, &format!("{format:?} {place} places late"));
        }
    }
}

#[test]
fn the_close_may_come_early() {
    let tap = Tap::streamed(Format::JsonBytes);
    let records = tap.records(&[conversation(1)]);
    let expected = converted(&tap, &records);
    for places in 1..PLACES {
        let mut records = records.clone();
        let close = records.pop().expect("the close");
        records.insert(records.len() - places, close);
        assert_same(&converted(&tap, &records), &expected, &format!("{places} places early"));
    }
}

/// Some Envoys give the close the greatest of all numbers.
#[test]
fn the_close_may_have_the_greatest_number() {
    let tap = Tap::streamed(Format::Delimited);
    let conversations = [conversation(1), conversation(2)];
    let records = tap.records(&conversations);
    let expected = converted(&tap, &records);
    let mut records = records.clone();
    for record in &mut records {
        let is_close = format!("{record:?}").contains("\"closed\"");
        if is_close {
            set_seq_num(record, u64::MAX);
        }
    }
    assert_same(&converted(&tap, &records), &expected, "as they were");
    assert_order_does_not_matter(&tap, &records, 0..12);
}
