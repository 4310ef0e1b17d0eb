//! The HTTP message of a flow, as HTTP/1.1 has it on the wire: no byte of a flow can end a header or begin another message.

use super::flow::Flow;

/// What follows the head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Nobody knows how many.
    Unknown,
}

/// Puts the head of the message in place of what `to` has.
pub(super) fn write(flow: &Flow, is_response: bool, to: &mut Vec<u8>) -> Body {
    to.clear();
    let http = &flow.l7.http;
    let method = flow.text(http.method);
    let version = if flow.text(http.protocol) == "HTTP/1.0" { "HTTP/1.0" } else { "HTTP/1.1" };
    let url = Url::new(flow.text(http.url));
    if is_response {
        let code = http.code.min(999);
        to.extend_from_slice(format!("{version} {code:03} ").as_bytes());
        let reason = http::StatusCode::from_u16(code as u16).ok().and_then(|code| code.canonical_reason());
        to.extend_from_slice(reason.unwrap_or_default().as_bytes());
        to.extend_from_slice(b"\r\n");
    } else {
        push_token(if method.is_empty() { "GET" } else { method }, to);
        to.push(b' ');
        push_target(if method == "CONNECT" { url.authority } else { url.target }, to);
        to.extend_from_slice(format!(" {version}\r\n").as_bytes());
        if !url.authority.is_empty() {
            to.extend_from_slice(b"Host: ");
            push_value(url.authority, to);
            to.extend_from_slice(b"\r\n");
        }
    }
    let (mut length, mut is_chunked) = (None, false);
    let are_of_request = is_response && has_request_headers(flow);
    for &[key, value] in http.headers.iter().filter(|_| !are_of_request) {
        let (key, value) = (flow.text(key), flow.text(value));
        if !is_token(key) || key.eq_ignore_ascii_case("host") && !url.authority.is_empty() {
            continue;
        }
        if key.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
            if length.is_none() {
                continue;
            }
        }
        is_chunked |= key.eq_ignore_ascii_case("transfer-encoding");
        to.extend_from_slice(key.as_bytes());
        to.extend_from_slice(b": ");
        push_value(value, to);
        to.extend_from_slice(b"\r\n");
    }
    to.extend_from_slice(b"\r\n");
    let has_none = is_response && (method == "HEAD" || matches!(http.code, 100..=199 | 204 | 304));
    match length {
        _ if has_none => Body::Length(0),
        Some(length) => Body::Length(length),
        None if is_response || is_chunked => Body::Unknown,
        None => Body::Length(0),
    }
}

/// Whether a response has the headers of its request, as Cilium 1.10 wrote it.
pub(super) fn has_request_headers(flow: &Flow) -> bool {
    const SIGNS: [&str; 5] = ["user-agent", "accept", ":path", ":method", ":authority"];
    flow.l7
        .http
        .headers
        .iter()
        .any(|&[key, _]| SIGNS.iter().any(|sign| flow.text(key).eq_ignore_ascii_case(sign)))
}

/// The parts of a URL that a request has.
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
    pub(super) target: &'a str,
}

impl<'a> Url<'a> {
    pub(super) fn new(url: &'a str) -> Self {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Self { scheme: "", authority: "", target: if url.is_empty() { "/" } else { url } };
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self { scheme, authority, target: if target.is_empty() { "/" } else { target } }
    }
}

/// Whether it can be a header's name (RFC 9110 section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn push_token(text: &str, to: &mut Vec<u8>) {
    to.extend(text.bytes().map(|byte| if byte.is_ascii_graphic() { byte } else { b'_' }));
}

fn push_target(text: &str, to: &mut Vec<u8>) {
    if !text.starts_with('/') && !text.contains("://") && !text.contains(':') && text != "*" {
        to.push(b'/');
    }
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            to.push(byte);
        } else {
            to.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

fn push_value(text: &str, to: &mut Vec<u8>) {
    to.extend(text.bytes().map(|byte| if byte.is_ascii_control() && byte != b'\t' { b' ' } else { byte }));
}
