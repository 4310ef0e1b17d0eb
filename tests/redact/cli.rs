use crate::conversion::convert;
use crate::encode::http::{HttpKind, HttpTap};
use crate::encode::{Format, Tap};
use crate::http::exchange::{Message, Tapped};
use crate::model::Conversation;
use crate::program::{Dir, testdata};

#[test]
fn names_that_cannot_be_redacted_are_refused() {
    let dir = Dir::new();
    for (names, why) in [
        ("content-length", "messages are read by it"),
        ("a,Transfer-Encoding", "messages are read by it"),
        (":path", "messages are read by it"),
        ("a=b", "no '='"),
        ("a b", "no ' '"),
        ("a,,b", "a name is missing"),
    ] {
        let ran = dir
            .tap2pcap()
            .args(["--redact", names])
            .arg(testdata("post-buffered.pb"))
            .arg("out.pcapng")
            .run();
        let ran = ran.expect(2);
        assert!(ran.stderr.contains(why), "{names}: {}", ran.stderr);
    }
    assert!(dir.names().is_empty());
}

#[test]
fn headers_that_find_spans_are_not_redacted_beside_them() {
    let dir = Dir::new();
    let ran = dir
        .tap2pcap()
        .args(["--redact", "sid,X-B3-TraceId", "--spans"])
        .arg(testdata("spans/zipkin-v2.json"));
    let ran = ran.arg(testdata("post-buffered.pb")).arg("out.pcapng").run().expect(2);
    assert!(ran.stderr.contains("--redact x-b3-traceid and --spans exclude each other"), "{}", ran.stderr);
}

#[test]
fn the_summary_counts_what_is_redacted() {
    let request = "GET /?token=a&b=c HTTP/1.1\r\nCookie: sid=d; e=f\r\nAuthorization: g\r\n\r\n";
    let conversation =
        Conversation::new(1).read(request).write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody");
    let tap = Tap::streamed(Format::Binary).write(&[conversation]);
    let done = convert(&["--redact", "token,SID", "--redact", "authorization", "--redact-bodies"], &tap);
    assert!(
        done.messages.contains(", 3 values redacted, 4 bytes of bodies redacted -> "),
        "{}",
        done.messages
    );
    let done = convert(&[], &tap);
    assert!(!done.messages.contains("redacted"), "{}", done.messages);
}

#[test]
fn headers_of_an_http_tap_are_redacted_in_both_versions() {
    let others = [
        ("authorization", "Bearer abc"),
        ("cookie", "a=b; sid=secret"),
        ("x-request-id", "the-id"),
        ("a", "b"),
    ];
    let exchange = Tapped::new(
        1,
        Message::request("POST", "/a?token=t0ken&b=c", &others).piece("hidden"),
        Message::response("200", &[("set-cookie", "sid=other; Path=/")])
            .piece("body")
            .trailers(&[("sid", "trailer")]),
    );
    for kind in [HttpKind::Buffered, HttpKind::Streamed] {
        let tap = HttpTap::new(kind, Format::Delimited).write(std::slice::from_ref(&exchange));
        let options = ["--redact", "authorization,sid,token,x-request-id", "--redact-bodies", "--http"];
        for version in ["1", "2"] {
            let plain = convert(&["--http", version], &tap).capture;
            let done = convert(&[&options[..], &[version]].concat(), &tap);
            let lengths = |capture: &crate::capture::Capture| -> Vec<usize> {
                capture.packets.iter().map(|packet| packet.length).collect()
            };
            assert_eq!(lengths(&done.capture), lengths(&plain));
            let all: Vec<u8> =
                done.capture.packets.iter().flat_map(|packet| packet.payload.clone()).collect();
            let all = String::from_utf8_lossy(&all);
            for shown in ["xxxxxxxxxx", "a=b; sid=xxxxxx", "/a?token=xxxxx&b=c", "sid=xxxxx; Path=/"] {
                assert!(all.contains(shown), "{shown} in {all}");
            }
            for secret in ["Bearer", "secret", "t0ken", "other", "hidden", "body", "the-id"] {
                let is_shown = memchr::memmem::find(&done.file, secret.as_bytes()).is_some();
                assert!(!is_shown, "{secret} in {all} {:?}", done.capture.comments());
            }
            assert!(done.capture.comments().contains(&"tap.request_id=xxxxxx"));
        }
    }
}

#[test]
fn a_header_that_is_left_out_is_redacted_in_its_comment() {
    let response =
        Message::response("200", &[("content-encoding", "gzip")]).piece("no gzip at all, but a text");
    let exchange = Tapped::new(1, Message::request("GET", "/", &[]), response);
    let tap = HttpTap::new(HttpKind::Buffered, Format::Binary).write(&[exchange]);
    let comments = |options: &[&str]| convert(options, &tap).capture.comments().join("\n");
    assert!(comments(&[]).contains("tap.omitted_header=content-encoding: gzip"));
    assert!(
        comments(&["--redact", "content-encoding"]).contains("tap.omitted_header=content-encoding: xxxx")
    );
}
