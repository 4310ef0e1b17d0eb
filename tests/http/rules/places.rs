//! Whose addresses and times are shown, and which records belong together.

use super::{BUFFERED, STREAMED, Tapped, capture_of, get, ok, shown};
use crate::capture::Capture;
use crate::conversion::convert_many;
use crate::encode::Format;
use crate::encode::http::{HttpKind, HttpTap};
use crate::http::exchange::Message;
use crate::http::expected::{assert_shows, assert_times};
use crate::http::{Connection, connections};
use crate::model::START;
use crate::program::Dir;
use crate::tools::{Http, is_nobodys};

#[test]
fn addresses_of_either_side() {
    let exchanges =
        [Tapped::new(1, get("/"), ok("1").piece("a")), Tapped::new(2, get("/2"), ok("1").piece("b"))];
    let [downstream, upstream] = [exchanges[0].downstream, exchanges[0].upstream];
    for http in ["1", "2"] {
        for (side, ends) in [("downstream", downstream), ("upstream", upstream)] {
            let connection = shown(&["--http", http, "--http-side", side], BUFFERED, &exchanges);
            assert_eq!([connection.client, connection.server], ends);
        }
        let connection = shown(&["--http", http], BUFFERED, &exchanges);
        assert_eq!([connection.client, connection.server], downstream);
        let connection = shown(&["--http", http], STREAMED, &exchanges[..1]);
        assert!(is_nobodys(connection.client) && is_nobodys(connection.server), "{connection:?}");
        assert_eq!(connection.server.port(), 80);
    }
}

#[test]
fn streams_side_by_side_in_time() {
    let exchange = |id, from: u64, to: u64| {
        let mut one = Tapped::new(id, get(&format!("/{id}")), ok("5").piece("hello"));
        one.exchange.request.as_mut().expect("one").time = START + from;
        one.exchange.response.as_mut().expect("one").time = START + to;
        one
    };
    let exchanges =
        [exchange(1, 0, 9_000_000), exchange(2, 1_000_000, 3_000_000), exchange(3, 2_000_000, 4_000_000)];
    // As Envoy writes them: each in a file of its own.
    let files = exchanges.clone().map(|one| (format!("tap_{}", 9 - one.id), BUFFERED.write(&[one])));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, file)| (&**name, &**file)).collect();
    let capture = convert_many("capture.pcapng", &["--http", "2"], &files, 0).capture;
    assert!(capture.packets.is_sorted_by_key(|packet| packet.time));
    let [connection] = <[Connection; 1]>::try_from(connections(&capture)).expect("one connection");
    assert_eq!(connection.exchanges.len(), 3);
    for (seen, tapped) in connection.exchanges.iter().zip(&exchanges) {
        assert_shows(Http::Two, seen, &tapped.exchange);
        assert_times(seen, &tapped.exchange);
    }
}

#[test]
fn times_that_are_not_recorded_begin_where_they_are_told_to() {
    let request = get("/").piece("a").piece("b");
    let exchanges = [Tapped::new(1, request, Message::response("200", &[]).piece("c"))];
    for (text, start) in
        [("2024-02-29T12:00:00.5Z", 1_709_208_000_500_000_000), ("1700000000.25", 1_700_000_000_250_000_000)]
    {
        for tap in [STREAMED, HttpTap { has_times: false, ..BUFFERED }] {
            let capture = capture_of(&["--http", "1", "--start-time", text], tap, &exchanges);
            let mut times: Vec<u64> = capture.packets.iter().map(|packet| packet.time).collect();
            times.dedup();
            let expected: Vec<u64> = (0..times.len() as u64).map(|event| start + event * 1_000).collect();
            assert_eq!(times, expected);
            assert!(times.len() > 1);
        }
    }
}

#[test]
fn times_that_are_not_recorded_begin_where_the_file_does() {
    let dir = Dir::new();
    let file = dir.write("tap", &STREAMED.write(&[Tapped::new(1, get("/"), ok("0"))]));
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(START);
    let file = std::fs::File::options().write(true).open(file).expect("the tap");
    file.set_modified(modified).expect("a file system with times");
    dir.tap2pcap().args(["tap", "capture"]).run().expect(0);
    assert_eq!(Capture::parse(&dir.read("capture")).packets[0].time, START);
}

/// Envoy may write a buffered stream in several records: they have the headers in common, and each a part of the body.
#[test]
fn records_of_one_stream_are_joined() {
    let post = Message::request("POST", "/", &[("content-length", "6"), ("x-request-id", "1")])
        .piece("abc")
        .piece("def");
    let response = ok("9").piece("123").piece("456").piece("789");
    let tap = HttpTap { kind: HttpKind::BufferedInParts, ..BUFFERED };
    for http in ["1", "2"] {
        shown(&["--http", http], tap, &[Tapped::new(1, post.clone(), response.clone())]);
    }
}

#[test]
fn info_counts_what_any_lengths_lack() {
    let most = [("content-length", "18446744073709551615")];
    let exchange = Tapped::new(1, Message::request("POST", "/", &most), Message::response("200", &most));
    let dir = Dir::new();
    dir.write("tap", &BUFFERED.write(&[exchange]));
    let table = dir.tap2pcap().args(["info", "tap"]).run().expect(0).stdout;
    assert!(String::from_utf8_lossy(&table).contains("lacks 18,446,744,073,709,551,615"));
}

#[test]
fn info_tells_of_http_taps() {
    let dir = Dir::new();
    dir.write("tap", &BUFFERED.write(&[Tapped::new(1, get("/"), ok("1").piece("a"))]));
    let ran = dir.tap2pcap().args(["info", "tap"]).run().expect(0);
    let table = String::from_utf8(ran.stdout).expect("UTF-8");
    assert!(
        table.contains("HTTP") && table.contains("10.1.0.1:8080") && table.contains("10.2.0.1:40000"),
        "{table}"
    );
}

/// What is filtered out is neither counted nor warned of.
#[test]
fn only_exchanges_that_are_written_count() {
    let dir = Dir::new();
    dir.write("with", &BUFFERED.write(&[Tapped::new(1, get("/"), ok("1").piece("a"))]));
    dir.write("without", &STREAMED.write(&[Tapped::new(2, get("/"), ok("1").piece("b"))]));
    let args = ["--address", "10.0.0.0/8", "-w", "capture", "with", "without"];
    let ran = dir.tap2pcap().args(args).run().expect(0);
    assert!(ran.stderr.contains("1 HTTP exchange,"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}

/// Who says when exchanges began knows that the trace does not.
#[test]
fn a_start_time_needs_no_warning() {
    let dir = Dir::new();
    dir.write("tap", &STREAMED.write(&[Tapped::new(1, get("/"), ok("1").piece("a"))]));
    let ends = ["--local", "10.0.0.1:80", "--remote", "10.0.0.2:4000"];
    dir.tap2pcap().args(["--strict", "tap", "capture"]).args(ends).run().expect(1);
    dir.tap2pcap().args(["--strict", "--start-time", "5", "tap", "capture"]).args(ends).run().expect(0);
}

#[test]
fn a_conversion_tells_of_text_that_has_lost_bytes() {
    let text = HttpTap::buffered(Format::JsonString);
    for (length, is_lossy) in [("5", true), ("4", false)] {
        let dir = Dir::new();
        dir.write("tap", &text.write(&[Tapped::new(1, get("/"), ok(length).piece("four"))]));
        let ran = dir.tap2pcap().args(["tap", "capture"]).run().expect(0);
        assert_eq!(ran.stderr.contains("JSON_BODY_AS_STRING has lost"), is_lossy, "{}", ran.stderr);
    }
}
