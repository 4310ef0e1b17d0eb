//! The header of an Ethernet frame that holds no IP packet (IEEE 802.3).

use etherparse::{EtherType, Ethernet2Header};

use super::Headers;

/// An Ethernet header.
#[derive(Clone, Copy, Debug)]
pub struct EthernetHeaders {
    bytes: [u8; Ethernet2Header::LEN],
}

/// The header of a frame between two MAC addresses, source and destination.
#[must_use]
pub fn headers([source, destination]: [[u8; 6]; 2], ether_type: u16) -> EthernetHeaders {
    EthernetHeaders {
        bytes: Ethernet2Header { source, destination, ether_type: EtherType(ether_type) }.to_bytes(),
    }
}

impl Headers for EthernetHeaders {
    fn captured_len(&self) -> usize {
        self.bytes.len()
    }

    fn append(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.bytes);
    }
}
