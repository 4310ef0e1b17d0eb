//! A message whose body broke off is incomplete in the capture too.

use super::{BUFFERED, STREAMED, Tapped, bytes, capture_of, connections, get, ok, shown};
use crate::capture::Capture;
use crate::conversion::{Converted, convert, convert_to};
use crate::encode::Format;
use crate::encode::http::{HttpKind, HttpTap};
use crate::http::exchange::Message;
use crate::program::testdata;

/// The types of an HTTP/2 frame that resets a stream, and its length, in its header.
const RST_STREAM: [u8; 5] = [0, 0, 4, 3, 0];

fn broken() -> Message {
    ok("100").piece("half")
}

fn comment<'a>(capture: &'a Capture, key: &str) -> Vec<&'a str> {
    let comments = capture.packets.iter().flat_map(|packet| &packet.comments);
    comments.filter_map(|comment| comment.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[track_caller]
fn assert_reported(converted: &Converted, missing: &str) {
    assert_eq!(comment(&converted.capture, "tap.incomplete"), ["true"]);
    assert_eq!(comment(&converted.capture, "tap.incomplete_bytes"), [missing]);
    assert_eq!(comment(&converted.capture, "tap.truncated"), [""; 0], "no limit has cut it");
    let warning =
        format!("1 message broke off {missing} bytes before the end that content-length promised (");
    assert!(converted.messages.contains(&warning), "{}", converted.messages);
    assert!(!converted.messages.contains("max_buffered"), "{}", converted.messages);
}

#[test]
fn content_length_stays_and_the_connection_ends() {
    for format in Format::ALL {
        for kind in [HttpKind::Buffered, HttpKind::Streamed] {
            let tap = HttpTap { format, kind, ..BUFFERED };
            let exchange = Tapped::new(1, get("/"), broken());
            let [_, server] = bytes(tap, std::slice::from_ref(&exchange));
            assert!(server.ends_with("content-length: 100\r\n\r\nhalf"), "{server}");
            let converted = convert(&["--http", "1"], &tap.write(&[exchange]));
            assert_reported(&converted, "96");
            let stream = converted.capture.stream();
            assert!(stream.addresses().iter().all(|&address| stream.sent_by(address).fin.is_some()));
            assert!(
                stream.addresses().iter().all(|&address| stream.sent_by(address).bytes.holes().is_empty())
            );
        }
    }
}

#[test]
fn a_stream_of_http2_is_reset() {
    for tap in [BUFFERED, STREAMED] {
        let converted = convert(&["--http", "2"], &tap.write(&[Tapped::new(1, get("/"), broken())]));
        assert_reported(&converted, "96");
        let last = converted.capture.packets.last().expect("packets");
        // INTERNAL_ERROR on stream 1, by the server.
        assert_eq!(last.payload, [&RST_STREAM[..], &[0, 0, 0, 1, 0, 0, 0, 2]].concat());
        let ends = |packet: &crate::capture::Packet| {
            packet.payload.windows(6).any(|bytes| bytes[1..] == [1, 0, 0, 0, 1] && bytes[0] == 0)
        };
        assert!(!converted.capture.packets.iter().any(ends), "no DATA ends the stream");
    }
}

#[test]
fn the_next_exchange_is_on_a_new_connection() {
    let all = [Tapped::new(1, get("/"), broken()), Tapped::new(2, get("/next"), ok("1").piece("a"))];
    let seen = connections(&capture_of(&["--http", "1"], BUFFERED, &all));
    assert_eq!(seen.iter().map(|connection| connection.exchanges.len()).collect::<Vec<_>>(), [1, 1]);
    // HTTP/2 goes on.
    let seen = connections(&capture_of(&["--http", "2"], BUFFERED, &all));
    assert_eq!(seen.iter().map(|connection| connection.exchanges.len()).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_request_can_break_off_too() {
    let post = Message::request("POST", "/", &[("content-length", "100")]).piece("half");
    for response in
        [None, Some(ok("0")), Some(Message::response("413", &[("content-length", "3")]).piece("big"))]
    {
        for tap in [BUFFERED, STREAMED] {
            let exchange = Tapped::new(1, post.clone(), response.clone());
            for http in ["1", "2"] {
                let converted = convert(&["--http", http], &tap.write(std::slice::from_ref(&exchange)));
                assert_reported(&converted, "96");
            }
            shown(&["--http", "2"], tap, &[exchange]);
        }
    }
}

/// A response may begin before the request has ended.
#[test]
fn a_request_that_goes_on_has_not_broken_off() {
    let post = Message::request("POST", "/", &[("content-length", "8")]).piece("half").piece("half");
    let exchange = Tapped::new(1, post, ok("4").piece("done"));
    let mut records = STREAMED.records(&exchange);
    // The second half of the request comes last.
    let late = records.remove(2);
    records.push(late);
    for http in ["1", "2"] {
        let converted = convert(&["--http", http], &STREAMED.format.print(&records));
        assert!(!converted.messages.contains("broke off"), "{}", converted.messages);
    }
}

#[test]
fn without_a_body_at_all_a_message_broke_off_too() {
    for http in ["1", "2"] {
        let converted = convert(&["--http", http], &BUFFERED.write(&[Tapped::new(1, get("/"), ok("7"))]));
        assert_reported(&converted, "7");
    }
    for message in [Message::response("304", &[("content-length", "7")]), Message::response("204", &[])] {
        convert_to("capture", &["--strict"], &BUFFERED.write(&[Tapped::new(1, get("/"), message)]), 0);
    }
    let head = Tapped::new(1, Message::request("HEAD", "/", &[]), ok("7"));
    convert_to("capture", &["--strict"], &BUFFERED.write(&[head]), 0);
}

/// An upstream that promised 1,000 bytes and went away after 15, on the wire and in the HTTP tap.
#[test]
fn the_http_tap_shows_what_was_on_the_wire() {
    let sent = |tap: &str| {
        let capture = convert(&["--http", "1"], &std::fs::read(testdata(tap)).expect("a tap")).capture;
        let stream = capture.stream();
        let [_, server] = stream.addresses();
        String::from_utf8(stream.sent_by(server).bytes.as_slice().to_vec()).expect("UTF-8")
    };
    let taps = ["http-broken-off-buffered.pb", "broken-off-streamed.pb_length_delimited"];
    assert_eq!(sent(taps[0]), sent(taps[1]));
    convert_to("capture", &["--strict"], &std::fs::read(testdata(taps[0])).expect("a tap"), 1);
}
