//! Opens an input: finds its bytes, and tells the format from the first of them.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::detect::detect;
use super::foreign::Foreign;
use super::{Current, Input, InputError};
use crate::envoy::AnyCursor;
use crate::hubble::Decoder;
use crate::record::{Format, Records};
use crate::source::{CAPTURE, Fill, Growth, IDLE, Source};
use crate::trace::{Kind, TraceId};

/// The format is detected from this many bytes, or from all there are.
const DETECT: usize = 64 * 1024;
/// If there is no trace in an input, so much of it shows what it is.
const BEGINNING: usize = 256;

/// The beginning of a file that has been read already.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Bytes of the whole file.
    pub(crate) length: u64,
    pub(crate) bytes: Vec<u8>,
}

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
    pub fn open_lazily(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let name = name(path);
        match Source::reopened(path) {
            Ok(source) => Self::new(name, source, format),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// The same, where the file's beginning has been read.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) fn open_begun(
        path: &Path,
        format: Option<Format>,
        beginning: Beginning,
    ) -> Result<Self, InputError> {
        Self::new(name(path), Source::begun(path, beginning.length, beginning.bytes), format)
    }

    /// Reads from memory.
    ///
    /// # Errors
    /// The bytes are no tap trace.
    pub fn from_bytes(name: String, bytes: Vec<u8>, format: Option<Format>) -> Result<Self, InputError> {
        Self::new(name, Source::memory(bytes), format)
    }

    /// Reads whatever can be read, in a thread.
    ///
    /// # Errors
    /// It cannot be read, or is no tap trace.
    pub fn from_reader(name: String, reader: impl Read + Send + 'static) -> Result<Self, InputError> {
        match Source::reader(reader) {
            Ok(source) => Self::new(name, source, None),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    fn new(name: String, source: Source, format: Option<Format>) -> Result<Self, InputError> {
        let mut opening = Opening::new(name, source, format);
        loop {
            if let Some(input) = opening.poll()? {
                return Ok(input);
            }
        }
    }

    /// The input with these first bytes, all that it takes to tell the format.
    fn begin(name: String, source: Source, format: Option<Format>) -> Result<Self, InputError> {
        if source.available().is_empty() {
            return Err(if source.encoding() == Some(CAPTURE) {
                InputError::NotATap { name, foreign: Foreign::capture() }
            } else {
                InputError::Empty { name, is_live: source.is_live() }
            });
        }
        let detected = detect(source.available());
        let (is_hubble, format) = match (detected, format) {
            (Some(detected), None) => (detected.is_hubble, detected.format),
            (Some(detected), Some(format)) => (detected.is_hubble && detected.format == format, format),
            (None, Some(format)) => (false, format),
            (None, None) => {
                return Err(InputError::NotATap { name, foreign: Foreign::new(source.available()) });
            }
        };
        let beginning = source.available();
        let beginning = beginning[..beginning.len().min(BEGINNING)].into();
        Ok(Self {
            name,
            format,
            beginning,
            records: if is_hubble { Records::of_flows(source, format) } else { Records::new(source, format) },
            hubble: is_hubble.then(|| Box::new(Decoder::new(matches!(format, Format::Json | Format::Text)))),
            flows: 0,
            joined: Vec::new(),
            cursor: AnyCursor::new(format),
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

/// An input that waits for its first bytes, from which the format is detected.
#[derive(Debug)]
pub struct Opening {
    name: String,
    /// `None` only while it is looked at.
    source: Option<Source>,
    format: Option<Format>,
    /// Since when nothing has come.
    quiet_since: Option<Instant>,
    /// What has come does not tell the format, and nothing more comes at the moment.
    is_undecided: bool,
    /// Messages come whole: the first one tells the format, and nobody has to wait for more.
    has_whole_messages: bool,
    /// It need not be a tap trace: nobody has named it.
    is_optional: bool,
}

impl Opening {
    /// Opens what is read as it comes, without waiting for it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        let name = name(path);
        let opened = if path == Path::new("-") { Source::stdin() } else { Source::open(path) };
        match opened {
            Ok(source) => Ok(Self::new(name, source, format)),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// Reads a source that gives whole messages, in a thread, without waiting for it.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn of_reader(
        name: String,
        reader: impl Read + Send + 'static,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        match Source::reader(reader) {
            Ok(source) => Ok(Self { has_whole_messages: true, ..Self::new(name, source, format) }),
            Err(source) => Err(InputError::Io { name, source }),
        }
    }

    /// Reads a file that is still written, from this offset on. If it is one of many, it need not be a tap trace.
    pub(crate) fn growing(name: String, growth: Arc<Growth>, offset: u64, format: Option<Format>) -> Self {
        let is_optional = growth.is_one_of_many();
        // Where the format is known, it has been looked at.
        let has_whole_messages = format.is_some();
        let source = Source::growing(growth, offset);
        Self { is_optional, has_whole_messages, ..Self::new(name, source, format) }
    }

    fn new(name: String, source: Source, format: Option<Format>) -> Self {
        Self {
            name,
            source: Some(source),
            format,
            quiet_since: None,
            is_undecided: false,
            has_whole_messages: false,
            is_optional: false,
        }
    }

    /// The input's name in messages and in the capture.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether some bytes have come, but not enough to tell the format.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.source.as_ref().is_some_and(|source| !source.available().is_empty()) && !self.is_undecided
    }

    /// Whether it is a file that is followed.
    pub(crate) fn is_followed(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.growth().is_some())
    }

    /// What has come is all there is to tell the format from.
    pub(crate) fn hurry(&mut self) {
        (self.has_whole_messages, self.is_undecided) = (true, false);
    }

    /// Whether it need not be a tap trace.
    pub(crate) fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// Never waits for bytes any more: see [`Input::never_wait`].
    pub fn never_wait(&mut self) {
        if let Some(source) = &mut self.source {
            source.never_wait();
        }
    }

    /// The input, once enough of it has come to tell the format; once.
    ///
    /// # Errors
    /// It cannot be read, or is no tap trace.
    pub fn poll(&mut self) -> Result<Option<Input>, InputError> {
        loop {
            let is_undecided = self.is_undecided;
            let Some(source) = self.source.take_if(|source| !is_undecided || source.may_have_more()) else {
                return Ok(None);
            };
            let mut source = source.decoded();
            if let Err(source) = source.restore() {
                return Err(InputError::Io { name: self.name.clone(), source });
            }
            if source.available().len() < DETECT {
                match source.fill() {
                    Ok(Fill::More) => {
                        (self.quiet_since, self.is_undecided) = (None, false);
                        self.source = Some(source);
                        continue;
                    }
                    Ok(Fill::Idle) if !self.is_enough(&source) => {
                        if self.is_undecided && source.growth().is_some() {
                            source.release();
                        }
                        self.source = Some(source);
                        return Ok(None);
                    }
                    Ok(Fill::Idle | Fill::End) => {}
                    Err(error) if source.available().is_empty() => {
                        return Err(InputError::Io { name: self.name.clone(), source: error });
                    }
                    // What has been read may be a part of a tap.
                    Err(error) => source.fail_later(error),
                }
            }
            return Input::begin(self.name.clone(), source, self.format).map(Some);
        }
    }

    /// Whether an input is told by what it has said before it fell silent.
    fn is_enough(&mut self, source: &Source) -> bool {
        let since = *self.quiet_since.get_or_insert_with(Instant::now);
        // A whole flow is no beginning of anything else.
        if self.format.is_none() && detect(source.available()).is_some_and(|detected| detected.is_hubble) {
            return true;
        }
        if source.available().is_empty() {
            self.is_undecided = source.growth().is_some();
            return false;
        }
        if since.elapsed() < IDLE && !self.has_whole_messages {
            return false;
        }
        self.is_undecided = self.format.is_none() && detect(source.available()).is_none();
        !self.is_undecided
    }
}

/// The input's name: that of the file, or a dash.
fn name(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Gives a message, and then nothing more.
    struct Quiet(Option<&'static [u8]>, Receiver<()>);

    impl Read for Quiet {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(message) = self.0.take() else {
                let _ = self.1.recv();
                return Ok(0);
            };
            buffer[..message.len()].copy_from_slice(message);
            Ok(message.len())
        }
    }

    #[test]
    fn the_first_whole_message_opens_an_input_at_once() {
        let message = br#"{"socket_streamed_trace_segment": {"trace_id": "1"}}"#;
        for format in [None, Some(Format::Json)] {
            let (_open, gate) = channel();
            let reader = Quiet(Some(message), gate);
            let mut opening = Opening::of_reader("live".to_owned(), reader, format).expect("a thread");
            opening.never_wait();
            let input = loop {
                match opening.poll().expect("a tap") {
                    Some(input) => break input,
                    None => assert!(!opening.has_begun(), "what has come is enough"),
                }
                std::thread::yield_now();
            };
            assert_eq!(input.format(), Format::Json);
        }
    }
}
