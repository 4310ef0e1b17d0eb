//! The headers of an SCTP packet (RFC 9260 section 3.1): the common header, before the chunks.

use crc::{CRC_32_ISCSI, Crc, Table};
use etherparse::IpNumber;

pub use super::datagram::{DatagramHeaders, Route};

const CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
const ZEROS: [u8; 1024] = [0; 1024];

/// The headers before `chunks`, between two ports: source and destination. The packet has `original_len` bytes of chunks, no fewer
/// than are captured.
#[must_use]
pub fn headers(
    route: &Route,
    ports: [u16; 2],
    verification_tag: u32,
    chunks: &[u8],
    original_len: usize,
) -> DatagramHeaders {
    let header = common_header(ports, verification_tag, chunks, original_len);
    route.headers(IpNumber::SCTP, &header, original_len)
}

/// A whole packet: the common header, and the chunks after it.
#[must_use]
pub fn packet(ports: [u16; 2], verification_tag: u32, chunks: &[u8]) -> Vec<u8> {
    let mut packet = common_header(ports, verification_tag, chunks, chunks.len()).to_vec();
    packet.extend_from_slice(chunks);
    packet
}

fn common_header(ports: [u16; 2], verification_tag: u32, chunks: &[u8], original_len: usize) -> [u8; 12] {
    let mut header = [0; 12];
    header[0..2].copy_from_slice(&ports[0].to_be_bytes());
    header[2..4].copy_from_slice(&ports[1].to_be_bytes());
    header[4..8].copy_from_slice(&verification_tag.to_be_bytes());
    let mut crc = CRC32C.digest();
    crc.update(&header);
    crc.update(chunks);
    // As for other checksums, what is not captured counts as zeros.
    let mut missing = original_len.saturating_sub(chunks.len());
    while missing > 0 {
        let zeros = missing.min(ZEROS.len());
        crc.update(&ZEROS[..zeros]);
        missing -= zeros;
    }
    // The checksum is written with its least significant byte first (RFC 9260 appendix A).
    header[8..12].copy_from_slice(&crc.finalize().to_le_bytes());
    header
}
