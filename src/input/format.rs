//! Tells an input's format from its first bytes.

use std::fmt;

use memchr::memmem;
use serde::Serialize;

use super::binary::split::{Fit, delimited, fit, raw};
use super::stray::is_stray;
use super::text::split::{Scanned, is_text};
use super::{json, text};

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binary => "binary",
            Self::Delimited => "delimited",
            Self::Text => "text",
            Self::Json => "JSON",
        })
    }
}

/// Which Envoy wrote a trace, as far as its bytes show; a later one shows more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Generation {
    /// Nothing shows.
    #[default]
    #[serde(rename = "1.10 or later")]
    Unknown,
    /// The `capture` transport socket.
    #[serde(rename = "1.7 to 1.9")]
    Capture,
    /// `BufferedTraceWrapper`.
    #[serde(rename = "1.10 before its release")]
    Early2019,
    /// `Connection` numbered 2 and 3.
    #[serde(rename = "1.10 to 1.27")]
    From1_10,
    /// `Connection` numbered 1 and 2.
    #[serde(rename = "1.28 or later")]
    From1_28,
    /// Addresses with every event.
    #[serde(rename = "1.34 or later")]
    From1_34,
    /// Batches of events.
    #[serde(rename = "1.35 or later")]
    From1_35,
    /// `seq_num`.
    #[serde(rename = "1.37 or later")]
    From1_37,
    /// The sample rate.
    #[serde(rename = "1.39 or later")]
    From1_39,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Envoy 1.10 or later",
            Self::Capture => "Envoy 1.7 to 1.9",
            Self::Early2019 => "Envoy 1.10 before its release",
            Self::From1_10 => "Envoy 1.10 to 1.27",
            Self::From1_28 => "Envoy 1.28 or later",
            Self::From1_34 => "Envoy 1.34 or later",
            Self::From1_35 => "Envoy 1.35 or later",
            Self::From1_37 => "Envoy 1.37 or later",
            Self::From1_39 => "Envoy 1.39 or later",
        })
    }
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
    let headers = http_headers(prefix);
    // Looking through lines takes long, for what most often is a binary trace with a record longer than the prefix.
    let has_lines = !binary.is_consistent || is_printed(text);
    if let Some(format) = has_lines.then(|| behind_stray_lines(text)).flatten() {
        return Some(format);
    }
    if headers > 0 {
        return detect(&prefix[headers..])
            .filter(|format| matches!(format, Format::Binary | Format::Delimited));
    }
    let is_zeros = prefix.iter().all(|&byte| byte == 0);
    (worth(binary) > (false, 0) && !is_zeros).then_some(format)
}

/// What speaks for a format: that nothing contradicts it, and how much of the input it explains. With neither it is
/// out of the question.
fn worth(fit: Fit) -> (bool, usize) {
    (fit.is_consistent, fit.records)
}

/// Whether this is JSON that may have a trace in it: an object or an array of objects.
fn is_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    match text {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start(), [] | [b'"' | b'}', ..]),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start(), [] | [b'{', ..]),
        _ => false,
    }
}

/// Whether the first bytes are text for people, with the colors of terminals.
fn is_printed(text: &[u8]) -> bool {
    let mut first = text.iter().take(64);
    first.all(|byte| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r' | 0x07 | 0x08 | 0x1b))
}

/// The format of a trace behind lines that are [no part](is_stray) of it: there a record has to begin, with the name of a
/// trace.
fn behind_stray_lines(text: &[u8]) -> Option<Format> {
    let behind = |scan: &mut dyn FnMut(&[u8]) -> Scanned| {
        let mut rest = text;
        loop {
            match scan(rest) {
                Scanned::Noise(length) if !is_stray(&rest[..length]) => return &[][..],
                Scanned::Noise(length) | Scanned::Space(length) => rest = &rest[length..],
                Scanned::Record(_) | Scanned::Broken(_) | Scanned::Incomplete => return rest,
            }
        }
    };
    let mut scanner = json::split::Scanner::default();
    if json::split::begins_record(behind(&mut |rest| scanner.scan(rest))) == Some(true) {
        return Some(Format::Json);
    }
    let mut scanner = text::split::Scanner::default();
    text::split::begins_record(behind(&mut |rest| scanner.scan(rest))).then_some(Format::Text)
}

/// How many bytes the headers of HTTP have that stand before a binary trace, as `curl -i` puts them there.
pub(super) fn http_headers(prefix: &[u8]) -> usize {
    let mut length = 0;
    while prefix[length..].starts_with(b"HTTP/") {
        match memmem::find(&prefix[length..], b"\r\n\r\n") {
            Some(end) => length += end + 4,
            None => break,
        }
    }
    length
}
