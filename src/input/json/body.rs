//! A `Body` in JSON: `as_bytes` in base64, or `as_string`. Of a body in which the record ends, what is there is read; one
//! whose bytes somebody has replaced (`"<redacted>"`) is missing, and the record goes on behind it.

use std::ops::Range;

use base64_simd::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::members::members;
use super::scan::{CUT, ScanError, string_end, value_end};
use super::values::{self, Text};
use crate::input::Damage;
use crate::trace::Truncation;

/// No word that stands in for a body has so many characters of base64 in a row.
const MIN_BASE64: usize = 64;

/// Where a body is in the scratch buffer, and what it is.
#[derive(Debug, Default)]
pub(super) struct JsonBody {
    pub(super) range: Range<usize>,
    pub(super) is_text: bool,
    pub(super) truncation: Truncation,
    /// What is wrong with it, where the record can be read on.
    pub(super) damage: Option<Damage>,
}

/// Appends the bytes of the `Body` that begins at `at` to `scratch`, and keeps in `to` what has been read. Returns where the
/// body ends.
pub(super) fn body(
    record: &[u8],
    at: usize,
    to: &mut Option<JsonBody>,
    scratch: &mut Vec<u8>,
) -> Result<usize, Damage> {
    if record[at] == b'"' {
        // Somebody has replaced all of it.
        let end = value_end(record, at)?;
        *to = Some(JsonBody { truncation: Truncation::Removed, ..JsonBody::default() });
        return Ok(end);
    }
    let start = scratch.len();
    let mut body = JsonBody { range: start..start, ..JsonBody::default() };
    let mut is_truncated = false;
    let read = members(record, at, |name, value| match name {
        b"as_bytes" | b"asBytes" => base64(record, value, &mut body, scratch).map(Some),
        b"as_string" | b"asString" => text(record, value, &mut body, scratch).map(Some),
        b"truncated" => {
            let end = value_end(record, value)?;
            is_truncated = values::parse::<Option<bool>>(record, value..end)?.unwrap_or_default();
            Ok(Some(end))
        }
        _ => Ok(None),
    });
    if body.truncation == Truncation::None {
        body.truncation = Truncation::by_limit(is_truncated);
    }
    let is_lost = read.is_err() && body.range.is_empty() && body.truncation == Truncation::None;
    *to = Some(body).filter(|_| !is_lost);
    read
}

/// Reads `as_bytes`.
fn base64(record: &[u8], at: usize, body: &mut JsonBody, scratch: &mut Vec<u8>) -> Result<usize, Damage> {
    let start = scratch.len();
    let string = string(record, at)?;
    let content = &record[string.content.clone()];
    let unescaped;
    let content = if memchr::memchr(b'\\', content).is_some() && string.is_whole {
        unescaped = values::parse::<Text<'_>>(record, at..string.end)?.0;
        &unescaped[..]
    } else {
        content
    };
    if !string.is_whole {
        decode_beginning(content, scratch);
        (body.range, body.truncation) = (start..scratch.len(), Truncation::Input { missing: None });
        return Err(ScanError { at, what: CUT }.into());
    }
    if decode_base64(content, scratch).is_err() {
        scratch.truncate(start);
        let valid = content.iter().take_while(|&&byte| is_base64(byte)).count();
        if valid < MIN_BASE64 {
            body.truncation = Truncation::Removed;
        } else {
            decode_beginning(&content[..valid], scratch);
            body.truncation = Truncation::Input { missing: None };
            let place = string.content.start + valid.min(string.content.len());
            body.damage = Some(Damage::new(place, "a body is not valid base64").in_event());
        }
    }
    body.range = start..scratch.len();
    Ok(string.end)
}

/// Reads `as_string`.
fn text(record: &[u8], at: usize, body: &mut JsonBody, scratch: &mut Vec<u8>) -> Result<usize, Damage> {
    let start = scratch.len();
    let string = string(record, at)?;
    body.is_text = true;
    if string.is_whole {
        scratch.extend_from_slice(&values::parse::<Text<'_>>(record, at..string.end)?.0);
        body.range = start..scratch.len();
        return Ok(string.end);
    }
    // What is there, with a quote behind it, is a string again.
    let content = &record[string.content];
    let whole = [&b"\""[..], &content[..whole_escapes(content)], b"\""].concat();
    if let Ok(Text(text)) = values::parse::<Text<'_>>(&whole, 0..whole.len()) {
        scratch.extend_from_slice(&text);
    }
    (body.range, body.truncation) = (start..scratch.len(), Truncation::Input { missing: None });
    Err(ScanError { at, what: CUT }.into())
}

/// A string in a record.
struct JsonString {
    /// What is between the quotes.
    content: Range<usize>,
    end: usize,
    /// The record does not end in it.
    is_whole: bool,
}

/// The string that begins at `at`.
fn string(record: &[u8], at: usize) -> Result<JsonString, Damage> {
    if record[at] != b'"' {
        return Err(ScanError { at, what: "a body's bytes are no string" }.into());
    }
    let start = at + 1;
    let (end, is_whole) = match string_end(record, at) {
        Some(end) if end > start && record[end - 1] == b'"' => (end, true),
        // It ends with its line, and nothing is on the next one.
        Some(end) if record[end..].trim_ascii().is_empty() => (end, false),
        Some(_) => return Err(ScanError { at, what: "a string does not end on its line" }.into()),
        None => (record.len(), false),
    };
    let content = if is_whole { start..end - 1 } else { start..end };
    Ok(JsonString { content, end, is_whole })
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
pub(super) fn decode_base64(base64: &[u8], out: &mut Vec<u8>) -> Result<(), base64_simd::Error> {
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
