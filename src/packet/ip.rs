//! The headers of an IP packet of any protocol (RFC 791, RFC 8200), with the protocol's header as bytes.

use etherparse::IpNumber;

pub use super::datagram::{DatagramHeaders, Route};

/// The headers of a packet of `protocol`, and `transport` after them: at most 32 bytes.
#[must_use]
pub fn headers(route: &Route, protocol: u8, transport: &[u8]) -> DatagramHeaders {
    route.headers(IpNumber(protocol), transport, 0)
}
