//! Finds the end of a string in text or JSON, which escape alike.

use memchr::memchr2;

/// Words of eight bytes that are looked through one by one.
const SHORT: usize = 4;

/// The high bit of each byte of a word that equals `byte`, and perhaps of some after the first that does.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    let difference = word ^ (LOW * u64::from(byte));
    difference.wrapping_sub(LOW) & !difference & (LOW << 7)
}

/// Where the string ends that has been looked through up to `from`: behind its closing `quote`, or at the end of its line,
/// which ends it too, as neither format has line ends in strings (whoever reads the string says that it is broken).
/// `None` if it goes on behind `bytes`: then all of them have been looked through.
pub(crate) fn end_of_string(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    // Names and most values are short: they are over before a search for their end would have begun. What has been looked through
    // already may end in a backslash.
    if from > 0 && bytes.get(from - 1) != Some(&b'\\') {
        for word in bytes.get(from..)?.chunks_exact(8).take(SHORT) {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            let found = equal(word, quote) | equal(word, b'\\') | equal(word, b'\n');
            if found == 0 {
                at += 8;
                continue;
            }
            at += found.trailing_zeros() as usize / 8;
            if bytes[at] == quote {
                return Some(at + 1);
            }
            break;
        }
    }
    loop {
        at += memchr2(quote, b'\n', bytes.get(at..)?)?;
        // A quote is escaped where an odd number of backslashes stands before it: the others escape each other. This is
        // faster than to stop at every backslash, of which bytes in text have many.
        let escapes = bytes[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        match bytes[at] {
            b'\n' if escapes.is_multiple_of(2) => return Some(at),
            _ if escapes.is_multiple_of(2) => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Byte by byte.
    fn slowly(bytes: &[u8], from: usize) -> Option<usize> {
        let escapes = bytes[..from].iter().rev().take_while(|&&byte| byte == b'\\').count();
        let mut is_escaped = escapes % 2 == 1;
        for (at, &byte) in bytes.iter().enumerate().skip(from) {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'"' => return Some(at + 1),
                b'\n' => return Some(at),
                b'\\' => is_escaped = true,
                _ => {}
            }
        }
        None
    }

    proptest! {
        #[test]
        fn ends_are_found_wherever_the_search_begins(
            bytes in proptest::collection::vec(
                prop_oneof![8 => Just(b'x'), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => Just(b'\n'), 1 => any::<u8>()],
                2..100,
            ),
            from: proptest::sample::Index,
        ) {
            // So far has been looked, and no end found.
            let most = slowly(&bytes, 1).map_or(bytes.len(), |end| (end - 1).max(1));
            let from = 1 + from.index(most);
            prop_assert_eq!(super::end_of_string(&bytes, from, b'"'), slowly(&bytes, from));
        }
    }
}
