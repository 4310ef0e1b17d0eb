//! An exchange in HTTP/1.1 (RFC 9112): request line or status line, headers as the trace has them, and the body.
//!
//! The body is framed by the content-length where the body is not longer: if it is shorter, it was cut, or it broke off and
//! so does the message here. Else it is chunked, a chunk for each piece.

use super::body::{BodyCount, Gap};
use super::lookahead::Lookahead;
use super::{Headers, Message, Piece, Truncation};
use crate::redact::X;

/// What ends a chunk.
const CHUNK_END: &[u8] = b"\r\n";
/// What ends a body in chunks, where there are no trailers.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How a message is framed.
#[derive(Debug)]
pub(super) struct Framing {
    /// The method of the request decides whether the response has a body (RFC 9112 section 6.3).
    is_head: bool,
    is_connect: bool,
    /// The exchange opens a tunnel.
    is_tunnel: bool,
    body: Body,
    count: BodyCount,
    has_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// The bytes as they are: there is no body, or what comes is no HTTP any more.
    Plain,
    /// The bytes as they are, of the length that content-length promises.
    Length,
    Chunked,
}

impl Framing {
    /// That of a message in an exchange with this request, which may open a tunnel.
    pub(super) fn new(request: Option<&Headers>, is_tunnel: bool) -> Self {
        let method = request.and_then(|headers| headers.value(b":method")).unwrap_or_default();
        Self {
            is_head: method == b"HEAD",
            is_connect: method == b"CONNECT",
            is_tunnel,
            body: Body::Plain,
            count: BodyCount::default(),
            has_ended: false,
        }
    }

    /// Whether trailers can be said: only behind chunks.
    pub(super) fn takes_trailers(&self) -> bool {
        self.body == Body::Chunked && !self.has_ended
    }

    /// Appends a piece, a body redacted if it is to be, and finds what follows it.
    pub(super) fn encode(
        &mut self,
        message: Message,
        piece: &mut Piece,
        is_redacted: bool,
        lookahead: &Lookahead,
        out: &mut Vec<u8>,
    ) -> Gap {
        match piece {
            Piece::Head(headers) => {
                self.body = self.body(message, headers, lookahead);
                let promised = headers.content_length().filter(|_| self.body == Body::Length);
                self.count = BodyCount::new(promised);
                let added_chunked = self.body == Body::Chunked && !headers.is_chunked();
                match message {
                    Message::Request => request_line(headers, self.is_connect, out),
                    Message::Response => status_line(headers, out),
                }
                for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
                    // A length beside chunks is an error (RFC 9112 section 6.2).
                    if self.body != Body::Chunked || !name.eq_ignore_ascii_case(b"content-length") {
                        line(name, value, out);
                    }
                }
                if added_chunked {
                    line(b"transfer-encoding", b"chunked", out);
                }
                out.extend_from_slice(b"\r\n");
                if lookahead.is_last() { self.count.end() } else { Gap::None }
            }
            Piece::Body { bytes, truncation, is_text } => {
                let gap = self.count.piece(bytes, *truncation, *is_text, lookahead);
                if is_redacted {
                    bytes.fill(X);
                }
                match self.body {
                    Body::Chunked => self.chunk(bytes, *truncation, gap, lookahead, out),
                    Body::Plain | Body::Length => {
                        out.extend_from_slice(bytes);
                        gap
                    }
                }
            }
            Piece::Trailers(headers) => {
                if self.takes_trailers() {
                    self.last_chunk(headers, out);
                }
                Gap::None
            }
            Piece::End => {
                if self.body == Body::Chunked && !self.has_ended {
                    self.last_chunk(&Headers::default(), out);
                }
                self.count.end()
            }
        }
    }

    fn body(&self, message: Message, headers: &Headers, lookahead: &Lookahead) -> Body {
        let status = headers.value(b":status").unwrap_or_default();
        let is_plain = match message {
            Message::Request => self.is_tunnel || self.is_connect,
            Message::Response => {
                self.is_head
                    || matches!(status, [b'1', _, _] | b"204" | b"304")
                    || self.is_connect && status.starts_with(b"2")
            }
        };
        if is_plain {
            return Body::Plain;
        }
        if headers.is_chunked() {
            return Body::Chunked;
        }
        if let Some(length) = headers.content_length() {
            let agrees = lookahead.body <= length && !lookahead.has_trailers();
            return if agrees { Body::Length } else { Body::Chunked };
        }
        let is_expected = matches!(headers.value(b":method"), Some(b"POST" | b"PUT" | b"PATCH"));
        let may_come = lookahead.has_body() || lookahead.has_trailers() || !lookahead.is_all && is_expected;
        if message == Message::Response || may_come { Body::Chunked } else { Body::Plain }
    }

    /// A chunk. After a gap nothing of the message can follow: what would end the chunk, and the body where this is its last
    /// piece, is missing too.
    fn chunk(
        &mut self,
        bytes: &[u8],
        truncation: Truncation,
        gap: Gap,
        lookahead: &Lookahead,
        out: &mut Vec<u8>,
    ) -> Gap {
        if bytes.is_empty() && !truncation.is_cut() {
            return Gap::None;
        }
        let Gap::Missing(missing) = gap else {
            chunk_size(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
            out.extend_from_slice(CHUNK_END);
            return Gap::None;
        };
        chunk_size((bytes.len() as u64).saturating_add(missing.bytes()), out);
        out.extend_from_slice(bytes);
        self.has_ended = lookahead.ends_body();
        let end = CHUNK_END.len() + if self.has_ended { LAST_CHUNK.len() } else { 0 };
        Gap::Missing(missing.and(end as u64))
    }

    fn last_chunk(&mut self, trailers: &Headers, out: &mut Vec<u8>) {
        self.has_ended = true;
        out.extend_from_slice(b"0\r\n");
        trailers.iter().for_each(|(name, value)| line(name, value, out));
        out.extend_from_slice(b"\r\n");
    }
}

fn chunk_size(size: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{size:x}\r\n").as_bytes());
}

fn request_line(headers: &Headers, is_connect: bool, out: &mut Vec<u8>) {
    let method = headers.value(b":method").unwrap_or(b"GET");
    let authority = headers.value(b":authority");
    let target = if is_connect { authority } else { headers.value(b":path") };
    text(method, out);
    out.push(b' ');
    text(target.unwrap_or(b"/"), out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(authority) = authority
        && headers.value(b"host").is_none()
    {
        line(b"Host", authority, out);
    }
}

fn status_line(headers: &Headers, out: &mut Vec<u8>) {
    let status = headers.value(b":status").unwrap_or(b"000");
    out.extend_from_slice(b"HTTP/1.1 ");
    text(status, out);
    out.push(b' ');
    let reason = http::StatusCode::from_bytes(status).ok().and_then(|status| status.canonical_reason());
    out.extend_from_slice(reason.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    text(name, out);
    out.extend_from_slice(b": ");
    text(value, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends what stands in a line. A line's end in it, which HTTP/1.1 cannot say, becomes spaces.
fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
}
