//! What stands before damage is kept, and the damage is said.

use super::*;
use crate::http::MAX_HEADERS;

/// A buffered trace, and the segments of a streamed one, in a format.
fn taps(format: Format) -> [Vec<u8>; 2] {
    let print = |trace: &TraceWrapper| match format {
        Format::Text => print::text(trace).into_bytes(),
        Format::Json => print::json(trace, [false, false, true, true]).into_bytes(),
        Format::Binary | Format::Delimited | Format::Grpc => trace.encode_length_delimited_to_vec(),
    };
    let Some(trace_wrapper::Trace::HttpBufferedTrace(HttpBufferedTrace {
        request: Some(request),
        response: Some(response),
        ..
    })) = exchange().trace
    else {
        panic!("a buffered trace")
    };
    let list = |headers| segment::Headers { headers };
    let pieces = [
        MessagePiece::RequestHeaders(list(request.headers)),
        MessagePiece::RequestBodyChunk(request.body.expect("a body")),
        MessagePiece::RequestTrailers(list(request.trailers)),
        MessagePiece::ResponseHeaders(list(response.headers)),
        MessagePiece::ResponseBodyChunk(response.body.expect("a body")),
        MessagePiece::ResponseTrailers(list(response.trailers)),
    ];
    let segments = pieces.map(|piece| {
        let segment = HttpStreamedTraceSegment { trace_id: 300, message_piece: Some(piece) };
        print(&wrapper(trace_wrapper::Trace::HttpStreamedTraceSegment(segment)))
    });
    [print(&exchange()), segments.concat()]
}

/// The pieces without the ends of messages and without the connections and times, which may stand behind the cut.
fn pieces(parts: &[Part]) -> Vec<(Message, Piece)> {
    let pieces = parts.iter().filter(|part| part.what != Piece::End);
    pieces.map(|part| (part.message, part.what.clone())).collect()
}

/// Whether a piece is another one, or the beginning of it.
fn begins(piece: &Piece, whole: &Piece) -> bool {
    match (piece, whole) {
        (Piece::Head(some), Piece::Head(all)) | (Piece::Trailers(some), Piece::Trailers(all)) => {
            some.len() <= all.len() && some.iter().zip(all.iter()).all(|(some, all)| some == all)
        }
        (Piece::Body { bytes: some, .. }, Piece::Body { bytes: all, .. }) => all.starts_with(some),
        _ => false,
    }
}

#[test]
fn a_cut_anywhere_leaves_what_stands_before_it() {
    for format in [Format::Delimited, Format::Text, Format::Json] {
        for tap in taps(format) {
            let whole = pieces(&parts(format, &tap));
            assert_eq!(whole.len(), 6, "{format:?}");
            let mut most = 0;
            for length in 1..tap.trim_ascii_end().len() {
                let (found, errors) = read(format, &tap[..length]);
                let found = pieces(&found);
                let cut = String::from_utf8_lossy(&tap[..length]).into_owned();
                assert!(errors.len() <= 1, "{errors:?} {cut}");
                assert!(found.len() <= whole.len(), "{found:?} {cut}");
                // The members of an object need not stand in the order of the conversation.
                let is_whole = |piece: &&(Message, Piece)| whole.contains(piece);
                let cut_pieces: Vec<_> = found.iter().filter(|piece| !is_whole(piece)).collect();
                assert!(cut_pieces.len() <= 1, "{found:?} {cut}");
                for (message, piece) in cut_pieces {
                    let is_of = |(other, whole): &(Message, Piece)| other == message && begins(piece, whole);
                    assert!(whole.iter().any(is_of), "{found:?} {cut}");
                }
                // More bytes never give less, save a binary body of which not even the length can be read.
                assert!(found.len() + usize::from(format == Format::Delimited) >= most, "{found:?} {cut}");
                most = found.len();
            }
            assert_eq!(most, 6, "{format:?}");
        }
    }
}

/// A record whose response is broken, and one that follows.
#[track_caller]
fn assert_request_stays(format: Format, broken: &[u8], next: &[u8]) {
    let (found, errors) = read(format, &[broken, next].concat());
    let shown = String::from_utf8_lossy(broken);
    assert_eq!(errors.len(), 1, "{errors:?} {shown}");
    let whats: Vec<(Message, Piece)> = pieces(&found);
    assert_eq!(whats[0].0, Message::Request, "{shown}");
    let bodies = whats.iter().filter_map(|(_, what)| match what {
        Piece::Body { bytes, .. } => Some(&bytes[..]),
        _ => None,
    });
    assert_eq!(bodies.collect::<Vec<_>>(), [b"ask", b"ask", b"end"], "{shown}");
}

#[test]
fn a_request_stays_where_the_response_is_broken() {
    let json = |response: &str| {
        format!(
            "{{\"http_buffered_trace\":{{\"request\":{{\"headers\":[{{\"key\":\"a\",\"value\":\"b\"}}],\
             \"body\":{{\"as_string\":\"ask\"}}}},\"response\":{response}}}}}\n"
        )
        .into_bytes()
    };
    for response in [
        r#"{"body":{"as_bytes":["a"}}"#,
        r#"{"body":5}"#,
        r#"{"headers":{}}"#,
        r#"{"headers":[{"key":"a","raw_value":"*"}]}"#,
        r#"{"headers":[{"key":["a"]}]}"#,
        r#"{"headers":[7]}"#,
        r#"{"headers_received_time":"yesterday"}"#,
        r#"{"headers" []}"#,
        r#""response""#,
    ] {
        assert_request_stays(Format::Json, &json(response), &json(r#"{"body":{"as_bytes":"ZW5k"}}"#));
    }
    let text = |response: &str| {
        format!(
            "http_buffered_trace {{ request {{ headers {{ key: 'a' value: 'b' }} body {{ as_bytes: 'ask' }} }} \
             response {{ {response} }} }}\n"
        )
        .into_bytes()
    };
    for response in [
        "body { as_bytes: 5 }",
        "body { truncated: maybe }",
        "headers { key: a }",
        "headers_received_time { seconds: now }",
        "= 5",
    ] {
        assert_request_stays(Format::Text, &text(response), &text("body { as_string: 'end' }"));
    }
}

#[test]
fn what_stands_before_damage_in_a_body_is_kept() {
    let text = b"http_buffered_trace { request { headers { key: 'a' value: 'b' } \
        body { as_bytes: 'half' truncated: maybe } } }\n";
    // `truncated` is no message.
    let body = b"\x0a\x04half\x1a\x00";
    let request = [&b"\x0a\x06\x0a\x01a\x12\x01b\x12\x08"[..], body].concat();
    let binary = [b"\x16\x0a\x14\x0a\x12", &request[..]].concat();
    for (format, tap) in [(Format::Text, &text[..]), (Format::Delimited, &binary)] {
        let (found, errors) = read(format, tap);
        assert_eq!(errors.len(), 1, "{format:?} {errors:?}");
        let body = Piece::Body { bytes: b"half".to_vec(), truncation: Truncation::None, is_text: false };
        assert_eq!(pieces(&found).last(), Some(&(Message::Request, body)), "{format:?}");
    }
}

/// Without its id a piece would be taken for one of another trace.
#[test]
fn a_piece_without_its_id_is_lost() {
    let json =
        br#"{"http_streamed_trace_segment":{"request_headers":{"headers":[{"key":"a"}]},"trace_id":"x"}}"#;
    let text = b"http_streamed_trace_segment { request_headers { headers { key: 'a' } } trace_id: x }\n";
    for (format, record) in [(Format::Json, &json[..]), (Format::Text, &text[..])] {
        let (found, errors) = read(format, record);
        assert_eq!((found, errors.len()), (vec![], 1), "{format:?}");
    }
    let (found, errors) = read(Format::Json, &json[..json.len() - 4]);
    assert_eq!((found, errors.len()), (vec![], 1));
}

#[test]
fn more_headers_than_there_is_room_for_are_said() {
    let many = MAX_HEADERS + 1;
    let json = format!(
        "{{\"http_streamed_trace_segment\":{{\"trace_id\":1,\"request_headers\":{{\"headers\":[{}{{}}]}}}}}}",
        "{},".repeat(many - 1)
    );
    let text = format!(
        "http_streamed_trace_segment {{ trace_id: 1 request_headers {{ {} }} }}\n",
        "headers {} ".repeat(many)
    );
    let headers = segment::Headers { headers: vec![HeaderValue::default(); many] };
    let binary = wrapper(trace_wrapper::Trace::HttpStreamedTraceSegment(HttpStreamedTraceSegment {
        trace_id: 1,
        message_piece: Some(MessagePiece::RequestHeaders(headers)),
    }));
    for (format, record) in [
        (Format::Json, json.into_bytes()),
        (Format::Text, text.into_bytes()),
        (Format::Delimited, binary.encode_length_delimited_to_vec()),
    ] {
        let (found, errors) = read(format, &record);
        let [Part { what: Piece::Head(headers), .. }] = &found[..] else { panic!("{format:?}: one part") };
        assert_eq!(headers.len(), MAX_HEADERS, "{format:?}");
        assert!(errors.len() == 1 && errors[0].contains("more than 65,536 headers"), "{errors:?}");
    }
}

/// Else a body of two bytes would take some ninety of memory.
#[test]
fn of_many_bodies_of_one_message_the_last_counts() {
    let json = r#"{"http_streamed_trace_segment":{"trace_id":1,"request_body_chunk":{"as_bytes":"YQ=="},
                   "request_body_chunk":{"as_string":"b"}}}"#;
    let text =
        "http_buffered_trace { request { body { as_bytes: 'a' } } request { body { as_bytes: 'b' } } }\n";
    let body = |byte| [0x0a, 5, 0x12, 3, 0x0a, 1, byte];
    let binary = [&[16, 0x0a, 14][..], &body(b'a'), &body(b'b')].concat();
    for (format, record) in
        [(Format::Json, json.as_bytes()), (Format::Text, text.as_bytes()), (Format::Delimited, &binary)]
    {
        let found = pieces(&parts(format, record));
        let [(Message::Request, Piece::Body { bytes, .. })] = &found[..] else {
            panic!("{format:?}: {found:?}")
        };
        assert_eq!(bytes, b"b", "{format:?}");
    }
}
