//! Whether bytes are Hubble's, and in which format.

use memchr::{memchr, memmem};

use super::decode::{BinaryShape, Decoded, Decoder};
use crate::record::Format;
use crate::record::binary::{Frame, FrameError, grpc};
use crate::record::framed;
use crate::record::lines::{Scanner, join_parts};
use crate::record::scanned::Scanned;

/// The format of an input of Hubble's that begins with `prefix`, or `None` if it is none.
pub(crate) fn detect(prefix: &[u8]) -> Option<Format> {
    if is_framed(prefix, grpc) {
        return Some(Format::Grpc);
    }
    if is_framed(prefix, framed) {
        return Some(Format::Delimited);
    }
    if prefix.first().is_some_and(|tag| matches!(tag, 0x0a | 0x12 | 0x1a | 0x22 | 0x2a))
        && BinaryShape::of(prefix) != BinaryShape::Unknown
    {
        return Some(Format::Binary);
    }
    (is_text(prefix) && is_json(prefix)).then_some(Format::Json)
}

/// Whether this begins as text does, with the colors of terminals.
fn is_text(prefix: &[u8]) -> bool {
    let mut first = prefix.iter().take(256);
    first.all(|byte| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b))
}

/// Whether the first record is one of Hubble's, and nothing else fits.
fn is_framed(prefix: &[u8], frame: impl Fn(&[u8]) -> Result<Frame, FrameError>) -> bool {
    let Ok(Frame { prefix: before, length }) = frame(prefix) else { return false };
    let Some(message) = before.checked_add(length).and_then(|end| prefix.get(before..end)) else {
        return false;
    };
    !message.is_empty() && BinaryShape::of(message) != BinaryShape::Unknown
}

/// Whether there is a record of Hubble's among the first lines.
fn is_json(prefix: &[u8]) -> bool {
    let mut decoder = Decoder::new(true);
    let mut scanner = Scanner::default();
    let mut joined = Vec::new();
    let mut rest = prefix;
    loop {
        let record = match scanner.scan(rest) {
            Scanned::Record(length) => &rest[..length],
            Scanned::Separator(length) | Scanned::Garbage(length) | Scanned::Truncated(length) => {
                rest = &rest[length..];
                continue;
            }
            // The first record is longer than the prefix, or is the last line without an end.
            Scanned::Incomplete => rest,
        };
        if record.is_empty() {
            return false;
        }
        let content = if join_parts(record, &mut joined) { &joined[..] } else { record };
        let is_envoys = memchr(b'{', content) == Some(0)
            && memmem::find(&content[..content.len().min(64)], b"_trace\"").is_some();
        if is_envoys {
            return false;
        }
        match decoder.decode(content) {
            Ok(Decoded::Flow | Decoded::Part) => return true,
            Err(_) => return decoder.has_found(),
            Ok(Decoded::Nothing) if record.len() < rest.len() => {
                // Another object may follow on the line.
                let end = decoder.end().clamp(1, record.len());
                rest = &rest[if content.len() == record.len() { end } else { record.len() }..];
            }
            Ok(Decoded::Nothing) => return false,
        }
    }
}
