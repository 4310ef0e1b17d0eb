//! An event that has been found, seen without its bytes: to decide what to do with it before it is taken.

use super::{Connection, Direction, TraceId};

/// An event as far as it can be seen without its bytes: the fields are those of [`Event`](super::Event).
#[derive(Clone, Copy, Debug)]
pub struct EventHeader<'a> {
    /// The trace.
    pub trace: TraceId,
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// `SocketEvent.seq_num`.
    pub seq_num: u64,
    /// What happened.
    pub what: HeaderKind<'a>,
}

/// What happened, without the bytes.
#[derive(Clone, Copy, Debug)]
pub enum HeaderKind<'a> {
    /// A trace begins, with these addresses.
    Opened(Option<&'a Connection>),
    /// Bytes were read or written.
    Data {
        /// Which way they went.
        direction: Direction,
        /// How many of them the trace holds.
        captured_len: usize,
        /// They are all that there were.
        is_length_known: bool,
        /// The proxy asked for the connection's write side to be closed after them.
        end_stream: bool,
    },
    /// The connection closed.
    Closed,
    /// Nothing more is known.
    Ended,
}
