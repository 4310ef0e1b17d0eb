//! Which protocol a connection speaks and which side is the client, as its first bytes show: one recognizer for the
//! conversion, which wants to know who opened the connection, and for `info`, which names the protocol and tells readers how
//! to decode it.
//!
//! [`recognize`] looks at the first bytes of one direction, [`Recognizer`] sees those of both go by. What is recognized has to
//! be more than a chance: random bytes are nothing.

mod databases;
mod messaging;
mod web;

use memchr::memmem::find;
use serde::Serialize;

use crate::trace::{Direction, Side};

/// `application/grpc` as HPACK's Huffman code has it (RFC 7541 appendix B), and as it stands.
const GRPC: [&[u8]; 2] =
    [&[0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65, 0x64], b"application/grpc"];
/// The content type of a gRPC call, and the answer to an upgrade, are in the first bytes of a connection.
const LOOK_AT: usize = 4096;

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

    /// Wireshark's dissector for it, and the TCP ports on which Wireshark uses that without being told to; `None` where it
    /// needs no telling on any port, or knows no dissector.
    #[must_use]
    pub(crate) fn dissector(self) -> Option<(&'static str, &'static [u16])> {
        Some(match self {
            Self::Amqp => ("amqp", &[5672]),
            Self::Grpc | Self::Http2 => {
                ("http2", &[80, 1900, 2710, 2869, 3128, 3132, 5985, 8080, 8088, 11371])
            }
            Self::Kafka => ("kafka", &[9092]),
            // Wireshark expects it on 27017, but behind TLS.
            Self::MongoDb => ("mongo", &[]),
            Self::Mqtt => ("mqtt", &[1883]),
            Self::MySql => ("mysql", &[3306]),
            Self::PostgreSql => ("pgsql", &[5432]),
            Self::Redis => ("resp", &[6379]),
            Self::Smtp => ("smtp", &[25, 587]),
            Self::Ssh => ("ssh", &[22, 29418]),
            Self::Http1 | Self::Tls | Self::WebSocket | Self::Other => return None,
        })
    }
}

/// Which end of a connection sends some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The end that opened the connection.
    Client,
    /// The end that accepted it.
    Server,
    /// Both send the like.
    Either,
}

/// What the first bytes of one direction are, and who sends them.
pub(crate) fn recognize(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    web::recognize(bytes).or_else(|| databases::recognize(bytes)).or_else(|| messaging::recognize(bytes))
}

/// The side that opened a connection, by the first bytes that go in `direction`.
pub(crate) fn client(direction: Direction, bytes: &[u8]) -> Option<Side> {
    match recognize(bytes)?.1 {
        Sender::Client => Some(Side::sender(direction)),
        Sender::Server => Some(Side::sender(direction.reverse())),
        Sender::Either => None,
    }
}

/// Sees a connection's bytes go by.
#[derive(Debug, Default)]
pub(crate) struct Recognizer {
    protocol: Protocol,
    client: Option<Side>,
    has_begun: [bool; 2],
    /// How much has been looked at for what HTTP carries.
    looked_at: usize,
}

impl Recognizer {
    pub(crate) fn see(&mut self, direction: Direction, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.has_begun[direction as usize], true)
            && let Some((protocol, _)) = recognize(bytes)
        {
            if self.protocol == Protocol::Other {
                self.protocol = protocol;
            }
            self.client = self.client.or_else(|| client(direction, bytes));
        }
        if self.looked_at < LOOK_AT {
            let bytes = &bytes[..bytes.len().min(LOOK_AT)];
            self.looked_at += bytes.len();
            match self.protocol {
                Protocol::Http2 if GRPC.iter().any(|grpc| find(bytes, grpc).is_some()) => {
                    self.protocol = Protocol::Grpc;
                }
                Protocol::Http1 if web::opens_websocket(bytes) => self.protocol = Protocol::WebSocket,
                _ => {}
            }
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The side that accepted the connection.
    pub(crate) fn server(&self) -> Option<Side> {
        self.client.map(|client| if client == Side::Local { Side::Remote } else { Side::Local })
    }
}

#[cfg(test)]
mod tests;
