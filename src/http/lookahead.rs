//! Lookahead: what is queued of a message. Framing depends on it.

use super::Piece;

/// What waits of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lookahead {
    /// Bytes of the body.
    pub(super) body: u64,
    pieces: usize,
    trailers: usize,
    /// The end of the message is known: there is nothing but what is counted here.
    pub(super) is_all: bool,
}

impl Lookahead {
    /// A part comes to wait.
    pub(super) fn add(&mut self, piece: &Piece) {
        match piece {
            Piece::Body { bytes, .. } => {
                self.body += bytes.len() as u64;
                self.pieces += 1;
            }
            Piece::Trailers(headers) => self.trailers += usize::from(!headers.is_empty()),
            Piece::Head(_) | Piece::End => {}
        }
    }

    /// A part that has been added goes.
    pub(super) fn remove(&mut self, piece: &Piece) {
        match piece {
            Piece::Body { bytes, .. } => {
                self.body -= bytes.len() as u64;
                self.pieces -= 1;
            }
            Piece::Trailers(headers) => self.trailers -= usize::from(!headers.is_empty()),
            Piece::Head(_) | Piece::End => {}
        }
    }

    /// Whether there are bytes of the body, or there is a body that has none.
    pub(super) fn has_body(&self) -> bool {
        self.pieces > 0
    }

    pub(super) fn has_trailers(&self) -> bool {
        self.trailers > 0
    }

    /// Whether the part before is the last one of the body.
    pub(super) fn ends_body(&self) -> bool {
        self.is_all && !self.has_body()
    }

    /// Whether the part before is the last one, save the end itself.
    pub(super) fn is_last(&self) -> bool {
        self.ends_body() && !self.has_trailers()
    }
}
