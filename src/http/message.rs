//! What flows from the decoders: an exchange of request and response, piece by piece.

use super::{Headers, Message};
pub use crate::trace::Truncation;
use crate::trace::{Connection, TraceId};

/// A piece of an exchange that an HTTP tap recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The trace. Buffered ones have no id, save what the name of their file says.
    pub trace: TraceId,
    /// Which of the input's records it comes from, from 1: a buffered trace is in one record.
    pub record: u64,
    /// When the headers of its message were received, in nanoseconds since the Unix epoch, where the trace says so.
    pub time: Option<u64>,
    /// Which message it is of.
    pub message: Message,
    /// What it is.
    pub what: Piece,
    /// The connections, with the first part of a record that tells them.
    pub connections: Option<Box<Connections>>,
}

/// What a part of a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The headers, the pseudo-headers among them.
    Head(Headers),
    /// Bytes of the body.
    Body {
        /// What the trace holds of them.
        bytes: Vec<u8>,
        /// Whether there were more, at the end of the piece.
        truncation: Truncation,
        /// They come from a format that keeps only what is UTF-8.
        is_text: bool,
    },
    /// The trailers.
    Trailers(Headers),
    /// The message is over.
    End,
}

/// The connections that an exchange went over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// `downstream_connection`: from the client to Envoy, which is local.
    pub downstream: Option<Box<Connection>>,
    /// `upstream_connection`: from Envoy, which is local, to the cluster's host.
    pub upstream: Option<Box<Connection>>,
}

impl Connections {
    /// Whether the exchange is known to have reached no upstream host: Envoy records a connection without addresses then.
    #[must_use]
    pub fn has_no_upstream(&self) -> bool {
        self.upstream.as_ref().is_some_and(|upstream| upstream.local.is_none() && upstream.remote.is_none())
    }
}
