//! Records whose brackets match, and which are no events all the same.

use super::*;
use crate::conversion::convert;
use crate::model::Address;

/// Fails the test unless each of these, between two good records, is an error and takes neither of them with it.
#[track_caller]
fn assert_are_errors(format: Format, records: &[&str]) {
    let [before, behind] = around(format);
    let taps: Vec<String> = records.iter().map(|record| format!("{before}{record}\n{behind}")).collect();
    for (outcome, record) in convert_each(&taps).iter().zip(records) {
        let bodies: Vec<String> = outcome.payloads().into_iter().map(|(.., bytes)| bytes).collect();
        assert_eq!(bodies, ["first", "last"], "{record}: {:?}", outcome.errors);
        assert!(matches!(outcome.errors.len(), 1 | 2), "{record}: {:?}", outcome.errors);
        let (_, rest) = outcome.errors[0].split_once(" at byte ").expect("it says where");
        let byte: usize = rest.split_once(": ").expect("it says what").0.parse().expect("a number");
        // Where a line ends too early, the next record ends the broken one.
        let range = before.len()..=before.len() + record.len() + 1;
        assert!(range.contains(&byte), "{record}: {range:?} {:?}", outcome.errors);
    }
}

#[test]
fn what_is_no_event_in_json_is_an_error() {
    let event = |event: &str| {
        format!("{{\"socket_streamed_trace_segment\": {{\"trace_id\": \"9\", \"event\": {event}}}}}")
    };
    let read = |body: &str| {
        event(&format!("{{\"timestamp\": \"2026-11-20T10:58:36Z\", \"read\": {{\"data\": {body}}}}}"))
    };
    let records = [
        "{\"\n: 5}".to_owned(),
        "{\"socket_streamed_trace_segment\": {\"\n: 5}}".to_owned(),
        "{\"socket_streamed_trace_segment\": 5}".to_owned(),
        "{\"socket_streamed_trace_segment\" {}}".to_owned(),
        "{\"socket_streamed_trace_segment\": {\"trace_id\": -1, \"event\": {}}}".to_owned(),
        "{\"socket_streamed_trace_segment\": {\"trace_id\": \"18446744073709551616\"}}".to_owned(),
        event("5"),
        event("[]"),
        event("\"closed\""),
        event("{\"timestamp\": \"yesterday\", \"closed\": {}}"),
        event("{\"timestamp\": 5, \"closed\": {}}"),
        event("{\"closed\": {}, \"seq_num\": \"x\"}"),
        read("5"),
        read("{\"as_bytes\": 5}"),
        read("{\"as_bytes\": \"YWJj\nYWJj\"}"),
        read("{\"as_string\": \"\\u12\"}"),
        read("{\"as_string\": \"\\x\"}"),
        read("{\"as_bytes\": \"YQ==\", \"truncated\": \"perhaps\"}"),
        "}".to_owned(),
        "{\"unknown\": }".to_owned(),
    ];
    assert_are_errors(Format::JsonBytes, &records.each_ref().map(String::as_str));
}

#[test]
fn what_is_no_event_in_text_is_an_error() {
    let segment = |fields: &str| format!("socket_streamed_trace_segment {{ {fields} }}");
    let event = |fields: &str| segment(&format!("trace_id: 9 event {{ {fields} }}"));
    let read =
        |body: &str| event(&format!("timestamp {{ seconds: 1700000000 }} read {{ data {{ {body} }} }}"));
    let records = [
        segment("trace_id 9"),
        segment("trace_id: 9 event: }"),
        segment("\"trace_id\": 9"),
        event("timestamp { seconds: soon } closed { }"),
        event("seq_num: 1.5 closed { }"),
        read("as_bytes: 5"),
        read("as_bytes: \"a\nb\""),
        read("as_bytes: \"a\" truncated: perhaps"),
        read("as_bytes: "),
        read("as_bytes: 'a\""),
        "}".to_owned(),
        "socket_streamed_trace_segment: {".to_owned(),
        "= { }".to_owned(),
    ];
    assert_are_errors(Format::Text, &records.each_ref().map(String::as_str));
}

/// A name as long as no socket's fills no screen.
#[test]
fn a_warning_is_never_long() {
    let name = Some(Address::Pipe("\u{e9}".repeat(100_000)));
    let conversation = Conversation::new(1).between(name.clone(), name).read("GET /");
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format).write(std::slice::from_ref(&conversation));
        let messages = convert(&[], &tap).messages;
        assert!(
            messages.contains("warning: 1 trace has no IP address") && messages.len() < 1_000,
            "{messages}"
        );
    }
}

#[test]
fn a_trace_without_a_readable_beginning_is_an_error_in_text() {
    let event = "event { timestamp { seconds: 1700000000 } read { data { as_bytes: \"x\" } } }";
    let heads = [
        "trace_id: -1",
        "trace_id: 18446744073709551616",
        "trace_id: nine",
        "trace_id: 9 connection { local_address { socket_address { port_value: \"80\" } } }",
    ];
    let records = heads.map(|head| format!("socket_streamed_trace_segment {{ {head} {event} }}"));
    assert_are_errors(Format::Text, &records.each_ref().map(String::as_str));
}
