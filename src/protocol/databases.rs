//! The protocols of databases by their first bytes.

use super::{Protocol, Sender};

pub(super) fn recognize(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    postgresql(bytes).or_else(|| mysql(bytes)).or_else(|| mongodb(bytes)).or_else(|| redis(bytes))
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>
fn postgresql(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    const VERSION_3: u32 = 3 << 16;
    const CANCEL: u32 = 80_877_102;
    const SSL: u32 = 80_877_103;
    const GSS: u32 = 80_877_104;
    /// Up to the server's own limit for what comes before authentication.
    const STARTUP_LENGTHS: std::ops::RangeInclusive<u32> = 9..=10_000;
    let is_client = match (u32_be(bytes, 0), u32_be(bytes, 4)) {
        (Some(8), Some(SSL | GSS)) | (Some(16), Some(CANCEL)) => true,
        (Some(length), Some(version)) => {
            STARTUP_LENGTHS.contains(&length) && (VERSION_3..VERSION_3 + 3).contains(&version)
        }
        _ => false,
    };
    if is_client {
        return Some((Protocol::PostgreSql, Sender::Client));
    }
    // AuthenticationOk and its like.
    match (bytes.first(), u32_be(bytes, 1), u32_be(bytes, 5)) {
        (Some(b'R'), Some(8..=256), Some(0..=12)) => Some((Protocol::PostgreSql, Sender::Server)),
        _ => None,
    }
}

/// The server's greeting: the packet's length in three bytes, its number 0, the protocol's version 10 and the server's as a
/// string. <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html>
fn mysql(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    /// The greeting has 33 bytes and a version at least.
    const LENGTHS: std::ops::Range<u32> = 34..512;
    let length = u32_le(bytes, 0)?;
    let [.., 10] = bytes.get(..5)? else { return None };
    let version = &bytes[5..];
    let end = version.iter().take(64).position(|&byte| byte == 0)?;
    let is_version =
        end > 0 && version[..end].iter().all(u8::is_ascii_graphic) && version[0].is_ascii_digit();
    (LENGTHS.contains(&length) && is_version).then_some((Protocol::MySql, Sender::Server))
}

/// A message's header: its length, the request's id, the id that it answers, and the operation.
/// <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>
fn mongodb(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    const REPLY: u32 = 1;
    const QUERY: u32 = 2004;
    const COMPRESSED: u32 = 2012;
    const MSG: u32 = 2013;
    /// A header and flags at least.
    const LENGTHS: std::ops::RangeInclusive<u32> = 21..=48_000_000;
    let (length, answers, operation) = (u32_le(bytes, 0)?, u32_le(bytes, 8)?, u32_le(bytes, 12)?);
    let body = u32_le(bytes, 16)?;
    let is_message = match operation {
        // Only these of the flags are known.
        MSG => body & !0x1_0003 == 0 && matches!(bytes.get(20), Some(0 | 1)),
        // The flags, and the name of a collection.
        QUERY => body & !0xff == 0 && bytes[20..].iter().take(64).any(|&byte| byte == b'.'),
        COMPRESSED => matches!(body, QUERY | MSG),
        REPLY => body & !0xf == 0 && answers != 0,
        _ => false,
    };
    let is_whole = LENGTHS.contains(&length);
    let sender = if answers == 0 { Sender::Client } else { Sender::Server };
    (is_message && is_whole).then_some((Protocol::MongoDb, sender))
}

/// A command: an array of strings with their lengths. What is not one is too short to be told from texts.
/// <https://redis.io/docs/latest/develop/reference/protocol-spec/>
fn redis(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    let rest = number_line(bytes, b'*')?;
    let rest = number_line(rest, b'$')?;
    let is_name = rest.iter().take(4).all(|&byte| byte.is_ascii_graphic());
    (!rest.is_empty() && is_name).then_some((Protocol::Redis, Sender::Client))
}

/// What follows a line that is `mark` and a number.
fn number_line(bytes: &[u8], mark: u8) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(&[mark])?;
    let digits = bytes.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = bytes[digits..].strip_prefix(b"\r\n")?;
    (digits > 0).then_some(rest)
}
