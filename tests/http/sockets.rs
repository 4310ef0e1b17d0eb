//! The readers find in socket taps, where the wire's own bytes are, what is known to be there.

use super::{Connection, connections};
use crate::conversion::convert;
use crate::program::testdata;
use crate::tools::Http;

#[track_caller]
fn only_connection(tap: &str) -> Connection {
    let tap = std::fs::read(testdata(tap)).expect("a tap");
    let [connection] = <[Connection; 1]>::try_from(connections(&convert(&[], &tap).capture)).expect("one");
    connection
}

/// The request line, status, trailers and the lengths of the bodies.
fn summary(connection: &Connection) -> Vec<String> {
    let exchanges = connection.exchanges.iter();
    let summary = exchanges.map(|exchange| {
        let (request, response) = (exchange.request.clone().unwrap_or_default(), exchange.response.clone());
        let response = response.unwrap_or_default();
        let [method, path, authority] = [":method", ":path", ":authority"].map(|name| request.text(name));
        let words = [method, path, authority, response.text(":status")].map(Option::unwrap_or_default);
        let trailers =
            response.trailers.iter().map(|(name, value)| format!(" {name}={}", value.escape_ascii()));
        let cut = if response.is_cut() { " cut" } else { "" };
        let words = words.join(" ");
        format!("{words} {}>{}{cut}{}", request.length(), response.length(), trailers.collect::<String>())
    });
    summary.collect()
}

#[test]
fn http1_with_bodies() {
    let post = only_connection("post-streamed.pb");
    assert_eq!(post.http, Http::One);
    assert_eq!([post.client, post.server].map(|end| end.port()), [53_970, 11_010]);
    assert_eq!(summary(&post), ["POST /post 127.0.0.1:11010 201 14>14"]);
    let [exchange] = &post.exchanges[..] else { panic!("one exchange") };
    let [request, response] =
        [&exchange.request, &exchange.response].map(|message| message.as_ref().expect("one"));
    assert_eq!(request.kept(), response.kept());
    assert!(request.time < response.time);
    assert!(response.headers.contains(&("content-type".to_owned(), b"text/plain".to_vec())), "{response:?}");
}

#[test]
fn http1_with_chunks() {
    let answer = "GET /chunked?n=11991 127.0.0.1:11002 200 0>11991";
    assert_eq!(summary(&only_connection("chunked-streamed-as-bytes.json")), [answer]);
}

#[test]
fn http1_with_cut_bodies() {
    let expected = [
        "GET /text/5000 127.0.0.1:46273 200 0>5000 cut",
        "POST /echo 127.0.0.1:46273 201 1500>1500 cut",
        "GET /text/9 127.0.0.1:46273 200 0>9",
    ];
    assert_eq!(summary(&only_connection("cut-streamed-later-messages.pb_length_delimited")), expected);
}

#[test]
fn http2_with_trailers() {
    let grpc = only_connection("grpc.pb_length_delimited");
    assert_eq!(grpc.http, Http::Two);
    let expected = [
        "POST /lab.Echo/Say 127.0.0.1:11032 200 305>305 grpc-status=0 grpc-message=",
        "POST /lab.Echo/Stream 127.0.0.1:11032 200 8>45 grpc-status=0 grpc-message=",
        "POST /lab.Echo/Fail 127.0.0.1:11032 200 6>0",
    ];
    assert_eq!(summary(&grpc), expected);
}

#[test]
fn http2_with_bodies() {
    let expected = ["/p1?n=9000", "/p2?n=12000", "/p3?n=100"].map(|path| {
        let (_, length) = path.split_once('=').expect("a length");
        format!("GET {path} 127.0.0.1:11015 200 0>{length}")
    });
    assert_eq!(summary(&only_connection("tls-http2-streamed.pb_length_delimited")), expected);
}
