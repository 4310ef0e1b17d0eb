//! How far a record in text or JSON reaches, or what is in place of one.

use memchr::memchr;

/// A line that is no part of a record is passed over in pieces if it is longer than this many bytes.
pub(crate) const MAX_GARBAGE: usize = 64 * 1024;

/// How far a record reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The record has this many bytes.
    Record(usize),
    /// These bytes part one record from the next.
    Separator(usize),
    /// These bytes are no record, and not the beginning of one.
    Garbage(usize),
    /// The record goes on behind what there is.
    Incomplete,
    /// The record breaks off after this many bytes, where another one begins.
    Truncated(usize),
}

/// A line that is no part of a record: up to its end, or to where a record begins in it, as one does behind curl's
/// progress meter. That is at one of `places` in the line, if `begins` says so; `None` means that it cannot tell yet.
pub(crate) fn garbage<'a, P: Iterator<Item = usize>>(
    bytes: &'a [u8],
    places: impl FnOnce(&'a [u8]) -> P,
    begins: impl Fn(usize) -> Option<bool>,
) -> Scanned {
    let most = &bytes[..bytes.len().min(MAX_GARBAGE)];
    let line = memchr(b'\n', most).map_or(most, |length| &most[..=length]);
    for at in places(line).skip_while(|&at| at == 0) {
        match begins(at) {
            Some(true) => return Scanned::Garbage(at),
            Some(false) => {}
            None => return Scanned::Incomplete,
        }
    }
    let is_whole = line.ends_with(b"\n") || line.len() == MAX_GARBAGE;
    if is_whole { Scanned::Garbage(line.len()) } else { Scanned::Incomplete }
}
