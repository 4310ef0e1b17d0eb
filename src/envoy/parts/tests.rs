//! What stands in a trace of the HTTP tap is the same in every format, whatever the format leaves open.

mod damage;
mod expected;
mod print;
mod traces;

use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

use crate::http::{Connections, Headers, Message, Part, Piece, Truncation};
use crate::input::{Input, Step};
use crate::proto::envoy::config::core::v3::{Address, HeaderValue, SocketAddress, address, socket_address};
use crate::proto::envoy::data::tap::v3::http_streamed_trace_segment::{self as segment, MessagePiece};
use crate::proto::envoy::data::tap::v3::{
    Body, Connection, HttpBufferedTrace, HttpStreamedTraceSegment, TraceWrapper, body, http_buffered_trace,
    trace_wrapper,
};
use crate::record::Format;
use crate::trace::{self, Endpoint, Kind, TraceId};
use expected::{expected, untold};
use traces::{any_trace, exchange};

/// The parts in an input, and what is wrong with it.
#[track_caller]
fn read(format: Format, bytes: &[u8]) -> (Vec<Part>, Vec<String>) {
    let input = Input::from_bytes("tap_7.pb".to_owned(), bytes.to_vec(), Some(format));
    let mut input = match input {
        Ok(input) => input,
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let (mut parts, mut errors) = (Vec::new(), Vec::new());
    loop {
        match input.advance() {
            Ok(Step::Part) => parts.push(input.part().expect("a part")),
            Ok(Step::Event | Step::Flow) => panic!("there is nothing but HTTP"),
            Ok(Step::Idle) => {}
            Ok(Step::End) => return (parts, errors),
            Err(error) => errors.push(error.to_string()),
        }
    }
}

/// The parts in an input with which nothing is wrong.
#[track_caller]
fn parts(format: Format, bytes: &[u8]) -> Vec<Part> {
    let (parts, errors) = read(format, bytes);
    assert_eq!(errors, [""; 0], "{}", String::from_utf8_lossy(bytes));
    parts
}

fn wrapper(trace: trace_wrapper::Trace) -> TraceWrapper {
    TraceWrapper { trace: Some(trace), ..TraceWrapper::default() }
}

proptest! {
    #[test]
    fn every_format_says_what_prost_says(trace in any_trace(), style in any::<[bool; 4]>()) {
        let expected = expected(&trace);
        prop_assert_eq!(parts(Format::Delimited, &trace.encode_length_delimited_to_vec()), untold(expected.clone()));
        prop_assert_eq!(parts(Format::Text, print::text(&trace).as_bytes()), untold(expected.clone()));
        prop_assert_eq!(parts(Format::Json, print::json(&trace, style).as_bytes()), expected);
    }
}

#[test]
fn what_json_leaves_open_makes_no_difference() {
    let expected = expected(&exchange());
    for style in 0..16u8 {
        let style = [1, 2, 4, 8].map(|bit| style & bit > 0);
        assert_eq!(parts(Format::Json, print::json(&exchange(), style).as_bytes()), expected, "{style:?}");
    }
}

#[test]
fn null_and_what_is_unknown_are_passed_over() {
    let nothing = json!({
        "request": null, "response": null, "downstream_connection": null, "x": [{"headers": [1]}, null],
    });
    let message = json!({
        "headers": null, "trailers": null, "body": null, "headers_received_time": null, "new": {"body": []},
    });
    let header = json!({
        "headers": [null, {}, {"key": null, "value": null, "raw_value": null}, {"key": "k", "x": [], "value": "v"}],
        "body": {"as_bytes": null, "as_string": null, "truncated": null, "new": 1},
    });
    let parse = |record: &serde_json::Value| parts(Format::Json, record.to_string().as_bytes());
    assert_eq!(parse(&json!({"http_buffered_trace": nothing})), []);
    assert_eq!(parse(&json!({"http_buffered_trace": {"request": message}})), []);
    assert_eq!(parse(&json!({"http_buffered_trace": null, "http_streamed_trace_segment": null})), []);
    let found = parse(&json!({"new": 5, "http_buffered_trace": {"request": header}}));
    let mut list = Headers::default();
    for (name, value) in [("", ""), ("", ""), ("k", "v")] {
        assert!(list.push(name.as_bytes(), value.as_bytes()));
    }
    let whats: Vec<Piece> = found.into_iter().map(|part| part.what).collect();
    let empty = Piece::Body { bytes: vec![], truncation: Truncation::None, is_text: false };
    assert_eq!(whats, [Piece::Head(list), empty, Piece::End]);
    let streamed = json!({"http_streamed_trace_segment": {
        "trace_id": null, "request_headers": null, "response_body_chunk": null, "response_trailers": {"headers": []},
    }});
    let [part] = &parse(&streamed)[..] else { panic!("one part") };
    assert_eq!((part.trace.id, &part.what), (0, &Piece::Trailers(Headers::default())));
}

/// The value of the only header.
#[track_caller]
fn value(format: Format, record: &[u8]) -> Vec<u8> {
    let found = parts(format, record);
    let Piece::Head(headers) = &found[0].what else { panic!("{found:?}") };
    headers.value(b"k").expect("a header").to_vec()
}

#[test]
fn header_values_are_taken_as_bytes() {
    let json = |members: &[u8]| {
        let header =
            [&br#"{"http_buffered_trace":{"request":{"headers":[{"key":"k","#[..], members, b"}]}}}"];
        value(Format::Json, &header.concat())
    };
    assert_eq!(json(b"\"value\":\"caf\xe9\xff\""), b"caf\xe9\xff");
    assert_eq!(json(br#""value":"a\"\\\/\u00e9\ud83d\ude00""#), "a\"\\/é😀".as_bytes());
    assert_eq!(json(br#""value":"text","raw_value":"""#), b"text");
    assert_eq!(json(br#""value":"text","raw_value":"6f8=""#), b"\xe9\xff");
    assert_eq!(json(br#""rawValue":"6f8""#), b"\xe9\xff");
    assert_eq!(json(br#""rawValue":"_-8=","value":null"#), b"\xff\xef");
    let text = |fields: &[u8]| {
        let header = [&b"http_buffered_trace { request { headers { key: 'k' "[..], fields, b" } } }\n"];
        value(Format::Text, &header.concat())
    };
    assert_eq!(text(b"value: \"caf\xe9\\377\""), b"caf\xe9\xff");
    assert_eq!(text(br#"value: 'a' "b\"\n""#), b"ab\"\n");
    assert_eq!(text(br#"value: "text" raw_value: """#), b"text");
    assert_eq!(text(br#"raw_value: "\351\xff" value: "text""#), b"\xe9\xff");
}

#[test]
fn a_large_body_comes_in_parts_that_make_the_whole() {
    let text = format!("a{}", "€".repeat(200_000));
    for (format, record, is_text) in [
        (
            Format::Json,
            format!(
                r#"{{"http_buffered_trace":{{"request":{{"body":{{"as_string":"{text}","truncated":true}}}}}}}}"#
            ),
            true,
        ),
        (
            Format::Text,
            format!(
                "http_buffered_trace {{ request {{ body {{ as_bytes: '{text}' truncated: true }} }} }}\n"
            ),
            false,
        ),
    ] {
        let found = parts(format, record.as_bytes());
        let bodies: Vec<(&[u8], bool)> = found
            .iter()
            .filter_map(|part| match &part.what {
                Piece::Body { bytes, truncation, .. } => Some((&bytes[..], truncation.is_cut())),
                _ => None,
            })
            .collect();
        assert_eq!(bodies.len(), 3, "{format:?}");
        assert_eq!(
            bodies.iter().map(|(bytes, _)| *bytes).collect::<Vec<_>>().concat(),
            text.as_bytes(),
            "{format:?}"
        );
        assert_eq!(bodies.iter().map(|(_, is_cut)| *is_cut).collect::<Vec<_>>(), [false, false, true]);
        let is_whole = bodies.iter().all(|(bytes, _)| str::from_utf8(bytes).is_ok());
        assert_eq!(is_whole, is_text, "{format:?}: characters are kept whole where that matters");
    }
}

#[test]
fn text_may_be_written_by_a_person() {
    let bytes = b"# a comment\nhttp_streamed_trace_segment: < trace_id: 0x10, response_headers { new: [1, {a: 2}]\n\
                  headers: { value: '200'; key: ':status' } # another\n unknown { headers { key: 'x' } } } >\n";
    let [part] = &parts(Format::Text, bytes)[..] else { panic!("one part") };
    assert_eq!((part.trace, part.message), (TraceId { kind: Kind::HttpStreamed, id: 16 }, Message::Response));
    let Piece::Head(headers) = &part.what else { panic!("{part:?}") };
    assert_eq!(headers.iter().collect::<Vec<_>>(), [(&b":status"[..], &b"200"[..])]);
}
