//! The library's error: what is wrong with an input, or with a capture.

use std::fmt;

use crate::capture::destination::DestinationError;
use crate::input::InputError;

/// Why something cannot be read, or a capture cannot be written. Its text names the input, the record and the byte offset where
/// that is known, and what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What an [`Error`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The capture cannot be written.
    Capture,
    /// An input is damaged, cannot be read, or is no tap trace.
    Input,
    /// A setting of a conversion is wrong.
    Setting,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// What the error is about.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::new(ErrorKind::Input, error)
    }
}

impl From<DestinationError> for Error {
    fn from(error: DestinationError) -> Self {
        Self::new(ErrorKind::Capture, error)
    }
}
