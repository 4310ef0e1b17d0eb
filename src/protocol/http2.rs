//! HTTP/2 (RFC 9113): the client's preface, the server's SETTINGS; and the header that makes it gRPC.

use memchr::memmem;

use super::{Sender, agrees, big_endian};

/// What a client sends first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Enough of it where there is no more.
const LEAST: usize = 6;
/// A setting: an identifier and a value (RFC 9113 section 6.5.1).
const SETTING: u32 = 6;
/// More than a server has to say in its first frame, in bytes.
const LONGEST_SETTINGS: u32 = 32 * SETTING;
/// `application/grpc` in HPACK's Huffman code (RFC 7541 appendix B), which ends with a byte, and as literal.
const GRPC: [&[u8]; 2] =
    [&[0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65, 0x64], b"application/grpc"];

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    if bytes.len() >= LEAST && agrees(bytes, PREFACE) {
        return Some(Sender::Client);
    }
    is_settings(bytes).then_some(Sender::Server)
}

/// A SETTINGS frame that is no acknowledgment, on stream 0.
fn is_settings(bytes: &[u8]) -> bool {
    let Some(length) = big_endian::<3>(bytes, 0) else { return false };
    let is_frame = bytes.get(3..9) == Some(&[4, 0, 0, 0, 0, 0]);
    is_frame && length % SETTING == 0 && length <= LONGEST_SETTINGS
}

/// Whether bytes of HTTP/2 have the content type of a gRPC call. That of gRPC-Web begins in the same way.
pub(crate) fn has_grpc(bytes: &[u8]) -> bool {
    let [coded, literal] = GRPC;
    // In the code `-` is 010110, which neither `+` nor `;` nor the beginning of another header's length is.
    let is_coded = |at: usize| {
        let is_all = at > 0 && bytes[at - 1] & 0x7f == coded.len() as u8;
        is_all || bytes.get(at + coded.len()).is_none_or(|next| next >> 2 != 0b01_0110)
    };
    let is_literal = |at: usize| bytes.get(at + literal.len()) != Some(&b'-');
    memmem::find_iter(bytes, coded).any(is_coded) || memmem::find_iter(bytes, literal).any(is_literal)
}
