//! What a newer Envoy may add, in every format: fields, values and strings that nobody knows yet.

use super::{assert_is_the_conversation, conversation};
use crate::conversion::convert;
use crate::encode::tree::{Field, Message, Value, each_field, each_message, field, oneof};
use crate::encode::{Format, Kind, Tap};
use crate::expected::assert_shows;
use crate::model::{Address, Conversation};

fn taps() -> impl Iterator<Item = Tap> {
    let kinds = [Kind::Buffered, Kind::Streamed, Kind::Batched(2)];
    let tap = |kind, format| Tap { kind, connection_per_event: true, ..Tap::streamed(format) };
    Format::LOSSLESS.into_iter().flat_map(move |format| kinds.map(|kind| tap(kind, format)))
}

/// Fields of every type that look like parts of each format.
fn unknown() -> Message {
    let braces = "} { ] [ \" \\ ' > < # \n{\n\"socket_buffered_trace\": {".to_owned();
    let nested = vec![
        field("deeper_news", 901, Value::Text(braces.clone())),
        field("more", 902, Value::U64(u64::MAX)),
    ];
    vec![
        field("news_flag", 911, Value::Bool(true)),
        field("news_number", 912, Value::U64(12_345_678_901)),
        field("news_text", 913, Value::Text(braces)),
        field("news_bytes", 914, Value::Bytes(vec![0, 0x22, 0xff, 0x0a])),
        field("news_message", 915, Value::Message(nested.clone())),
        field("news_list", 916, Value::Repeated(vec![nested, vec![]])),
        field("news_choice", 917, Value::Enum("SOMETHING", 3)),
    ]
}

#[test]
fn unknown_fields_in_every_message_are_passed_over() {
    for tap in taps() {
        for is_first in [true, false] {
            let mut records = tap.records(&[conversation()]);
            for field in records.iter_mut().flatten() {
                let Value::Message(trace) = &mut field.value else { panic!("a trace is a message") };
                each_message(trace, &mut |message| {
                    let place = if is_first { 0 } else { message.len() };
                    message.splice(place..place, unknown());
                });
            }
            assert_is_the_conversation(&tap, &tap.format.print(&records));
        }
    }
}

#[test]
fn unknown_fields_beside_the_trace_are_passed_over() {
    // Raw, nothing but a known field says where a message begins.
    for tap in taps().filter(|tap| tap.format != Format::Binary) {
        let mut records = tap.records(&[conversation()]);
        let is_message = |field: &Field| matches!(field.value, Value::Message(_));
        for record in &mut records {
            // All that Envoy has written so far at the top of a text are messages.
            record.extend(
                unknown().into_iter().filter(|field| tap.format != Format::Text || is_message(field)),
            );
        }
        assert_is_the_conversation(&tap, &tap.format.print(&records));
    }
}

#[test]
fn unknown_values_of_an_enum_are_passed_over() {
    for tap in taps() {
        let mut records = tap.records(&[conversation()]);
        for record in &mut records {
            each_field(record, &mut |field| {
                if field.name == "protocol" {
                    field.value = Value::Enum("MPTCP", 9);
                }
            });
        }
        assert_is_the_conversation(&tap, &tap.format.print(&records));
    }
}

/// A read, a write or a close is known; anything else is not, and the next event is again.
#[test]
fn an_unknown_kind_of_event_is_passed_over() {
    for tap in taps().filter(|tap| tap.kind == Kind::Streamed) {
        let mut records = tap.records(&[conversation()]);
        let mut odd = records[1].clone();
        each_field(&mut odd, &mut |field| {
            if field.name == "read" {
                field.name = "reset".to_owned();
                field.number = 40;
                field.value = Value::Message(vec![]);
            }
        });
        records.insert(2, odd);
        let capture = convert(&[], &tap.format.print(&records)).capture;
        assert_shows(&capture, &conversation(), &tap);
    }
}

#[test]
fn fields_may_come_in_any_order() {
    for tap in taps() {
        let mut records = tap.records(&[conversation()]);
        for record in &mut records {
            each_message(record, &mut |message| message.reverse());
        }
        assert_is_the_conversation(&tap, &tap.format.print(&records));
    }
}

/// Older Envoys did not check what they wrote as a string.
#[test]
fn a_name_that_is_no_utf8_costs_nothing_but_itself() {
    for format in [Format::Binary, Format::Delimited, Format::Text] {
        let tap = Tap::streamed(format);
        let pipe = Some(Address::Pipe("/run/x".to_owned()));
        let mut records =
            tap.records(&[Conversation::new(7).between(pipe.clone(), pipe).read("hello").write("you")]);
        each_field(&mut records[0], &mut |field| {
            if field.name == "path" {
                field.value = Value::Bytes(b"/run/\xff\xfe".to_vec());
            }
        });
        let capture = convert(&[], &format.print(&records)).capture;
        assert_eq!(capture.packets.len(), 2);
        assert!(
            capture.packets[0].comments.iter().any(|comment| comment.contains("pipe:/run/")),
            "{format:?}"
        );
    }
}

#[test]
fn an_address_of_an_unknown_kind_is_no_address() {
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format);
        let mut records = tap.records(&[Conversation::new(7).read("hello").write("you")]);
        each_field(&mut records[0], &mut |field| {
            if field.name == "local_address" {
                field.value = Value::Message(vec![oneof("vsock_address", 17, Value::Message(vec![]))]);
            }
        });
        let capture = convert(&[], &format.print(&records)).capture;
        assert_eq!(capture.packets.len(), 2);
        assert!(capture.packets[0].comments.contains(&"tap.local_address=unknown".to_owned()), "{format:?}");
        assert_eq!(capture.packets[0].source, Conversation::new(7).addresses()[1]);
    }
}
