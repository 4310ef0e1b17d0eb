//! What tshark sees in taps of the HTTP filter, of which there was no wire.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::converted_with;
use crate::encode::Format;
use crate::encode::http::HttpTap;
use crate::http::exchange::{Exchange, Message, Tapped};
use crate::model::{START, address, noise};
use crate::program::{Dir, testdata};
use crate::tools::{Http, assert_healthy, decode_as, fields, messages, text, tool, tshark, ways};

/// The POST in each format: Envoy's port, and what was posted.
const POSTS: [(&str, u16, &str); 10] = [
    ("http-post-buffered.pb", 11_037, "x=587&y=hello"),
    ("http-post-buffered.pb_length_delimited", 11_039, "x=686&y=hello"),
    ("http-post-buffered.pb_text", 11_041, "x=3653&y=hello"),
    ("http-post-buffered-as-bytes.json", 11_033, "x=1723&y=hello"),
    ("http-post-buffered-as-string.json", 11_035, "x=2541&y=hello"),
    ("http-post-streamed.pb", 11_038, "x=646&y=hello"),
    ("http-post-streamed.pb_length_delimited", 11_040, "x=3771&y=hello"),
    ("http-post-streamed.pb_text", 11_042, "x=2876&y=hello"),
    ("http-post-streamed-as-bytes.json", 11_034, "x=1197&y=hello"),
    ("http-post-streamed-as-string.json", 11_036, "x=2082&y=hello"),
];

/// The arguments that make tshark read everything in a capture as the protocol. The calls' messages are no protobuf.
#[track_caller]
fn all_as(http: Http, capture: &Path) -> Vec<String> {
    let ports: BTreeSet<u16> = ways(capture).into_iter().map(|(_, from, _)| from.port()).collect();
    let mut args = decode_as(http.protocol(), &ports.into_iter().collect::<Vec<_>>());
    args.extend(["--disable-protocol", "protobuf"].map(str::to_owned));
    args
}

/// The bodies that "export objects" gives, sorted.
#[track_caller]
fn objects(dir: &Dir, capture: &Path) -> Vec<Vec<u8>> {
    let objects = dir.path("objects");
    let export = format!("http,{}", objects.display());
    text(tool("tshark").args(["-q", "--export-objects", &export, "-r"]).arg(capture));
    let entries = std::fs::read_dir(objects).expect("the directory of the objects");
    let files = entries.map(|entry| std::fs::read(entry.expect("an entry").path()).expect("an object"));
    let mut files: Vec<Vec<u8>> = files.collect();
    files.sort();
    files
}

/// What the server behind the tapped Envoy answered.
fn lines(length: usize) -> Vec<u8> {
    (0..).flat_map(|line| format!("{line:06} the quick brown fox\n").into_bytes()).take(length).collect()
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn nothing_is_malformed_in_any_version() {
    let taps =
        std::fs::read_dir(testdata("")).expect("testdata").map(|entry| entry.expect("an entry").path());
    let is_http =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"http-"));
    for tap in taps.filter(is_http) {
        for (option, http) in [("1", Http::One), ("2", Http::Two)] {
            println!("{} as HTTP/{option}", tap.display());
            let dir = Dir::new();
            let capture = converted_with(&dir, &["--http", option], &tap.to_string_lossy());
            assert_healthy(&capture);
            let decoded = tshark(&capture).args(all_as(http, &capture));
            let malformed = "_ws.malformed or _ws.expert.severity == error";
            let malformed = fields(decoded.args(["-Y", malformed]), ["frame.number", "_ws.expert.message"]);
            assert_eq!(malformed, Vec::<[String; 2]>::new());
        }
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn posts_in_every_format() {
    for (tap, port, posted) in POSTS {
        println!("{tap}");
        for (option, http) in [("1", Http::One), ("2", Http::Two)] {
            let dir = Dir::new();
            let capture = converted_with(&dir, &["--http", option], tap);
            let seen = messages(tshark(&capture).args(all_as(http, &capture)), http);
            assert_eq!(seen, [format!("POST /post 127.0.0.1:{port}"), "201".to_owned()]);
            if http == Http::One {
                assert_eq!(objects(&dir, &capture), [posted.as_bytes(), posted.as_bytes()]);
            }
        }
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn headers_of_a_request_and_a_response() {
    let dir = Dir::new();
    let capture = converted_with(&dir, &[], "http-post-buffered.pb");
    let names = ["http.request.line", "http.response.line", "http.response.phrase"];
    let [[request, ..], [_, response, phrase]] = &fields(tshark(&capture).args(["-Y", "http"]), names)[..]
    else {
        panic!("two messages")
    };
    let expected = [
        "Host: 127.0.0.1:11037",
        "user-agent: curl/7.88.1",
        "accept: */*",
        "content-length: 13",
        "content-type: application/x-www-form-urlencoded",
        "x-forwarded-proto: http",
        "x-request-id: f3299a97-2c4b-4d17-b2b5-5b83d70dcd42",
    ];
    assert_eq!(request.replace("\\r\\n", ""), expected.join("|"));
    let expected = [
        "server: envoy",
        "date: Fri, 20 Nov 2026 10:58:42 GMT",
        "content-type: text/plain",
        "content-length: 13",
        "x-envoy-upstream-service-time: 0",
    ];
    assert_eq!(response.replace("\\r\\n", ""), expected.join("|"));
    assert_eq!(phrase, "Created");
    // The recorded times and addresses.
    let names = ["frame.time_epoch", "ip.src", "tcp.srcport", "tcp.dstport"];
    let packets = fields(tshark(&capture).args(["-Y", "http.request or http.response"]), names);
    let [first, last] = [&packets[0], &packets[packets.len() - 1]];
    assert_eq!(first.each_ref().map(String::as_str)[1..], ["127.0.0.1", "45510", "11037"]);
    assert!(first[0].starts_with("1795172322.826189"), "{first:?}");
    assert!(last[0].starts_with("1795172322.82667") || last[0].starts_with("1795172322.82668"), "{last:?}");
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn bodies_can_be_exported() {
    let cases: [(&str, Vec<Vec<u8>>); 4] = [
        ("http-chunked-buffered.pb", vec![lines(10_941)]),
        ("http-chunked-streamed-as-string.json", vec![lines(9_740)]),
        ("http-admin-interleaved-as-bytes.json", vec![lines(100), lines(200), lines(300)]),
        ("http-admin-buffered.pb_length_delimited", vec![lines(100), lines(200), lines(300)]),
    ];
    for (tap, bodies) in cases {
        let dir = Dir::new();
        let capture = converted_with(&dir, &["--http", "1"], tap);
        assert!(objects(&dir, &capture) == bodies, "{tap}");
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn grpc_calls_with_their_messages_and_status() {
    let dir = Dir::new();
    let taps = ["http-grpc-unary.pb", "http-grpc-server-streaming.pb", "http-grpc-error.pb"].map(testdata);
    let capture = dir.path("capture.pcapng");
    dir.tap2pcap().arg("-w").arg(&capture).args(taps).run().expect(0);
    assert_healthy(&capture);
    let decoded = || tshark(&capture).args(all_as(Http::Two, &capture));
    let seen = messages(decoded(), Http::Two);
    let calls: Vec<&str> = seen.iter().filter_map(|message| message.strip_prefix("POST ")).collect();
    assert_eq!(calls, ["Say", "Stream", "Fail"].map(|call| format!("/lab.Echo/{call} 127.0.0.1:11045")));
    assert_eq!(seen.iter().filter(|message| *message == "200").count(), 3);

    let data = fields(decoded().args(["-Y", "grpc"]), ["http2.streamid", "grpc.message_data"]);
    let of_stream = |stream: &str| -> Vec<&str> {
        let data = data.iter().filter(|[streams, _]| streams.split('|').any(|one| one == stream));
        data.flat_map(|[_, data]| data.split('|')).collect()
    };
    let [sent, echoed] = of_stream("1")[..] else { panic!("a message each way: {data:?}") };
    assert!(sent == echoed && sent.len() == 2 * 300, "{data:?}");
    assert_eq!(of_stream("3"), ["616263", "61626300", "61626301", "61626302", "61626303", "61626304"]);
    assert_eq!(of_stream("5"), ["78"]);

    let status = fields(
        decoded().args(["-Y", "http2.header.name == \"grpc-status\""]),
        ["http2.streamid", "http2.header.name", "http2.header.value"],
    );
    let status_of = |[streams, names, values]: &[String; 3]| {
        // One for each frame in the packet.
        let stream = streams.split('|').next().unwrap_or_default().to_owned();
        let at = names.split('|').position(|name| name == "grpc-status").expect("the header");
        (stream, values.split('|').nth(at).expect("its value").to_owned())
    };
    let expected =
        [("1", "0"), ("3", "0"), ("5", "5")].map(|(stream, status)| (stream.to_owned(), status.to_owned()));
    assert_eq!(status.iter().map(status_of).collect::<Vec<_>>(), expected);
}

/// Two exchanges on a connection, with a body each way cut in the first.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn messages_behind_cut_bodies() {
    let body = noise(26_015);
    let length = [("content-length", "26015")];
    let unknown = Message::response("200", &[]).cut_piece(&body, 1_024);
    for response in [Message::response("200", &length).cut_piece(&body, 1_024), unknown] {
        let first = Exchange {
            request: Some(Message::request("POST", "/cut", &length).cut_piece(&body, 1_024).at(START)),
            response: Some(response.at(START + 1_000_000)),
        };
        let second = Exchange {
            request: Some(Message::request("GET", "/next", &[]).at(START + 2_000_000)),
            response: Some(
                Message::response("404", &[("content-length", "2")]).piece("no").at(START + 3_000_000),
            ),
        };
        let tapped = [first, second].into_iter().zip(1..).map(|(exchange, id)| Tapped {
            id,
            exchange,
            downstream: ["10.2.0.1:40000", "10.1.0.1:8080"].map(address),
            upstream: ["10.1.0.1:50000", "10.3.0.1:9000"].map(address),
        });
        let file = HttpTap::buffered(Format::Delimited).write(&tapped.collect::<Vec<_>>());
        for (option, http) in [("1", Http::One), ("2", Http::Two)] {
            let dir = Dir::new();
            dir.write("tap", &file);
            dir.tap2pcap().args(["--http", option, "tap", "capture.pcapng"]).run().expect(0);
            let capture = dir.path("capture.pcapng");
            assert_healthy(&capture);
            // Else tshark holds a message back until it has seen the whole body.
            let at_once = tshark(&capture).args(["-o", "http.desegment_body:FALSE"]);
            let seen = messages(at_once.args(all_as(http, &capture)), http);
            assert_eq!(seen, ["POST /cut h.test", "200", "GET /next h.test", "404"], "HTTP/{option}");
        }
    }
}

/// What is left of a cut body, and how long it was.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn cut_bodies_are_as_long_as_they_say() {
    let taps = [
        ("http-cut-buffered.pb", "/b?n=26015", 26_015),
        ("http-cut-streamed.pb_length_delimited", "/a7?n=2326", 2_326),
    ];
    for (tap, path, length) in taps {
        let dir = Dir::new();
        let capture = converted_with(&dir, &["--http", "1"], tap);
        let at_once = tshark(&capture).args(["-o", "http.desegment_body:FALSE"]);
        let seen = messages(at_once, Http::One);
        assert!(seen[0].starts_with(&format!("GET {path} ")) && seen[1..] == ["200"], "{tap}: {seen:?}");
        let packets = fields(tshark(&capture), ["frame.len", "frame.cap_len"]).into_iter();
        let missing = packets.map(|packet| packet.map(|length| length.parse::<usize>().expect("a length")));
        // A packet that holds nothing but missing bytes has headers all the same.
        assert_eq!(
            missing.map(|[length, captured]| length - captured).sum::<usize>(),
            length - 1_024,
            "{tap}"
        );
    }
}

/// A request's method and path, or a response's status, of each HTTP message that tshark shows.
#[track_caller]
fn shown(capture: &Path, more: &[&str]) -> Vec<String> {
    let names = ["http.request.method", "http.request.uri", "http.response.code"];
    let rows = fields(tshark(capture).args(["-Y", "http"]).args(more.iter().copied()), names);
    rows.iter()
        .map(|row| row.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn a_websocket_and_the_pages_beside_it() {
    let dir = Dir::new();
    let taps = ["_1", "_2", "_3", "_4"].map(|number| testdata(&format!("http-beside-websocket{number}.pb")));
    dir.tap2pcap().args(["-w", "capture.pcapng"]).args(taps).run().expect(0);
    let seen = shown(&dir.path("capture.pcapng"), &[]);
    let expected =
        ["GET /page1", "200", "GET /ws", "101", "GET /page2", "200", "GET /page3", "200"].map(str::to_owned);
    let messages: Vec<String> = seen.into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(messages, expected);
    // Four frames each way, in a socket tap a packet each.
    for tap in ["http-websocket-buffered.pb", "websocket-streamed.pb_length_delimited"] {
        let capture = converted_with(&dir, &[], tap);
        let frames = fields(tshark(&capture).args(["-Y", "websocket"]), ["websocket.opcode", "tcp.srcport"]);
        let of = |is_client: bool| {
            let sent = frames.iter().filter(|[_, port]| (port != "21001") == is_client);
            sent.map(|[opcodes, _]| opcodes.clone()).collect::<Vec<_>>().join("|")
        };
        assert_eq!([of(true), of(false)], ["1|2|9|8", "1|2|9|8"], "{tap}");
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn a_broken_off_message_stays_incomplete() {
    let dir = Dir::new();
    let capture = converted_with(&dir, &[], "http-broken-off-buffered.pb");
    assert_eq!(shown(&capture, &[]), ["GET /cut"], "the response is never complete");
    let parts = ["-o", "http.desegment_body:FALSE"];
    assert_eq!(shown(&capture, &parts), ["GET /cut", "200"]);
    let length = fields(
        tshark(&capture).args(parts).args(["-Y", "http.response"]),
        ["http.content_length_header", "frame.comment"],
    );
    assert_eq!(length, [["1000".to_owned(), "tap.incomplete=true|tap.incomplete_bytes=985".to_owned()]]);
    let capture = converted_with(&dir, &["--http", "2"], "http-broken-off-buffered.pb");
    let decode = decode_as("http2", &[21_001]);
    let resets =
        fields(tshark(&capture).args(decode).args(["-Y", "http2.type == 3"]), ["http2.rst_stream.error"]);
    assert_eq!(resets, [["2".to_owned()]]);
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn the_body_before_a_compressor_is_read() {
    let dir = Dir::new();
    let capture = converted_with(&dir, &["--http", "1"], "http-gzip-outside-buffered.pb");
    assert_eq!(objects(&dir, &capture).iter().map(Vec::len).collect::<Vec<_>>(), [640]);
}
