//! The Internet checksum (RFC 1071) of a packet's payload.
//!
//! A ones' complement sum may be taken in any word size and either byte order (RFC 1071 section 2), so the payload is
//! summed as little-endian 32-bit words in eight 64-bit lanes, which the compiler turns into vector instructions: about
//! three times as fast as etherparse's, against which the tests hold it.

/// The sum of `bytes` as little-endian words, to be [folded](fold). An odd last byte counts as the first of a word (RFC
/// 1071 section 4.1).
#[inline]
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    // 2^29 words would have to be added to each lane before their sum overflows: 16 GiB of payload.
    let mut lanes = [0u64; 8];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(4)) {
            *lane += u64::from(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        }
    }
    let mut total: u64 = lanes.iter().sum();
    let mut words = chunks.remainder().chunks_exact(4);
    for word in &mut words {
        total += u64::from(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    }
    for (&byte, shift) in words.remainder().iter().zip([0, 8, 16]) {
        total += u64::from(byte) << shift;
    }
    total
}

/// The ones' complement sum that stands in 16 bits, and not complemented: folds the carries of a sum of little-endian
/// words back into them. Its bytes in a header are the little-endian ones.
#[inline]
#[must_use]
pub fn fold(sum: u64) -> u16 {
    // At most 33 bits, then 32, 17 and 16.
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + (sum & 0xffff)) as u16
}

#[cfg(test)]
mod tests {
    use etherparse::checksum::u64_16bit_word::{add_slice, ones_complement};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_etherparse(bytes in proptest::collection::vec(any::<u8>(), 0..5000), skip in 0usize..8) {
            let bytes = bytes.get(skip..).unwrap_or(&[]);
            let theirs = ones_complement(add_slice(0, bytes)).to_be();
            // 0 and 0xffff are the same number in ones' complement.
            let ours = super::fold(super::sum(bytes)).swap_bytes();
            prop_assert!(!ours == theirs || (ours.is_multiple_of(0xffff) && (!theirs).is_multiple_of(0xffff)));
        }
    }
}
