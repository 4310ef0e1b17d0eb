//! Headers that the recorded body contradicts are not repeated as truth.

use super::{BUFFERED, STREAMED, Tapped, capture_of, connections, get, ok, shown};
use crate::conversion::{convert, convert_to};
use crate::encode::Format;
use crate::encode::http::HttpTap;
use crate::http::exchange::Message;
use crate::model::noise;
use crate::program::testdata;

const PLAIN: &str = "some plain text that no coding begins with";

fn coded(coding: &str, body: impl AsRef<[u8]>) -> Message {
    Message::response("200", &[("content-encoding", coding)]).piece(body)
}

#[test]
fn a_coding_that_the_body_does_not_have_is_left_out() {
    for format in Format::ALL {
        for tap in [HttpTap::buffered(format), HttpTap::streamed(format)] {
            for coding in ["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "br, gzip"] {
                let tap = tap.write(&[Tapped::new(1, get("/"), coded(coding, PLAIN))]);
                for http in ["1", "2"] {
                    let converted = convert(&["--http", http], &tap);
                    let seen = connections(&converted.capture);
                    let response = seen[0].exchanges[0].response.as_ref().expect("a response");
                    assert_eq!(response.value("content-encoding"), None);
                    assert_eq!(response.kept(), PLAIN.as_bytes());
                    let comment = format!("tap.omitted_header=content-encoding: {coding}");
                    assert!(converted.capture.comments().contains(&&*comment));
                    let warning =
                        "1 header contradicts the recorded body and is left out (content-encoding: ";
                    assert!(converted.messages.contains(warning), "{}", converted.messages);
                }
                convert_to("capture", &["--strict"], &tap, 1);
            }
        }
    }
}

#[test]
fn a_coding_that_the_body_may_have_stays() {
    let cases = [
        coded("gzip", [&[0x1f, 0x8b, 8, 0], &noise(50)[..]].concat()),
        coded("zstd", [&[0x28, 0xb5, 0x2f, 0xfd], &noise(50)[..]].concat()),
        coded("br", [&[0x0b], &noise(50)[..]].concat()),
        coded("deflate", [&[0x78, 0x9c], &noise(50)[..]].concat()),
        coded("identity", PLAIN),
        coded("aes128gcm", PLAIN),
        coded("gzip", ""),
    ];
    for response in cases {
        for tap in [BUFFERED, STREAMED] {
            shown(&["--http", "1"], tap, &[Tapped::new(1, get("/"), response.clone())]);
        }
    }
    let head = Message::request("HEAD", "/", &[]);
    shown(&[], BUFFERED, &[Tapped::new(1, head, Message::response("200", &[("content-encoding", "gzip")]))]);
}

#[test]
fn a_content_length_that_is_too_small_is_left_out() {
    for http in ["1", "2"] {
        let tap = BUFFERED.write(&[Tapped::new(1, get("/"), ok("2").piece("three"))]);
        let converted = convert(&["--http", http], &tap);
        let seen = connections(&converted.capture);
        let response = seen[0].exchanges[0].response.as_ref().expect("a response");
        assert_eq!((response.value("content-length"), response.kept()), (None, b"three".to_vec()));
        assert!(converted.capture.comments().contains(&"tap.omitted_header=content-length: 2"));
    }
}

/// A compressor before the tap: its header says gzip, and the tap has 640 bytes of text.
#[test]
fn the_body_before_a_compressor_is_a_text() {
    let tap = std::fs::read(testdata("http-gzip-outside-buffered.pb")).expect("a tap");
    let seen = connections(&convert(&[], &tap).capture);
    let response = seen[0].exchanges[0].response.as_ref().expect("a response");
    assert_eq!((response.value("content-encoding"), response.length()), (None, 640));
    assert_eq!(response.text("content-type"), Some("text/plain"));
}

/// An exchange that Envoy answered itself is on the client's connection only.
#[test]
fn what_reached_no_upstream_is_not_on_that_side() {
    let tap = std::fs::read(testdata("http-no-upstream-buffered.pb")).expect("a tap");
    let converted = convert_to("capture", &["--http-side", "upstream"], &tap, 0);
    assert_eq!(converted.capture.packets.len(), 0);
    let warning = "1 exchange reached no upstream host, by the trace, and is left out";
    assert!(converted.messages.contains(warning), "{}", converted.messages);
    convert_to("capture", &["--strict"], &tap, 0);
    let capture = capture_of(&["--http-side", "upstream"], STREAMED, &[Tapped::new(1, get("/"), ok("0"))]);
    assert!(!capture.packets.is_empty(), "a trace that has no connections at all does not tell");
}
