//! HTTP, TLS and SSH by their first bytes.

use memchr::memchr;

use super::{Protocol, Sender};

pub(super) fn recognize(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    if bytes.starts_with(b"PRI * HTTP/2.0") {
        // The connection preface (RFC 9113 section 3.4).
        Some((Protocol::Http2, Sender::Client))
    } else if is_request(bytes) {
        Some((Protocol::Http1, Sender::Client))
    } else if bytes.starts_with(b"HTTP/1.") {
        Some((Protocol::Http1, Sender::Server))
    } else if bytes.starts_with(b"SSH-2.0-") || bytes.starts_with(b"SSH-1.") {
        // RFC 4253 section 4.2: both sides send their version.
        Some((Protocol::Ssh, Sender::Either))
    } else {
        tls(bytes)
    }
}

/// A ClientHello or ServerHello in a record of its own (RFC 8446 sections 4 and 5.1).
fn tls(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    match bytes {
        [0x16, 0x03, 0..=4, _, _, 1, ..] => Some((Protocol::Tls, Sender::Client)),
        [0x16, 0x03, 0..=4, _, _, 2, ..] => Some((Protocol::Tls, Sender::Server)),
        _ => None,
    }
}

/// A request line (RFC 9112 section 3): a method, a target in one of its four forms, and the version, as far as the first
/// line goes.
fn is_request(bytes: &[u8]) -> bool {
    /// More than any method that is registered has.
    const LONGEST_METHOD: usize = 24;
    let Some(space) = memchr(b' ', &bytes[..bytes.len().min(LONGEST_METHOD)]) else { return false };
    let (method, rest) = (&bytes[..space], &bytes[space + 1..]);
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return false;
    }
    let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
    let end = memchr(b' ', line);
    let target = &line[..end.unwrap_or(line.len())];
    let is_authority = method == b"CONNECT" && target.contains(&b':');
    let is_absolute = target.starts_with(b"http://") || target.starts_with(b"https://");
    let is_target = target.starts_with(b"/") || target == b"*" || is_absolute || is_authority;
    let is_complete = line.len() < rest.len();
    is_target
        && target.iter().all(|byte| !byte.is_ascii_control())
        && match end {
            Some(end) => {
                let version = &line[end + 1..];
                let known = version.len().min(b"HTTP/1.".len());
                version[..known] == b"HTTP/1."[..known] && (known == b"HTTP/1.".len() || !is_complete)
            }
            None => !is_complete,
        }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether these are the headers of a response that opens a WebSocket (RFC 6455 section 4.2.2).
pub(super) fn opens_websocket(bytes: &[u8]) -> bool {
    let is_101 = matches!(bytes, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'1', b'0', b'1', ..]);
    is_101
        && bytes.split(|&byte| byte == b'\n').any(|line| {
            let (name, value) = line.split_at(line.iter().position(|&byte| byte == b':').unwrap_or(0));
            name.eq_ignore_ascii_case(b"upgrade")
                && value
                    .trim_ascii()
                    .strip_prefix(b":")
                    .is_some_and(|value| value.trim_ascii().to_ascii_lowercase().starts_with(b"websocket"))
        })
}
