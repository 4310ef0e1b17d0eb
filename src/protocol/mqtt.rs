//! MQTT: a client begins with CONNECT, which has the name of the protocol. The answer of a server is too short to be
//! known by.

use super::Sender;

const CONNECT: u8 = 0x10;
/// The bytes that the length of a packet can take.
const LENGTH: usize = 4;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    let [CONNECT, rest @ ..] = bytes else { return None };
    let last = rest.iter().take(LENGTH).position(|byte| byte & 0x80 == 0)?;
    let (name, level) = match &rest[last + 1..] {
        [0, 4, b'M', b'Q', b'T', b'T', level @ ..] => (4, level.first()),
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', level @ ..] => (6, level.first()),
        _ => return None,
    };
    // A bridge sets the highest bit.
    let is_level = level.is_none_or(|level| match level & 0x7f {
        3 => name == 6,
        4 | 5 => name == 4,
        _ => false,
    });
    is_level.then_some(Sender::Client)
}
