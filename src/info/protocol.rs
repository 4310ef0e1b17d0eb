//! Recognizes what a connection speaks from its first bytes.

use memchr::memmem::find;
use serde::Serialize;

use crate::trace::{Direction, Side};

/// The ports on which Wireshark decodes HTTP/2 without being told to.
pub(super) const HTTP2_PORTS: [u16; 10] = [80, 1900, 2710, 2869, 3128, 3132, 5985, 8080, 8088, 11371];
/// `application/grpc` as HPACK's Huffman code has it (RFC 7541 appendix B), and as it stands.
const GRPC: [&[u8]; 2] =
    [&[0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65, 0x64], b"application/grpc"];
/// The content type of a gRPC call stands in the first bytes of its connection.
const LOOK_AT: usize = 4096;

/// What the bytes of a connection are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    #[serde(rename = "HTTP/1.1")]
    Http1,
    /// HTTP/2 with prior knowledge, or behind TLS.
    #[serde(rename = "HTTP/2")]
    Http2,
    /// gRPC, over HTTP/2.
    #[serde(rename = "gRPC")]
    Grpc,
    /// TLS that the proxy passed on.
    #[serde(rename = "TLS")]
    Tls,
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
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Grpc => "gRPC",
            Self::Tls => "TLS",
            Self::Other => "other",
        }
    }
}

/// Sees a connection's bytes go by.
#[derive(Debug, Default)]
pub(super) struct Recognizer {
    /// By the first bytes of either direction.
    protocol: Protocol,
    client: Option<Side>,
    has_begun: [bool; 2],
    /// How much has been looked at for gRPC.
    looked_at: usize,
}

impl Recognizer {
    pub(super) fn see(&mut self, direction: Direction, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.has_begun[direction as usize], true) {
            self.begin(direction, bytes);
        }
        if self.protocol == Protocol::Http2 && self.looked_at < LOOK_AT {
            let bytes = &bytes[..bytes.len().min(LOOK_AT)];
            self.looked_at += bytes.len();
            if GRPC.iter().any(|grpc| find(bytes, grpc).is_some()) {
                self.protocol = Protocol::Grpc;
            }
        }
    }

    fn begin(&mut self, direction: Direction, bytes: &[u8]) {
        let sender = Side::sender(direction);
        let (protocol, client) = if bytes.starts_with(b"PRI * HTTP/2.0") {
            (Protocol::Http2, sender)
        } else if is_http1_request(bytes) {
            (Protocol::Http1, sender)
        } else if bytes.starts_with(b"HTTP/1.") {
            (Protocol::Http1, Side::sender(direction.reverse()))
        } else if let [0x16, 0x03, 0..=4, _, _, handshake @ (1 | 2), ..] = bytes {
            (Protocol::Tls, if *handshake == 1 { sender } else { Side::sender(direction.reverse()) })
        } else {
            return;
        };
        if self.protocol == Protocol::Other {
            self.protocol = protocol;
            self.client = Some(client);
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The side that accepted the connection.
    pub(super) fn server(&self) -> Option<Side> {
        self.client.map(|client| if client == Side::Local { Side::Remote } else { Side::Local })
    }
}

/// A method and a space, and the version at the end of the line if the line's end is there.
fn is_http1_request(bytes: &[u8]) -> bool {
    let Some(space) = bytes.iter().take(20).position(|&byte| byte == b' ') else { return false };
    let line = &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())];
    let is_method = space > 0 && bytes[..space].iter().all(u8::is_ascii_uppercase);
    is_method && (line.len() == bytes.len() || find(line, b" HTTP/1.").is_some())
}
