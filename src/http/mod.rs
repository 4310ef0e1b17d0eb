//! HTTP taps: what they recorded of requests and responses becomes the conversation as it would have stood on a plain-text
//! wire.

mod headers;
mod part;

pub use headers::{Headers, MAX_HEADERS};
pub use part::{Connections, Part, Piece};

/// Which of the two messages of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// From the client.
    Request = 0,
    /// To the client.
    Response = 1,
}
