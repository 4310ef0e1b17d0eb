//! HTTP taps: what they recorded of requests and responses becomes the conversation as it would have stood on a plain-text
//! wire.
//!
//! ```text
//! input ──Part──▶ queue ──Exchange──▶ wire ──Event──▶ conversation
//! ```
//!
//! Decoders give [`Part`]s, a [`queue`] for each input completes the exchanges and puts them in order of time, and the
//! [`wire`] makes them events of the connections that carried them, in HTTP/1.1 ([`one`]) or HTTP/2 ([`two`]). From there
//! on they go the way of all events.

mod ahead;
pub(crate) mod body;
mod carrier;
mod coding;
mod course;
mod exchange;
mod headers;
mod one;
mod part;
pub mod queue;
pub(crate) mod tunnel;
mod two;
pub mod wire;

pub use exchange::Exchange;
pub use headers::{Headers, MAX_HEADERS};
pub use part::{Connections, Part, Piece, Truncation};

/// Which of the two messages of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// From the client.
    Request = 0,
    /// To the client.
    Response = 1,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge, in plain text.
    Http2,
}

/// Which of the two connections that an exchange went over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// From the client to Envoy.
    #[default]
    Downstream,
    /// From Envoy to the cluster's host.
    Upstream,
}
