//! An exchange in HTTP/2 (RFC 9113): a stream of HEADERS, DATA and trailers. Headers are literals without indexing (RFC 7541
//! section 6.2.2), so that a reader needs nothing of what came before.

use super::exchange::Exchange;
use super::one::missing;
use super::wire::{Ahead, Missing, content_length};
use super::{Headers, Message, Piece};

/// Bytes of payload in a frame: what a peer takes that has not said otherwise (RFC 9113 section 4.2).
const FRAME: usize = 16_384;
/// The most that a frame's length can say; the settings allow it, for bodies that are cut.
const MAX_FRAME: u64 = (1 << 24) - 1;
/// The most that a window can be (RFC 9113 section 6.9.1): nothing waits for it.
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// What the window of a connection is at first (RFC 9113 section 6.9.2).
const FIRST_WINDOW: u32 = 65_535;

/// Types of frames (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Flags.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How a message is framed.
#[derive(Debug)]
pub(super) struct Framing {
    stream: u32,
    /// The request's method is HEAD.
    is_head: bool,
    /// How many bytes of the body are to come, as far as the content-length tells.
    rest: Option<u64>,
    has_ended: bool,
}

/// Whether HTTP/1.1 cannot say what an exchange has.
pub(super) fn is_needed(exchange: &Exchange) -> bool {
    exchange.parts().any(|part| match &part.piece {
        Piece::Head(headers) => headers.iter().any(|(name, value)| {
            let is_grpc =
                name.eq_ignore_ascii_case(b"content-type") && value.starts_with(b"application/grpc");
            is_grpc || is_pseudo_of_2(name) || has_line_end(name) || has_line_end(value)
        }),
        Piece::Trailers(headers) => !headers.is_empty(),
        Piece::Body { .. } | Piece::End => false,
    })
}

fn is_pseudo_of_2(name: &[u8]) -> bool {
    const KNOWN: [&[u8]; 5] = [b":method", b":scheme", b":authority", b":path", b":status"];
    name.starts_with(b":") && !KNOWN.contains(&name)
}

fn has_line_end(text: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', text).is_some()
}

/// What both sides send first (RFC 9113 section 3.4): the settings, with all windows open.
pub(super) fn preface() -> [(Message, Vec<u8>); 3] {
    let mut client = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    settings(&mut client);
    let mut server = Vec::new();
    settings(&mut server);
    frame(0, SETTINGS, ACK, 0, &mut server);
    let mut acknowledgment = Vec::new();
    frame(0, SETTINGS, ACK, 0, &mut acknowledgment);
    [(Message::Request, client), (Message::Response, server), (Message::Request, acknowledgment)]
}

fn settings(out: &mut Vec<u8>) {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    const MAX_FRAME_SIZE: u16 = 5;
    frame(12, SETTINGS, 0, 0, out);
    for (setting, value) in [(INITIAL_WINDOW_SIZE, MAX_WINDOW), (MAX_FRAME_SIZE, MAX_FRAME as u32)] {
        out.extend_from_slice(&setting.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
    frame(4, WINDOW_UPDATE, 0, 0, out);
    out.extend_from_slice(&(MAX_WINDOW - FIRST_WINDOW).to_be_bytes());
}

impl Framing {
    /// That of a message in stream `stream`, of an exchange with this request.
    pub(super) fn new(stream: u32, request: Option<&Headers>) -> Self {
        let is_head = request.and_then(|headers| headers.value(b":method")) == Some(b"HEAD");
        Self { stream, is_head, rest: None, has_ended: false }
    }

    /// Appends a piece. Returns what is missing behind it.
    pub(super) fn encode(
        &mut self,
        message: Message,
        piece: &Piece,
        ahead: &Ahead,
        out: &mut Vec<u8>,
    ) -> Option<Missing> {
        match piece {
            Piece::Head(headers) => {
                let status = headers.value(b":status").unwrap_or_default();
                let has_none = message == Message::Response
                    && (self.is_head || matches!(status, [b'1', _, _] | b"204" | b"304"));
                self.rest = content_length(headers).filter(|_| !has_none);
                let lacks_all = self.rest.is_some_and(|rest| rest > 0);
                self.headers(headers, ahead.is_last() && !lacks_all, out);
                None
            }
            Piece::Body { bytes, is_cut, .. } => self.body(bytes, *is_cut, ahead, out),
            Piece::Trailers(headers) => {
                self.headers(headers, true, out);
                None
            }
            Piece::End if self.has_ended => None,
            Piece::End => {
                self.has_ended = true;
                let missing = self.rest.take().unwrap_or_default().min(MAX_FRAME);
                frame(missing as usize, DATA, END_STREAM, self.stream, out);
                (missing > 0).then_some(Missing::Bytes(missing))
            }
        }
    }

    /// HEADERS and as many CONTINUATION as it takes; pseudo-headers first (RFC 9113 section 8.3).
    fn headers(&mut self, headers: &Headers, is_last: bool, out: &mut Vec<u8>) {
        let mut block = Vec::new();
        let pseudo = |(name, _): &(&[u8], &[u8])| name.starts_with(b":");
        let pseudo_first =
            headers.iter().filter(pseudo).chain(headers.iter().filter(|header| !pseudo(header)));
        for (name, value) in pseudo_first {
            block.push(0);
            string(name, &mut block);
            string(value, &mut block);
        }
        self.has_ended |= is_last;
        let mut flags = if is_last { END_STREAM } else { 0 };
        let mut kind = HEADERS;
        let mut fragments = block.chunks(FRAME).peekable();
        loop {
            let fragment = fragments.next().unwrap_or_default();
            let is_end = fragments.peek().is_none();
            flags |= if is_end { END_HEADERS } else { 0 };
            frame(fragment.len(), kind, flags, self.stream, out);
            out.extend_from_slice(fragment);
            if is_end {
                return;
            }
            (flags, kind) = (0, CONTINUATION);
        }
    }

    /// DATA. The last frame counts the bytes that are missing behind it.
    fn body(&mut self, bytes: &[u8], is_cut: bool, ahead: &Ahead, out: &mut Vec<u8>) -> Option<Missing> {
        let rest = self.rest.map(|rest| rest.saturating_sub(bytes.len() as u64));
        let mut missing = match rest {
            Some(rest) => missing(rest, is_cut, ahead),
            None => is_cut.then_some(Missing::Unknown),
        };
        let (mut at, whole) = (0, bytes.len().saturating_sub(1) / FRAME * FRAME);
        while at < whole {
            frame(FRAME, DATA, 0, self.stream, out);
            out.extend_from_slice(&bytes[at..at + FRAME]);
            at += FRAME;
        }
        let lacking = match &mut missing {
            None => 0,
            Some(Missing::Unknown) => 1,
            Some(Missing::Bytes(bytes)) => {
                *bytes = (*bytes).min(MAX_FRAME - FRAME as u64);
                *bytes
            }
        };
        self.rest = rest.map(|rest| rest - lacking.min(rest));
        let length = bytes.len() - at + lacking as usize;
        if length > 0 || ahead.is_last() {
            self.has_ended |= ahead.is_last();
            let flags = if ahead.is_last() { END_STREAM } else { 0 };
            frame(length, DATA, flags, self.stream, out);
            out.extend_from_slice(&bytes[at..]);
        }
        missing
    }
}

/// The nine bytes before a frame's payload (RFC 9113 section 4.1).
fn frame(length: usize, kind: u8, flags: u8, stream: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// A string literal, not Huffman-coded (RFC 7541 sections 5.1 and 5.2).
fn string(text: &[u8], out: &mut Vec<u8>) {
    const PREFIX: usize = 127;
    match text.len() {
        length @ ..PREFIX => out.push(length as u8),
        length => {
            out.push(PREFIX as u8);
            let mut rest = length - PREFIX;
            while rest >= 128 {
                out.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            out.push(rest as u8);
        }
    }
    out.extend_from_slice(text);
}
