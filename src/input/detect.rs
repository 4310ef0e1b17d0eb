//! Tells an input's format from its first bytes.

use crate::envoy::fit::{Fit, fit};
use crate::hubble;
use crate::record::binary::{delimited, raw};
use crate::record::format::{BYTE_ORDER_MARK, Format, http_headers};
use crate::record::scanned::Scanned;
use crate::record::stray::is_stray;
use crate::record::text::is_text;
use crate::record::{json, text};

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detected {
    /// It holds Hubble's flows, and no tap.
    pub(super) is_hubble: bool,
    pub(super) format: Format,
}

/// What an input is that begins with `prefix`; `None` if it is neither a tap trace nor flows.
pub(super) fn detect(prefix: &[u8]) -> Option<Detected> {
    let text = prefix.strip_prefix(BYTE_ORDER_MARK).unwrap_or(prefix);
    match hubble::detect(text) {
        Some(format) => Some(Detected { is_hubble: true, format }),
        None => tap(prefix).map(|format| Detected { is_hubble: false, format }),
    }
}

/// The format of a tap trace.
fn tap(prefix: &[u8]) -> Option<Format> {
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
        return tap(&prefix[headers..]).filter(|format| matches!(format, Format::Binary | Format::Delimited));
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
                Scanned::Garbage(length) if !is_stray(&rest[..length]) => return &[][..],
                Scanned::Garbage(length) | Scanned::Separator(length) => rest = &rest[length..],
                Scanned::Record(_) | Scanned::Truncated(_) | Scanned::Incomplete => return rest,
            }
        }
    };
    let mut scanner = json::Scanner::default();
    if json::begins_record(behind(&mut |rest| scanner.scan(rest))) == Some(true) {
        return Some(Format::Json);
    }
    let mut scanner = text::Scanner::default();
    text::begins_record(behind(&mut |rest| scanner.scan(rest))).then_some(Format::Text)
}
