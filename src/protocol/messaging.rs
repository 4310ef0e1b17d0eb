//! The protocols of message brokers and mail servers by their first bytes.

use memchr::memmem::find;

use super::{Protocol, Sender};

pub(super) fn recognize(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    match bytes {
        // The protocol header of AMQP 0-9-1, and of 1.0, which the server sends back: plain, behind TLS, or with SASL.
        [b'A', b'M', b'Q', b'P', 0, 0, 9, 1, ..]
        | [b'A', b'M', b'Q', b'P', 0 | 2 | 3, 1, 0, 0, ..]
        | [b'A', b'M', b'Q', b'P', 1, 1, 0 | 8, 8..=10, ..] => Some((Protocol::Amqp, Sender::Client)),
        _ if is_mqtt(bytes) => Some((Protocol::Mqtt, Sender::Client)),
        _ if is_kafka(bytes) => Some((Protocol::Kafka, Sender::Client)),
        _ => smtp(bytes),
    }
}

/// A CONNECT packet: its length, the protocol's name and level.
/// <https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901033>
fn is_mqtt(bytes: &[u8]) -> bool {
    let [0x10, rest @ ..] = bytes else { return false };
    let length = rest.iter().take(4).take_while(|&&byte| byte >= 0x80).count() + 1;
    let rest = rest.get(length..).unwrap_or_default();
    matches!(rest, [0, 4, b'M', b'Q', b'T', b'T', 3..=5, ..])
        || matches!(rest, [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, ..])
}

/// The header of a client's first request: its length, the API's key and version, the request's number and the client's name.
/// <https://kafka.apache.org/protocol#protocol_messages>
fn is_kafka(bytes: &[u8]) -> bool {
    /// Produce, Fetch, ListOffsets, Metadata, FindCoordinator, SaslHandshake, ApiVersions.
    const FIRST_KEYS: [u8; 7] = [0, 1, 2, 3, 10, 17, 18];
    /// Up to the broker's own limit.
    const LENGTHS: std::ops::Range<u32> = 10..100 * 1024 * 1024;
    let [a, b, c, d, 0, key, 0, version, 0, 0, _, _, 0, name_length, rest @ ..] = bytes else { return false };
    let length = u32::from_be_bytes([*a, *b, *c, *d]);
    let name = &rest[..rest.len().min((*name_length).into())];
    let is_length = LENGTHS.contains(&length) && length as usize + 4 >= bytes.len();
    is_length
        && FIRST_KEYS.contains(key)
        && *version < 20
        && !name.is_empty()
        && name.iter().all(u8::is_ascii_graphic)
}

/// The server's greeting (RFC 5321 section 4.2), which begins as that of FTP does, and the client's.
fn smtp(bytes: &[u8]) -> Option<(Protocol, Sender)> {
    let line = &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())];
    let has = |word: &[u8]| find(&line.to_ascii_uppercase(), word).is_some();
    match line {
        [b'2', b'2', b'0', b' ' | b'-', ..] if has(b"SMTP") => Some((Protocol::Smtp, Sender::Server)),
        [b'E' | b'e', b'H' | b'h', b'L' | b'l', b'O' | b'o', b' ', ..]
        | [b'H' | b'h', b'E' | b'e', b'L' | b'l', b'O' | b'o', b' ', ..] => {
            let is_name = line[5..].trim_ascii_end().iter().all(u8::is_ascii_graphic);
            is_name.then_some((Protocol::Smtp, Sender::Client))
        }
        _ => None,
    }
}
