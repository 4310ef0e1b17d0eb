//! JSON as others than Envoy might write it, or as it comes from the admin endpoint.

use base64_simd::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::{assert_is_the_conversation, conversation};
use crate::conversion::{convert, convert_to};
use crate::encode::json::Style;
use crate::encode::tree::{Message, Value, each_field, each_message, field};
use crate::encode::{Format, Kind, Tap};
use crate::expected::assert_shows;
use crate::model::Conversation;

const TAP: Tap =
    Tap { kind: Kind::Streamed, format: Format::JsonBytes, connection_per_event: false, seq_num: true };

fn records() -> Vec<Message> {
    TAP.records(&[conversation()])
}

fn printed() -> String {
    String::from_utf8(TAP.format.print(&records())).expect("JSON is UTF-8")
}

#[test]
fn every_style_of_json_is_the_same() {
    for kind in [Kind::Buffered, Kind::Streamed, Kind::Batched(2)] {
        let tap = Tap { kind, connection_per_event: true, ..TAP };
        let records = tap.records(&[conversation()]);
        for choice in 0..32 {
            let style = Style {
                is_camel_case: choice & 1 > 0,
                has_number_strings: choice & 2 > 0,
                has_defaults: choice & 4 > 0,
                is_reversed: choice & 8 > 0,
                is_pretty: choice & 16 > 0,
            };
            assert_is_the_conversation(&tap, &style.print(&records));
        }
    }
}

#[test]
fn lines_may_end_with_a_carriage_return() {
    assert_is_the_conversation(&TAP, printed().replace('\n', "\r\n").as_bytes());
}

#[test]
fn a_byte_order_mark_may_come_first() {
    assert_is_the_conversation(&TAP, format!("\u{feff}{}", printed()).as_bytes());
}

#[test]
fn records_may_be_the_elements_of_an_array() {
    for (style, before, between, after) in
        [(Style::ENVOY, "[\n", ",\n", "]\n"), (Style { is_pretty: false, ..Style::ENVOY }, "[", ",", "]")]
    {
        let print = |record| String::from_utf8(style.print(std::slice::from_ref(record))).expect("UTF-8");
        let records: Vec<String> =
            records().iter().map(|record| print(record).trim_end().to_owned()).collect();
        assert_is_the_conversation(&TAP, format!("{before}{}{after}", records.join(between)).as_bytes());
    }
}

#[test]
fn records_may_touch_and_be_far_apart() {
    for between in ["", "\n\n\n", " \t\r\n  "] {
        assert_is_the_conversation(&TAP, printed().replace("\n{", &format!("{between}{{")).as_bytes());
    }
}

#[test]
fn the_headers_that_curl_prints_may_come_first() {
    let headers = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-cache, max-age=0\r\n\
                   x-content-type-options: nosniff\r\ndate: Fri, 20 Nov 2026 10:58:39 GMT\r\nserver: envoy\r\n\
                   transfer-encoding: chunked\r\n\r\n";
    let interim = format!("HTTP/1.1 100 Continue\r\n\r\n{headers}");
    for headers in [headers, &interim, &headers.replace("HTTP/1.1 200 OK", "HTTP/2 200")] {
        let converted = convert(&[], format!("{headers}{}", printed()).as_bytes());
        assert_shows(&converted.capture, &conversation(), &TAP);
        let count = headers.lines().filter(|line| !line.is_empty()).count();
        let warning = format!("warning: {count} lines around the records are no part of a trace");
        assert!(converted.messages.contains(&warning), "{}", converted.messages);
    }
}

/// Envoy writes this in the place of a message.
#[test]
fn a_message_that_envoy_could_not_write_is_a_warning() {
    let lost = "Failed to convert protobuf message to JSON string: INVALID_ARGUMENT: \
                timestamp: Timestamp exceeds limits";
    let record = |record: Message| String::from_utf8(TAP.format.print(&[record])).expect("UTF-8");
    let mut records: Vec<String> = records().into_iter().map(record).collect();
    for place in 1..records.len() {
        records.insert(2 * place - 1, format!("{lost}\n"));
    }
    let converted = convert_to("capture", &[], records.concat().as_bytes(), 0);
    assert_shows(&converted.capture, &conversation(), &TAP);
    let warning = converted.messages.lines().find(|line| line.starts_with("tap2pcap: warning: 4 messages"));
    assert!(warning.is_some(), "{}", converted.messages);
    convert_to("capture", &["--strict"], records.concat().as_bytes(), 1);
}

#[test]
fn null_is_as_good_as_nothing() {
    const NAMES: [&str; 9] = [
        "trace_id",
        "connection",
        "events",
        "local_address",
        "read",
        "truncated",
        "end_stream",
        "seq_num",
        "as_string",
    ];
    let mut records = records();
    for record in &mut records {
        each_message(record, &mut |message| {
            for name in NAMES {
                if message.iter().all(|field| field.name != name) {
                    message.push(field(name, 99, Value::Null));
                }
            }
        });
    }
    assert_is_the_conversation(&TAP, &TAP.format.print(&records));
}

#[test]
fn base64_may_be_of_either_alphabet_and_without_padding() {
    for encode in [STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        let mut records = records();
        for record in &mut records {
            each_field(record, &mut |field| {
                if let Value::Bytes(bytes) = &field.value {
                    field.value = Value::Text(encode.encode_to_string(bytes));
                }
            });
        }
        assert_is_the_conversation(&TAP, &TAP.format.print(&records));
    }
}

#[test]
fn strings_may_be_escaped_in_any_way() {
    let tap = Tap { kind: Kind::Buffered, ..Tap::streamed(Format::JsonString) };
    let conversation = Conversation::new(7).read("GET /é😀\u{2028}\"\\\u{0}\n").closed();
    let printed = String::from_utf8(tap.write(std::slice::from_ref(&conversation))).expect("UTF-8");
    let escapes = [
        ("é", "\\u00E9"),
        ("😀", "\\ud83d\\uDE00"),
        ("\u{2028}", "\\u2028"),
        ("/", "\\/"),
        ("GET", "\\u0047ET"),
    ];
    let escaped = escapes.iter().fold(printed.clone(), |text, (plain, escape)| text.replace(plain, escape));
    assert_ne!(escaped, printed);
    for text in [printed, escaped] {
        assert_shows(&convert_to("capture", &[], text.as_bytes(), 0).capture, &conversation, &tap);
    }
}

#[test]
fn times_may_have_an_offset() {
    let cases = [
        ("2023-11-15T00:13:20.123456789+02:00", 123_456_789),
        ("2023-11-14T14:43:20.5-07:30", 500_000_000),
        ("2023-11-14T22:13:20+00:00", 0),
    ];
    for (text, nanos) in cases {
        let mut records = TAP.records(&[Conversation::new(7).read("x")]);
        each_field(&mut records[1], &mut |field| {
            if matches!(field.value, Value::Time { .. }) {
                field.value = Value::Text(text.to_owned());
            }
        });
        let capture = convert_to("capture", &[], &TAP.format.print(&records), 0).capture;
        assert_eq!(capture.packets[0].time, 1_700_000_000_000_000_000 + nanos, "{text}");
    }
}

#[test]
fn an_enum_may_be_a_number() {
    let mut records = records();
    each_field(&mut records[0], &mut |field| {
        if let Value::Enum(_, number) = field.value {
            field.value = Value::U32(number);
        }
    });
    assert_is_the_conversation(&TAP, &TAP.format.print(&records));
}
