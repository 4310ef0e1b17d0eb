//! An exchange in HTTP/1.1 (RFC 9112): request line or status line, headers as the trace has them, and the body.
//!
//! The body is framed by the content-length where that agrees with it, or where the body is cut and only that tells how
//! long it was. Else it is chunked, a chunk for each piece.

use super::ahead::Ahead;
use super::course::Missing;
use super::{Headers, Message, Piece};

/// How a message is framed.
#[derive(Debug)]
pub(super) struct Framing {
    /// The method of the request decides whether the response has a body (RFC 9112 section 6.3).
    is_head: bool,
    is_connect: bool,
    body: Body,
    /// The last chunk was cut, so that the end of its line is still to come.
    is_in_chunk: bool,
    has_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// The bytes as they are: there is no body, or what comes is no HTTP any more.
    Plain,
    /// As many more.
    Length(u64),
    Chunked,
}

impl Framing {
    /// That of a message in an exchange with this request.
    pub(super) fn new(request: Option<&Headers>) -> Self {
        let method = request.and_then(|headers| headers.value(b":method")).unwrap_or_default();
        Self {
            is_head: method == b"HEAD",
            is_connect: method == b"CONNECT",
            body: Body::Plain,
            is_in_chunk: false,
            has_ended: false,
        }
    }

    /// Whether trailers can be said: only behind chunks.
    pub(super) fn takes_trailers(&self) -> bool {
        self.body == Body::Chunked && !self.has_ended
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
                self.body = self.body(message, headers, ahead);
                let is_chunked_since = self.body == Body::Chunked && !is_chunked(headers);
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
                if is_chunked_since {
                    line(b"transfer-encoding", b"chunked", out);
                }
                out.extend_from_slice(b"\r\n");
                None
            }
            Piece::Body { bytes, is_cut, .. } => self.bytes(bytes, *is_cut, ahead, out),
            Piece::Trailers(headers) => {
                if self.takes_trailers() {
                    self.last_chunk(headers, out);
                }
                None
            }
            Piece::End => match self.body {
                Body::Length(missing @ 1..) => {
                    self.body = Body::Length(0);
                    Some(Missing::Bytes(missing))
                }
                Body::Chunked if !self.has_ended => {
                    self.last_chunk(&Headers::default(), out);
                    None
                }
                _ => None,
            },
        }
    }

    fn body(&self, message: Message, headers: &Headers, ahead: &Ahead) -> Body {
        let status = headers.value(b":status").unwrap_or_default();
        let has = |name| headers.value(name).is_some();
        let is_plain = match message {
            // A tunnel, or another protocol, if the response agrees.
            Message::Request => {
                self.is_connect || has(b"upgrade") && !has(b"content-length") && !is_chunked(headers)
            }
            Message::Response => {
                self.is_head
                    || matches!(status, [b'1', _, _] | b"204" | b"304")
                    || self.is_connect && status.starts_with(b"2")
            }
        };
        if is_plain {
            return Body::Plain;
        }
        if is_chunked(headers) {
            return Body::Chunked;
        }
        if let Some(length) = headers.content_length() {
            let is_less = ahead.body < length && (ahead.has_cut() || !ahead.is_all);
            let agrees = (ahead.body == length || is_less) && !ahead.has_trailers();
            return if agrees { Body::Length(length) } else { Body::Chunked };
        }
        let is_expected = matches!(headers.value(b":method"), Some(b"POST" | b"PUT" | b"PATCH"));
        let may_come = ahead.has_body() || ahead.has_trailers() || !ahead.is_all && is_expected;
        if message == Message::Response || may_come { Body::Chunked } else { Body::Plain }
    }

    fn bytes(&mut self, bytes: &[u8], is_cut: bool, ahead: &Ahead, out: &mut Vec<u8>) -> Option<Missing> {
        match &mut self.body {
            Body::Plain => {
                out.extend_from_slice(bytes);
                is_cut.then_some(Missing::Unknown)
            }
            Body::Length(rest) => {
                out.extend_from_slice(bytes);
                *rest = rest.saturating_sub(bytes.len() as u64);
                let missing = missing(*rest, is_cut, ahead);
                match missing {
                    Some(Missing::Bytes(_)) => *rest = 0,
                    Some(Missing::Unknown) => *rest = rest.saturating_sub(1),
                    None => {}
                }
                missing
            }
            Body::Chunked => {
                self.end_chunk(out);
                if bytes.is_empty() && !is_cut {
                    return None;
                }
                // Of a chunk that is cut no more is known than that there was another byte.
                let length = bytes.len() + usize::from(is_cut);
                out.extend_from_slice(format!("{length:x}\r\n").as_bytes());
                out.extend_from_slice(bytes);
                self.is_in_chunk = true;
                if is_cut {
                    return Some(Missing::Unknown);
                }
                self.end_chunk(out);
                None
            }
        }
    }

    fn end_chunk(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_in_chunk) {
            out.extend_from_slice(b"\r\n");
        }
    }

    fn last_chunk(&mut self, trailers: &Headers, out: &mut Vec<u8>) {
        self.end_chunk(out);
        self.has_ended = true;
        out.extend_from_slice(b"0\r\n");
        trailers.iter().for_each(|(name, value)| line(name, value, out));
        out.extend_from_slice(b"\r\n");
    }
}

/// What is missing behind a piece of a body of which `rest` bytes are left to come.
pub(super) fn missing(rest: u64, is_cut: bool, ahead: &Ahead) -> Option<Missing> {
    match (is_cut, ahead.has_body()) {
        // Which of two pieces lacks how much is not known.
        (true, true) => Some(Missing::Unknown),
        (true, false) => Some(Missing::Bytes(rest.max(1))),
        (false, _) if ahead.is_last() && rest > 0 => Some(Missing::Bytes(rest)),
        (false, _) => None,
    }
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

/// Whether the last of the codings is chunked (RFC 9112 section 6.1).
fn is_chunked(headers: &Headers) -> bool {
    headers.value(b"transfer-encoding").is_some_and(|codings| {
        let last = codings.rsplit(|&byte| byte == b',').next().unwrap_or_default();
        last.trim_ascii().eq_ignore_ascii_case(b"chunked")
    })
}
