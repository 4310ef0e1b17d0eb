//! Real taps of every format, cut at every byte: Envoy buffers what it writes, and dies. All that happened before the
//! cut is converted; a cut inside of a record is an error, one between two records is none.
//!
//! A run of the program takes many cuts of one tap, each as an input of its own, which pcapng keeps apart.

use crate::capture::Capture;
use crate::decode::{Decoded, What, decode};
use crate::encode::tree::{Value, field};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, noise};
use crate::program::{Dir, testdata};

/// So many files can be open at a time anywhere.
const RUN: usize = 200;

/// When, whether the proxy read it, and the bytes.
type Payload = (u64, bool, String);

/// What came of one cut.
#[derive(Debug, Default)]
struct Outcome {
    capture: Option<Capture>,
    errors: Vec<String>,
}

impl Outcome {
    fn payloads(&self) -> Vec<Payload> {
        let packets = self.capture.iter().flat_map(|capture| &capture.packets);
        let packets = packets.filter(|packet| packet.length > 0);
        packets.map(|packet| payload(packet.time, packet.is_inbound == Some(true), &packet.payload)).collect()
    }

    fn fins(&self) -> usize {
        let packets = self.capture.iter().flat_map(|capture| &capture.packets);
        packets.filter(|packet| packet.flags == "FA").count()
    }
}

fn payload(time: u64, is_read: bool, bytes: &[u8]) -> Payload {
    (time, is_read, bytes.escape_ascii().to_string())
}

/// Converts the tap cut at each of these places.
#[track_caller]
fn convert_cuts(tap: &[u8], ends: &[usize]) -> Vec<Outcome> {
    let dir = Dir::new();
    let names: Vec<String> = (0..ends.len()).map(|number| format!("cut-{number:03}")).collect();
    for (name, &end) in names.iter().zip(ends) {
        dir.write(name, &tap[..end]);
    }
    let ran = dir.tap2pcap().args(["-w", "capture.pcapng"]).args(&names).run();
    let mut outcomes: Vec<Outcome> = names.iter().map(|_| Outcome::default()).collect();
    for line in ran.stderr.lines() {
        let Some(error) = line.strip_prefix("tap2pcap: error: ") else { continue };
        let number = names.iter().position(|name| error.starts_with(&format!("{name}: ")));
        outcomes[number.unwrap_or_else(|| panic!("of which file? {line}"))].errors.push(error.to_owned());
    }
    let has_errors = outcomes.iter().any(|outcome| !outcome.errors.is_empty());
    assert_eq!(ran.code, Some(i32::from(has_errors)), "{ran:?}");
    if dir.path("capture.pcapng").exists() {
        let capture = Capture::parse(&dir.read("capture.pcapng"));
        for (interface, name) in capture.interfaces.iter().enumerate() {
            let number = names.iter().position(|other| other == name).expect("a name of ours");
            let packets = capture.packets.iter().filter(|packet| packet.interface == interface);
            let packets = packets.cloned().collect();
            let interfaces = vec![name.clone()];
            outcomes[number].capture = Some(Capture { interfaces, packets, about: Vec::new(), ..capture });
        }
    }
    outcomes
}

/// Cuts the tap at every byte and fails the test unless what is before the cut is converted, and nothing else.
#[track_caller]
fn assert_cuts(name: &str, tap: &[u8], format: Format) {
    let decoded = decode(format, tap);
    assert!(decoded.events.len() >= 3, "{name} holds something");
    let (cut, whole): (Vec<usize>, Vec<usize>) =
        (1..=tap.len()).partition(|&end| record_at(&decoded, end).is_some());
    assert!(whole.len() >= decoded.records.len(), "{name} can be cut between its records");
    for ends in [cut, whole].iter().flat_map(|ends| ends.chunks(RUN)) {
        for (outcome, &end) in convert_cuts(tap, ends).iter().zip(ends) {
            assert_cut(&format!("{name} cut at byte {end}: {:?}", outcome.errors), outcome, &decoded, end);
        }
    }
}

#[track_caller]
fn assert_cut(place: &str, outcome: &Outcome, decoded: &Decoded, end: usize) {
    let seen = || decoded.events.iter().filter(|event| event.end <= end);
    let payloads = seen().filter_map(|event| match &event.what {
        What::Data { is_read, bytes, .. } => Some(payload(event.time, *is_read, bytes)),
        What::Closed => None,
    });
    assert_eq!(outcome.payloads(), payloads.collect::<Vec<_>>(), "{place}");
    let is_closed = seen().any(|event| event.what == What::Closed);
    assert_eq!(outcome.fins(), if is_closed { 2 } else { 0 }, "{place}");
    if let Some(capture) = &outcome.capture {
        // It is the TCP of connections without loss.
        capture.streams();
    }
    match (&outcome.errors[..], record_at(decoded, end)) {
        ([], None) => {}
        ([error], Some(record)) => {
            let says_where =
                error.contains(&format!(": record {} at byte {end}: the record breaks off here", record + 1));
            // Of a few bytes nobody can say what they are.
            let is_too_short_to_tell = record == 0 && error.contains(": this is no Envoy tap trace");
            assert!(says_where || is_too_short_to_tell, "{place}");
        }
        _ => panic!("{place}"),
    }
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
    assert_cuts_of("post-buffered-as-string.json", Format::JsonString);
}

#[test]
fn json_streamed() {
    assert_cuts_of("post-streamed-as-bytes.json", Format::JsonBytes);
    assert_cuts_of("post-streamed-as-string.json", Format::JsonString);
}

#[test]
fn json_batched() {
    assert_cuts_of("batched-as-string.json", Format::JsonString);
}

/// The tap's own limit has cut a body there: what the next event would have told of it is missing too.
#[test]
fn a_body_that_the_tap_has_cut_already() {
    assert_cuts_of("cut-streamed.pb", Format::Binary);
}

/// Envoy 1.39 writes the sample rate behind the first trace of a tap.
#[test]
fn a_sample_rate_behind_the_trace() {
    let conversation = Conversation::new(1).read("GET /").write(noise(20)).write("ok");
    let [_, streamed @ ..] = Format::LOSSLESS.map(Tap::streamed);
    for tap in Format::LOSSLESS.map(Tap::buffered).iter().chain(&streamed) {
        let mut records = tap.records(std::slice::from_ref(&conversation));
        let rate =
            vec![field("numerator", 1, Value::U32(5)), field("denominator", 2, Value::Enum("MILLION", 2))];
        records[0].push(field("configured_sample_rate", 5, Value::Message(rate)));
        assert_cuts(&format!("{tap:?}"), &tap.format.print(&records), tap.format);
    }
}
