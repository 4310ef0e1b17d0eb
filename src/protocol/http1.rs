//! HTTP/1.0 and HTTP/1.1 (RFC 9112): a request line or a status line.

use memchr::{memchr, memmem};

use super::{Sender, agrees};

/// The methods of IANA's registry (RFC 9110 section 16.1.2). Any other token is a method too where the version at the
/// end of the line confirms it.
const METHODS: [&str; 39] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    if is_status_line(bytes) {
        Some(Sender::Server)
    } else if is_request_line(bytes) {
        Some(Sender::Client)
    } else {
        None
    }
}

/// `method SP request-target SP HTTP-version` (RFC 9112 section 3), or the beginning of it.
fn is_request_line(bytes: &[u8]) -> bool {
    // Most other protocols end here, before their bytes are searched for the end of a line.
    let method = bytes.iter().position(|byte| !is_token_char(byte)).unwrap_or(0);
    if method == 0 || bytes[method] != b' ' {
        return false;
    }
    let (line, is_whole) = match memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], true),
        None => (bytes, false),
    };
    let line = if is_whole { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
    let Some((method, rest)) = line.split_at_checked(method) else { return false };
    let mut parts = rest[1..].splitn(2, |&byte| byte == b' ');
    let Some(target) = parts.next() else { return false };
    if target.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
        return false;
    }
    match (parts.next(), is_whole) {
        (Some(version), true) => is_version(version) && is_target(method, target),
        (None, true) => false,
        // What is there of the version has to agree, and a registered method makes up for what is not there.
        (Some(version), false) => {
            is_version_begun(version) && is_registered(method) && is_target(method, target)
        }
        (None, false) => is_registered(method) && is_target_begun(method, target),
    }
}

/// Whether a method or the name of a header can have this byte (RFC 9110 section 5.6.2).
pub(crate) fn is_token_char(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// Whether a method of IANA's registry begins with these bytes.
pub(crate) fn is_method_begun(bytes: &[u8]) -> bool {
    METHODS.iter().any(|known| agrees(bytes, known.as_bytes()) && bytes.len() <= known.len())
}

/// Whether it is a method of IANA's registry.
pub(crate) fn is_registered(method: &[u8]) -> bool {
    METHODS.iter().any(|known| known.as_bytes() == method)
}

/// Whether it is a version of HTTP/1.
pub(crate) fn is_version(version: &[u8]) -> bool {
    matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'])
}

fn is_version_begun(version: &[u8]) -> bool {
    match version.split_at_checked(8) {
        Some((version, rest)) => is_version(version) && agrees(rest, b"\r") && rest.len() <= 1,
        None => agrees(version, b"HTTP/1."),
    }
}

/// One of the four forms of a request target (RFC 9112 section 3.2).
fn is_target(method: &[u8], target: &[u8]) -> bool {
    target.starts_with(b"/")
        || target == b"*"
        || method == b"CONNECT" && is_authority(target) && memchr(b':', target).is_some()
        || memmem::find(target, b"://").is_some_and(|scheme| scheme > 0)
}

fn is_target_begun(method: &[u8], target: &[u8]) -> bool {
    target.starts_with(b"/")
        || method == b"CONNECT" && is_authority(target)
        || [&b"*"[..], b"http://", b"https://"].iter().any(|form| agrees(target, form))
}

/// A host and a port, or the beginning of them.
fn is_authority(target: &[u8]) -> bool {
    target.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(byte))
}

/// `HTTP-version SP status-code SP` (RFC 9112 section 4), or the beginning of it.
fn is_status_line(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"HTTP/1.") else { return false };
    rest.iter().take(6).zip(0..).all(|(byte, at)| match at {
        0 | 2..=4 => byte.is_ascii_digit(),
        1 => *byte == b' ',
        _ => matches!(byte, b' ' | b'\r' | b'\n'),
    })
}

/// Whether bytes of a server begin with the answer that makes a connection a WebSocket (RFC 6455 section 4.2.2).
pub(crate) fn is_websocket_upgrade(bytes: &[u8]) -> bool {
    if !is_status_line(bytes) || bytes.get(8..12) != Some(b" 101") {
        return false;
    }
    let head = &bytes[..memmem::find(bytes, b"\r\n\r\n").unwrap_or(bytes.len())];
    head.split(|&byte| byte == b'\n').any(|line| {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return false };
        name.eq_ignore_ascii_case(b"upgrade") && value.trim_ascii().eq_ignore_ascii_case(b"websocket")
    })
}
