//! What every HTTP tap in `testdata/` holds, as another reader of taps found it, and as it has to be read back.
//!
//! A line is an exchange: method, authority, path and then the status; how many headers there are besides those and the
//! ones that HTTP/1.1 alone needs; the body's length (what is left / what it was) and FNV-1a hash; the trailers.

use super::connections;
use super::exchange::{Exchange, Message};
use crate::conversion::convert_many;
use crate::program::testdata;

/// What HTTP/1.1 says of the body and the connection, which is not counted.
const NOT_COUNTED: [&str; 4] = ["content-length", "transfer-encoding", "connection", "upgrade"];

const LISTINGS: [(&str, &[&str]); 23] = [
    (
        "http-admin-buffered.pb_length_delimited",
        &[
            "GET 127.0.0.1:11049 /y?n=100 +4 > 200 +4 100#48e06250",
            "GET 127.0.0.1:11049 /y?n=200 +4 > 200 +4 200#369a4ad5",
            "GET 127.0.0.1:11049 /y?n=300 +4 > 200 +4 300#05aba204",
        ],
    ),
    (
        "http-admin-interleaved-as-bytes.json",
        &[
            "GET 127.0.0.1:11049 /x?n=200 +4 > 200 +4 200#369a4ad5",
            "GET 127.0.0.1:11049 /x?n=100 +4 > 200 +4 100#48e06250",
            "GET 127.0.0.1:11049 /x?n=300 +4 > 200 +4 300#05aba204",
        ],
    ),
    ("http-chunked-buffered.pb", &["GET 127.0.0.1:11037 /chunked?n=10941 +4 > 200 +3 10941#2df2163d"]),
    (
        "http-chunked-streamed-as-string.json",
        &["GET 127.0.0.1:11036 /chunked?n=9740 +4 > 200 +3 9740#c7d0e793"],
    ),
    ("http-cut-buffered.pb", &["GET 127.0.0.1:11043 /b?n=26015 +4 > 200 +4 1024/26015#900b17aa"]),
    (
        "http-cut-chunked-streamed.pb_length_delimited",
        &["GET 127.0.0.1:11044 /chunked?n=16101 +4 > 200 +3 1024/1025#900b17aa"],
    ),
    (
        "http-cut-streamed.pb_length_delimited",
        &["GET 127.0.0.1:11044 /a7?n=2326 +4 > 200 +4 1024/2326#900b17aa"],
    ),
    ("http-grpc-error.pb", &["POST 127.0.0.1:11045 /lab.Echo/Fail +6 6#e174504c > 200 +6"]),
    (
        "http-grpc-server-streaming.pb",
        &[
            "POST 127.0.0.1:11045 /lab.Echo/Stream +6 8#73e27346 > 200 +5 45#2510125f grpc-status=0 grpc-message=",
        ],
    ),
    (
        "http-grpc-unary.pb",
        &[
            "POST 127.0.0.1:11045 /lab.Echo/Say +6 305#75781889 > 200 +5 305#75781889 grpc-status=0 grpc-message=",
        ],
    ),
    (
        "http-many-kinds-buffered.pb_text",
        &[
            "GET h.test /plain +9 > 200 +8 5#4f9f2cab",
            "GET h.test /second +4 > 200 +3",
            "HEAD h.test /head +4 > 200 +3",
            "GET h.test /204 +4 > 204 +3",
            "GET h.test /304 +4 > 304 +4",
            "GET h.test /404 +4 > 404 +3 2#62366ffa",
            "GET h.test /direct +3 > 418 +3 3#b401e629",
            "GET h.test /pieces +4 > 200 +3 15#a7de461a",
            "GET h.test /cpieces +4 > 200 +3 15#a7de461a",
            "GET h.test /trailers +4 > 200 +3 15#a7de461a x-t=yes",
            "POST h.test /chunkedreq +5 7#2a9eb737 x-q=t > 200 +3",
            "GET h.test /close +4 > 200 +3 13#f71dbdf1",
            "GET h.test /reset +4 > 200 +3 4#d6bec8a4",
            "GET h.test /never +4 > -",
            "GET h.test /ws +4 6#7b71324f > 101 +2 10#61b58c56",
            "- > 400 +3 11#958ab7b9",
            "POST h.test /partial +4 3#1a47e90b > -",
        ],
    ),
    (
        "http-many-kinds-streamed.pb_length_delimited",
        &[
            "GET h.test /plain +8 > 200 +6 5#4f9f2cab",
            "GET h.test /second +3 > 200 +1",
            "HEAD h.test /head +3 > 200 +1",
            "GET h.test /204 +3 > 204 +1",
            "GET h.test /304 +3 > 304 +2",
            "GET h.test /404 +3 > 404 +1 2#62366ffa",
            "GET h.test /direct +3 > 418 +1 3#b401e629",
            "GET h.test /pieces +3 > 200 +1 15#a7de461a",
            "GET h.test /cpieces +3 > 200 +1 15#a7de461a",
            "GET h.test /trailers +3 > 200 +1 15#a7de461a x-t=yes",
            "POST h.test /chunkedreq +4 7#2a9eb737 x-q=t > 200 +1",
            "GET h.test /close +3 > 200 +1 13#f71dbdf1",
            "GET h.test /reset +3 > 200 +1 4#d6bec8a4",
            "GET h.test /never +3 > -",
            "GET h.test /ws +3 6#7b71324f > 101 +0 10#61b58c56",
            "- > 400 +1 11#958ab7b9",
            "POST h.test /partial +3 3#1a47e90b > -",
        ],
    ),
    ("http-not-utf8-streamed-as-string.json", &["GET h.test /noise +3 > 200 +1 251/300#f73c7c71"]),
    ("http-post-buffered-as-bytes.json", &["POST 127.0.0.1:11033 /post +5 14#2f055a3d > 201 +4 14#2f055a3d"]),
    (
        "http-post-buffered-as-string.json",
        &["POST 127.0.0.1:11035 /post +5 14#e734d960 > 201 +4 14#e734d960"],
    ),
    ("http-post-buffered.pb", &["POST 127.0.0.1:11037 /post +5 13#e5e37dc8 > 201 +4 13#e5e37dc8"]),
    (
        "http-post-buffered.pb_length_delimited",
        &["POST 127.0.0.1:11039 /post +5 13#6d2788f6 > 201 +4 13#6d2788f6"],
    ),
    ("http-post-buffered.pb_text", &["POST 127.0.0.1:11041 /post +5 14#9ae52773 > 201 +4 14#9ae52773"]),
    ("http-post-streamed-as-bytes.json", &["POST 127.0.0.1:11034 /post +5 14#8c52bd94 > 201 +4 14#8c52bd94"]),
    (
        "http-post-streamed-as-string.json",
        &["POST 127.0.0.1:11036 /post +5 14#e629120e > 201 +4 14#e629120e"],
    ),
    ("http-post-streamed.pb", &["POST 127.0.0.1:11038 /post +5 13#43a8791a > 201 +4 13#43a8791a"]),
    (
        "http-post-streamed.pb_length_delimited",
        &["POST 127.0.0.1:11040 /post +5 14#8b36bda0 > 201 +4 14#8b36bda0"],
    ),
    ("http-post-streamed.pb_text", &["POST 127.0.0.1:11042 /post +5 14#43d36245 > 201 +4 14#43d36245"]),
];

#[test]
fn all_that_is_in_the_taps_is_in_the_capture() {
    for (tap, expected) in LISTINGS {
        for http in ["1", "2"] {
            println!("{tap} as HTTP/{http}");
            let expected: Vec<String> = expected.iter().map(|line| in_version(http, line)).collect();
            assert_eq!(listing(&["--http", http], &[tap]), sorted(&expected));
        }
    }
}

/// HTTP/2 says an upgrade in its own way (RFC 8441).
fn in_version(http: &str, line: &str) -> String {
    match http {
        "2" if line.contains("> 101 ") => line.replace("GET ", "CONNECT ").replace("> 101 ", "> 200 "),
        _ => line.to_owned(),
    }
}

/// Three calls on one connection, each in a file.
#[test]
fn calls_on_one_connection_are_its_streams() {
    let calls = ["http-grpc-error.pb", "http-grpc-server-streaming.pb", "http-grpc-unary.pb"];
    let taps = calls.map(|tap| std::fs::read(testdata(tap)).expect("a tap"));
    let files: Vec<(&str, &[u8])> = calls.into_iter().zip(taps.iter().map(Vec::as_slice)).collect();
    let seen = connections(&convert_many("capture.pcapng", &[], &files, 0).capture);
    let [connection] = &seen[..] else { panic!("one connection: {seen:?}") };
    assert_eq!([connection.client, connection.server].map(|end| end.port()), [37_948, 11_045]);
    let requests = connection.exchanges.iter().filter_map(|exchange| exchange.request.as_ref());
    let paths: Vec<_> = requests.filter_map(|request| request.text(":path")).collect();
    assert_eq!(paths, ["/lab.Echo/Say", "/lab.Echo/Stream", "/lab.Echo/Fail"]);
    // The recorded times, in microseconds of the second.
    let times = connection.exchanges.iter().map(|exchange| {
        [&exchange.request, &exchange.response]
            .map(|message| message.as_ref().map_or(0, |m| m.time / 1_000 % 1_000_000))
    });
    assert_eq!(times.collect::<Vec<_>>(), [[553_043, 556_309], [557_256, 559_861], [561_854, 563_952]]);
}

#[track_caller]
fn listing(options: &[&str], taps: &[&str]) -> Vec<String> {
    let files = taps.iter().map(|tap| (*tap, std::fs::read(testdata(tap)).expect("a tap")));
    let files: Vec<(&str, Vec<u8>)> = files.collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, file)| (*name, &**file)).collect();
    let capture = convert_many("capture.pcapng", options, &files, 0).capture;
    let mut lines: Vec<String> =
        connections(&capture).iter().flat_map(|connection| &connection.exchanges).map(line).collect();
    lines.sort();
    lines
}

fn sorted<L: AsRef<str>>(lines: &[L]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| line.as_ref().to_owned()).collect();
    lines.sort();
    lines
}

fn line(exchange: &Exchange) -> String {
    let request = part(exchange.request.as_ref(), &[":method", ":authority", ":path"]);
    format!("{request} > {}", part(exchange.response.as_ref(), &[":status"]))
}

fn part(message: Option<&Message>, names: &[&str]) -> String {
    let Some(message) = message else { return "-".to_owned() };
    let mut words: Vec<String> =
        names.iter().map(|name| message.text(name).unwrap_or_default().to_owned()).collect();
    let is_counted = |name: &str| !name.starts_with(':') && !NOT_COUNTED.contains(&name);
    words.push(format!("+{}", message.headers.iter().filter(|(name, _)| is_counted(name)).count()));
    let (kept, length) = (message.kept(), message.length());
    if length > 0 {
        let cut = if length > kept.len() { format!("/{length}") } else { String::new() };
        words.push(format!("{}{cut}#{:08x}", kept.len(), fnv_1a(&kept)));
    }
    words.extend(message.trailers.iter().map(|(name, value)| format!("{name}={}", value.escape_ascii())));
    words.join(" ")
}

fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
