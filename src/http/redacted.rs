//! Redacts the pieces of an exchange before they are encoded, so that whatever frames them fits.

use super::Piece;
use crate::redact::Redaction;
use crate::report::RedactionCounts;

/// What is redacted, and how much of it there was.
#[derive(Debug)]
pub(super) struct Redacted<'a> {
    pub(super) rules: &'a Redaction,
    pub(super) counts: &'a mut RedactionCounts,
}

impl Redacted<'_> {
    /// Redacts the headers of a piece. Returns whether it is a body to redact: that has to be counted as it is before.
    pub(super) fn piece(&mut self, piece: &mut Piece, is_tunnel: bool) -> bool {
        match piece {
            Piece::Head(headers) | Piece::Trailers(headers) => {
                headers.each_value(|name, value| self.counts.values += self.rules.header(name, value));
                false
            }
            Piece::Body { bytes, .. } if self.rules.bodies || is_tunnel => {
                self.counts.body_bytes += bytes.len() as u64;
                true
            }
            Piece::Body { .. } | Piece::End => false,
        }
    }

    /// Redacts a header that was left out: a line of its name and value.
    pub(super) fn line(&mut self, line: &mut String) {
        if let Some((name, value)) = line.split_once(": ") {
            let mut value = value.as_bytes().to_vec();
            self.rules.header(name.as_bytes(), &mut value);
            *line = format!("{name}: {}", value.escape_ascii());
        }
    }
}
