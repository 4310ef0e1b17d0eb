//! Bytes and strings in JSON: base64 of either alphabet, escapes, and what is there of those in which the record ends.

use std::ops::Range;

use base64_simd::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::scan::{cut, string_end};
use super::values::{self, Text};
use crate::protobuf::{Bytes, Damage, Home, Rest};

/// No word that is in place of bytes has so many characters of base64 in a row.
const MIN_BASE64: usize = 64;

/// A string in a record.
pub(super) struct JsonString {
    /// What is between the quotes.
    pub(super) content: Range<usize>,
    pub(super) end: usize,
    /// The record does not end in it.
    is_whole: bool,
}

/// The string that begins at `at`.
pub(super) fn string(record: &[u8], at: usize) -> Result<JsonString, Damage> {
    if record.get(at) != Some(&b'"') {
        return Err(Damage::new(at, "a string is expected here"));
    }
    let start = at + 1;
    let (end, is_whole) = match string_end(record, at) {
        Some(end) if end > start && record[end - 1] == b'"' => (end, true),
        // It ends with its line, and nothing is on the next one.
        Some(end) if record[end..].trim_ascii().is_empty() => (end, false),
        Some(_) => return Err(Damage::new(at, "unterminated string")),
        None => (record.len(), false),
    };
    let content = if is_whole { start..end - 1 } else { start..end };
    Ok(JsonString { content, end, is_whole })
}

/// Puts the string that begins at `at` in place of what `to` has, and returns where it ends.
pub(super) fn unescape(record: &[u8], at: usize, to: &mut Vec<u8>) -> Result<usize, Damage> {
    let string = string(record, at)?;
    if !string.is_whole {
        return Err(cut(at));
    }
    to.clear();
    append(record, at, &string, to)?;
    Ok(string.end)
}

/// Puts the bytes of which base64 begins at `at` in place of what `to` has, and returns where it ends.
pub(super) fn decode(record: &[u8], at: usize, to: &mut Vec<u8>) -> Result<usize, Damage> {
    let mut base64 = Vec::new();
    let end = unescape(record, at, &mut base64)?;
    to.clear();
    decode_base64(&base64, to).map_err(|_| Damage::new(at, "a value is not valid base64"))?;
    Ok(end)
}

/// Appends the bytes to `scratch` of which base64 begins at `at`, and returns where it ends. Bytes that some program has
/// replaced are missing.
pub(super) fn place_base64(
    record: &[u8],
    at: usize,
    scratch: &mut Vec<u8>,
    to: &mut Option<Bytes>,
) -> Result<usize, Damage> {
    let start = scratch.len();
    let string = string(record, at)?;
    let content = &record[string.content.clone()];
    let mut bytes = Bytes { home: Home::Scratch, ..Bytes::default() };
    let unescaped;
    let content = if memchr::memchr(b'\\', content).is_some() && string.is_whole {
        unescaped = values::parse::<Text<'_>>(record, at..string.end)?.0;
        &unescaped[..]
    } else {
        content
    };
    if !string.is_whole {
        decode_beginning(content, scratch);
        bytes.rest = Rest::Missing(None);
    } else if decode_base64(content, scratch).is_err() {
        scratch.truncate(start);
        let valid = content.iter().take_while(|&&byte| is_base64(byte)).count();
        if valid < MIN_BASE64 {
            bytes.rest = Rest::Replaced;
        } else {
            decode_beginning(&content[..valid], scratch);
            bytes.rest = Rest::Missing(None);
            let place = string.content.start + valid.min(string.content.len());
            bytes.damage = Some(Damage::new(place, "a body is not valid base64").in_event());
        }
    }
    bytes.range = start..scratch.len();
    *to = Some(bytes);
    if string.is_whole { Ok(string.end) } else { Err(cut(at)) }
}

/// Appends the string that begins at `at` to `scratch`, and returns where it ends.
pub(super) fn place_string(
    record: &[u8],
    at: usize,
    scratch: &mut Vec<u8>,
    to: &mut Option<Bytes>,
) -> Result<usize, Damage> {
    let start = scratch.len();
    let string = string(record, at)?;
    if string.is_whole {
        append(record, at, &string, scratch)?;
    } else {
        // What is there, with a quote after it, is a string again.
        let content = &record[string.content];
        let whole = [&b"\""[..], &content[..whole_escapes(content)], b"\""].concat();
        if let Ok(Text(text)) = values::parse::<Text<'_>>(&whole, 0..whole.len()) {
            scratch.extend_from_slice(&text);
        }
    }
    let rest = if string.is_whole { Rest::None } else { Rest::Missing(None) };
    *to = Some(Bytes { range: start..scratch.len(), home: Home::ScratchText, rest, damage: None });
    if string.is_whole { Ok(string.end) } else { Err(cut(at)) }
}

/// Appends a string that is whole, its escapes resolved.
fn append(record: &[u8], at: usize, string: &JsonString, to: &mut Vec<u8>) -> Result<(), Damage> {
    let content = &record[string.content.clone()];
    match memchr::memchr(b'\\', content) {
        None => to.extend_from_slice(content),
        Some(_) => to.extend_from_slice(&values::parse::<Text<'_>>(record, at..string.end)?.0),
    }
    Ok(())
}

/// How much of a string that is cut stands before an escape that is.
fn whole_escapes(content: &[u8]) -> usize {
    /// Two escapes of UTF-16, which make one character.
    const LONGEST: usize = 12;
    let from = content.len().saturating_sub(LONGEST);
    let mut end = content.len();
    for at in (from..content.len()).rev() {
        let escapes = content[..=at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        if escapes.is_multiple_of(2) {
            continue;
        }
        let escape = &content[at..];
        // The second half of a surrogate pair may be missing.
        let is_high =
            matches!(escape, [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a' | b'b' | b'A' | b'B', ..]);
        let length = match escape {
            [_, b'u', ..] if is_high => 12,
            [_, b'u', ..] => 6,
            _ => 2,
        };
        if escape.len() < length {
            end = at;
        }
    }
    end
}

/// Whether a byte is of either alphabet.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Protobuf's JSON takes either alphabet, with and without padding.
fn decode_base64(base64: &[u8], out: &mut Vec<u8>) -> Result<(), base64_simd::Error> {
    let is_url_safe = || memchr::memchr2(b'-', b'_', base64).is_some();
    match (STANDARD.decode_append(base64, out), base64.len() % 4) {
        (Err(_), 0) if is_url_safe() => URL_SAFE.decode_append(base64, out),
        (Err(_), 1..) if is_url_safe() => URL_SAFE_NO_PAD.decode_append(base64, out),
        (Err(_), 1..) => STANDARD_NO_PAD.decode_append(base64, out),
        (decoded, _) => decoded,
    }
}

/// Decodes base64 that is cut anywhere: all bytes of which every bit is there.
fn decode_beginning(base64: &[u8], out: &mut Vec<u8>) {
    let valid = base64.iter().take_while(|&&byte| is_base64(byte)).count();
    let (whole, rest) = base64[..valid].split_at(valid / 4 * 4);
    if decode_base64(whole, out).is_err() {
        return;
    }
    // Zeros fill the last group; of these bits no byte is kept.
    let mut group = [b'A'; 4];
    group[..rest.len()].copy_from_slice(rest);
    let end = out.len() + rest.len().saturating_sub(1);
    if decode_base64(&group, out).is_ok() {
        out.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_base64_gives_the_bytes_that_are_there() {
        let bytes: Vec<u8> = (0..=255).collect();
        let base64 = base64_simd::STANDARD.encode_to_string(&bytes);
        for length in 0..=base64.len() {
            let mut out = b"before".to_vec();
            decode_beginning(&base64.as_bytes()[..length], &mut out);
            let decoded = length.min(base64.trim_end_matches('=').len()) * 3 / 4;
            assert_eq!(out, [b"before", &bytes[..decoded]].concat(), "{length}");
        }
    }

    #[test]
    fn an_escape_is_whole_or_left_out() {
        for (content, whole) in [
            ("abc", "abc"),
            ("ab\\", "ab"),
            ("ab\\\\", "ab\\\\"),
            ("ab\\n", "ab\\n"),
            ("ab\\u00e", "ab"),
            ("ab\\u00e9", "ab\\u00e9"),
            ("ab\\ud83d", "ab"),
            ("ab\\ud83d\\ude0", "ab"),
            ("ab\\ud83d\\ude00", "ab\\ud83d\\ude00"),
            ("ab\\\\u00", "ab\\\\u00"),
        ] {
            assert_eq!(&content[..whole_escapes(content.as_bytes())], whole, "{content}");
        }
    }
}
