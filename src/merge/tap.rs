//! An input before it is open: a file, a stream that has not spoken yet, or an input that is open already.

use std::io::{self, Read};
use std::path::PathBuf;

use crate::input::{Beginning, Input, InputError, Opening};
use crate::record::Format;

/// An input, not yet opened unless it has to be.
#[derive(Debug)]
pub struct Tap {
    /// Its name in messages and in the capture.
    pub name: String,
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// How to get at it.
    pub state: TapState,
}

/// How to get at an input.
#[derive(Debug)]
pub enum TapState {
    /// It is open.
    Open(Box<Input>),
    /// One of many, read as it comes.
    Opening(Box<Opening>),
    /// A file that is still written, and followed.
    Followed {
        /// Its beginning.
        opening: Box<Opening>,
        /// It holds Hubble's flows.
        is_hubble: bool,
        /// When its first event was, in nanoseconds since the Unix epoch; 0 if it has none yet.
        first: u64,
    },
    /// One of many files.
    File {
        /// Its format.
        format: Format,
        /// It holds Hubble's flows.
        is_hubble: bool,
        /// When its first event was, in nanoseconds since the Unix epoch; 0 if it has none.
        first: u64,
    },
}

impl Tap {
    /// An input of whole messages that is read as they come, and has a name in messages and in the capture.
    ///
    /// # Errors
    /// The thread that reads cannot be started.
    pub fn live(
        name: String,
        reader: impl Read + Send + 'static,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        let opening = Opening::of_reader(name.clone(), reader, format)?;
        Ok(Self { path: PathBuf::from(&name), name, state: TapState::Opening(Box::new(opening)) })
    }

    /// Opens the input, if it is not open yet.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(self) -> Result<Input, InputError> {
        match self.state {
            TapState::Open(input) => Ok(*input),
            TapState::Opening(mut opening) | TapState::Followed { mut opening, .. } => loop {
                if let Some(input) = opening.poll()? {
                    return Ok(input);
                }
            },
            TapState::File { format, .. } => Input::open_lazily(&self.path, Some(format)),
        }
    }

    /// Opens a file of which the beginning has been read.
    ///
    /// # Errors
    /// The file could not be read.
    pub(super) fn open_with(self, beginning: io::Result<Beginning>) -> Result<Input, InputError> {
        match beginning {
            Ok(beginning) => Input::open_begun(&self.path, self.format(), beginning),
            Err(source) => Err(InputError::Io { name: self.name, source }),
        }
    }

    /// Whether it is known to hold Hubble's flows.
    #[must_use]
    pub fn is_hubble(&self) -> bool {
        match &self.state {
            TapState::Open(input) => input.is_hubble(),
            TapState::Opening(_) => false,
            TapState::Followed { is_hubble, .. } | TapState::File { is_hubble, .. } => *is_hubble,
        }
    }

    /// Whether it is a file that holds Hubble's flows, and is not read as it comes.
    #[must_use]
    pub fn is_file_of_flows(&self) -> bool {
        match &self.state {
            TapState::Open(input) => input.is_hubble() && !input.is_live(),
            TapState::Opening(_) | TapState::Followed { .. } => false,
            TapState::File { is_hubble, .. } => *is_hubble,
        }
    }

    /// Its format, if that is known yet.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match &self.state {
            TapState::Open(input) => Some(input.format()),
            TapState::Opening(_) | TapState::Followed { .. } => None,
            TapState::File { format, .. } => Some(*format),
        }
    }
}
