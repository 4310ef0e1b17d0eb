//! Why an input cannot be converted.

use std::borrow::Cow;
use std::io;

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

impl InputError {
    /// The input.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Io { name, .. }
            | Self::Empty { name }
            | Self::NotATap { name }
            | Self::Damaged { name, .. } => name,
        }
    }
}
