//! What a trace recorded, event by event, for those who want no capture.

pub use crate::http::{Connections, Headers, Message, Part as MessagePiece, Piece as PieceKind};
pub use crate::trace::{
    Connection, Data, Direction, Endpoint, Event as SocketEvent, Kind as TraceKind, Length, Missing,
    SampleRate, TraceId, Truncation, What as EventKind,
};

/// An event, or a piece of an HTTP message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A piece of an HTTP message, which an HTTP tap recorded.
    Http(MessagePiece),
    /// A read, a write or a close, which a socket tap recorded.
    Socket(SocketEvent<'a>),
}
