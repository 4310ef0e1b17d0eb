//! Headers that the recorded body contradicts. A filter outside the tap changes headers that the tap then records beside the
//! body as it was before, or after: a compressor leaves `content-encoding: gzip` on a plain body. Such a header would keep
//! readers from the body, so it is left out.

use super::Headers;

/// Fewer bytes of a text could be a compressed body by chance.
const MIN_TEXT: usize = 16;

/// The headers without those that the body contradicts, and each of those as a line; `None` where there is none.
///
/// `body` is the beginning of the body, as far as it is known, `length` how long the body is at least, and `is_lossy` means
/// that bytes which are no UTF-8 may have been lost.
pub(super) fn without_contradicted(
    headers: &Headers,
    body: &[u8],
    length: u64,
    is_lossy: bool,
) -> Option<(Headers, Vec<String>)> {
    let is_short = headers.content_length().is_some_and(|promised| promised < length);
    // What is left of a value.
    let fitting = |name: &[u8], value: &'_ [u8]| {
        let length = if name.eq_ignore_ascii_case(b"content-encoding") && !body.is_empty() {
            fitting_codings(value, body, is_lossy)
        } else if is_short && name.eq_ignore_ascii_case(b"content-length") {
            None
        } else {
            Some(value.len())
        };
        length.map(|length| length.min(value.len()))
    };
    if headers.iter().all(|(name, value)| fitting(name, value) == Some(value.len())) {
        return None;
    }
    let (mut kept, mut omitted) = (Headers::default(), Vec::new());
    for (name, value) in headers.iter() {
        let fitting = fitting(name, value);
        if fitting != Some(value.len()) {
            omitted.push(format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        }
        if let Some(length) = fitting {
            // There is room: no more headers than there were.
            let _ = kept.push(name, &value[..length]);
        }
    }
    Some((kept, omitted))
}

/// How long the beginning of a `content-encoding` is (RFC 9110 section 8.4) that a body which begins so can have: without
/// the codings at its end that the body contradicts. `None` where that leaves no coding.
fn fitting_codings(codings: &[u8], body: &[u8], is_lossy: bool) -> Option<usize> {
    let mut end = codings.len();
    loop {
        let start = codings[..end].iter().rposition(|&byte| byte == b',').map_or(0, |comma| comma + 1);
        if fits_coding(codings[start..end].trim_ascii(), body, is_lossy) {
            return Some(end);
        }
        end = start.checked_sub(1)?;
    }
}

/// Whether a body that begins so can have this coding.
fn fits_coding(coding: &[u8], body: &[u8], is_lossy: bool) -> bool {
    // Of a magic number only the first byte is ASCII; the rest may be lost.
    let begins = |magic: &[u8]| {
        let known = if is_lossy { 1 } else { magic.len().min(body.len()) };
        body.starts_with(&magic[..known])
    };
    match &coding.to_ascii_lowercase()[..] {
        b"gzip" | b"x-gzip" => begins(b"\x1f\x8b"),
        b"compress" | b"x-compress" => begins(b"\x1f\x9d"),
        b"zstd" => begins(b"\x28\xb5\x2f\xfd") || is_skippable_zstd(body),
        // Neither raw deflate nor Brotli has a magic number, but no stream of theirs is a text.
        b"deflate" | b"br" => body.len() < MIN_TEXT || !is_text(body),
        _ => true,
    }
}

/// Whether a body begins with a skippable frame of Zstandard (RFC 8878 section 3.1.2).
fn is_skippable_zstd(body: &[u8]) -> bool {
    matches!(body, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether bytes are UTF-8 without control characters, perhaps cut inside a character.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.chars().all(|char| !char.is_control() || matches!(char, '\t' | '\n' | '\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(coding: &str, body: &[u8]) -> bool {
        fits_coding(coding.as_bytes(), body, false)
    }

    #[test]
    fn a_coding_fits_its_magic_number() {
        assert!(fits("gzip", b"\x1f\x8b\x08\0"));
        assert!(fits("GZip", b"\x1f"), "a body cut after a byte");
        assert!(fits("zstd", b"\x28\xb5\x2f\xfd\0") && fits("zstd", b"\x50\x2a\x4d\x18\0\0\0\0"));
        assert!(fits("compress", b"\x1f\x9d\x90"));
        assert!(fits("br", b"\x0b\x02\x80hello\x03") && fits("br", b"short text"));
        assert!(fits("deflate", b"\x78\x9c\x4b\x04\0") && fits("identity", b"plain"));
        for coding in ["gzip", "x-gzip", "compress", "zstd", "deflate", "br"] {
            assert!(!fits(coding, b"some plain text of some length"), "{coding}");
        }
    }

    #[test]
    fn codings_that_the_body_contradicts_go_from_the_end() {
        let fitting = |codings: &'static str, body: &[u8]| {
            fitting_codings(codings.as_bytes(), body, false).map(|length| &codings[..length])
        };
        let gzip = b"\x1f\x8b\x08\0";
        assert_eq!(fitting("br, gzip", gzip), Some("br, gzip"));
        assert_eq!(fitting("gzip , zstd", gzip), Some("gzip "));
        assert_eq!(fitting("br, gzip", b"some plain text of some length"), None);
    }

    #[test]
    fn a_lossy_text_keeps_the_first_byte_of_a_magic_number() {
        assert!(fits_coding(b"gzip", b"\x1f \x08", true) && fits_coding(b"zstd", b"( /", true));
        assert!(!fits_coding(b"gzip", b"plain", true));
    }
}
