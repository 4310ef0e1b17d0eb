//! Reads the exchanges of an HTTP/2 connection from its frames.

use std::collections::BTreeMap;

use super::exchange::{Exchange, Message};
use super::frames::{Frame, What, frames};
use crate::capture::Sent;

/// The exchanges between a client and a server, by their streams.
#[track_caller]
pub(crate) fn exchanges(client: &Sent, server: &Sent) -> Vec<Exchange> {
    let mut streams: BTreeMap<u32, Exchange> = BTreeMap::new();
    let mut newest = 0;
    for (stream, message) in messages(frames(client, true)) {
        assert_eq!(stream % 2, 1, "the client's streams have odd numbers");
        streams.entry(stream).or_default().request = Some(message);
    }
    for (stream, message) in messages(frames(server, false)) {
        streams.entry(stream).or_default().response = Some(message);
    }
    for &stream in streams.keys() {
        assert_eq!(stream, newest + if newest == 0 { 1 } else { 2 }, "no stream is left out");
        newest = stream;
    }
    streams.into_values().collect()
}

#[track_caller]
fn messages(frames: Vec<Frame>) -> BTreeMap<u32, Message> {
    let mut messages: BTreeMap<u32, Message> = BTreeMap::new();
    for frame in frames {
        match (frame.what, messages.get_mut(&frame.stream)) {
            (What::Headers(headers), None) => {
                let newest = messages.keys().next_back().copied().unwrap_or_default();
                let is_request = headers.iter().any(|(name, _)| name == ":method");
                assert!(!is_request || frame.stream > newest, "new streams have higher numbers");
                messages.insert(frame.stream, Message { headers, time: frame.time, ..Message::default() });
            }
            (What::Headers(trailers), Some(message)) => {
                assert!(
                    frame.ends_stream && message.trailers.is_empty(),
                    "trailers are the end: {trailers:?}"
                );
                message.trailers = trailers;
            }
            (What::Data(piece), Some(message)) => message.body.push(piece),
            (What::Data(piece), None) => panic!("{piece:?} belongs to no message"),
        }
    }
    for message in messages.values() {
        let regular = message.headers.iter().skip_while(|(name, _)| name.starts_with(':'));
        assert!(
            regular.clone().all(|(name, _)| !name.starts_with(':')),
            "pseudo-headers come first: {message:?}"
        );
        let names = message.headers.iter().chain(&message.trailers).map(|(name, _)| name);
        assert!(names.clone().all(|name| *name == name.to_ascii_lowercase()), "lower case: {message:?}");
    }
    messages
}
