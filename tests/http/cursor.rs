//! Reads what one side of a connection sent from its beginning to its end, bytes that are missing too.

use super::exchange::Piece;
use crate::capture::Sent;

pub(super) struct Cursor<'a> {
    sent: &'a Sent,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(sent: &'a Sent) -> Self {
        Self { sent, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// All that comes, zeros where bytes are missing.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.sent.bytes.as_slice()[self.at..]
    }

    /// When the next byte was sent.
    #[track_caller]
    pub(super) fn time(&self) -> u64 {
        let mut end = 0;
        let mut writes = self.sent.writes.iter();
        let write = writes.find(|(_, length)| {
            end += length;
            self.at < end
        });
        write.expect("not at the end").0
    }

    /// The next bytes, of which none may be missing.
    #[track_caller]
    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let rest = self.rest();
        let bytes = rest.get(..length).unwrap_or_else(|| {
            panic!("{length} bytes follow \"{}\"", rest.escape_ascii());
        });
        let missing = self.missing(length);
        assert_eq!(missing, 0, "missing in \"{}\"", bytes[..length.min(200)].escape_ascii());
        self.at += length;
        bytes
    }

    /// The next bytes of a body, or as many as there are.
    pub(super) fn take_body(&mut self, length: usize) -> Piece {
        let length = length.min(self.rest().len());
        let range = self.at..self.at + length;
        let is_kept = |at: &usize| !self.sent.bytes.holes().iter().any(|hole| hole.contains(at));
        let kept = if self.missing(length) == 0 {
            self.rest()[..length].to_vec()
        } else {
            range.filter(is_kept).map(|at| self.sent.bytes.as_slice()[at]).collect()
        };
        self.at += length;
        Piece { kept, length }
    }

    /// Passes over the missing bytes that come next, and returns how many they are.
    pub(super) fn skip_missing(&mut self) -> usize {
        let mut holes = self.sent.bytes.holes().iter();
        let end = holes.find(|hole| hole.contains(&self.at)).map_or(self.at, |hole| hole.end);
        let missing = end - self.at;
        self.at = end;
        missing
    }

    /// How many of the next bytes are missing.
    fn missing(&self, length: usize) -> usize {
        let end = self.at + length;
        let holes = self.sent.bytes.holes().iter();
        holes.map(|hole| hole.end.min(end).saturating_sub(hole.start.max(self.at))).sum()
    }
}
