//! The headers of an ICMP message (RFC 792), or of an ICMPv6 message (RFC 4443) where the addresses are IPv6's.

use etherparse::IpNumber;

use super::checksum;
pub use super::datagram::{DatagramHeaders, Route};

/// The headers before `payload`, up to the four bytes after the checksum, which depend on the type: `rest`. The message has
/// `original_len` bytes of payload, no fewer than are captured.
#[must_use]
pub fn headers(
    route: &Route,
    [kind, code]: [u8; 2],
    rest: [u8; 4],
    payload: &[u8],
    original_len: usize,
) -> DatagramHeaders {
    let [a, b, c, d] = rest;
    let mut header = [kind, code, 0, 0, a, b, c, d];
    let (protocol, checksum) = if route.is_ipv4() {
        // There is no pseudo header.
        let sum = checksum::sum(&header) + checksum::sum(payload);
        (IpNumber::ICMP, (!checksum::fold(sum)).to_le_bytes())
    } else {
        (IpNumber::IPV6_ICMP, route.checksum(IpNumber::IPV6_ICMP, &header, payload, original_len))
    };
    header[2..4].copy_from_slice(&checksum);
    route.headers(protocol, &header, original_len)
}
