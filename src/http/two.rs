//! An exchange in HTTP/2 (RFC 9113): a stream of HEADERS, DATA and trailers. Headers are literals without indexing (RFC 7541
//! section 6.2.2), so that a reader needs nothing of what came before.

use super::ahead::Ahead;
use super::course::Missing;
use super::exchange::Exchange;
use super::one::missing;
use super::{Headers, Message, Piece};

/// Bytes of payload in a frame: what a peer takes that has not said otherwise (RFC 9113 section 4.2).
const FRAME: usize = 16_384;
/// Of the bytes that a body lacks as many are put into frames.
const MAX_LACKING: u64 = 1024 * 1024;
/// The bytes before a frame's payload.
const FRAME_HEADER: usize = 9;
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
    /// Some of it is missing: without that a body may just be shorter than it should be.
    is_cut: bool,
    has_ended: bool,
    /// A frame that lacks bytes has to fit into a packet, with its header: this is the most that its payload can have.
    max_lacking_frame: usize,
    /// The end of a body that is cut, which is still to be put into a frame.
    tail: Vec<u8>,
    /// What lacks behind it, and whether all of it is known.
    lacking: Option<Missing>,
    ends_behind: bool,
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

/// Whether a header is about the connection, of which HTTP/2 says nothing in headers (RFC 9113 section 8.2.2).
fn is_of_connection(name: &[u8]) -> bool {
    const NAMES: [&str; 5] = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
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
    frame(6, SETTINGS, 0, 0, out);
    out.extend_from_slice(&INITIAL_WINDOW_SIZE.to_be_bytes());
    out.extend_from_slice(&MAX_WINDOW.to_be_bytes());
    frame(4, WINDOW_UPDATE, 0, 0, out);
    out.extend_from_slice(&(MAX_WINDOW - FIRST_WINDOW).to_be_bytes());
}

impl Framing {
    /// That of a message in stream `stream`, of an exchange with this request. A packet has at most `max_segment` bytes.
    pub(super) fn new(stream: u32, request: Option<&Headers>, max_segment: usize) -> Self {
        let is_head = request.and_then(|headers| headers.value(b":method")) == Some(b"HEAD");
        Self {
            stream,
            is_head,
            rest: None,
            is_cut: false,
            has_ended: false,
            max_lacking_frame: max_segment.saturating_sub(FRAME_HEADER).clamp(1, FRAME),
            tail: Vec::new(),
            lacking: None,
            ends_behind: false,
        }
    }

    /// Appends a piece, but for frames that lack bytes: those come with [`Self::lacking`], each to be an event.
    pub(super) fn encode(&mut self, message: Message, piece: &Piece, ahead: &Ahead, out: &mut Vec<u8>) {
        match piece {
            Piece::Head(headers) => {
                let status = headers.value(b":status").unwrap_or_default();
                let has_none = message == Message::Response
                    && (self.is_head || matches!(status, [b'1', _, _] | b"204" | b"304"));
                self.rest = headers.content_length().filter(|_| !has_none);
                self.headers(headers, ahead.is_last(), out);
            }
            Piece::Body { bytes, is_cut, .. } => self.body(bytes, *is_cut, ahead, out),
            // The message ends without them.
            Piece::Trailers(headers) if headers.is_empty() => {}
            Piece::Trailers(headers) => self.headers(headers, true, out),
            Piece::End if self.has_ended => {}
            Piece::End => {
                self.has_ended = true;
                match self.rest.take().filter(|&rest| rest > 0 && self.is_cut) {
                    Some(rest) => (self.lacking, self.ends_behind) = (Some(Missing::Bytes(rest)), true),
                    None => frame(0, DATA, END_STREAM, self.stream, out),
                }
            }
        }
    }

    /// Whether there are frames that lack bytes.
    pub(super) fn is_lacking(&self) -> bool {
        self.lacking.is_some()
    }

    /// Appends the next frame that lacks bytes. Returns what is missing behind it.
    pub(super) fn lacking(&mut self, out: &mut Vec<u8>) -> Option<Missing> {
        let lacking = self.lacking.take()?;
        let room = self.max_lacking_frame - self.tail.len();
        let (here, missing) = match lacking {
            Missing::Unknown => (1, Missing::Unknown),
            Missing::Bytes(bytes) => {
                let bytes = bytes.min(MAX_LACKING);
                let here = bytes.min(room as u64);
                self.lacking = (bytes > here).then_some(Missing::Bytes(bytes - here));
                (here, Missing::Bytes(here))
            }
        };
        let is_last = self.ends_behind && self.lacking.is_none();
        let flags = if is_last { END_STREAM } else { 0 };
        frame(self.tail.len() + here as usize, DATA, flags, self.stream, out);
        out.append(&mut self.tail);
        Some(missing)
    }

    /// HEADERS and as many CONTINUATION as it takes; pseudo-headers first (RFC 9113 section 8.3).
    fn headers(&mut self, headers: &Headers, is_last: bool, out: &mut Vec<u8>) {
        let mut block = Vec::new();
        let pseudo = |(name, _): &(&[u8], &[u8])| name.starts_with(b":");
        let headers = || headers.iter().filter(|(name, _)| !is_of_connection(name));
        let pseudo_first = headers().filter(pseudo).chain(headers().filter(|header| !pseudo(header)));
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

    /// DATA. What is cut at its end is kept for [`Self::lacking`].
    fn body(&mut self, bytes: &[u8], is_cut: bool, ahead: &Ahead, out: &mut Vec<u8>) {
        let rest = self.rest.map(|rest| rest.saturating_sub(bytes.len() as u64));
        self.is_cut |= is_cut;
        let missing = match rest {
            Some(rest) => missing(rest, is_cut, ahead).filter(|_| self.is_cut),
            None => is_cut.then_some(Missing::Unknown),
        };
        let lacking = match missing {
            None => 0,
            Some(Missing::Unknown) => 1,
            Some(Missing::Bytes(bytes)) => bytes,
        };
        self.rest = rest.map(|rest| rest.saturating_sub(lacking));
        let is_last = ahead.is_last();
        // One byte at least has to be left for what is missing.
        let tail = if missing.is_some() { bytes.len() % self.max_lacking_frame } else { 0 };
        let (whole, tail) = bytes.split_at(bytes.len() - tail);
        let size = if missing.is_some() { self.max_lacking_frame } else { FRAME };
        let mut frames = whole.chunks(size).peekable();
        while let Some(payload) = frames.next() {
            let ends = is_last && missing.is_none() && frames.peek().is_none();
            frame(payload.len(), DATA, if ends { END_STREAM } else { 0 }, self.stream, out);
            out.extend_from_slice(payload);
        }
        if is_last && missing.is_none() && bytes.is_empty() {
            frame(0, DATA, END_STREAM, self.stream, out);
        }
        self.has_ended |= is_last;
        if missing.is_some() {
            self.tail.extend_from_slice(tail);
            (self.lacking, self.ends_behind) = (missing, is_last);
        }
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
