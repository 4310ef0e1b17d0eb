//! What a capture has to show of an exchange, by the rules of synthesis: all that the trace has, and no more than what
//! HTTP needs to say where a message ends.

use super::exchange::{Exchange, Headers, Message};
use crate::tools::Http;

/// What HTTP/1.1 says of the connection, and HTTP/2 must not.
const OF_THE_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Fails the test unless this is what a reader has to see of that.
#[track_caller]
pub(crate) fn assert_shows(http: Http, seen: &Exchange, tapped: &Exchange) {
    let messages = [(&seen.request, &tapped.request), (&seen.response, &tapped.response)];
    for (seen, tapped) in messages {
        match (seen, tapped) {
            (Some(seen), Some(tapped)) => assert_message(http, seen, tapped),
            (None, None) => {}
            _ => panic!("one of them is missing: {seen:?} {tapped:?}"),
        }
    }
}

/// The same of the time at which each message began.
#[track_caller]
pub(crate) fn assert_times(seen: &Exchange, tapped: &Exchange) {
    let times = |exchange: &Exchange| {
        [&exchange.request, &exchange.response].map(|message| message.as_ref().map(|message| message.time))
    };
    assert_eq!(times(seen), times(tapped), "{seen:?}");
}

#[track_caller]
fn assert_message(http: Http, seen: &Message, tapped: &Message) {
    assert_eq!(pseudo(http, seen), pseudo(http, tapped));
    let length = Length::of(tapped);
    assert_eq!(regular(http, seen, length), regular(http, tapped, length));
    // No assert_eq: the bytes would fill the screen.
    assert!(seen.kept() == tapped.kept(), "another body: {seen:?} {tapped:?}");
    // In HTTP/1.1 nothing of a message can follow a hole of unknown length.
    let are_lost = http == Http::One && tapped.is_cut() && seen.trailers.is_empty();
    assert!(are_lost || seen.trailers == tapped.trailers, "the trailers: {seen:?} {tapped:?}");
    assert!(length.can_be(seen.length(), tapped), "the body's length: {seen:?} {tapped:?}");
}

/// How long a body has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// As long as it is, which nothing contradicts.
    Known(usize),
    /// The trace does not tell: longer than what is left of it.
    Longer,
    /// Nothing was cut, and `content-length` says something else: what there is, or the promise and a hole.
    Contradicted(usize),
}

impl Length {
    fn of(message: &Message) -> Self {
        let kept = message.kept().len();
        match message.text("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) if length == kept || message.is_cut() => Self::Known(length),
            // The response to HEAD, and 304.
            Some(_) if message.body.is_empty() => Self::Known(0),
            Some(length) => Self::Contradicted(length),
            None if message.is_cut() => Self::Longer,
            None => Self::Known(kept),
        }
    }

    fn can_be(self, seen: usize, tapped: &Message) -> bool {
        let kept = tapped.kept().len();
        match self {
            Self::Known(length) => seen == length,
            Self::Longer => {
                // One byte stands for what is missing of each piece.
                let cuts = tapped.body.iter().filter(|piece| piece.is_cut()).count();
                (kept + 1..=kept + cuts).contains(&seen)
            }
            Self::Contradicted(length) => seen == kept || seen == length,
        }
    }
}

/// The pseudo-headers; HTTP/1.1 has no scheme, and an order of its own.
fn pseudo(http: Http, message: &Message) -> Headers {
    let mut list: Headers =
        message.headers.iter().filter(|(name, _)| name.starts_with(':')).cloned().collect();
    if http == Http::One {
        list.retain(|(name, _)| name != ":scheme");
        list.sort();
    }
    list
}

/// The others without those that may be added or left out to say where the message ends.
fn regular(http: Http, message: &Message, length: Length) -> Headers {
    let is_free = |name: &str, value: &[u8]| match name {
        "transfer-encoding" => true,
        "content-length" => value == b"0" || matches!(length, Length::Contradicted(_)),
        _ => http == Http::Two && OF_THE_CONNECTION.contains(&name),
    };
    let list = message.headers.iter().filter(|(name, value)| !name.starts_with(':') && !is_free(name, value));
    list.cloned().collect()
}
