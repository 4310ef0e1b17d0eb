//! The headers of a UDP datagram (RFC 768).

use etherparse::{IpNumber, UdpHeader};

pub use super::datagram::{DatagramHeaders, Route};

/// The headers before `payload`, between two ports: source and destination. The datagram has `original_len` bytes of payload, at
/// most 65,507 in IPv4 and 65,527 in IPv6, and no fewer than are captured.
#[must_use]
pub fn headers(route: &Route, ports: [u16; 2], payload: &[u8], original_len: usize) -> DatagramHeaders {
    let [source_port, destination_port] = ports;
    let length = u16::try_from(UdpHeader::LEN + original_len).unwrap_or(u16::MAX);
    let mut header = UdpHeader { source_port, destination_port, length, checksum: 0 }.to_bytes();
    let checksum = match route.checksum(IpNumber::UDP, &header, payload, original_len) {
        // 0 says that there is none.
        [0, 0] => [0xff, 0xff],
        checksum => checksum,
    };
    header[6..8].copy_from_slice(&checksum);
    route.headers(IpNumber::UDP, &header, original_len)
}
