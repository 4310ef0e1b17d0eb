//! PostgreSQL: a client's first message has a length and a code instead of a type; a server's first one is about
//! authentication.

use super::{Sender, agrees, big_endian, is_printable};

/// The longest startup message that a server takes.
const LONGEST_STARTUP: u32 = 10_000;
/// More than the first message of a server has.
const LONGEST_ANSWER: u32 = 1 << 16;
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
/// Version 3.0, and 3.2 of PostgreSQL 18.
const VERSIONS: [u32; 2] = [3 << 16, 3 << 16 | 2];

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    if is_startup(bytes).unwrap_or(false) {
        return Some(Sender::Client);
    }
    // The answer to a request for encryption is a byte of its own.
    let answer = bytes.strip_prefix(b"N").or_else(|| bytes.strip_prefix(b"S")).unwrap_or(bytes);
    is_answer(answer)?.then_some(Sender::Server)
}

fn is_startup(bytes: &[u8]) -> Option<bool> {
    let (length, code) = (big_endian::<4>(bytes, 0)?, big_endian::<4>(bytes, 4)?);
    Some(match code {
        SSL_REQUEST | GSS_REQUEST => length == 8,
        // A process and its key, which was four bytes before PostgreSQL 18.
        CANCEL_REQUEST => (16..=12 + 256).contains(&length),
        code if VERSIONS.contains(&code) => {
            // Names and values, each with a zero at its end, and one more zero.
            let end = (length as usize).min(bytes.len());
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            (9..=LONGEST_STARTUP).contains(&length)
                && bytes.get(8..end).is_some_and(|names| names.first().is_none_or(|&first| is_name(first)))
        }
        _ => false,
    })
}

/// `R`, a length and what is asked for, or `E`, a length and a severity.
fn is_answer(bytes: &[u8]) -> Option<bool> {
    let length = big_endian::<4>(bytes, 1)?;
    let rest = &bytes[5..];
    Some(match bytes[0] {
        b'R' => match (big_endian::<4>(rest, 0)?, length) {
            // Nothing, or a password in plain text.
            (0 | 3, 8) => true,
            // MD5 with a salt.
            (5, 12) => true,
            // GSSAPI, SSPI.
            (7 | 9, 8) => true,
            // SASL with the names of mechanisms.
            (10, 10..=1024) => rest[4..].first().is_none_or(u8::is_ascii_uppercase),
            _ => false,
        },
        b'E' => {
            let is_severity = |text: &&[u8]| rest.len() >= 6 && agrees(rest, text);
            (8..=LONGEST_ANSWER).contains(&length)
                && [&b"SFATAL\0"[..], b"SERROR\0", b"SPANIC\0"].iter().any(is_severity)
                && is_printable(&rest[..6])
        }
        _ => false,
    })
}
