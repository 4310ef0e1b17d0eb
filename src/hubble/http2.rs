//! The HTTP message of a flow as HTTP/2 has it (RFC 9113), where somebody asks for that: a stream a request on its connection. A body is
//! frames of which only the headers are captured, and of unknown length there is none.

use std::collections::VecDeque;

use super::flow::Flow;
use super::http::{Body, Url, has_request_headers, is_token};
use crate::http::Headers;
use crate::http::http2::{append_data_header, append_headers, preface};

/// Requests of a connection that wait for their responses at most.
const MAX_STREAMS: usize = 100;
/// Bytes of payload in a frame at most (RFC 9113 section 4.2).
const FRAME: u64 = 16_384;
/// Frames of one body at most.
const MAX_FRAMES: u64 = 64;

/// The streams of a connection.
#[derive(Debug)]
pub(super) struct Streams {
    has_begun: bool,
    next: u32,
    /// Requests without a response, the oldest first.
    open: VecDeque<u32>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { has_begun: false, next: 1, open: VecDeque::new() }
    }
}

/// Bytes that are sent in one go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// By the other side than the message's.
    pub(super) is_reverse: bool,
    /// Where they are in the payload.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Bytes with those that are not captured.
    pub(super) length: usize,
    /// The message begins with them.
    pub(super) is_message: bool,
}

/// Puts the message into `payload`, and what is sent one after the other into `sent`, in place of what they have. `body` is what follows
/// its head.
pub(super) fn write(
    flow: &Flow,
    is_response: bool,
    body: Body,
    streams: &mut Streams,
    payload: &mut Vec<u8>,
    sent: &mut Vec<Sent>,
) {
    payload.clear();
    sent.clear();
    let mut push = |bytes: usize, payload: &Vec<u8>, is_reverse, missing: usize, is_message| {
        let end = payload.len();
        sent.push(Sent { is_reverse, start: end - bytes, end, length: bytes + missing, is_message });
    };
    if !std::mem::replace(&mut streams.has_begun, true) {
        for (message, bytes) in preface() {
            let is_reverse = (message == crate::http::Message::Response) != is_response;
            payload.extend_from_slice(&bytes);
            push(bytes.len(), payload, is_reverse, 0, false);
        }
    }
    let stream = streams.stream(is_response);
    let before = payload.len();
    append_headers(stream, &headers(flow, is_response), body == Body::Length(0), payload);
    push(payload.len() - before, payload, false, 0, true);
    let Body::Length(length) = body else { return };
    let mut rest = length.min(FRAME * MAX_FRAMES);
    while rest > 0 {
        let here = rest.min(FRAME);
        rest -= here;
        let before = payload.len();
        append_data_header(here as usize, rest == 0, stream, payload);
        push(payload.len() - before, payload, false, here as usize, false);
    }
}

impl Streams {
    /// The stream of a request, or of the oldest one without a response.
    fn stream(&mut self, is_response: bool) -> u32 {
        if is_response && let Some(stream) = self.open.pop_front() {
            return stream;
        }
        let stream = self.next;
        // Identifiers have 31 bits (RFC 9113 section 5.1.1).
        self.next = (self.next + 2) & 0x7fff_ffff;
        if !is_response {
            if self.open.len() >= MAX_STREAMS {
                self.open.pop_front();
            }
            self.open.push_back(stream);
        }
        stream
    }
}

fn headers(flow: &Flow, is_response: bool) -> Headers {
    let http = &flow.l7.http;
    let url = Url::new(flow.text(http.url));
    let mut headers = Headers::default();
    // Past the most that a message can have, the rest is left out.
    let mut push = |name: &[u8], value: &[u8]| _ = headers.push(name, value);
    let scheme = http.headers.iter().find(|[key, _]| flow.text(*key) == ":scheme");
    let scheme = scheme.map_or(url.scheme, |&[_, value]| flow.text(value));
    if is_response {
        push(b":status", format!("{:03}", http.code.min(999)).as_bytes());
    } else {
        let method = flow.text(http.method);
        push(b":method", if method.is_empty() { "GET" } else { method }.as_bytes());
        if method != "CONNECT" {
            push(b":scheme", if scheme.is_empty() { "http" } else { scheme }.as_bytes());
            push(b":path", url.target.as_bytes());
        }
        if !url.authority.is_empty() {
            push(b":authority", url.authority.as_bytes());
        }
    }
    let are_of_request = is_response && has_request_headers(flow);
    for &[key, value] in http.headers.iter().filter(|_| !are_of_request) {
        let (key, value) = (flow.text(key), flow.text(value));
        if is_token(key) && !key.eq_ignore_ascii_case("host") {
            let value: String =
                value.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
            push(key.to_ascii_lowercase().as_bytes(), value.as_bytes());
        }
    }
    headers
}
