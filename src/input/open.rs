//! Opens an input: finds its bytes, and tells the format from the first of them.

use std::path::Path;

use super::foreign::Foreign;
use super::format::{Format, detect};
use super::records::Records;
use super::source::{Fill, Source};
use super::{Current, Cursor, Input, InputError, binary, json, text};
use crate::trace::{Kind, TraceId};

/// The format is told from this many bytes, or all there are.
const DETECT: usize = 64 * 1024;
/// If there is no trace in an input, so much of it shows what it is.
const BEGINNING: usize = 256;

impl Input {
    /// Opens the file at `path`, or standard input where that is `-`. Reads as much as it takes to tell the format,
    /// unless `format` says it.
    ///
    /// # Errors
    /// It cannot be read, or is no tap trace.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let name = name(path);
        let opened = if path == Path::new("-") { Source::stdin() } else { Source::open(path) };
        match opened {
            Ok(source) => Self::new(name, source, format),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// Opens one of many regular files: it is open only while it is read from, and its memory can be
    /// [released](Self::release).
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_one_of_many(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let name = name(path);
        match Source::one_of_many(path) {
            Ok(source) => Self::new(name, source, format),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// Reads from memory.
    ///
    /// # Errors
    /// The bytes are no tap trace.
    pub fn from_bytes(name: String, bytes: Vec<u8>, format: Option<Format>) -> Result<Self, InputError> {
        Self::new(name, Source::memory(bytes), format)
    }

    fn new(name: String, mut source: Source, format: Option<Format>) -> Result<Self, InputError> {
        loop {
            source = source.decoded();
            if source.available().len() >= DETECT {
                break;
            }
            match source.fill() {
                // A live input is told by what it has said so far, if that is enough.
                Ok(Fill::Idle) if detect(source.available()).is_some() => break,
                Ok(Fill::More | Fill::Idle) => {}
                Ok(Fill::End) => break,
                Err(error) if source.available().is_empty() => {
                    return Err(InputError::Io { name, source: error });
                }
                // What has been read may be a part of a tap.
                Err(error) => {
                    source.fail_later(error);
                    break;
                }
            }
        }
        if source.available().is_empty() {
            return Err(InputError::Empty { name, is_live: source.is_live() });
        }
        let Some(format) = format.or_else(|| detect(source.available())) else {
            return Err(InputError::NotATap { name, foreign: Foreign::new(source.available()) });
        };
        let beginning = source.available();
        let beginning = beginning[..beginning.len().min(BEGINNING)].into();
        Ok(Self {
            name,
            format,
            beginning,
            records: Records::new(source, format),
            cursor: match format {
                Format::Binary | Format::Delimited => {
                    Cursor::Binary(binary::Cursor::new(format == Format::Binary))
                }
                Format::Text => Cursor::Text(text::Cursor::default()),
                Format::Json => Cursor::Json(json::Cursor::default()),
            },
            is_in_record: false,
            trace: TraceId { kind: Kind::SocketBuffered, id: 0 },
            ends_with_record: false,
            is_ended: false,
            sample_rate: None,
            current: Current::Ended,
            scratch: Vec::new(),
            traces: 0,
            http_records: 0,
            parts: None,
            part: None,
            has_failed: false,
        })
    }
}

/// The input's name: that of the file, or a dash.
fn name(path: &Path) -> String {
    path.display().to_string()
}
