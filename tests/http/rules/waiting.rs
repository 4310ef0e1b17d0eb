//! Exchanges that wait while others come: when they are over, and which times they have.

use super::{BUFFERED, STREAMED, capture_of, get, ok, shown};
use crate::conversion::{convert, convert_many};
use crate::encode::http::{HttpKind, HttpTap};
use crate::http::connections;
use crate::http::exchange::{Message, Tapped};
use crate::http::expected::{assert_shows, assert_times};
use crate::model::{address, noise};
use crate::program::Dir;
use crate::tools::Http;

/// More exchanges than what waits has room for, all later than the first thousand.
fn many_later() -> Vec<Tapped> {
    (1_000..6_000).map(|id| Tapped::new(id, get("/later"), ok("0"))).collect()
}

#[test]
fn an_end_is_as_late_as_its_message() {
    let mut early = Tapped::new(1, Message::request("POST", "/", &[]).piece("a"), ok("1").piece("b"));
    early.downstream[0] = address("10.2.0.2:40000");
    let capture = capture_of(&[], BUFFERED, &[many_later(), vec![early.clone()]].concat());
    let all = connections(&capture);
    let seen =
        all.iter().find(|connection| connection.client == early.downstream[0]).expect("its connection");
    assert_shows(Http::One, &seen.exchanges[0], &early.exchange);
    assert_times(&seen.exchanges[0], &early.exchange);
    let last = capture.packets.iter().map(|packet| packet.time).max();
    assert_eq!(last, Tapped::new(5_999, None, ok("0")).exchange.response.map(|response| response.time));
}

#[test]
fn a_request_without_a_response_is_over() {
    let unanswered = (1..9_000)
        .map(|id| Tapped::new(id, Message::request("POST", "/", &[("x-a", &"a".repeat(200))]), None));
    convert_many("capture", &["--strict"], &[("tap", &BUFFERED.write(&unanswered.collect::<Vec<_>>()))], 0);
}

/// Of streamed ones most never say that they are over.
#[test]
fn an_exchange_that_goes_on_outlasts_many() {
    let segments = |tapped: &Tapped| STREAMED.records(tapped);
    let long = Tapped::new(1, get("/long"), ok("10").piece("hello").piece("world"));
    let [request, head, hello, world] =
        <[_; 4]>::try_from(segments(&long)).unwrap_or_else(|segments| panic!("{} segments", segments.len()));
    let short =
        |ids: std::ops::Range<u64>| ids.flat_map(|id| segments(&Tapped::new(id, get("/short"), ok("0"))));
    let mut records = vec![request];
    records.extend(short(10..4_000).chain([head]));
    records.extend(short(4_000..8_000).chain([hello]));
    records.extend(short(8_000..12_000).chain([world]));
    let capture = convert(&[], &STREAMED.format.print(&records)).capture;
    let all = connections(&capture);
    assert_eq!(all.len(), 11_991);
    assert_shows(Http::One, &all[0].exchanges[0], &long.exchange);
}

/// Of streamed ones most end only because of others.
#[test]
fn ends_that_are_known_late_are_late() {
    let response = Message::response("200", &[]).piece("a".repeat(1_000));
    let exchanges = (0..12_000).map(|id| Tapped::new(id, get("/"), response.clone()));
    let records: Vec<_> = exchanges.flat_map(|one| STREAMED.records(&one)).collect();
    let converted = convert(&[], &STREAMED.format.print(&records));
    assert!(!converted.messages.contains("order of time"), "{}", converted.messages);
}

#[test]
fn the_same_request_twice_is_two_exchanges() {
    let twice = [1, 2].map(|id| Tapped::new(id, get("/healthz"), ok("2").piece("ok")));
    shown(&["--http", "1"], HttpTap { has_times: false, ..BUFFERED }, &twice);
}

#[test]
fn records_of_one_stream_may_each_have_trailers() {
    let response = |trailer: &str| Message::response("200", &[]).trailers(&[("x-t", trailer)]);
    let first = Tapped::new(1, get("/"), response(&"long".repeat(100)).piece("abc"));
    let second = Tapped::new(1, get("/"), response("short").piece("def"));
    let whole = Tapped::new(1, get("/"), response("short").piece("abcdef"));
    for http in ["1", "2"] {
        let capture = capture_of(&["--http", http], BUFFERED, &[first.clone(), second.clone()]);
        let [connection] = <[_; 1]>::try_from(connections(&capture)).expect("one connection");
        assert_eq!(connection.exchanges.len(), 1);
        assert_shows(connection.http, &connection.exchanges[0], &whole.exchange);
    }
}

#[test]
fn a_response_may_be_in_the_second_record_alone() {
    let post = Message::request("POST", "/", &[("content-length", "3")]).piece("abc");
    let whole = Tapped::new(1, post.clone(), ok("1").piece("a"));
    let tap = HttpTap { kind: HttpKind::Buffered, ..BUFFERED };
    let mut bodiless = whole.clone();
    bodiless.exchange.request.as_mut().expect("a request").body.clear();
    let capture = capture_of(&["--http", "1"], tap, &[Tapped::new(1, post, None), bodiless]);
    let [connection] = <[_; 1]>::try_from(connections(&capture)).expect("one connection");
    assert_shows(connection.http, &connection.exchanges[0], &whole.exchange);
}

#[test]
fn times_that_stand_in_end_where_times_do() {
    let exchanges = [Tapped::new(1, get("/"), ok("1").piece("a"))];
    let capture = capture_of(&["--start-time", "18446744073.709551615"], STREAMED, &exchanges);
    assert!(capture.packets.iter().all(|packet| packet.time == u64::MAX));
}

/// The headers have gone out with a content-length by the time that the trailers come.
#[test]
fn trailers_that_come_too_late_are_warned_of() {
    let mut response = ok("1600000");
    for _ in 0..100 {
        response = response.piece(noise(16_000));
    }
    let dir = Dir::new();
    dir.write("tap", &STREAMED.write(&[Tapped::new(1, get("/"), response.trailers(&[("x-checksum", "1")]))]));
    let ran = dir.tap2pcap().args(["tap", "capture"]).run().expect(0);
    assert!(ran.stderr.contains("warning: trailers of 1 message were left out"), "{}", ran.stderr);
    let ran = dir.tap2pcap().args(["--http", "2", "tap", "capture"]).run().expect(0);
    assert!(!ran.stderr.contains("trailers"), "{}", ran.stderr);
}
