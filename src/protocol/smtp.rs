//! SMTP (RFC 5321): a server greets with a line that mostly names the protocol, a client answers EHLO or HELO. FTP's server
//! begins with the same code, and is left unnamed.

use memchr::memchr;

use super::{Sender, is_printable};

/// Ready, not available, no service (RFC 5321 section 4.3.2).
const CODES: [&[u8]; 3] = [b"220", b"421", b"554"];
/// The longest name of a domain.
const LONGEST_DOMAIN: usize = 255;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    // What begins otherwise is not searched for the end of a line.
    if !bytes.first_chunk().is_some_and(|first: &[u8; 5]| is_printable(first)) {
        return None;
    }
    let end = memchr(b'\n', bytes);
    let line = &bytes[..end.unwrap_or(bytes.len())];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !is_printable(line) {
        return None;
    }
    if is_greeting(line) {
        Some(Sender::Server)
    } else {
        (end.is_some() && is_hello(line)).then_some(Sender::Client)
    }
}

fn is_greeting(line: &[u8]) -> bool {
    let Some((code, [b' ' | b'-', text @ ..])) = line.split_at_checked(3) else { return false };
    let has = |word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    CODES.contains(&code) && has(b"SMTP") && !has(b"FTP")
}

fn is_hello(line: &[u8]) -> bool {
    let Some((command, [b' ', domain @ ..])) = line.split_at_checked(4) else { return false };
    let is_command = command.eq_ignore_ascii_case(b"EHLO") || command.eq_ignore_ascii_case(b"HELO");
    let domain = domain.trim_ascii_end();
    let is_domain = (1..=LONGEST_DOMAIN).contains(&domain.len())
        && domain.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte));
    is_command && is_domain
}
