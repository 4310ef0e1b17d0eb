//! Why an input cannot be converted.

use std::borrow::Cow;
use std::io;

use super::foreign::Foreign;
use crate::record::RecordTruncation;

/// Why an input, or a part of it, cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be opened or read.
    #[error("{name}: {source}")]
    Io {
        /// The input.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It has no bytes.
    #[error("{name}: {}", empty(*.is_live))]
    Empty {
        /// The input.
        name: String,
        /// It is read as it comes, from a pipe or a device.
        is_live: bool,
    },
    /// It is something else.
    #[error("{name}: this is neither an Envoy tap nor Hubble flows, but {foreign}")]
    NotATap {
        /// The input.
        name: String,
        /// What it looks like.
        foreign: Foreign,
    },
    /// A record ends too early.
    #[error("{name}: record {record} at byte {offset}{unit}: truncated record: {truncation}")]
    Truncated {
        /// The input.
        name: String,
        /// The record's number, from 1.
        record: u64,
        /// Offset in the input of the record's beginning, in bytes.
        offset: u64,
        /// What the offset counts, where that is not the bytes of the file: " (decompressed)".
        unit: &'static str,
        /// How much of it is there.
        truncation: RecordTruncation,
    },
    /// A part of it is damaged.
    #[error("{name}: record {record} at byte {offset}{unit}: {what}")]
    Damaged {
        /// The input.
        name: String,
        /// The record's number, from 1.
        record: u64,
        /// Offset in the input, in bytes.
        offset: u64,
        /// What the offset counts, where that is not the bytes of the file: " (decompressed)".
        unit: &'static str,
        /// What is wrong.
        what: Cow<'static, str>,
    },
}

/// What an empty input means.
fn empty(is_live: bool) -> &'static str {
    match is_live {
        true => "the input is empty: whatever is to write it has written nothing; look at its messages",
        false => {
            "the file is empty: Envoy writes it when the connection closes, and before that in blocks of 4 KiB; a killed \
             Envoy leaves it so"
        }
    }
}

impl InputError {
    /// The input.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Io { name, .. }
            | Self::Empty { name, .. }
            | Self::NotATap { name, .. }
            | Self::Truncated { name, .. }
            | Self::Damaged { name, .. } => name,
        }
    }
}
