//! What UDP, ICMP and SCTP have in common: headers that are laid out for each packet, between two addresses.

use std::net::IpAddr;

use etherparse::IpNumber;

use super::template::{Addresses, Bytes, HOP_LIMIT, LOCAL_MAC, LinkType, REMOTE_MAC, write_ip, write_link};
use super::{Headers, checksum};
use crate::trace::{Direction, Side};

/// Where a packet comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    link_type: LinkType,
    direction: Direction,
    addresses: Addresses,
    hop_limit: u8,
}

impl Route {
    /// The route from `source` to `destination`; `None` where their IP versions differ.
    #[must_use]
    pub fn new(
        link_type: LinkType,
        direction: Direction,
        source: IpAddr,
        destination: IpAddr,
    ) -> Option<Self> {
        let addresses = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Addresses::V4([source, destination]),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Addresses::V6([source, destination]),
            _ => return None,
        };
        Some(Self { link_type, direction, addresses, hop_limit: HOP_LIMIT })
    }

    /// The route with another time to live, or hop limit.
    #[must_use]
    pub fn with_hop_limit(self, hop_limit: u8) -> Self {
        Self { hop_limit, ..self }
    }

    /// Whether its addresses are IPv4's.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        matches!(self.addresses, Addresses::V4(_))
    }

    /// The link and IP headers, and `transport` after them, of a packet with `payload` bytes.
    pub(super) fn headers(&self, protocol: IpNumber, transport: &[u8], payload: usize) -> DatagramHeaders {
        let sender = |side| if side == Side::Local { LOCAL_MAC } else { REMOTE_MAC };
        let ends = [self.direction, self.direction.reverse()].map(|way| sender(Side::sender(way)));
        let mut bytes = Bytes::default();
        write_link(self.link_type, self.is_ipv4(), ends, &mut bytes);
        write_ip(&self.addresses, protocol, self.hop_limit, Some(transport.len() + payload), &mut bytes);
        bytes.extend(transport);
        DatagramHeaders { bytes }
    }

    /// The checksum of a transport header, its checksum field zero, with the pseudo header before it (RFC 768, RFC 8200
    /// section 8.1) and a payload of `original_len` bytes that goes on with zeros after those that are captured.
    pub(super) fn checksum(
        &self,
        protocol: IpNumber,
        transport: &[u8],
        payload: &[u8],
        original_len: usize,
    ) -> [u8; 2] {
        let addresses = match self.addresses {
            Addresses::V4(addresses) => addresses.map(|address| checksum::sum(&address.octets())),
            Addresses::V6(addresses) => addresses.map(|address| checksum::sum(&address.octets())),
        };
        // 32 bits wide in IPv6. In IPv4 no more than 16 of them are ever used.
        let length = u32::try_from(transport.len() + original_len).unwrap_or(u32::MAX);
        let sum = addresses.iter().sum::<u64>()
            + checksum::sum(&[0, protocol.0])
            + checksum::sum(&length.to_be_bytes())
            + checksum::sum(transport)
            + checksum::sum(payload);
        (!checksum::fold(sum)).to_le_bytes()
    }
}

/// The headers of a packet that is no TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct DatagramHeaders {
    bytes: Bytes,
}

impl Headers for DatagramHeaders {
    fn captured_len(&self) -> usize {
        self.bytes.as_slice().len()
    }

    fn append(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(self.bytes.as_slice());
    }
}
