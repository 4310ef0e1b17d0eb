//! The parts of an HTTP tap's record, one after the other.

use std::collections::VecDeque;
use std::ops::Range;

use super::body::Body;
use super::decoded::{HttpPiece, HttpRecord, HttpWhat};
use crate::http::tunnel::tunnel;
use crate::http::{Connections, Message, Part, Piece};
use crate::protobuf::{Bytes, Damage, Home};
use crate::trace::{Kind, TraceId, Truncation};

/// A body comes in parts of at most so many bytes, so that a large one is not copied as a whole.
const MAX_BODY: usize = 256 * 1024;

/// Where in a record the next part is.
#[derive(Debug)]
pub(crate) struct Parts {
    trace: TraceId,
    number: u64,
    connections: Option<Box<Connections>>,
    pieces: VecDeque<HttpPiece>,
    /// The messages of a buffered trace that have begun, and whose end has yet to be told.
    open: [bool; 2],
    damage: Option<Damage>,
}

impl Parts {
    /// The parts of the record with this number. `file_id` is the trace's id by the name of its file.
    pub(crate) fn new(record: HttpRecord, number: u64, file_id: u64) -> Self {
        let HttpRecord { is_buffered, id, downstream, upstream, pieces, damage, .. } = record;
        let trace = match is_buffered {
            true => TraceId { kind: Kind::HttpBuffered, id: file_id },
            false => TraceId { kind: Kind::HttpStreamed, id },
        };
        let connections = match (&downstream, &upstream) {
            (None, None) => None,
            _ => Some(Box::new(Connections { downstream, upstream })),
        };
        let mut pieces = VecDeque::from(pieces);
        put_behind_answer(&mut pieces);
        Self { trace, number, connections, pieces, open: [false; 2], damage }
    }

    /// The next part.
    pub(crate) fn next(&mut self, record: &[u8], scratch: &[u8]) -> Option<Part> {
        for message in [Message::Request, Message::Response] {
            let has_more = self.pieces.iter().any(|piece| piece.message == message);
            if !has_more && std::mem::take(&mut self.open[message as usize]) {
                return Some(self.part(message, None, Piece::End));
            }
        }
        let HttpPiece { message, time, what } = self.pieces.pop_front()?;
        let what = match what {
            HttpWhat::Head(headers) => Piece::Head(headers),
            HttpWhat::Trailers(headers) => Piece::Trailers(headers),
            HttpWhat::Body(Body { mut bytes, truncation }) => {
                let is_text = bytes.home == Home::ScratchText;
                let rest = split(&mut bytes.range, is_text.then_some(scratch));
                let here = if rest.is_none() { truncation } else { Truncation::None };
                let piece =
                    Piece::Body { bytes: bytes.get(record, scratch).to_vec(), truncation: here, is_text };
                if let Some(range) = rest {
                    let what = HttpWhat::Body(Body { bytes: Bytes { range, ..bytes }, truncation });
                    self.pieces.push_front(HttpPiece { message, time, what });
                }
                piece
            }
        };
        self.open[message as usize] = self.trace.kind == Kind::HttpBuffered;
        Some(self.part(message, time, what))
    }

    /// What is wrong with the record, once all its parts have been taken.
    pub(crate) fn damage(&mut self) -> Option<Damage> {
        self.damage.take()
    }

    fn part(&mut self, message: Message, time: Option<u64>, what: Piece) -> Part {
        let connections = self.connections.take();
        Part { trace: self.trace, record: self.number, time, message, what, connections }
    }
}

/// Puts what the client sent through a tunnel, which a buffered trace records with the request, behind the response that
/// opened it.
fn put_behind_answer(pieces: &mut VecDeque<HttpPiece>) {
    let head = |message| {
        pieces.iter().enumerate().find_map(|(place, piece)| match &piece.what {
            HttpWhat::Head(headers) if piece.message == message => Some((place, headers)),
            _ => None,
        })
    };
    let (request, Some((place, response))) = (head(Message::Request), head(Message::Response)) else {
        return;
    };
    if tunnel(request.map(|(_, headers)| headers), Some(response)).is_none() {
        return;
    }
    let Some(answer) = pieces.remove(place) else { return };
    let first = pieces.iter().position(|piece| !matches!(piece.what, HttpWhat::Head(_)));
    let first = first.unwrap_or(pieces.len());
    for piece in pieces.range_mut(first..) {
        piece.time = answer.time;
    }
    pieces.insert(first, answer);
}

/// Leaves as much in `range` as a part may have, and returns what is behind it. Characters of a text are not parted: the
/// halves of one would look like what `JSON_BODY_AS_STRING` has spoiled.
fn split(range: &mut Range<usize>, text: Option<&[u8]>) -> Option<Range<usize>> {
    if range.len() <= MAX_BODY {
        return None;
    }
    let longest = range.start + MAX_BODY;
    let begins_character = |at: &usize| text.is_none_or(|text| text[*at] & 0xc0 != 0x80);
    // A character has at most four bytes.
    let at = (longest - 3..=longest).rev().find(begins_character).unwrap_or(longest);
    let rest = at..range.end;
    range.end = at;
    Some(rest)
}

#[cfg(test)]
mod tests;
