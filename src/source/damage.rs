//! What a step of a decoder has done, or why encoded data cannot be decoded.

use std::fmt;

use crate::quantity::counted;

/// What one step of a decoder has done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// It cannot go on without more input. Where there is no more, this is the end.
    pub(super) is_waiting: bool,
}

/// Why compressed data cannot be decoded, and where behind what has been consumed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Damage {
    pub(super) at: usize,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Truncated,
    Damaged,
    Checksum,
    Trailing,
    /// Messages of other senders than the first.
    Senders(u64),
    /// Messages in another encoding than the first.
    Encodings(u64),
    /// Messages that were captured short.
    Cut(u64),
    Window(u64),
    Dictionary(u32),
}

impl Damage {
    /// It ends in the middle.
    pub(super) fn truncated(at: usize) -> Self {
        Self { at, what: What::Truncated }
    }

    pub(super) fn damaged(at: usize) -> Self {
        Self { at, what: What::Damaged }
    }

    /// What has been decoded is not what was encoded.
    pub(super) fn checksum(at: usize) -> Self {
        Self { at, what: What::Checksum }
    }

    /// Something else follows its end.
    pub(super) fn trailing(at: usize) -> Self {
        Self { at, what: What::Trailing }
    }

    /// The same, behind so many bytes more.
    pub(super) fn behind(self, bytes: usize) -> Self {
        Self { at: self.at + bytes, ..self }
    }

    /// So many messages are of other senders than the first.
    pub(super) fn senders(messages: u64) -> Self {
        Self { at: 0, what: What::Senders(messages) }
    }

    /// So many messages are in another encoding than the first.
    pub(super) fn encodings(messages: u64) -> Self {
        Self { at: 0, what: What::Encodings(messages) }
    }

    /// So many messages were captured short.
    pub(super) fn cut(messages: u64) -> Self {
        Self { at: 0, what: What::Cut(messages) }
    }

    /// It asks for too large a window.
    pub(super) fn window(bytes: u64) -> Self {
        Self { at: 0, what: What::Window(bytes) }
    }

    /// It asks for a dictionary.
    pub(super) fn dictionary(id: u32) -> Self {
        Self { at: 0, what: What::Dictionary(id) }
    }
}

/// The error that a person sees.
#[derive(Debug)]
pub(super) struct DecodeError {
    pub(super) encoding: &'static str,
    pub(super) offset: u64,
    pub(super) what: What,
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, offset, what } = self;
        match what {
            What::Truncated => {
                write!(f, "the {encoding} data is truncated: it ends at byte {offset} of the file")?
            }
            What::Damaged => write!(f, "the {encoding} data is damaged at byte {offset} of the file")?,
            What::Checksum => {
                write!(
                    f,
                    "the {encoding} data is damaged: the checksum before byte {offset} of the file differs"
                )?;
            }
            What::Trailing => {
                return write!(
                    f,
                    "something else follows the {encoding} data at byte {offset} of the file, and is not read"
                );
            }
            What::Senders(messages) => {
                return write!(
                    f,
                    "{} left out, of another sender than the first one, whose connections have the same ids; convert each \
                     sender alone, as tshark -r FILE -Y ip.src==ADDRESS -w ONE gives it",
                    counted(*messages, "message is", "messages are")
                );
            }
            What::Encodings(messages) => {
                return write!(
                    f,
                    "{} left out, in another format than the first one; convert each sink alone, as tshark -r FILE -Y \
                     udp.dstport==PORT -w ONE gives it",
                    counted(*messages, "message is", "messages are")
                );
            }
            What::Cut(messages) => {
                return write!(
                    f,
                    "{} captured short, and left out; capture them whole, as tcpdump -s 0 does",
                    counted(*messages, "message was", "messages were")
                );
            }
            What::Window(bytes) => {
                return write!(
                    f,
                    "the {encoding} data needs a window of {} MiB, and tap2pcap's limit is 128 MiB; compress it anew \
                     without --long or --ultra",
                    bytes.div_ceil(1024 * 1024)
                );
            }
            What::Dictionary(id) => {
                return write!(f, "the {encoding} data needs dictionary {id}; decompress it with zstd -d -D");
            }
        }
        f.write_str("; copy the file anew, or compress it anew when it is complete")
    }
}
