//! AMQP: a client's header names the protocol and its version; a server of AMQP 0-9-1 answers with the method
//! `connection.start`.

use super::{Sender, big_endian};

/// More than `connection.start` has.
const LONGEST_START: u32 = 1 << 17;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    if let Some(version) = bytes.strip_prefix(b"AMQP") {
        let is_header = matches!(
            version,
            // 0-9-1; 1.0, with TLS, with SASL; 0-8, 0-9 and 0-10, as they were written before.
            [0, 0, 9, 1, ..] | [0 | 2 | 3, 1, 0, 0, ..] | [1, 1, 8, 0, ..] | [1, 1, 0, 9 | 10, ..]
        );
        return is_header.then_some(Sender::Client);
    }
    // A frame with a method on channel 0: class 10, method 10, version 0-9.
    let length = big_endian::<4>(bytes, 3)?;
    let is_method = bytes.starts_with(&[1, 0, 0]) && (10..=LONGEST_START).contains(&length);
    (is_method && bytes.get(7..13) == Some(&[0, 10, 0, 10, 0, 9])).then_some(Sender::Server)
}
