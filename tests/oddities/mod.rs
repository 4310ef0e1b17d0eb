//! What Envoy does not write today and a reader should take all the same: what the formats leave open, what comes from
//! other hands, and what newer Envoys may add.

mod json;
mod newer;
mod text;

use crate::conversion::{Converted, convert};
use crate::encode::Tap;
use crate::expected::assert_shows;
use crate::model::{Conversation, noise};

/// Enough to go wrong with: every kind of event, times with digits, an id.
fn conversation() -> Conversation {
    Conversation::new(7).read("GET / HTTP/1.1\r\n\r\n").cut_write(noise(300), 100).write(noise(5)).closed()
}

/// Fails the test unless the bytes are [`conversation`] as the tap saw it, and there is nothing to be said of them but
/// that a body was cut.
#[track_caller]
fn assert_is_the_conversation(tap: &Tap, bytes: &[u8]) -> Converted {
    // Shown where the test fails.
    println!("{tap:?}");
    let converted = convert(&[], bytes);
    assert_shows(&converted.capture, &conversation(), tap);
    assert_eq!(converted.capture.streams().len(), 1);
    let warnings = converted.messages.lines().filter(|line| line.starts_with("tap2pcap: "));
    assert!(warnings.clone().all(|line| line.contains("cut")), "{}", converted.messages);
    converted
}
