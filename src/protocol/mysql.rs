//! MySQL and MariaDB: the server greets, the client answers. A packet begins with its length in three bytes,
//! little-endian, and its number.

use super::{Sender, is_printable, little_endian};

/// Version 10 of the handshake, which every server since MySQL 3.21 speaks.
const HANDSHAKE_VERSION: u8 = 10;
/// What a greeting has at least: version, an empty text, id of the connection, half of the salt, a filler.
const SHORTEST_GREETING: u32 = 1 + 1 + 4 + 8 + 1;
/// More than any greeting has.
const LONGEST_GREETING: u32 = 512;
/// More than the text of any version has.
const LONGEST_VERSION: usize = 128;
/// The client's request for TLS: what a login has before the user's name.
const TLS_REQUEST: u32 = 32;
/// More than any login has: its names and attributes.
const LONGEST_LOGIN: u32 = 1 << 17;
/// The capability without which the login has another form.
const PROTOCOL_41: u32 = 0x200;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    if is_greeting(bytes)? { Some(Sender::Server) } else { is_login(bytes)?.then_some(Sender::Client) }
}

fn is_greeting(bytes: &[u8]) -> Option<bool> {
    let length = little_endian::<3>(bytes, 0)?;
    let [0, HANDSHAKE_VERSION, text @ ..] = &bytes[3..] else { return Some(false) };
    let end = text.iter().take(LONGEST_VERSION).position(|&byte| byte == 0)?;
    let version = &text[..end];
    let is_version = version.len() >= 3 && version[0].is_ascii_digit() && is_printable(version);
    // Behind the id and half of the salt.
    let has_filler = text.get(end + 1 + 4 + 8).is_none_or(|&filler| filler == 0);
    let is_long = (SHORTEST_GREETING + end as u32..=LONGEST_GREETING).contains(&length);
    Some(is_version && has_filler && is_long)
}

/// Capabilities, the longest packet, the character set, zeros; and the user's name, unless this asks for TLS.
fn is_login(bytes: &[u8]) -> Option<bool> {
    let length = little_endian::<3>(bytes, 0)?;
    let capabilities = little_endian::<4>(bytes, 4)?;
    // MariaDB has more capabilities in the last four of these.
    let zeros = bytes.get(13..32)?;
    let is_login = bytes[3] == 1 && capabilities & PROTOCOL_41 != 0 && zeros.iter().all(|&byte| byte == 0);
    Some(is_login && (TLS_REQUEST..=LONGEST_LOGIN).contains(&length))
}
