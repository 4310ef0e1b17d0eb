//! TLS: a record with a ClientHello or a ServerHello (RFC 8446 sections 4 and 5.1).

use super::{Sender, big_endian};

const HANDSHAKE: u8 = 22;
/// The most that a record holds, with what encryption may add in old versions (RFC 5246 section 6.2.3).
const LONGEST_RECORD: u32 = (1 << 14) + 2048;
/// More than any ClientHello has.
const LONGEST_HELLO: u32 = 1 << 17;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    let [HANDSHAKE, 3, 0..=4, _, _, hello @ (1 | 2), ..] = bytes else { return None };
    let record = big_endian::<2>(bytes, 3)?;
    // The header of the message, its version and its random.
    if !(4 + 2 + 32..=LONGEST_RECORD).contains(&record) {
        return None;
    }
    if big_endian::<3>(bytes, 6).is_some_and(|length| !(2 + 32..=LONGEST_HELLO).contains(&length)) {
        return None;
    }
    // The version of a hello is that of TLS 1.2 or an older one.
    match bytes.get(9..) {
        Some([3, 0..=4, ..] | [3] | []) | None => {}
        Some(_) => return None,
    }
    Some(if *hello == 1 { Sender::Client } else { Sender::Server })
}
