//! UTF-16, which PowerShell's `>` makes of text: to UTF-8.

use super::damage::Progress;
use crate::proto::is_wrapper_tag;

#[derive(Debug)]
pub(crate) struct Utf16 {
    is_big_endian: bool,
}

/// A character takes at most this many bytes in UTF-8.
const CHARACTER: usize = 4;

/// Whether UTF-16 begins with these four bytes, and in which order its bytes are: with a byte order mark, or with two
/// characters of ASCII. No binary tap begins like this: the second byte, or the one behind a length, is a tag. A raw tap
/// may begin with a tag and a length of zero.
pub(crate) fn byte_order(prefix: &[u8; 4]) -> Option<Utf16> {
    let is_ascii = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let is_big_endian = match *prefix {
        [0xff, 0xfe, b, 0] if is_ascii(b) => false,
        [0xfe, 0xff, 0, b] if is_ascii(b) => true,
        [a, 0, b, 0] if is_ascii(a) && is_ascii(b) && !is_wrapper_tag(a) => false,
        [0, a, 0, b] if is_ascii(a) && is_ascii(b) => true,
        _ => return None,
    };
    Some(Utf16 { is_big_endian })
}

impl Utf16 {
    /// The same from the beginning.
    pub(crate) fn anew(&self) -> Self {
        Self { is_big_endian: self.is_big_endian }
    }

    /// Half of a pair, and half of a unit at the end, become U+FFFD.
    pub(crate) fn decode(&self, input: &[u8], is_end: bool, output: &mut [u8]) -> Progress {
        let unit = |at: usize| {
            let bytes = *input.get(at..)?.first_chunk()?;
            Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        let (mut consumed, mut produced) = (0, 0);
        while produced + CHARACTER <= output.len() {
            let Some(first) = unit(consumed) else {
                if is_end && consumed < input.len() {
                    consumed = input.len();
                    produced += char::REPLACEMENT_CHARACTER.encode_utf8(&mut output[produced..]).len();
                }
                break;
            };
            if first < 0x80 {
                output[produced] = first as u8;
                (consumed, produced) = (consumed + 2, produced + 1);
                continue;
            }
            let second = unit(consumed + 2);
            if second.is_none() && (0xd800..0xdc00).contains(&first) && !is_end {
                break;
            }
            let units = [Some(first), second].into_iter().flatten();
            let character = char::decode_utf16(units).next().and_then(Result::ok);
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            consumed += 2 * if character > '\u{ffff}' { 2 } else { 1 };
            produced += character.encode_utf8(&mut output[produced..]).len();
        }
        Progress { consumed, produced, is_waiting: consumed == 0 }
    }
}
