//! Follows the messages of HTTP/1.1 in the bytes of one direction: where each begins, and what its headers are.

use super::context::Contexts;

/// A head of more bytes is none.
const MAX_HEAD: usize = 64 * 1024;
/// Headers of a message at most.
const MAX_HEADERS: usize = 256;

/// Where in its messages a direction is.
#[derive(Debug, Default)]
pub(super) struct Follower {
    state: State,
    /// The beginning of a head, or of a line of a chunked body, whose end has not come.
    head: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A message begins, or is to be found.
    #[default]
    Head,
    /// So many bytes of a body follow.
    Body(u64),
    /// The length of a chunk follows.
    Chunk,
    /// So many bytes of a chunk follow, with its line's end.
    ChunkData(u64),
    /// Trailers follow.
    Trailers,
    /// The body ends with the connection, or all is another protocol's.
    Rest,
}

/// A message that has begun.
#[derive(Debug)]
pub(super) enum Head {
    Request { contexts: Contexts, is_head: bool, is_connect: bool },
    Response { code: u16 },
}

impl Follower {
    /// Takes bytes that have come, and has `each` take each message of which the head ends in them. `each` says whether a response
    /// has no body because of its request.
    pub(super) fn bytes(&mut self, mut bytes: &[u8], each: &mut impl FnMut(Head) -> bool) {
        while !bytes.is_empty() {
            match self.state {
                State::Head => {
                    if self.head.is_empty() && !begins_message(bytes) {
                        // What came before has been lost, or this is no HTTP: the next event may begin a message.
                        return;
                    }
                    let before = self.head.len();
                    self.head.extend_from_slice(bytes);
                    let from = before.saturating_sub(3);
                    let Some(end) = memchr::memmem::find(&self.head[from..], b"\r\n\r\n") else {
                        if self.head.len() > MAX_HEAD {
                            self.lose();
                        }
                        return;
                    };
                    let end = from + end + 4;
                    let head = std::mem::take(&mut self.head);
                    bytes = &bytes[end - before..];
                    self.state = message(&head[..end], each).unwrap_or_default();
                }
                State::Body(rest) => {
                    let here = rest.min(bytes.len() as u64);
                    bytes = &bytes[here as usize..];
                    self.state = if here == rest { State::Head } else { State::Body(rest - here) };
                }
                State::ChunkData(rest) => {
                    let here = rest.min(bytes.len() as u64);
                    bytes = &bytes[here as usize..];
                    self.state = if here == rest { State::Chunk } else { State::ChunkData(rest - here) };
                }
                State::Chunk | State::Trailers => {
                    let Some(length) = memchr::memchr(b'\n', bytes) else {
                        self.head.extend_from_slice(bytes);
                        if self.head.len() > MAX_HEAD {
                            self.lose();
                        }
                        return;
                    };
                    self.head.extend_from_slice(&bytes[..length]);
                    bytes = &bytes[length + 1..];
                    let line = std::mem::take(&mut self.head);
                    self.state = match (self.state, line.trim_ascii()) {
                        (State::Trailers, b"") => State::Head,
                        (State::Trailers, _) => State::Trailers,
                        (_, line) => match chunk_length(line) {
                            Some(0) => State::Trailers,
                            Some(length) => State::ChunkData(length.saturating_add(2)),
                            None => State::Rest,
                        },
                    };
                }
                State::Rest => return,
            }
        }
    }

    /// So many bytes are missing.
    pub(super) fn skip(&mut self, count: u64) {
        match &mut self.state {
            State::Body(rest) | State::ChunkData(rest) if *rest > count => *rest -= count,
            State::Body(rest) if *rest == count => self.state = State::Head,
            State::Rest => {}
            _ => self.lose(),
        }
    }

    /// Nobody knows where in a message it goes on.
    pub(super) fn lose(&mut self) {
        self.head.clear();
        self.state = State::Head;
    }

    /// All that follows is another protocol's.
    pub(super) fn tunnel(&mut self) {
        self.state = State::Rest;
    }
}

/// Whether a message may begin with these bytes.
fn begins_message(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") || {
        let method = bytes.iter().take(20).take_while(|byte| byte.is_ascii_uppercase()).count();
        method > 2 && matches!(bytes.get(method), Some(b' '))
    }
}

/// Reads a head. Returns what follows it.
fn message(head: &[u8], each: &mut impl FnMut(Head) -> bool) -> Option<State> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    if head.starts_with(b"HTTP/") {
        let mut response = httparse::Response::new(&mut headers);
        response.parse(head).ok()?;
        let code = response.code?;
        let body = body(response.headers);
        let has_none = each(Head::Response { code });
        return Some(match code {
            101 => State::Rest,
            100..200 | 204 | 304 => State::Head,
            _ if has_none => State::Head,
            _ => body.unwrap_or(State::Rest),
        });
    }
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?;
    let method = request.method?;
    let (is_head, is_connect) = (method == "HEAD", method == "CONNECT");
    let mut contexts = Contexts::default();
    contexts.request(method.as_bytes(), request.path.unwrap_or_default().as_bytes());
    request.headers.iter().for_each(|header| contexts.header(header.name.as_bytes(), header.value));
    let body = body(request.headers);
    each(Head::Request { contexts, is_head, is_connect });
    Some(body.unwrap_or(State::Head))
}

/// What the headers say of a body; `None` if they say nothing (RFC 9112 section 6.3).
fn body(headers: &[httparse::Header<'_>]) -> Option<State> {
    let value = |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    if value("transfer-encoding").is_some() {
        return Some(State::Chunk);
    }
    let length = str::from_utf8(value("content-length")?.value).ok()?.trim().parse().ok()?;
    Some(if length == 0 { State::Head } else { State::Body(length) })
}

fn chunk_length(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
