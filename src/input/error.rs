//! Why an input cannot be converted.

use std::borrow::Cow;
use std::{fmt, io};

use crate::report::{counted, grouped};

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
    #[error("{name}: the file is empty")]
    Empty {
        /// The input.
        name: String,
    },
    /// Its first bytes fit no format.
    #[error("{name}: this is no Envoy tap trace, neither binary, nor length-delimited, nor text, nor JSON")]
    NotATap {
        /// The input.
        name: String,
    },
    /// A record ends too early.
    #[error("{name}: record {record} at byte {offset}: truncated record: {truncation}")]
    Truncated {
        /// The input.
        name: String,
        /// The record's number, from 1.
        record: u64,
        /// Offset in the input of the record's beginning, in bytes.
        offset: u64,
        /// How much of it is there.
        truncation: RecordTruncation,
    },
    /// A part of it is damaged.
    #[error("{name}: record {record} at byte {offset}: {what}")]
    Damaged {
        /// The input.
        name: String,
        /// The record's number, from 1.
        record: u64,
        /// Offset in the input, in bytes.
        offset: u64,
        /// What is wrong.
        what: Cow<'static, str>,
    },
}

/// How much there is of a truncated record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordTruncation {
    /// Bytes that are there.
    pub there: u64,
    /// Bytes that the record has by its length, where its format has one.
    pub length: Option<u64>,
    /// The input ends there; else another record begins.
    pub is_at_end: bool,
}

impl fmt::Display for RecordTruncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = counted(self.there, "byte", "bytes");
        if !self.is_at_end {
            return write!(f, "another one begins after {there}");
        }
        match self.length {
            Some(length) => {
                let missing = counted(length - self.there, "byte is", "bytes are");
                write!(
                    f,
                    "{} of {} bytes are there, {missing} missing",
                    grouped(self.there),
                    grouped(length)
                )?;
            }
            None => write!(f, "it ends after {there}")?,
        }
        f.write_str("; Envoy was killed, or still has the connection open and writes the rest later")
    }
}

impl InputError {
    /// The input.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Io { name, .. }
            | Self::Empty { name }
            | Self::NotATap { name }
            | Self::Truncated { name, .. }
            | Self::Damaged { name, .. } => name,
        }
    }
}
