//! The ids of traces and spans, as bytes, hexadecimal digits or base64.

use base64_simd::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// The id of a trace in hexadecimal digits: 32, or 16, which stand for the lower half (W3C Trace Context, B3). 0 is none.
pub(super) fn trace_of_hex(text: &[u8]) -> Option<u128> {
    if !matches!(text.len(), 16 | 32) {
        return None;
    }
    hex(text)
}

/// The id of a span in 16 hexadecimal digits. 0 is none.
pub(super) fn span_of_hex(text: &[u8]) -> Option<u64> {
    if text.len() == 16 { hex(text)?.try_into().ok() } else { None }
}

fn hex(text: &[u8]) -> Option<u128> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(u128::from);
    let number = text.iter().try_fold(0, |number: u128, &byte| Some(number << 4 | digit(byte)?))?;
    (number != 0).then_some(number)
}

/// The id of a trace in a span's bytes, or in the text of its JSON: hexadecimal (32 or 16 digits) or base64 (24 or 22, 12 or 11).
pub(super) fn trace(bytes: &[u8], is_text: bool) -> Option<u128> {
    let number = match (is_text, bytes.len()) {
        (false, _) => return number(bytes),
        (true, 16 | 32) => return trace_of_hex(bytes),
        (true, _) => base64(bytes)?,
    };
    self::number(&number)
}

/// The same of a span: 16 digits, or 12 or 11 of base64.
pub(super) fn span(bytes: &[u8], is_text: bool) -> Option<u64> {
    match (is_text, bytes.len()) {
        (false, 8) => number(bytes)?.try_into().ok(),
        (true, 16) => span_of_hex(bytes),
        (true, 11 | 12) => number(&base64(bytes)?)?.try_into().ok(),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> Option<u128> {
    if !matches!(bytes.len(), 8 | 16) {
        return None;
    }
    let number = bytes.iter().fold(0, |number: u128, &byte| number << 8 | u128::from(byte));
    (number != 0).then_some(number)
}

/// The bytes of base64 of either alphabet, padded or not.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|alphabet| alphabet.decode_to_vec(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_every_form() {
        let hex = b"6ed0be41e135b48614af8099f920a57b";
        let number: u128 = 0x6ed0_be41_e135_b486_14af_8099_f920_a57b;
        let expected = Some(number);
        assert_eq!(trace(hex, true), expected);
        assert_eq!(trace(b"btC+QeE1tIYUr4CZ+SClew==", true), expected);
        assert_eq!(trace(b"btC-QeE1tIYUr4CZ-SClew", true), expected);
        assert_eq!(trace(&number.to_be_bytes(), false), expected);
        assert_eq!(trace(b"48485a3953bb6124", true), Some(0x4848_5a39_53bb_6124));
        assert_eq!(span(b"9cXxug1ipbU=", true), Some(0xf5c5_f1ba_0d62_a5b5));
        for none in [&b""[..], b"0000000000000000", b"xx", b"zzzzzzzzzzzzzzzz"] {
            assert_eq!((trace(none, true), span(none, true)), (None, None));
        }
    }
}
