//! MongoDB: a message has its length, its number, that of the message it answers and an operation, each in four bytes,
//! little-endian.

use super::{Sender, little_endian};

/// The header.
const HEADER: u32 = 16;
/// The longest message that a server takes.
const LONGEST: u32 = 48_000_000;
const OP_REPLY: u32 = 1;
const OP_QUERY: u32 = 2004;
const OP_COMPRESSED: u32 = 2012;
const OP_MSG: u32 = 2013;
/// Flags that are required to be known, and the one that is not (`exhaustAllowed`).
const MSG_FLAGS: u32 = 3 | 1 << 16;
/// The most that a server answers with in one message: documents of at least five bytes.
const MOST_DOCUMENTS: u32 = LONGEST / 5;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    let (length, answers) = (little_endian::<4>(bytes, 0)?, little_endian::<4>(bytes, 8)?);
    let operation = little_endian::<4>(bytes, 12)?;
    if !(HEADER..=LONGEST).contains(&length) {
        return None;
    }
    let body = &bytes[HEADER as usize..];
    let first = little_endian::<4>(body, 0);
    let is_message = match operation {
        OP_MSG => {
            length > HEADER + 4
                && first.is_none_or(|flags| flags & !MSG_FLAGS == 0)
                && body.get(4).is_none_or(|kind| *kind <= 1)
        }
        // Flags, and the name of a collection: `admin.$cmd`.
        OP_QUERY => {
            let name = body.get(4..).unwrap_or_default();
            let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
            length > HEADER + 12
                && first.is_none_or(|flags| flags <= 0xff)
                && name.iter().all(|byte| *byte > b' ')
        }
        // The operation, its length, and how it is compressed.
        OP_COMPRESSED => {
            length > HEADER + 9
                && first.is_none_or(|operation| [OP_REPLY, OP_QUERY, OP_MSG].contains(&operation))
                && body.get(8).is_none_or(|compressor| *compressor <= 3)
        }
        // Flags, a cursor, where it begins, and how many documents: a code as small as this needs all of that.
        OP_REPLY => {
            length >= HEADER + 20
                && first.is_some_and(|flags| flags <= 0xf)
                && little_endian::<4>(body, 16).is_some_and(|documents| documents <= MOST_DOCUMENTS)
        }
        _ => false,
    };
    let is_answer = operation == OP_REPLY || answers != 0;
    is_message.then_some(if is_answer { Sender::Server } else { Sender::Client })
}
