//! The model of a trace: what flows from the decoders to the synthesis of TCP.
//!
//! A decoder turns its format into [`Event`]s: one read, write or close of one connection, or the beginning or end of
//! what is known of it. Nothing behind the decoders knows which format, or which generation of Envoy, an event came
//! from.

mod conversation_ids;
mod header;
pub(crate) mod timestamp;

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

pub use conversation_ids::ConversationIds;
pub use header::{EventHeader, HeaderKind};

/// The trace that an event belongs to, unique among the connections that are open at one time in one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId {
    /// How the tap wrote the trace.
    pub kind: Kind,
    /// `trace_id`: for a socket tap Envoy's connection id, which starts over with Envoy; for an HTTP tap a random
    /// number.
    pub id: u64,
}

/// How the tap wrote a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `SocketBufferedTrace`: one message, when the connection closed.
    #[default]
    SocketBuffered,
    /// `SocketStreamedTraceSegment`: a message for each event or batch of events.
    SocketStreamed,
    /// `HttpBufferedTrace`: one message, when the exchange was over.
    HttpBuffered,
    /// `HttpStreamedTraceSegment`: a message for each piece of an exchange.
    HttpStreamed,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SocketBuffered => "socket_buffered",
            Self::SocketStreamed => "socket_streamed",
            Self::HttpBuffered => "http_buffered",
            Self::HttpStreamed => "http_streamed",
        })
    }
}

/// Which way bytes went, as the proxy that recorded them says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Envoy read: remote to local.
    Read = 0,
    /// Envoy wrote: local to remote.
    Write = 1,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::Read => Self::Write,
            Self::Write => Self::Read,
        }
    }
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Envoy.
    Local,
    /// Envoy's peer.
    Remote,
}

impl Side {
    /// The direction of what this side sends.
    #[must_use]
    pub fn sends(self) -> Direction {
        match self {
            Self::Local => Direction::Write,
            Self::Remote => Direction::Read,
        }
    }

    /// The side that sends in `direction`.
    #[must_use]
    pub fn sender(direction: Direction) -> Self {
        match direction {
            Direction::Read => Self::Remote,
            Direction::Write => Self::Local,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Remote => "remote",
        })
    }
}

/// An address as the trace has it (`envoy.config.core.v3.Address`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A numeric IP address and a port.
    Ip(SocketAddr),
    /// A Unix domain socket by its path; `@…` where it is abstract, empty where it is unnamed.
    Pipe(String),
    /// An internal listener by its name.
    Internal(String),
    /// A socket address whose address is no number, or whose port is a name.
    Host(String),
}

impl Endpoint {
    /// The endpoint of a `SocketAddress`: IPv4-mapped IPv6 addresses become IPv4, and a `%scope` is dropped.
    #[must_use]
    pub fn socket(address: &str, port: u16) -> Self {
        let number = address.split_once('%').map_or(address, |(number, _scope)| number);
        match number.parse::<IpAddr>() {
            Ok(ip) => Self::Ip(SocketAddr::new(ip.to_canonical(), port)),
            Err(_) => Self::Host(format!("{address}:{port}")),
        }
    }

    /// The IP address and port, where it has them.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            _ => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::Ip(address) => return address.fmt(f),
            Self::Pipe(path) => ("pipe:", path),
            Self::Internal(name) => ("internal:", name),
            Self::Host(host) => ("", host),
        };
        f.write_str(kind)?;
        // What a trace holds must not steer the terminal on which it is shown.
        name.chars().try_for_each(|char| match char.is_control() {
            true => write!(f, "{}", char.escape_default()),
            false => f.write_char(char),
        })
    }
}

/// The addresses of a connection, as far as one message tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Envoy's address.
    pub local: Option<Endpoint>,
    /// The address of Envoy's peer.
    pub remote: Option<Endpoint>,
    /// `TraceWrapper.configured_sample_rate`: of how many connections the tap records how many (Envoy 1.39, on the
    /// first message of a tap).
    pub sample_rate: Option<SampleRate>,
}

/// An `envoy.type.v3.FractionalPercent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRate {
    /// Sampled connections
    pub numerator: u64,
    /// per this many: 100, 10,000 or 1,000,000.
    pub denominator: u64,
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// What one message, or one part of a message, says of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The trace.
    pub trace: TraceId,
    /// Which of the input's conversations it belongs to: as long as a conversation goes on, no other has its number.
    pub conversation: u32,
    /// When, in nanoseconds since the Unix epoch; 0 for [`What::Opened`] and [`What::Ended`].
    pub time: u64,
    /// `SocketEvent.seq_num`: 1 + the byte offset in the connection, both directions counted together; for
    /// [`What::Closed`] one more than that. 0 where the trace has none (buffered traces, Envoy before 1.37).
    pub seq_num: u64,
    /// What is missing before it.
    pub missing: Option<Missing>,
    /// The addresses, where this message has them.
    pub connection: Option<Box<Connection>>,
    /// What happened.
    pub what: What<'a>,
}

/// A read or write with which nothing is out of the ordinary: it is whole, nothing is missing before it, and the stream
/// does not end with it. Nearly all events of a large trace are like this, and an [`Event`] takes longer to make and to
/// take apart than all else that is done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// As [`Event::trace`].
    pub trace: TraceId,
    /// As [`Event::conversation`].
    pub conversation: u32,
    /// As [`Event::time`].
    pub time: u64,
    /// As [`Event::seq_num`].
    pub seq_num: u64,
    /// Which way the bytes went.
    pub direction: Direction,
    /// All of them.
    pub bytes: &'a [u8],
    /// The binary `Connection` that the event has, not looked into; empty where it has none.
    pub connection: &'a [u8],
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A trace begins: a `connection` segment, or the head of a buffered trace.
    Opened,
    /// Bytes were read or written.
    Data(Data<'a>),
    /// The connection closed.
    Closed,
    /// Nothing more is known of this connection, though the trace does not say that it closed.
    Ended,
}

/// Bytes that were read or written in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Which way they went.
    pub direction: Direction,
    /// What the trace holds of them.
    pub bytes: Cow<'a, [u8]>,
    /// How many there were.
    pub length: Length,
    /// Why there are more than the trace holds, if there are.
    pub truncation: Truncation,
    /// The bytes come from a format that keeps only what is UTF-8.
    pub is_text: bool,
    /// The proxy asked for the connection's write side to be closed after these bytes.
    pub end_stream: bool,
}

impl<'a> Data<'a> {
    /// Bytes that are whole, after which the stream goes on.
    #[must_use]
    pub fn whole(direction: Direction, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            direction,
            bytes: bytes.into(),
            length: Length::Whole,
            truncation: Truncation::None,
            is_text: false,
            end_stream: false,
        }
    }
}

impl<'a> From<Plain<'a>> for Data<'a> {
    fn from(plain: Plain<'a>) -> Self {
        Self::whole(plain.direction, plain.bytes)
    }
}

/// Bytes of a connection that the trace does not have, and has no event for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which way they went, or most likely went.
    pub direction: Direction,
    /// How many.
    pub bytes: u64,
    /// Whole messages were lost; else it is the rest of a body that was cut.
    pub is_lost: bool,
}

/// Why a trace has fewer bytes of a body, or of a piece of one, than there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncation {
    /// It is whole.
    #[default]
    None,
    /// The tap's limit cut it (`Body.truncated`).
    Limit,
    /// The input ends, or is damaged, inside the body.
    Input {
        /// How many bytes are missing, where the record's length field tells. At least 1.
        missing: Option<u64>,
    },
    /// Somebody has removed it from the trace.
    Removed,
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

/// How many bytes a read or write had on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As long as the trace holds it.
    Whole,
    /// This many: more than the trace holds.
    CutFrom(u64),
    /// More than the trace holds; how many is not known, or not known yet.
    Cut,
    /// At least this many, more than the trace holds; how many is not known.
    AtLeast(u64),
    /// This many: more than the trace holds, as its format drops what is not UTF-8.
    Lossy(u64),
    /// Perhaps more than the trace holds, for the same reason.
    Unsure,
}

impl Event<'_> {
    /// The same event with its bytes copied out of the read buffer.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        Event {
            trace: self.trace,
            conversation: self.conversation,
            missing: self.missing,
            time: self.time,
            seq_num: self.seq_num,
            connection: self.connection,
            what: match self.what {
                What::Opened => What::Opened,
                What::Closed => What::Closed,
                What::Ended => What::Ended,
                What::Data(data) => What::Data(Data {
                    direction: data.direction,
                    bytes: Cow::Owned(data.bytes.into_owned()),
                    length: data.length,
                    truncation: data.truncation,
                    is_text: data.is_text,
                    end_stream: data.end_stream,
                }),
            },
        }
    }
}

/// Nanoseconds since the Unix epoch from a `google.protobuf.Timestamp`. Nanos of 1e9 and more carry over (Envoy's UDP
/// sink writes them); what is before 1970 or after 2554 becomes the nearest time that fits.
#[must_use]
#[inline]
pub fn nanoseconds(seconds: i64, nanos: i64) -> u64 {
    // All times that a proxy ever saw, without 128-bit arithmetic.
    if let (0..10_000_000_000, 0..1_000_000_000) = (seconds, nanos) {
        return seconds as u64 * 1_000_000_000 + nanos as u64;
    }
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    u64::try_from(total.max(0)).unwrap_or(u64::MAX)
}
