//! Finds the end of a string in text or JSON, which escape alike.

use memchr::memchr2;

/// Where the string ends that has been looked through up to `from`: behind its closing `quote`, or at the end of its line,
/// which ends it too, as neither format has line ends in strings (whoever reads the string says that it is broken).
/// `None` if it goes on behind `bytes`: then all of them have been looked through.
pub(crate) fn end_of_string(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
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
