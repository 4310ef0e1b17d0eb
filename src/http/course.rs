//! How an exchange goes onto the wire: which of its parts are one event, and the bytes of each.

use super::exchange::{Exchange, Queued};
use super::{Message, Piece, Version, one, two};
use crate::trace::Length;

/// Parts of a message with the same time are one event up to this many bytes.
const MAX_EVENT: usize = 64 * 1024;

/// How an exchange goes onto the wire.
#[derive(Debug)]
pub(super) struct Course {
    /// The number of the connection that carries it.
    pub(super) carrier: u32,
    pub(super) version: Version,
    pub(super) messages: [Framing; 2],
    /// The response has begun.
    pub(super) has_answer: bool,
    /// Something of it is in the capture.
    pub(super) is_counted: bool,
}

/// How a message is framed.
#[derive(Debug)]
pub(super) enum Framing {
    One(one::Framing),
    Two(two::Framing),
}

/// What is known of the bytes of an event.
pub(super) struct Encoded {
    pub(super) length: Length,
    /// They come from a format that keeps only what is UTF-8, and are not all in it.
    pub(super) is_text: bool,
    /// Trailers have been left out.
    pub(super) lacks_trailers: bool,
}

impl Course {
    /// Takes the part that is next, and those of its message behind it that belong to the same event, and appends their bytes.
    pub(super) fn encode(&mut self, exchange: &mut Exchange, message: Message, out: &mut Vec<u8>) -> Encoded {
        let mut encoded = Encoded { length: Length::Whole, is_text: false, lacks_trailers: false };
        let mut order = None;
        let mut is_behind_head = false;
        let mut has_text = false;
        while let Some(part) = exchange.front() {
            let is_first = order.is_none();
            let is_cut_body = matches!(part.piece, Piece::Body { is_cut: true, .. });
            let belongs = part.message == message
                && (order == Some(part.order) || part.piece == Piece::End || is_behind_head && is_cut_body);
            if !is_first && (!belongs || out.len() > MAX_EVENT) {
                break;
            }
            let Some(Queued { order: at, piece, .. }) = exchange.pop() else { break };
            order.get_or_insert(at);
            is_behind_head = matches!(piece, Piece::Head(_));
            if let Piece::Body { bytes, is_text: true, .. } = &piece {
                has_text = true;
                // Only of the body: what frames it is no text.
                encoded.is_text |= str::from_utf8(bytes).is_err();
            }
            let ahead = exchange.ahead(message);
            let framing = match &mut self.messages[message as usize] {
                Framing::One(framing) => framing,
                Framing::Two(framing) => {
                    framing.encode(message, &piece, &ahead, out);
                    if framing.is_lacking() {
                        break;
                    }
                    continue;
                }
            };
            let has_trailers = matches!(&piece, Piece::Trailers(trailers) if !trailers.is_empty());
            encoded.lacks_trailers |= has_trailers && !framing.takes_trailers();
            if let Some(missing) = framing.encode(message, &piece, &ahead, out) {
                encoded.length = missing.behind(out, has_text && !is_cut_body);
                break;
            }
        }
        encoded
    }

    /// Appends the next of the frames that lack bytes.
    pub(super) fn lacking(&mut self, message: Message, out: &mut Vec<u8>) -> Option<Encoded> {
        let Framing::Two(framing) = &mut self.messages[message as usize] else { return None };
        let length = framing.lacking(out)?.behind(out, false);
        Some(Encoded { length, is_text: false, lacks_trailers: false })
    }
}

/// Bytes that the trace lacks behind those that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// So many.
    Bytes(u64),
    /// One or more.
    Unknown,
}

impl Missing {
    /// The length of an event with `bytes` and these behind them.
    fn behind(self, bytes: &[u8], is_lossy: bool) -> Length {
        let length = bytes.len() as u64;
        match self {
            Self::Unknown => Length::Cut,
            Self::Bytes(missing) if is_lossy => Length::Lossy(length.saturating_add(missing)),
            Self::Bytes(missing) => Length::CutFrom(length.saturating_add(missing)),
        }
    }
}
