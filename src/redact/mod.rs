//! Redaction: values that must not be in a capture become as many `x`, so that lengths, sequence numbers and framing stay.
//!
//! [`Redaction`] has the names of headers, cookies and query parameters. Whoever writes a payload or a text has it redacted:
//! HTTP taps header by header, before they are encoded; Hubble's flows and spans text by text; socket taps byte by byte.
//!
//! The bytes of a socket tap go on to the capture as they come, so each has to be decided when it comes: [`Connection`] follows
//! HTTP/1 strictly, across events, and knows of every byte whether it is of a redacted value. Names come before values, so
//! nothing has to wait. What cannot be followed is hidden: it is not captured, and its length stays. HTTP/2 packs headers with
//! HPACK, where a value cannot change without those that come after it: its blocks of headers are hidden, its other frames stay.
//! A follower that guesses, as that of [`spans`](crate::spans), finds more messages; here a wrong guess would be a leak.
//!
//! ```text
//! Data ──▶ connection ──▶ http1 ──▶ values ──▶ bytes with x, ranges that are hidden
//!                    └──▶ http2
//! ```

mod connection;
mod exchanges;
mod head;
mod http1;
mod http2;
mod names;
mod rules;
mod values;

use std::ops::Range;

pub use connection::Connection;
pub use names::Name;
pub use rules::Redaction;
pub use values::X;

/// Bytes that are not to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// Where they are.
    pub range: Range<usize>,
    /// Why.
    pub why: Why,
}

/// Why bytes are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// They are a block of headers in HTTP/2.
    Headers,
    /// Nobody knows what they are.
    Unknown,
}

/// Nothing can be followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lost;
