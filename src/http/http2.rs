//! An exchange in HTTP/2 (RFC 9113): a stream of HEADERS, DATA and trailers. Headers are literals without indexing (RFC 7541
//! section 6.2.2), so that a reader needs nothing of what came before.

use super::body::{BodyCount, Gap, Missing};
use super::lookahead::Lookahead;
use super::tunnel::Tunnel;
use super::{Headers, Message, Piece};
use crate::redact::X;

/// Bytes of payload in a frame: what a peer takes that has not said otherwise (RFC 9113 section 4.2).
const FRAME: usize = 16_384;
/// Missing bytes of a body for which there are frames at most.
const MAX_MISSING_FRAMES: u64 = 1024 * 1024;
/// The bytes before a frame's payload.
const FRAME_HEADER: usize = 9;
/// The most that a window can be (RFC 9113 section 6.9.1): nothing waits for it.
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// What the window of a connection is at first (RFC 9113 section 6.9.2).
const FIRST_WINDOW: u32 = 65_535;

/// Types of frames (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Flags.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Error codes (RFC 9113 section 7).
const INTERNAL_ERROR: u32 = 2;
const CANCEL: u32 = 8;

/// How a message is framed.
#[derive(Debug)]
pub(super) struct Framing {
    stream: u32,
    /// The request's method is HEAD.
    is_head: bool,
    tunnel: Option<Tunnel>,
    count: BodyCount,
    /// Nothing of the message can follow.
    has_ended: bool,
    /// A frame that lacks bytes has to fit into a packet, with its header: this is the most that its payload can have.
    max_lacking_frame: usize,
    /// The end of a body that is cut, which is still to be put into a frame.
    tail: Vec<u8>,
    /// What lacks behind it, and whether all of it is known.
    missing_frames: Option<Missing>,
    /// It was lost by a format that keeps only what is UTF-8.
    is_lossy: bool,
    ends_behind: bool,
}

/// Whether HTTP/1.1 cannot say a header.
pub(super) fn is_needed((name, value): (&[u8], &[u8])) -> bool {
    is_pseudo_of_2(name) || has_line_end(name) || has_line_end(value)
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
pub(crate) fn preface() -> [(Message, Vec<u8>); 3] {
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
    /// That of a message in stream `stream`, of an exchange with this request, which opens this tunnel. A packet has at most
    /// `max_segment` bytes.
    pub(super) fn new(
        stream: u32,
        request: Option<&Headers>,
        tunnel: Option<Tunnel>,
        max_segment: usize,
    ) -> Self {
        let is_head = request.and_then(|headers| headers.value(b":method")) == Some(b"HEAD");
        Self {
            stream,
            is_head,
            tunnel,
            count: BodyCount::default(),
            has_ended: false,
            max_lacking_frame: max_segment.saturating_sub(FRAME_HEADER).clamp(1, FRAME),
            tail: Vec::new(),
            missing_frames: None,
            is_lossy: false,
            ends_behind: false,
        }
    }

    /// Appends a piece, but for frames that lack bytes: those come with [`Self::missing_frames`], each to be an event. Returns how
    /// many bytes the message lacks, where it broke off.
    pub(super) fn encode(
        &mut self,
        message: Message,
        piece: &mut Piece,
        is_redacted: bool,
        lookahead: &Lookahead,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        match piece {
            Piece::Head(headers) => {
                let status = headers.value(b":status").unwrap_or_default();
                let has_none = message == Message::Response
                    && (self.is_head || matches!(status, [b'1', _, _] | b"204" | b"304"));
                let promised = headers.content_length().filter(|_| !has_none && self.tunnel.is_none());
                self.count = BodyCount::new(promised);
                let gap = if lookahead.is_last() { self.count.end() } else { Gap::None };
                // A tunnel stays open until its end is known to have come.
                self.has_ended = lookahead.is_last() && self.tunnel.is_none();
                self.headers(headers, self.has_ended && gap == Gap::None, out);
                broken_off(gap)
            }
            Piece::Body { bytes, truncation, is_text } => {
                let gap = self.count.piece(bytes, *truncation, *is_text, lookahead);
                if is_redacted {
                    bytes.fill(X);
                }
                self.body(bytes, gap, lookahead, out)
            }
            // The message ends without them.
            Piece::Trailers(headers) if headers.is_empty() => None,
            Piece::Trailers(headers) => {
                self.has_ended = true;
                self.headers(headers, true, out);
                None
            }
            Piece::End if self.has_ended => None,
            Piece::End => {
                self.has_ended = true;
                match self.count.end() {
                    Gap::None => frame(0, DATA, END_STREAM, self.stream, out),
                    Gap::Missing(missing) => (self.missing_frames, self.ends_behind) = (Some(missing), true),
                    Gap::Lossy(bytes) => self.lose(bytes, true),
                    Gap::BrokenOff(bytes) => return Some(bytes),
                }
                None
            }
        }
    }

    /// Lets bytes be missing behind what has come.
    fn lose(&mut self, bytes: u64, ends_behind: bool) {
        (self.missing_frames, self.ends_behind, self.is_lossy) =
            (Some(Missing::Bytes(bytes)), ends_behind, true);
    }

    /// Appends what ends a stream in which a message of this side broke off (RFC 9113 section 8.1).
    pub(super) fn reset(&self, message: Message, out: &mut Vec<u8>) {
        let code = match message {
            Message::Request => CANCEL,
            Message::Response => INTERNAL_ERROR,
        };
        frame(4, RST_STREAM, 0, self.stream, out);
        out.extend_from_slice(&code.to_be_bytes());
    }

    /// Whether there are frames that lack bytes.
    pub(super) fn is_lacking(&self) -> bool {
        self.missing_frames.is_some()
    }

    /// Appends the next frame that lacks bytes. Returns what is missing behind it, and whether a format for text lost it.
    pub(super) fn missing_frames(&mut self, out: &mut Vec<u8>) -> Option<(Missing, bool)> {
        let missing_frames = self.missing_frames.take()?;
        let room = self.max_lacking_frame - self.tail.len();
        let (here, missing) = match missing_frames {
            Missing::AtLeast(_) => (1, missing_frames),
            Missing::Bytes(bytes) => {
                let bytes = bytes.min(MAX_MISSING_FRAMES);
                let here = bytes.min(room as u64);
                self.missing_frames = (bytes > here).then_some(Missing::Bytes(bytes - here));
                (here, Missing::Bytes(here))
            }
        };
        let is_last = self.ends_behind && self.missing_frames.is_none();
        let flags = if is_last { END_STREAM } else { 0 };
        frame(self.tail.len() + here as usize, DATA, flags, self.stream, out);
        out.append(&mut self.tail);
        Some((missing, self.is_lossy))
    }

    /// HEADERS, and CONTINUATION where they do not fit; pseudo-headers first (RFC 9113 section 8.3).
    fn headers(&self, headers: &Headers, is_last: bool, out: &mut Vec<u8>) {
        let mut block = Vec::new();
        let mut literal = |name: &[u8], value: &[u8]| {
            block.push(0);
            string(name, &mut block);
            string(value, &mut block);
        };
        let is_upgrade = self.tunnel == Some(Tunnel::Upgrade);
        let pseudo = |(name, _): &(&[u8], &[u8])| name.starts_with(b":");
        for (name, value) in headers.iter().filter(pseudo) {
            // An upgrade is a CONNECT with a protocol in HTTP/2, and its 101 a 200 (RFC 8441 sections 4 and 5).
            match (name, value) {
                (b":method", _) if is_upgrade => {
                    literal(name, b"CONNECT");
                    literal(b":protocol", headers.value(b"upgrade").unwrap_or_default());
                }
                (b":status", b"101") => literal(name, b"200"),
                _ => literal(name, value),
            }
        }
        let others = headers.iter().filter(|header| !pseudo(header));
        others.filter(|(name, _)| !is_of_connection(name)).for_each(|(name, value)| literal(name, value));
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

    /// DATA with bytes of a body that `gap` follows. What is cut at its end is kept for [`Self::missing_frames`]. Returns how many bytes the message lacks, where it broke off.
    fn body(&mut self, bytes: &[u8], gap: Gap, lookahead: &Lookahead, out: &mut Vec<u8>) -> Option<u64> {
        let is_last = lookahead.is_last();
        let is_lacking = matches!(gap, Gap::Missing(_) | Gap::Lossy(_));
        // One byte at least has to be left for what is missing.
        let tail = if is_lacking { bytes.len() % self.max_lacking_frame } else { 0 };
        let (whole, tail) = bytes.split_at(bytes.len() - tail);
        let size = if is_lacking { self.max_lacking_frame } else { FRAME };
        let ends = is_last && gap == Gap::None;
        let mut frames = whole.chunks(size).peekable();
        while let Some(payload) = frames.next() {
            let flags = if ends && frames.peek().is_none() { END_STREAM } else { 0 };
            frame(payload.len(), DATA, flags, self.stream, out);
            out.extend_from_slice(payload);
        }
        if ends && bytes.is_empty() {
            frame(0, DATA, END_STREAM, self.stream, out);
        }
        self.has_ended |= is_last;
        self.tail.extend_from_slice(tail);
        match gap {
            Gap::Missing(missing) => (self.missing_frames, self.ends_behind) = (Some(missing), is_last),
            Gap::Lossy(bytes) => self.lose(bytes, is_last),
            Gap::None | Gap::BrokenOff(_) => {}
        }
        broken_off(gap)
    }
}

fn broken_off(gap: Gap) -> Option<u64> {
    match gap {
        Gap::BrokenOff(bytes) => Some(bytes),
        Gap::None | Gap::Missing(_) | Gap::Lossy(_) => None,
    }
}

/// Appends the headers of a message in a stream.
pub(crate) fn append_headers(stream: u32, headers: &Headers, is_last: bool, out: &mut Vec<u8>) {
    Framing::new(stream, None, None, FRAME).headers(headers, is_last, out);
}

/// Appends what is before so many bytes of a body.
pub(crate) fn append_data_header(length: usize, is_last: bool, stream: u32, out: &mut Vec<u8>) {
    frame(length, DATA, if is_last { END_STREAM } else { 0 }, stream, out);
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
