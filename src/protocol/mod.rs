//! Which protocol a connection carries, and which side of it is the client, from the first bytes of one direction.
//!
//! The conversion asks to find out who opened a connection, `info` to name the protocol and to advise tshark. Both ask [`recognize`], so they give the same answer for the same bytes. Each protocol has a recognizer
//! that wants enough of its fixed bytes that random bytes do not pass; what only looks like a protocol stays unnamed.

mod amqp;
pub(crate) mod http1;
pub(crate) mod http2;
mod kafka;
mod mongodb;
mod mqtt;
mod mysql;
mod postgresql;
mod redis;
mod smtp;
mod ssh;
mod tls;
mod tshark;

use serde::Serialize;

use crate::trace::{Direction, Side};
pub(crate) use http1::is_websocket_upgrade;
pub(crate) use http2::has_grpc;
pub(crate) use tshark::wireshark_name;

/// The bytes of an event that are looked at.
pub(crate) const LOOK_AT: usize = 4096;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Protocol {
    /// AMQP 0-9-1 or 1.0.
    #[serde(rename = "AMQP")]
    Amqp,
    /// gRPC, over HTTP/2.
    #[serde(rename = "gRPC")]
    Grpc,
    /// HTTP/1.0 or HTTP/1.1.
    #[serde(rename = "HTTP/1.1")]
    Http1,
    /// HTTP/2 with prior knowledge, or behind TLS.
    #[serde(rename = "HTTP/2")]
    Http2,
    /// Kafka.
    Kafka,
    /// MongoDB's wire protocol.
    #[serde(rename = "MongoDB")]
    MongoDb,
    /// MQTT 3.1 to 5.
    #[serde(rename = "MQTT")]
    Mqtt,
    /// MySQL's client/server protocol.
    #[serde(rename = "MySQL")]
    MySql,
    /// PostgreSQL's frontend/backend protocol.
    #[serde(rename = "PostgreSQL")]
    PostgreSql,
    /// RESP, Redis's protocol.
    Redis,
    /// SMTP.
    #[serde(rename = "SMTP")]
    Smtp,
    /// SSH.
    #[serde(rename = "SSH")]
    Ssh,
    /// TLS that the proxy passed through.
    #[serde(rename = "TLS")]
    Tls,
    /// WebSocket, behind an upgrade of HTTP/1.1.
    WebSocket,
    /// Nothing of these.
    #[default]
    #[serde(rename = "other")]
    Other,
}

impl Protocol {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amqp => "AMQP",
            Self::Grpc => "gRPC",
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Kafka => "Kafka",
            Self::MongoDb => "MongoDB",
            Self::Mqtt => "MQTT",
            Self::MySql => "MySQL",
            Self::PostgreSql => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Smtp => "SMTP",
            Self::Ssh => "SSH",
            Self::Tls => "TLS passed through",
            Self::WebSocket => "WebSocket",
            Self::Other => "other",
        }
    }
}

/// What the first bytes of one direction of a connection show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognized {
    /// The protocol.
    pub protocol: Protocol,
    /// The side that is the client; `None` where both sides begin in the same way.
    pub client: Option<Side>,
}

/// Who sends bytes that are recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Client,
    Server,
    Either,
}

/// Finds out who sends these first bytes, if they are of its protocol.
type Recognizer = fn(&[u8]) -> Option<Sender>;

/// The recognizer of each protocol.
const RECOGNIZERS: [(Protocol, Recognizer); 12] = [
    (Protocol::Http1, http1::sender),
    (Protocol::Http2, http2::sender),
    (Protocol::Tls, tls::sender),
    (Protocol::PostgreSql, postgresql::sender),
    (Protocol::MySql, mysql::sender),
    (Protocol::Redis, redis::sender),
    (Protocol::MongoDb, mongodb::sender),
    (Protocol::Amqp, amqp::sender),
    (Protocol::Mqtt, mqtt::sender),
    (Protocol::Ssh, ssh::sender),
    (Protocol::Smtp, smtp::sender),
    // Last, as it has the fewest fixed bytes.
    (Protocol::Kafka, kafka::sender),
];

/// Recognizes the first bytes that a connection carried in one direction.
#[must_use]
pub fn recognize(direction: Direction, bytes: &[u8]) -> Option<Recognized> {
    let bytes = &bytes[..bytes.len().min(LOOK_AT)];
    let (protocol, sender) =
        RECOGNIZERS.iter().find_map(|(protocol, sender)| Some((*protocol, sender(bytes)?)))?;
    let client = match sender {
        Sender::Client => Some(Side::sender(direction)),
        Sender::Server => Some(Side::sender(direction.reverse())),
        Sender::Either => None,
    };
    Some(Recognized { protocol, client })
}

/// Whether what there is of `bytes`, which may break off, agrees with `expected`.
fn agrees(bytes: &[u8], expected: &[u8]) -> bool {
    bytes.iter().zip(expected).all(|(byte, expected)| byte == expected)
}

/// The number at `at`, big-endian.
fn big_endian<const N: usize>(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk::<N>()?;
    Some(field.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}

/// The number at `at`, little-endian.
fn little_endian<const N: usize>(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk::<N>()?;
    Some(field.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}

/// Whether a text has printable ASCII only.
fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b' '..=b'~').contains(byte))
}
