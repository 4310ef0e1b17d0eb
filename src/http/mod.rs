//! HTTP taps: what they recorded of requests and responses becomes the conversation as it would have stood on a plain-text
//! wire.
//!
//! ```text
//! input ──Part──▶ queue ──Exchange──▶ wire ──Event──▶ conversation
//! ```
//!
//! Decoders give [`Part`]s, a [`queue`] for each input completes the exchanges and puts them in order of time, and the
//! [`connections`] makes them events of the connections that carried them, in HTTP/1.1 ([`http1`]) or HTTP/2 ([`http2`]). From there
//! on they go the way of all events.

pub(crate) mod body;
mod coding;
mod connection;
pub mod connections;
mod encoder;
mod exchange;
mod grouping;
mod headers;
mod http1;
pub(crate) mod http2;
mod lookahead;
mod message;
pub mod queue;
mod redacted;
pub(crate) mod tunnel;

pub use exchange::Exchange;
pub use headers::{Headers, MAX_HEADERS};
pub use message::{Connections, Part, Piece, Truncation};

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
