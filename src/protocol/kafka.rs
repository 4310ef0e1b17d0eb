//! Kafka: a request has its length, an API and its version, a number, and the client's name, all big-endian. A response
//! has no fixed bytes.

use super::{Sender, big_endian, is_printable};

/// The bytes of the length.
const LENGTH: usize = 4;
/// What a request has at least: the fields up to the length of the client's name.
const HEADER: u32 = 2 + 2 + 4 + 2;
/// The longest request that a broker takes, unless it is set up otherwise.
const LONGEST: u32 = 100 * 1024 * 1024;
/// Above the APIs that there are, with some room.
const LAST_API: u32 = 127;
/// Above the versions that there are, with some room.
const LAST_VERSION: u32 = 31;
/// Longer than a client's name is, in bytes.
const LONGEST_NAME: u32 = 255;
/// A name that is long enough to know a request by of which the end is missing.
const TELLING_NAME: u32 = 3;
/// The length of a name that there is not.
const NO_NAME: u32 = 0xffff;

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    is_request(bytes)?.then_some(Sender::Client)
}

fn is_request(bytes: &[u8]) -> Option<bool> {
    let (length, name_length) = (big_endian::<4>(bytes, 0)?, big_endian::<2>(bytes, 12)?);
    if !is_header(bytes)? {
        return Some(false);
    }
    let name = &bytes[LENGTH + HEADER as usize..];
    let name = &name[..name.len().min(name_length as usize)];
    // An empty name is possible, but zeros are of many protocols.
    let is_name = (1..=LONGEST_NAME).contains(&name_length)
        && HEADER + name_length <= length
        && !name.is_empty()
        && is_printable(name);
    Some(match bytes.get(LENGTH + length as usize..) {
        // It ends here, or another one follows.
        Some(rest) => {
            (is_name || name_length == NO_NAME) && (rest.is_empty() || is_header(rest) != Some(false))
        }
        None => is_name && name_length >= TELLING_NAME,
    })
}

/// Whether the fields up to the version are those of a request.
fn is_header(bytes: &[u8]) -> Option<bool> {
    let length = big_endian::<4>(bytes, 0)?;
    let (api, version) = (big_endian::<2>(bytes, 4)?, big_endian::<2>(bytes, 6)?);
    Some((HEADER..=LONGEST).contains(&length) && api <= LAST_API && version <= LAST_VERSION)
}
