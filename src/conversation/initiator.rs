//! Which side opened a connection. No tap records it; what the first bytes are usually tells.

use super::address::initiator_by_port;
use super::begin::Beginning;
use crate::trace::{Direction, Side};

/// The side that opened a connection that begins so.
pub(super) fn initiator(beginning: &Beginning<'_>) -> Side {
    // A proxy that has yet to connect to a cluster has no local address.
    if beginning.is_upstream {
        return Side::Local;
    }
    beginning
        .first
        .and_then(|(direction, bytes)| by_bytes(direction, bytes))
        .or_else(|| initiator_by_port(beginning.connection))
        .unwrap_or_else(|| beginning.first.map_or(Side::Remote, |(direction, _)| Side::sender(direction)))
}

fn by_bytes(direction: Direction, bytes: &[u8]) -> Option<Side> {
    if is_request(bytes) {
        Some(Side::sender(direction))
    } else if is_response(bytes) {
        Some(Side::sender(direction.reverse()))
    } else {
        None
    }
}

/// Whether these are the first bytes of a client: an HTTP/1 request line, the HTTP/2 preface (RFC 9113 section 3.4) or a
/// TLS ClientHello (RFC 8446 section 4).
fn is_request(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
        b"TRACE ",
        b"PRI * ",
    ];
    METHODS.iter().any(|method| bytes.starts_with(method)) || tls_handshake(bytes) == Some(1)
}

/// Whether these are the first bytes of a server: an HTTP/1 status line or a TLS ServerHello.
fn is_response(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") || tls_handshake(bytes) == Some(2)
}

/// The type of the handshake message that a TLS connection begins with.
fn tls_handshake(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [0x16, 0x03, 0..=4, _, _, handshake, ..] => Some(*handshake),
        _ => None,
    }
}
