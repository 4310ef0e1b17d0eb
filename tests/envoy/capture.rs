//! Says what a capture of known exchanges has to show.

use std::path::Path;

use super::client::{Connection, Exchange};
use crate::tools::{Http, assert_healthy, decode_as, fields, follow, messages, tshark, ways};

/// Fails the test unless the capture is that one connection, with all of the exchanges and all of their bytes.
#[track_caller]
pub(super) fn assert_shows(capture: &Path, connection: &Connection, http: Http, exchanges: &[Exchange]) {
    assert_is_only(capture, connection);

    let seen = messages(tshark(capture).args(decode_as(http.protocol(), &connection.ports())), http);
    let expected = exchanges.iter().flat_map(|exchange| [exchange.request(connection), exchange.status()]);
    assert_eq!(seen, expected.collect::<Vec<_>>());

    let sent = follow(capture, 0);
    let posted: Vec<&[u8]> = exchanges.iter().map(|exchange| &*exchange.posted).collect();
    let answers: Vec<&[u8]> = exchanges.iter().map(|exchange| &*exchange.answer).collect();
    for (address, expected) in [(connection.client, posted), (connection.server, answers)] {
        let bytes = &sent[&address];
        // No assert_eq: the bytes would fill the screen.
        match http {
            Http::One => assert!(http1_bodies(bytes) == expected, "the bodies that {address} sent"),
            // The exchanges follow one another, so that what is joined tells as much.
            Http::Two => assert!(http2_data(bytes) == expected.concat(), "the bodies that {address} sent"),
        }
    }
}

/// Fails the test unless the capture is that one connection, of which limits left these requests and answers of
/// HTTP/1 and not all of their bodies.
#[track_caller]
pub(super) fn assert_shows_cut(
    capture: &Path,
    connection: &Connection,
    requests: &[Exchange],
    answers: &[Exchange],
) {
    assert_is_only(capture, connection);

    // Else tshark holds a message back until it has seen the whole body.
    let tshark_at_once = tshark(capture).args(["-o", "http.desegment_body:FALSE"]);
    let seen = messages(tshark_at_once.args(decode_as("http", &connection.ports())), Http::One);
    let (seen_answers, seen_requests): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|message| !message.contains(' '));
    assert_eq!(seen_requests, requests.iter().map(|e| e.request(connection)).collect::<Vec<_>>());
    assert_eq!(seen_answers, answers.iter().map(Exchange::status).collect::<Vec<_>>());

    let cut = fields(tshark(capture).args(["-Y", "frame.cap_len < frame.len"]), ["frame.number"]);
    assert!(!cut.is_empty(), "something was cut");
}

#[track_caller]
fn assert_is_only(capture: &Path, &Connection { client, server, .. }: &Connection) {
    assert_healthy(capture);
    assert_eq!(ways(capture), [(0, client, server), (0, server, client)].into());
}

/// The bodies of HTTP/1 messages that say their length.
#[track_caller]
fn http1_bodies(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of the headers");
        let headers = std::str::from_utf8(&bytes[..end]).expect("ASCII headers").to_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        let (body, rest) = bytes[end + 4..].split_at_checked(length).expect("the whole body");
        bodies.push(body);
        bytes = rest;
    }
    bodies
}

/// What the DATA frames hold, none of them padded.
#[track_caller]
fn http2_data(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap_or(bytes);
    let mut data = Vec::new();
    while let Some((&[high, middle, low, kind, ..], rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let (payload, rest) = rest.split_at_checked(length).expect("a whole frame");
        if kind == 0 {
            data.extend(payload);
        }
        bytes = rest;
    }
    data
}
