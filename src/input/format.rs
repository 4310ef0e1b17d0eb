//! Tells an input's format from its first bytes.

use super::binary::split::{Fit, delimited, fit, raw};
use super::text::split::is_text;

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `PROTO_BINARY`.
    Binary,
    /// `PROTO_BINARY_LENGTH_DELIMITED`.
    Delimited,
    /// `PROTO_TEXT`.
    Text,
    /// `JSON_BODY_AS_BYTES` or `JSON_BODY_AS_STRING`.
    Json,
}

/// UTF-8's byte order mark, which some editors put before text.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The format of an input that begins with `prefix`, or `None` if it is no tap trace.
pub(super) fn detect(prefix: &[u8]) -> Option<Format> {
    let (raw, delimited) = (fit(prefix, raw), fit(prefix, delimited));
    let (format, binary) =
        if worth(delimited) > worth(raw) { (Format::Delimited, delimited) } else { (Format::Binary, raw) };
    // A record of 123 bytes in delimited form begins as JSON does; no JSON has a whole record in it.
    if binary.is_consistent && binary.records > 0 {
        return Some(format);
    }
    let text = prefix.strip_prefix(BYTE_ORDER_MARK).unwrap_or(prefix);
    if is_text(text) {
        return Some(Format::Text);
    }
    if is_json(text) {
        return Some(Format::Json);
    }
    let is_zeros = prefix.iter().all(|&byte| byte == 0);
    (worth(binary) > (false, 0) && !is_zeros).then_some(format)
}

/// What speaks for a format: that nothing contradicts it, and how much of the input it explains. With neither it is
/// out of the question.
fn worth(fit: Fit) -> (bool, usize) {
    (fit.is_consistent, fit.records)
}

/// Whether this is JSON that may have a trace in it: an object or an array of objects, perhaps behind the headers that
/// `curl -i` prints.
fn is_json(text: &[u8]) -> bool {
    let text = match text {
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            memchr::memmem::find(text, b"\n{").map_or(&[][..], |at| &text[at..])
        }
        _ => text,
    };
    let text = text.trim_ascii_start();
    match text {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start(), [] | [b'"' | b'}', ..]),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start(), [] | [b'{', ..]),
        _ => false,
    }
}
