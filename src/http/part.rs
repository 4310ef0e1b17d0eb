//! What flows from the decoders: an exchange of request and response, piece by piece.

use super::{Headers, Message};
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

/// Why the trace has fewer bytes of a piece of a body than the message had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncation {
    /// The piece is whole.
    #[default]
    None,
    /// The tap's limit cut it (`Body.truncated`).
    Limit,
    /// The input ends, or is damaged, inside the piece.
    Input {
        /// How many bytes of the piece are missing, where the record's length field tells. At least 1.
        missing: Option<u64>,
    },
}

impl Truncation {
    /// What `Body.truncated` says.
    #[must_use]
    pub fn by_limit(is_truncated: bool) -> Self {
        if is_truncated { Self::Limit } else { Self::None }
    }

    /// Whether bytes are missing.
    #[must_use]
    pub fn is_cut(self) -> bool {
        self != Self::None
    }
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
