//! Where a body ends, what its cuts leave, and where there is none.

use super::{BUFFERED, STREAMED, Tapped, bytes, get, ok, shown};
use crate::conversion::{convert, convert_many};
use crate::encode::Format;
use crate::encode::http::HttpTap;
use crate::encode::tree::{Value, field, oneof, wrapper};
use crate::http::exchange::Message;
use crate::model::noise;

#[test]
fn trailers_may_be_shown_in_http1() {
    let response =
        Message::response("200", &[]).piece("a").piece("bc").trailers(&[("x-t", "1"), ("x-u", "")]);
    for tap in [BUFFERED, STREAMED] {
        shown(&["--http", "1"], tap, &[Tapped::new(1, get("/"), response.clone())]);
    }
}

#[test]
fn no_body_follows_where_http_has_none() {
    let length = [("content-length", "500")];
    let exchanges = [
        Tapped::new(1, Message::request("HEAD", "/", &[]), Message::response("200", &length)),
        Tapped::new(2, get("/"), Message::response("304", &length)),
        Tapped::new(3, get("/"), Message::response("204", &[])),
        Tapped::new(4, get("/"), Message::response("200", &[])),
        Tapped::new(5, get("/"), ok("1").piece("a")),
    ];
    for http in ["1", "2"] {
        shown(&["--http", http], BUFFERED, &exchanges);
    }
}

#[test]
fn a_piece_of_unknown_length_is_a_chunk() {
    let response = Message::response("200", &[]).piece("hello").piece(" world");
    let [_, server] = bytes(STREAMED, &[Tapped::new(1, get("/"), response)]);
    assert!(server.ends_with("\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "{server}");
}

#[test]
fn chunked_is_said_once() {
    let chunked = [("transfer-encoding", "chunked"), ("x-a", "1")];
    for tap in [BUFFERED, STREAMED] {
        let exchanges = [Tapped::new(1, get("/"), Message::response("200", &chunked).piece("hello"))];
        let [_, server] = bytes(tap, &exchanges);
        assert_eq!(server.to_lowercase().matches("transfer-encoding").count(), 1, "{server}");
        shown(&["--http", "1"], tap, &exchanges);
        let two = shown(&["--http", "2"], tap, &exchanges);
        let response = two.exchanges[0].response.as_ref().expect("a response");
        assert_eq!(response.value("transfer-encoding"), None, "HTTP/2 has no such thing");
    }
}

#[test]
fn what_a_cut_body_lacks_is_missing() {
    let whole = noise(30_000);
    let cases = [
        ok("30000").cut_piece(&whole, 1_024),
        ok("30000").cut_piece(&whole, 0),
        Message::response("200", &[]).cut_piece(&whole, 1_024),
        Message::response("200", &[("transfer-encoding", "chunked")]).cut_piece(&whole, 1_024),
    ];
    for response in cases {
        let post = Message::request("POST", "/", &[("content-length", "30000")]).cut_piece(&whole, 100);
        let exchanges = [Tapped::new(1, post, response), Tapped::new(2, get("/next"), ok("1").piece("a"))];
        for http in ["1", "2"] {
            shown(&["--http", http], BUFFERED, &exchanges);
            shown(&["--http", http], STREAMED, &exchanges[..1]);
        }
    }
}

#[test]
fn cuts_between_pieces_add_up_to_the_content_length() {
    let response =
        ok("9000").cut_piece(noise(5_000), 1_024).piece(noise(1_000)).cut_piece(noise(3_000), 1_024);
    for http in ["1", "2"] {
        shown(&["--http", http], STREAMED, &[Tapped::new(1, get("/"), response.clone())]);
    }
}

#[test]
fn a_cut_is_said_to_be_one() {
    let exchanges = [Tapped::new(1, get("/"), ok("9000").cut_piece(noise(9_000), 1_024))];
    let converted = convert(&["--http", "1"], &BUFFERED.write(&exchanges));
    let comments = converted.capture.comments().join("\n");
    assert!(comments.contains("tap.truncated=true"), "{comments}");
    let length = |name: &str| {
        let value = comments.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.parse::<usize>().ok()).unwrap_or_else(|| panic!("{name} in {comments}"))
    };
    // The head may be in the same packet.
    assert_eq!(length("tap.original_length=") - length("tap.captured_length="), 9_000 - 1_024);
    let cut = converted.capture.packets.iter().filter(|packet| packet.payload.len() < packet.length);
    assert_eq!(cut.map(|packet| packet.length - packet.payload.len()).sum::<usize>(), 9_000 - 1_024);
    convert_many("capture", &["--strict"], &[("tap", &BUFFERED.write(&exchanges))], 1);
}

/// A client or a server that went away: nothing was cut, there was no more.
#[test]
fn a_body_that_breaks_off_keeps_what_there_was() {
    for http in ["1", "2"] {
        shown(&["--http", http], BUFFERED, &[Tapped::new(1, get("/"), ok("100").piece("half"))]);
    }
}

/// Envoy streams empty trailers too.
#[test]
fn a_stream_ends_once() {
    let empty = |number| oneof("trailers", number, Value::Message(vec![]));
    let grpc = [("content-type", "application/grpc")];
    let exchange = Tapped::new(
        1,
        Message::request("POST", "/", &grpc).piece("a"),
        Message::response("200", &[]).piece("b"),
    );
    let mut records = STREAMED.records(&exchange);
    let id = field("trace_id", 1, Value::U64(1));
    for (at, number) in [(4, 7), (2, 4)] {
        records.insert(at, wrapper("http_streamed_trace_segment", 2, vec![id.clone(), empty(number)]));
    }
    let capture = convert(&[], &STREAMED.format.print(&records)).capture;
    let end = |kind: u8| [kind, 1, 0, 0, 0, 1];
    for packet in &capture.packets {
        assert!(
            !packet.payload.windows(9).any(|bytes| bytes == [0, 0, 0, 1, 5, 0, 0, 0, 1]),
            "empty HEADERS"
        );
    }
    let ends = capture.packets.iter().filter(|packet| packet.payload.windows(6).any(|bytes| bytes == end(0)));
    assert_eq!(ends.count(), 2);
}

/// What HTTP/2 puts around it is no UTF-8.
#[test]
fn a_text_that_is_whole_is_not_lossy() {
    let tap = HttpTap::buffered(Format::JsonString);
    let response = Message::response("200", &[]).piece("y".repeat(200));
    let whole = [Tapped::new(1, Message::request("POST", "/", &[]).piece("x".repeat(200)), response)];
    for http in ["1", "2"] {
        convert_many("capture", &["--strict", "--http", http], &[("tap", &tap.write(&whole))], 0);
    }
    let cut = [Tapped::new(1, get("/"), ok("400").cut_piece("z".repeat(400), 200))];
    for http in ["1", "2"] {
        let comments = convert(&["--http", http], &tap.write(&cut)).capture.comments().join("\n");
        assert!(
            comments.contains("tap.truncated=true") && !comments.contains("tap.lossy_text"),
            "{comments}"
        );
    }
}

/// Envoy speaks no HTTP/2 on a connection that began with HTTP/1.1, whatever the client offers.
#[test]
fn a_request_in_chunks_may_offer_an_upgrade() {
    let offer = [("connection", "Upgrade"), ("upgrade", "h2c"), ("transfer-encoding", "chunked")];
    let exchange = Tapped::new(1, Message::request("POST", "/", &offer).piece("hello"), ok("0"));
    for tap in [BUFFERED, STREAMED] {
        shown(&["--http", "1"], tap, std::slice::from_ref(&exchange));
    }
}

#[test]
fn upgraded_connections_are_bytes() {
    let upgrade = [("connection", "Upgrade"), ("upgrade", "websocket")];
    let exchange = Tapped::new(
        1,
        Message::request("GET", "/chat", &upgrade).piece("\u{1}ping"),
        Message::response("101", &upgrade).piece("\u{1}pong").piece("\u{1}more"),
    );
    for tap in [BUFFERED, STREAMED] {
        let [client, server] = bytes(tap, std::slice::from_ref(&exchange));
        assert!(client.ends_with("\r\n\r\n\u{1}ping"), "{client:?}");
        assert!(server.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{server:?}");
        assert!(server.ends_with("\r\n\r\n\u{1}pong\u{1}more"), "{server:?}");
    }
}

/// No part of it alone tells that this is a tap.
#[test]
fn a_record_may_be_larger_than_what_is_read_at_once() {
    for format in Format::LOSSLESS {
        let exchange = Tapped::new(1, get("/"), ok("700000").piece(noise(700_000)));
        for tap in [HttpTap::buffered(format), HttpTap::streamed(format)] {
            shown(&["--http", "1"], tap, std::slice::from_ref(&exchange));
        }
    }
}
