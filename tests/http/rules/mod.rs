//! What becomes of one exchange or two: the bytes, and which version is spoken.

mod bodies;
mod broken_off;
mod contradicted;
mod places;
mod tunnels;
mod waiting;

use super::exchange::{Message, Tapped, headers};
use super::expected::assert_shows;
use super::{Connection, connections};
use crate::capture::Capture;
use crate::conversion::convert;
use crate::encode::Format;
use crate::encode::http::{HttpKind, HttpTap, NotUtf8};
use crate::tools::Http;

const BUFFERED: HttpTap = HttpTap {
    kind: HttpKind::Buffered,
    format: Format::Delimited,
    has_times: true,
    has_connections: true,
    not_utf8: NotUtf8::RawValue,
};
const STREAMED: HttpTap = HttpTap { kind: HttpKind::Streamed, ..BUFFERED };

fn get(path: &str) -> Message {
    Message::request("GET", path, &[])
}

fn ok(length: &str) -> Message {
    Message::response("200", &[("content-length", length)])
}

#[track_caller]
fn capture_of(options: &[&str], tap: HttpTap, exchanges: &[Tapped]) -> Capture {
    convert(options, &tap.write(exchanges)).capture
}

/// The only connection; it shows these exchanges, and nothing else.
#[track_caller]
fn shown(options: &[&str], tap: HttpTap, exchanges: &[Tapped]) -> Connection {
    let all = connections(&capture_of(options, tap, exchanges));
    let [connection] = <[Connection; 1]>::try_from(all).expect("one connection");
    assert_eq!(connection.exchanges.len(), exchanges.len(), "{connection:?}");
    for (seen, tapped) in connection.exchanges.iter().zip(exchanges) {
        assert_shows(connection.http, seen, &tapped.exchange);
    }
    connection
}

/// The same, and the HTTP/1.1 in it: what the client sent, and the server.
#[track_caller]
fn bytes(tap: HttpTap, exchanges: &[Tapped]) -> [String; 2] {
    let capture = capture_of(&["--http", "1"], tap, exchanges);
    let stream = capture.stream();
    let [client, server] = stream.addresses();
    [client, server].map(|address| {
        let bytes = stream.sent_by(address).bytes.as_slice();
        String::from_utf8_lossy(bytes).into_owned()
    })
}

#[test]
fn a_request_and_a_response_in_http1() {
    let request =
        Message::request("POST", "/a?b", &[("accept", "*/*"), ("content-length", "3")]).piece("abc");
    let response =
        Message::response("404", &[("x-a", "1"), ("x-a", "2"), ("content-length", "2")]).piece("no");
    for tap in [BUFFERED, STREAMED] {
        let [client, server] = bytes(tap, &[Tapped::new(1, request.clone(), response.clone())]);
        assert_eq!(
            client,
            "POST /a?b HTTP/1.1\r\nHost: h.test\r\naccept: */*\r\ncontent-length: 3\r\n\r\nabc"
        );
        assert_eq!(server, "HTTP/1.1 404 Not Found\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nno");
    }
}

#[test]
fn http1_unless_something_needs_http2() {
    let grpc = [("content-type", "application/grpc+proto")];
    let protocol = headers([
        (":method", "CONNECT"),
        (":path", "/chat"),
        (":authority", "h.test"),
        (":protocol", "websocket"),
    ]);
    let protocol = Message { headers: protocol, ..Message::default() };
    let of_two = [
        Tapped::new(1, Message::request("POST", "/s/M", &grpc), Message::response("200", &[])),
        Tapped::new(1, get("/"), Message::response("200", &grpc)),
        Tapped::new(1, get("/"), Message::response("200", &[]).piece("a").trailers(&[("x-t", "1")])),
        Tapped::new(1, get("/").piece("a").trailers(&[("x-t", "1")]), ok("0")),
        Tapped::new(1, protocol, Message::response("200", &[])),
    ];
    for one in &of_two {
        for tap in [BUFFERED, STREAMED] {
            for options in [&[][..], &["--http", "auto"]] {
                assert_eq!(shown(options, tap, std::slice::from_ref(one)).http, Http::Two, "{one:?}");
            }
        }
    }
    let plain = [Tapped::new(1, get("/"), ok("1").piece("a"))];
    for tap in [BUFFERED, STREAMED] {
        assert_eq!(shown(&[], tap, &plain).http, Http::One);
        assert_eq!(shown(&["--http", "1"], tap, &plain).http, Http::One);
        assert_eq!(shown(&["--http", "2"], tap, &plain).http, Http::Two);
    }
}

#[test]
fn parts_that_are_missing_are_not_made_up() {
    let post = Message::request("POST", "/", &[("content-length", "3")]).piece("abc");
    for tap in [BUFFERED, STREAMED] {
        for http in ["1", "2"] {
            shown(&["--http", http], tap, &[Tapped::new(1, post.clone(), None)]);
            shown(&["--http", http], tap, &[Tapped::new(1, None, ok("1").piece("a"))]);
        }
    }
}

#[test]
fn header_values_keep_their_bytes() {
    let value = b"caf\xe9 \xff\x80".to_vec();
    for not_utf8 in [NotUtf8::RawValue, NotUtf8::Value] {
        for (kind, format) in [HttpKind::Buffered, HttpKind::Streamed]
            .into_iter()
            .flat_map(|kind| Format::ALL.map(|f| (kind, f)))
        {
            let is_json = matches!(format, Format::JsonBytes | Format::JsonString);
            if is_json && not_utf8 == NotUtf8::Value {
                continue;
            }
            let mut response = ok("0");
            response.headers.push(("x-raw".to_owned(), value.clone()));
            let tap = HttpTap { not_utf8, ..HttpTap::new(kind, format) };
            for http in ["1", "2"] {
                shown(&["--http", http], tap, &[Tapped::new(1, get("/"), response.clone())]);
            }
        }
    }
}

/// As fields of OpenTelemetry's attributes: of fixed lengths, an array, a list, bytes.
#[test]
fn header_values_may_look_like_messages() {
    let long = |begin: &str| format!("{begin} {}", "a".repeat(32));
    for value in ["%!abc".to_owned(), "!12345678".to_owned(), long("*"), long("2"), long(":")] {
        for kind in [HttpKind::Buffered, HttpKind::Streamed] {
            for format in Format::ALL {
                let mut response = ok("0");
                response.headers.push(("x-raw".to_owned(), value.clone().into_bytes()));
                shown(&[], HttpTap::new(kind, format), &[Tapped::new(1, get("/"), response)]);
            }
        }
    }
}

/// A name or value that would end its line must not become a header of its own.
#[test]
fn a_header_cannot_smuggle_another() {
    let response = Message::response("200", &[("content-length", "0"), ("x-a", "1\r\nx-b: 2")]);
    let capture = capture_of(&["--http", "1"], BUFFERED, &[Tapped::new(1, get("/"), response)]);
    let seen = connections(&capture);
    let response = seen[0].exchanges[0].response.as_ref().expect("a response");
    assert_eq!(response.value("x-b"), None, "{response:?}");
}
