//! Encodes an exchange: the bytes of its pieces, in HTTP/1.1 or HTTP/2, and what is missing of them.

use super::body::{Gap, Missing};
use super::lookahead::Lookahead;
use super::redacted::Redacted;
use super::tunnel::Tunnel;
use super::{Message, Piece, Version, http1, http2};
use crate::trace::{Length, Truncation};

/// How an exchange goes onto the wire.
#[derive(Debug)]
pub(super) struct ExchangeEncoder {
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
    /// What comes as its bodies may be another protocol's.
    is_tunnel: bool,
}

/// How a message is framed.
#[derive(Debug)]
pub(super) enum Framing {
    One(http1::Framing),
    Two(http2::Framing),
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
    /// The message broke off: this many bytes of its body never came.
    pub(super) broken_off: Option<u64>,
}

impl Encoded {
    pub(super) fn new(length: Length, truncation: Truncation) -> Self {
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

impl ExchangeEncoder {
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
            is_tunnel: tunnel.is_some(),
        }
    }

    /// Appends the bytes of a piece of a message, of which `lookahead` waits, with its values redacted, and says in `encoded` what is known of them.
    /// Returns whether more pieces may be in the same event.
    pub(super) fn encode(
        &mut self,
        message: Message,
        piece: &mut Piece,
        lookahead: &Lookahead,
        redacted: Option<&mut Redacted<'_>>,
        encoded: &mut Encoded,
        out: &mut Vec<u8>,
    ) -> bool {
        match piece {
            Piece::Body { bytes, truncation, is_text } => {
                if truncation.is_cut() {
                    self.truncation = *truncation;
                }
                // Only of the body: what frames it is no text.
                encoded.is_text |= *is_text && str::from_utf8(bytes).is_err();
            }
            Piece::Head(headers) => {
                self.is_tunnel |= message == Message::Response && headers.value(b":status") == Some(b"101");
            }
            Piece::Trailers(_) | Piece::End => {}
        }
        let is_redacted = redacted.is_some_and(|redacted| redacted.piece(piece, self.is_tunnel));
        let gap = match &mut self.messages[message as usize] {
            Framing::One(framing) => {
                let has_trailers = matches!(piece, Piece::Trailers(trailers) if !trailers.is_empty());
                encoded.lacks_trailers |= has_trailers && !framing.takes_trailers();
                framing.encode(message, piece, is_redacted, lookahead, out)
            }
            Framing::Two(framing) => {
                let broken_off = framing.encode(message, piece, is_redacted, lookahead, out);
                if framing.is_lacking() {
                    return false;
                }
                broken_off.map_or(Gap::None, Gap::BrokenOff)
            }
        };
        match gap {
            Gap::None => return true,
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
        false
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
    pub(super) fn missing_frames(&mut self, message: Message, out: &mut Vec<u8>) -> Option<Encoded> {
        let Framing::Two(framing) = &mut self.messages[message as usize] else { return None };
        let (missing, is_lossy) = framing.missing_frames(out)?;
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
