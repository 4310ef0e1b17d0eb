//! How much of a body is missing: counts the pieces of a message's body against its content-length, and finds for each of
//! them what follows it on the wire. Both versions of HTTP frame bodies by what comes out of here.

use super::Truncation;
use super::lookahead::Lookahead;

/// The bytes of a body that have come, and those that its content-length promises.
#[derive(Debug, Default)]
pub(super) struct BodyCount {
    /// Bytes that are still to come; `None` where the headers do not say.
    rest: Option<u64>,
    /// A piece was cut, so that fewer bytes than promised are no wonder.
    is_cut: bool,
    text: TextCount,
}

/// What follows a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// The next piece, or the end of the message.
    None,
    /// Bytes that the trace does not have.
    Missing(Missing),
    /// The same, lost by a format that keeps only what is UTF-8.
    Lossy(u64),
    /// Nothing: the message broke off, this many bytes before its end.
    BrokenOff(u64),
}

/// Bytes that the trace lacks after those that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// This many.
    Bytes(u64),
    /// At least this many.
    AtLeast(u64),
}

impl Missing {
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) | Self::AtLeast(bytes) => bytes,
        }
    }

    /// The same, and `more` bytes after them.
    pub(super) fn and(self, more: u64) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes.saturating_add(more)),
            Self::AtLeast(bytes) => Self::AtLeast(bytes.saturating_add(more)),
        }
    }
}

impl BodyCount {
    /// A body of the length that the headers promise, if they do.
    pub(super) fn new(content_length: Option<u64>) -> Self {
        Self { rest: content_length, ..Self::default() }
    }

    /// Takes a piece, and finds what follows it.
    pub(super) fn piece(
        &mut self,
        bytes: &[u8],
        truncation: Truncation,
        is_text: bool,
        lookahead: &Lookahead,
    ) -> Gap {
        self.is_cut |= truncation.is_cut();
        if is_text {
            self.text.count(bytes);
        }
        self.rest = self.rest.map(|rest| rest.saturating_sub(bytes.len() as u64));
        let gap = match (truncation, self.rest) {
            (Truncation::None, _) if lookahead.is_last() => self.end(),
            (Truncation::None, _) => Gap::None,
            (Truncation::Input { missing: Some(missing) }, _) => Gap::Missing(Missing::Bytes(missing)),
            // Which of two pieces lacks how much is not known.
            (_, Some(_)) if lookahead.has_body() => Gap::Missing(Missing::AtLeast(1)),
            (_, Some(rest)) => Gap::Missing(Missing::Bytes(rest.max(1))),
            (_, None) => Gap::Missing(Missing::AtLeast(1)),
        };
        if let Gap::Missing(missing) = gap {
            self.rest = self.rest.map(|rest| rest.saturating_sub(missing.bytes()));
        }
        gap
    }

    /// Takes the end of the message, and finds what is missing before it.
    pub(super) fn end(&mut self) -> Gap {
        match self.rest.replace(0) {
            None => {
                self.rest = None;
                Gap::None
            }
            Some(0) => Gap::None,
            Some(rest) if self.is_cut => Gap::Missing(Missing::Bytes(rest)),
            Some(rest) if self.text.may_lack(rest) => Gap::Lossy(rest),
            Some(rest) => Gap::BrokenOff(rest),
        }
    }
}

/// What tells whether `JSON_BODY_AS_STRING` has lost bytes of a body.
#[derive(Debug, Default)]
pub(crate) struct TextCount {
    bytes: u64,
    /// Each stands for one to four bytes that were no UTF-8, or is a space.
    spaces: u64,
    /// It has bytes that texts do not have: more may have been lost.
    is_binary: bool,
}

impl TextCount {
    /// Takes bytes of the body.
    pub(crate) fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.spaces += bytes.iter().filter(|&&byte| byte == b' ').count() as u64;
        self.is_binary = self.is_binary || !super::coding::is_text(bytes);
    }

    /// Whether it is likely that so many bytes were lost: as spaces, or, in what old Envoys wrote, a few of a text that is no
    /// UTF-8.
    pub(crate) fn may_lack(&self, bytes: u64) -> bool {
        self.is_binary || bytes <= 3 * self.spaces + self.bytes / 4
    }
}
