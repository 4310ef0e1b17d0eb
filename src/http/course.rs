//! How an exchange goes onto the wire: which of its parts are one event, and the bytes of each.

use super::body::{Gap, Missing};
use super::exchange::{Exchange, Queued};
use super::tunnel::Tunnel;
use super::{Message, Piece, Version, one, two};
use crate::trace::{Length, Truncation};

/// Parts of a message with the same time are one event up to this many bytes.
const MAX_EVENT: usize = 64 * 1024;

/// How an exchange goes onto the wire.
#[derive(Debug)]
pub(super) struct Course {
    /// The number of the connection that carries it.
    pub(super) carrier: u32,
    pub(super) version: Version,
    /// The tunnel that it opens, as far as was known when it began.
    pub(super) tunnel: Option<Tunnel>,
    messages: [Framing; 2],
    /// The response has begun.
    pub(super) has_answer: bool,
    /// Why the last piece that is cut is.
    truncation: Truncation,
    /// The messages that broke off.
    pub(super) is_broken_off: [bool; 2],
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
    /// Why they are fewer than the message had, if they are.
    pub(super) truncation: Truncation,
    /// They come from a format that keeps only what is UTF-8, and are not all in it.
    pub(super) is_text: bool,
    /// Trailers have been left out.
    pub(super) lacks_trailers: bool,
    /// Headers that the body contradicts have been left out: each as a line.
    pub(super) omitted_headers: Vec<String>,
    /// The message broke off: as many bytes of its body never came.
    pub(super) broken_off: Option<u64>,
}

impl Encoded {
    fn new(length: Length, truncation: Truncation) -> Self {
        Self {
            length,
            truncation,
            is_text: false,
            lacks_trailers: false,
            omitted_headers: Vec::new(),
            broken_off: None,
        }
    }
}

impl Course {
    pub(super) fn new(
        carrier: u32,
        version: Version,
        tunnel: Option<Tunnel>,
        messages: [Framing; 2],
    ) -> Self {
        Self {
            carrier,
            version,
            tunnel,
            messages,
            has_answer: false,
            truncation: Truncation::None,
            is_broken_off: [false; 2],
            is_counted: false,
        }
    }

    /// Takes the part that is next, and those of its message behind it that belong to the same event, and appends their bytes.
    pub(super) fn encode(&mut self, exchange: &mut Exchange, message: Message, out: &mut Vec<u8>) -> Encoded {
        let mut encoded = Encoded::new(Length::Whole, Truncation::None);
        let mut order = None;
        let mut is_behind_head = false;
        while let Some(part) = exchange.front() {
            let is_first = order.is_none();
            let is_cut_body = matches!(part.piece, Piece::Body { truncation, .. } if truncation.is_cut());
            let belongs = part.message == message
                && (order == Some(part.order) || part.piece == Piece::End || is_behind_head && is_cut_body);
            if !is_first && (!belongs || out.len() > MAX_EVENT) {
                break;
            }
            let Some(Queued { order: at, mut piece, .. }) = exchange.pop() else { break };
            order.get_or_insert(at);
            is_behind_head = matches!(piece, Piece::Head(_));
            let ahead = exchange.ahead(message);
            if let Piece::Body { truncation, .. } = piece
                && truncation.is_cut()
            {
                self.truncation = truncation;
            }
            match &mut piece {
                Piece::Head(headers) => {
                    if let Some((kept, omitted)) = exchange.without_contradicted(message, headers) {
                        *headers = kept;
                        encoded.omitted_headers = omitted;
                    }
                }
                // Only of the body: what frames it is no text.
                Piece::Body { bytes, is_text: true, .. } => encoded.is_text |= str::from_utf8(bytes).is_err(),
                Piece::Body { .. } | Piece::Trailers(_) | Piece::End => {}
            }
            let gap = match &mut self.messages[message as usize] {
                Framing::One(framing) => {
                    let has_trailers = matches!(&piece, Piece::Trailers(trailers) if !trailers.is_empty());
                    encoded.lacks_trailers |= has_trailers && !framing.takes_trailers();
                    framing.encode(message, &piece, &ahead, out)
                }
                Framing::Two(framing) => {
                    let broken_off = framing.encode(message, &piece, &ahead, out);
                    if framing.is_lacking() {
                        break;
                    }
                    broken_off.map_or(Gap::None, Gap::BrokenOff)
                }
            };
            match gap {
                Gap::None => continue,
                Gap::Missing(missing) => {
                    encoded.length = truncated(out, missing, false);
                    encoded.truncation = self.truncation;
                }
                Gap::Lossy(bytes) => encoded.length = truncated(out, Missing::Bytes(bytes), true),
                Gap::BrokenOff(bytes) => {
                    encoded.broken_off = Some(bytes);
                    self.is_broken_off[message as usize] = true;
                }
            }
            break;
        }
        encoded
    }

    /// Appends what ends the exchange where a message broke off, in HTTP/2. Returns the message whose side sends it.
    pub(super) fn reset(&self, out: &mut Vec<u8>) -> Option<Message> {
        let broken_off = [Message::Response, Message::Request];
        let message = broken_off.into_iter().find(|&message| self.is_broken_off[message as usize])?;
        let Framing::Two(framing) = &self.messages[message as usize] else { return None };
        framing.reset(message, out);
        Some(message)
    }

    /// Appends the next of the frames that lack bytes.
    pub(super) fn lacking(&mut self, message: Message, out: &mut Vec<u8>) -> Option<Encoded> {
        let Framing::Two(framing) = &mut self.messages[message as usize] else { return None };
        let (missing, is_lossy) = framing.lacking(out)?;
        Some(Encoded::new(truncated(out, missing, is_lossy), self.truncation))
    }
}

/// The length of an event with `bytes` and what is missing after them.
fn truncated(bytes: &[u8], missing: Missing, is_lossy: bool) -> Length {
    let length = (bytes.len() as u64).saturating_add(missing.bytes());
    match missing {
        Missing::AtLeast(_) => Length::AtLeast(length),
        Missing::Bytes(_) if is_lossy => Length::Lossy(length),
        Missing::Bytes(_) => Length::CutFrom(length),
    }
}
