//! Real taps of every format, cut at every byte: Envoy buffers what it writes, and dies. All that happened before the
//! cut is converted; a cut inside of a record is an error, one between two records is none.

use std::collections::HashMap;

use crate::batch::{Outcome, convert_each, payload};
use crate::capture::Packet;
use crate::decode::{Decoded, What, decode};
use crate::encode::tree::{Value, field};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, noise};
use crate::program::testdata;

/// Cuts the tap at every byte and fails the test unless what is before the cut is converted, and nothing else.
#[track_caller]
fn assert_cuts(name: &str, tap: &[u8], format: Format) {
    let decoded = decode(format, tap);
    assert!(decoded.events.len() >= 3, "{name} holds something");
    let (cut, whole): (Vec<usize>, Vec<usize>) =
        (1..=tap.len()).partition(|&end| record_at(&decoded, end).is_some());
    assert!(whole.len() >= decoded.records.len(), "{name} can be cut between its records");
    let mut begun = HashMap::new();
    // Those that have to be errors apart from those that must not.
    for ends in [cut, whole] {
        let cuts: Vec<&[u8]> = ends.iter().map(|&end| &tap[..end]).collect();
        for (outcome, &end) in convert_each(&cuts).iter().zip(&ends) {
            assert_cut(
                &format!("{name} cut at byte {end}: {:?}", outcome.errors),
                outcome,
                &decoded,
                format,
                end,
                &mut begun,
            );
        }
    }
    // Nothing is kept back of an event in which the cut is: just before its end all of its bytes are there, or all but the last.
    for event in &decoded.events {
        if let What::Data { bytes, .. } = &event.what
            && bytes.len() > 1
        {
            let most = begun.get(&event.end).copied().unwrap_or_default();
            assert!(
                most + 1 >= bytes.len(),
                "{name}: only {most} bytes of the event that ends at {}",
                event.end
            );
        }
    }
}

/// `begun` gets how many bytes were seen at most of an event that is cut, by its end.
#[track_caller]
fn assert_cut(
    place: &str,
    outcome: &Outcome,
    decoded: &Decoded,
    format: Format,
    end: usize,
    begun: &mut HashMap<usize, usize>,
) {
    let seen = || decoded.events.iter().filter(|event| event.end <= end);
    let payloads = seen().filter_map(|event| match &event.what {
        What::Data { is_read, bytes, .. } => Some(payload(event.time, *is_read, bytes)),
        What::Closed => None,
    });
    let (payloads, mut shown) = (payloads.collect::<Vec<_>>(), outcome.payloads());
    if shown.len() > payloads.len() {
        shown.truncate(payloads.len());
        let packets = outcome.packets().iter().filter(|packet| packet.length > 0);
        let (event, captured) =
            assert_begins(place, packets.skip(payloads.len()).collect(), decoded, format, end);
        let most = begun.entry(event).or_default();
        *most = captured.max(*most);
    }
    assert_eq!(shown, payloads, "{place}");
    let is_closed = seen().any(|event| event.what == What::Closed);
    // Of a close there may be enough before the cut.
    let next = decoded.events.iter().find(|event| event.end > end);
    let may_be_closed = is_closed || next.is_some_and(|event| event.what == What::Closed);
    let fins = outcome.packets().iter().filter(|packet| packet.flags == "FA").count();
    assert!(fins == 2 && may_be_closed || fins == 0 && !is_closed, "{place}");
    if let Some(capture) = &outcome.capture {
        // It is the TCP of connections without loss.
        capture.streams();
    }
    match (&outcome.errors[..], record_at(decoded, end)) {
        ([], None) => {}
        ([error], Some(record)) => {
            let range = &decoded.records[record];
            let place = format!("record {} at byte {}: truncated record: ", record + 1, range.start);
            let (there, all) = (end - range.start, range.len());
            let says_how_much = match format {
                Format::Binary | Format::Delimited => {
                    // Of the first bytes nobody can say how long the record is to be.
                    error.contains(&format!("{} of {} bytes are there, ", grouped(there), grouped(all)))
                        || there < 4 && error.contains("the input ends after ")
                }
                _ => error.contains(&format!("the input ends after {} ", grouped(there))),
            };
            let says_where = error.starts_with(&place) && says_how_much;
            // Of a few bytes nobody can say what they are.
            let is_too_short_to_tell = record == 0 && error.starts_with("this is no Envoy tap trace");
            assert!(says_where || is_too_short_to_tell, "{place}");
        }
        _ => panic!("{place}"),
    }
}

/// Fails the test unless the packet is the beginning of the event that the cut falls into, and as long as that was, where the
/// record tells. Returns where that event ends, and how many of its bytes are there.
#[track_caller]
fn assert_begins(
    place: &str,
    packets: Vec<&Packet>,
    decoded: &Decoded,
    format: Format,
    end: usize,
) -> (usize, usize) {
    let [packet] = packets[..] else { panic!("one more packet: {place}") };
    let event = decoded.events.iter().find(|event| event.end > end).expect("an event that is cut");
    let What::Data { is_read, bytes, .. } = &event.what else { panic!("{place}") };
    assert_eq!((packet.time, packet.is_inbound), (event.time, Some(*is_read)), "{place}");
    assert!(bytes.starts_with(&packet.payload) && packet.payload.len() <= packet.length, "{place}");
    let tells_length = matches!(format, Format::Binary | Format::Delimited);
    let is_one_more = packet.length == packet.payload.len() + 1;
    // The tap's limit may have cut it before.
    let is_all = packet.payload == *bytes;
    assert!(packet.length == bytes.len() || is_one_more && (is_all || !tells_length), "{place} {packet:?}");
    (event.end, packet.payload.len())
}

fn grouped(number: usize) -> String {
    tap2pcap::internal::quantity::grouped(number as u64)
}

/// The record that a cut at `end` falls into.
fn record_at(decoded: &Decoded, end: usize) -> Option<usize> {
    decoded.records.iter().position(|record| record.start < end && end < record.end)
}

#[track_caller]
fn assert_cuts_of(name: &str, format: Format) {
    assert_cuts(name, &std::fs::read(testdata(name)).expect("a tap"), format);
}

#[test]
fn binary_buffered() {
    assert_cuts_of("post-buffered.pb", Format::Binary);
}

#[test]
fn binary_streamed() {
    assert_cuts_of("post-streamed.pb", Format::Binary);
}

#[test]
fn delimited_buffered() {
    assert_cuts_of("post-buffered.pb_length_delimited", Format::Delimited);
}

#[test]
fn delimited_streamed() {
    assert_cuts_of("post-streamed.pb_length_delimited", Format::Delimited);
}

#[test]
fn delimited_batched() {
    assert_cuts_of("batched.pb_length_delimited", Format::Delimited);
}

#[test]
fn text_buffered() {
    assert_cuts_of("post-buffered.pb_text", Format::Text);
}

#[test]
fn text_streamed() {
    assert_cuts_of("post-streamed.pb_text", Format::Text);
}

#[test]
fn json_buffered() {
    assert_cuts_of("post-buffered-as-bytes.json", Format::JsonBytes);
}

#[test]
fn json_streamed() {
    assert_cuts_of("post-streamed-as-bytes.json", Format::JsonBytes);
}

#[test]
fn json_batched() {
    assert_cuts_of("batched-as-string.json", Format::JsonString);
}

/// The tap's own limit has cut bodies there: what the next event would have told of the last one is missing too.
#[test]
fn bodies_that_the_tap_has_cut_already() {
    let conversation =
        Conversation::new(1).cut_read(noise(300), 20).cut_write(noise(70), 10).write("ok").closed();
    for format in [Format::Binary, Format::Delimited] {
        assert_cuts("cut", &Tap::streamed(format).write(std::slice::from_ref(&conversation)), format);
    }
}

/// Envoy 1.39 writes the sample rate behind the first trace of a tap.
#[test]
fn a_sample_rate_behind_the_trace() {
    let conversation = Conversation::new(1).read("GET /").write(noise(20)).write("ok");
    let streamed = [Tap::streamed(Format::Delimited)];
    for tap in Format::LOSSLESS.map(Tap::buffered).iter().chain(&streamed) {
        let mut records = tap.records(std::slice::from_ref(&conversation));
        let rate =
            vec![field("numerator", 1, Value::U32(5)), field("denominator", 2, Value::Enum("MILLION", 2))];
        records[0].push(field("configured_sample_rate", 5, Value::Message(rate)));
        assert_cuts(&format!("{tap:?}"), &tap.format.print(&records), tap.format);
    }
}
