//! Reads the exchanges of an HTTP/1.1 connection: heads by httparse, bodies by the rules of RFC 9112.
//!
//! Responses belong to requests in their order, and a request without a response is the last one. What is not allowed
//! fails the test: a body after HEAD, 204 or 304, more than one length, or something between two messages.

use httparse::{EMPTY_HEADER, Request, Response, Status};

use super::cursor::Cursor;
use super::exchange::{Exchange, Headers, Message, Piece, headers};
use crate::capture::Sent;

const MOST_HEADERS: usize = 512;

/// The exchanges between a client and a server.
#[track_caller]
pub(crate) fn exchanges(client: &Sent, server: &Sent) -> Vec<Exchange> {
    let (mut client, mut server) = (Cursor::new(client), Cursor::new(server));
    let mut exchanges = Vec::new();
    while !client.is_at_end() || !server.is_at_end() {
        let mut request = (!client.is_at_end()).then(|| request(&mut client));
        let method = request.as_ref().and_then(|request| request.text(":method")).unwrap_or_default();
        let mut response = (!server.is_at_end()).then(|| response(&mut server, method));
        let status = response.as_ref().and_then(|response| response.text(":status"));
        if status == Some("101") || method == "CONNECT" && status.is_some_and(|code| code.starts_with('2')) {
            // From here on it is not HTTP any more.
            let rest = |cursor: &mut Cursor<'_>| cursor.take_body(usize::MAX);
            request.iter_mut().for_each(|message| message.body.push(rest(&mut client)));
            response.iter_mut().for_each(|message| message.body.push(rest(&mut server)));
        }
        exchanges.push(Exchange { request, response });
    }
    exchanges
}

#[track_caller]
fn request(cursor: &mut Cursor<'_>) -> Message {
    let time = cursor.time();
    let mut space = [EMPTY_HEADER; MOST_HEADERS];
    let mut head = Request::new(&mut space);
    let length = match head.parse(cursor.rest()) {
        Ok(Status::Complete(length)) => length,
        other => panic!("a request: {other:?} in \"{}\"", start(cursor)),
    };
    assert_eq!(head.version, Some(1));
    let mut all = headers([
        (":method", head.method.expect("a method")),
        (":path", head.path.expect("a request target")),
    ]);
    all.extend(regular(head.headers));
    cursor.take(length);
    // What HTTP/1.1 says here, other versions say with a pseudo-header.
    let host = all.iter().position(|(name, _)| name == "host");
    if let Some(host) = host {
        assert_eq!(host, 2, "Host comes first");
        all[host].0 = ":authority".to_owned();
        assert!(all.iter().all(|(name, _)| name != "host"), "one Host only");
    }
    let mut message = Message { headers: all, time, ..Message::default() };
    (message.body, message.trailers) = body(cursor, &message, Unframed::Empty);
    message
}

#[track_caller]
fn response(cursor: &mut Cursor<'_>, method: &str) -> Message {
    let time = cursor.time();
    let mut space = [EMPTY_HEADER; MOST_HEADERS];
    let mut head = Response::new(&mut space);
    let length = match head.parse(cursor.rest()) {
        Ok(Status::Complete(length)) => length,
        other => panic!("a response: {other:?} in \"{}\"", start(cursor)),
    };
    assert_eq!(head.version, Some(1));
    let status = head.code.expect("a status code");
    let mut all = headers([(":status", status.to_string())]);
    all.extend(regular(head.headers));
    cursor.take(length);
    let mut message = Message { headers: all, time, ..Message::default() };
    let is_tunnel = method == "CONNECT" && (200..300).contains(&status);
    if method != "HEAD" && status >= 200 && ![204, 304].contains(&status) && !is_tunnel {
        (message.body, message.trailers) = body(cursor, &message, Unframed::UntilTheEnd);
    }
    message
}

/// What a message is that does not say how long its body is.
enum Unframed {
    Empty,
    UntilTheEnd,
}

#[track_caller]
fn body(cursor: &mut Cursor<'_>, message: &Message, unframed: Unframed) -> (Vec<Piece>, Headers) {
    let all = |name| message.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| value);
    if all("transfer-encoding").next().is_some() {
        let encodings: Vec<_> = all("transfer-encoding").collect();
        assert_eq!(encodings, [b"chunked"], "chunked, and said once");
        return chunked(cursor);
    }
    let lengths: Vec<_> = all("content-length").collect();
    let body = match (&lengths[..], unframed) {
        ([length], _) => {
            let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
            cursor.take_body(length.expect("a content-length"))
        }
        ([], Unframed::Empty) => Piece::default(),
        ([], Unframed::UntilTheEnd) => cursor.take_body(usize::MAX),
        _ => panic!("one content-length: {message:?}"),
    };
    (if body.length == 0 { vec![] } else { vec![body] }, Headers::new())
}

#[track_caller]
fn chunked(cursor: &mut Cursor<'_>) -> (Vec<Piece>, Headers) {
    let mut pieces = Vec::new();
    // A message that breaks off may have no last chunk.
    while !cursor.is_at_end() {
        let (length, size) = match httparse::parse_chunk_size(cursor.rest()) {
            Ok(Status::Complete(chunk)) => chunk,
            other => panic!("the size of a chunk: {other:?} in \"{}\"", start(cursor)),
        };
        cursor.take(length);
        if size == 0 {
            let mut space = [EMPTY_HEADER; MOST_HEADERS];
            let (length, trailers) = match httparse::parse_headers(cursor.rest(), &mut space) {
                Ok(Status::Complete((length, trailers))) => (length, regular(trailers).collect()),
                other => panic!("trailers: {other:?} in \"{}\"", start(cursor)),
            };
            cursor.take(length);
            return (pieces, trailers);
        }
        pieces.push(cursor.take_body(usize::try_from(size).expect("a length")));
        // What ends a chunk of unknown length, and the body where it is the last one, is missing with its rest.
        match cursor.skip_missing() {
            0 => assert_eq!(cursor.take(2), b"\r\n", "the end of a chunk"),
            2 => {}
            7 => return (pieces, Headers::new()),
            missing => panic!("{missing} bytes are missing at the end of a chunk"),
        }
    }
    (pieces, Headers::new())
}

fn regular(list: &[httparse::Header<'_>]) -> impl Iterator<Item = (String, Vec<u8>)> {
    list.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
}

fn start(cursor: &Cursor<'_>) -> String {
    let rest = cursor.rest();
    rest[..rest.len().min(200)].escape_ascii().to_string()
}
