//! Where a trace's bytes come from: a file, or anything that is read as it comes.
//!
//! A [`Source`] shows a window on its bytes: [`Source::available`] is what has been read and not yet been consumed, and
//! [`Source::fill`] reads more behind it. The window's buffer grows only with bytes that have really come.
//!
//! One of many files is open only while it is read from, and can give its buffer back and read it anew.
//!
//! What is compressed, or in UTF-16, is recognized by its first bytes and [decoded](decode) as it is read.

mod about;
mod capture;
mod damage;
pub(crate) mod datagram;
mod decode;
mod growing;
mod gzip;
mod release;
mod stream;
mod utf16;
mod zstd;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use decode::CAPTURE;
use decode::{Decoder, Decoding};
use growing::Growing;
pub(crate) use growing::{Growth, Identity};
use stream::{Chunk, Stream};

/// Bytes read at a time: as fast as anything larger, and still in the processor's second-level cache.
const READ: usize = 256 * 1024;
/// The same for one of many files that are decoded, and for what they are decoded to.
const READ_DECODED: usize = 32 * 1024;
/// What is decoded may have to be decoded again, such as UTF-16 that is compressed.
const LAYERS: usize = 3;
/// How long others wait for an input that has nothing to give, and an input's first bytes for more of them.
pub(crate) const IDLE: Duration = Duration::from_millis(40);

/// The bytes of one input.
#[derive(Debug)]
pub(crate) struct Source {
    reader: Reader,
    /// Bytes to read at a time.
    read: usize,
    buffer: Vec<u8>,
    /// What is available: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Offset in the input of `buffer[start]`.
    offset: u64,
    is_at_end: bool,
    /// Why it cannot be read further, until that has been said.
    failure: Option<io::Error>,
    has_failed: bool,
    /// How many bytes were available when the buffer was given back.
    released: Option<usize>,
}

#[derive(Debug)]
enum Reader {
    File(File),
    /// One of many files, of this length when it was opened.
    Reopened {
        path: PathBuf,
        length: u64,
    },
    /// A file that is still written.
    Growing(Growing),
    /// Bytes that are in memory.
    Memory,
    Stream(Box<Stream>),
    /// Another source, whose bytes are decoded.
    Decoded(Box<Decoding>),
}

/// What came of an attempt to read more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// There is more available.
    More,
    /// There is nothing at the moment: the writer of a pipe takes its time.
    Idle,
    /// The input has ended.
    End,
}

impl Source {
    /// A regular file, or a pipe or device by its path.
    ///
    /// # Errors
    /// It cannot be opened, or is a directory. What is wrong with a pipe shows when it is read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_file() || metadata.is_dir() {
            return Self::file(File::open(path)?);
        }
        // A pipe is not open before somebody writes to it.
        let path = path.to_owned();
        Ok(Self::new(Reader::Stream(Box::new(Stream::new(move || File::open(path))?))))
    }

    /// Standard input, which may be a regular file.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) fn stdin() -> io::Result<Self> {
        #[cfg(unix)]
        return Self::file(File::from(std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?));
        #[cfg(not(unix))]
        return Ok(Self::new(Reader::Stream(Box::new(Stream::new(|| Ok(io::stdin()))?))));
    }

    fn file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() {
            return Ok(Self::new(Reader::File(file)));
        }
        Ok(Self::new(Reader::Stream(Box::new(Stream::new(|| Ok(file))?))))
    }

    /// One of many regular files.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub(crate) fn reopened(path: &Path) -> io::Result<Self> {
        let length = std::fs::metadata(path)?.len();
        Ok(Self::new(Reader::Reopened { path: path.to_owned(), length }))
    }

    /// The same, of `length` bytes, where the first of them have been read.
    pub(crate) fn begun(path: &Path, length: u64, bytes: Vec<u8>) -> Self {
        let (end, is_at_end) = (bytes.len(), bytes.len() as u64 >= length);
        Self {
            buffer: bytes,
            end,
            is_at_end,
            ..Self::new(Reader::Reopened { path: path.to_owned(), length })
        }
    }

    /// A file that is still written, from this offset on.
    pub(crate) fn growing(growth: Arc<Growth>, offset: u64) -> Self {
        let reader = Reader::Growing(Growing::new(growth));
        Self { offset, read: READ_DECODED, ..Self::new(reader) }
    }

    /// Whatever can be read.
    ///
    /// # Errors
    /// The thread that reads cannot be started.
    pub(crate) fn reader(reader: impl Read + Send + 'static) -> io::Result<Self> {
        Ok(Self::new(Reader::Stream(Box::new(Stream::new(|| Ok(reader))?))))
    }

    /// Bytes in memory.
    pub(crate) fn memory(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { buffer: bytes, end, is_at_end: true, ..Self::new(Reader::Memory) }
    }

    fn new(reader: Reader) -> Self {
        Self {
            reader,
            read: READ,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            is_at_end: false,
            failure: None,
            has_failed: false,
            released: None,
        }
    }

    /// The same source, decoded if what is available shows that it has to be.
    pub(crate) fn decoded(mut self) -> Self {
        for _ in self.layers()..LAYERS {
            let Some(decoder) = Decoder::recognize(self.available()) else { break };
            if self.is_reopened() || matches!(self.reader, Reader::Memory) {
                self.read = READ_DECODED;
            }
            let read = self.read;
            self = Self { read, ..Self::new(Reader::Decoded(Box::new(Decoding::new(self, decoder)))) };
            // There is something to recognize in most cases; what is wrong comes in its time.
            if let Err(error) = self.fill() {
                self.fail_later(error);
            }
        }
        self
    }

    /// How often it is decoded.
    fn layers(&self) -> usize {
        match &self.reader {
            Reader::Decoded(decoding) => 1 + decoding.source().layers(),
            _ => 0,
        }
    }

    /// What has been read and not been consumed.
    #[inline]
    #[must_use]
    pub(crate) fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset in the input of the first available byte.
    #[must_use]
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether there is nothing to read behind what is available.
    #[must_use]
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Passes over the first `count` available bytes.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads more behind what is available, which may move in memory but stays as it is.
    ///
    /// # Errors
    /// The input cannot be read, or not further.
    pub(crate) fn fill(&mut self) -> io::Result<Fill> {
        if let Some(error) = self.failure.take() {
            self.is_at_end = true;
            return Err(error);
        }
        if self.is_at_end {
            return Ok(Fill::End);
        }
        let filled = self.read_more();
        if filled.is_err() {
            (self.is_at_end, self.has_failed) = (true, true);
        }
        filled
    }

    fn read_more(&mut self) -> io::Result<Fill> {
        let most = match &self.reader {
            Reader::Reopened { length, .. } => {
                let rest = length.saturating_sub(self.offset + (self.end - self.start) as u64);
                usize::try_from(rest).unwrap_or(self.read).min(self.read)
            }
            _ => self.read,
        };
        self.make_room(most);
        let position = self.offset + self.end as u64;
        let room = &mut self.buffer[self.end..self.end + most];
        let count = match &mut self.reader {
            Reader::Memory => 0,
            Reader::Reopened { path, .. } => {
                let mut read = || {
                    let mut file = File::open(&*path)?;
                    if position > 0 {
                        file.seek(SeekFrom::Start(position))?;
                    }
                    retry(|| file.read(room))
                };
                if most == 0 { 0 } else { read()? }
            }
            Reader::File(file) => retry(|| file.read(room))?,
            Reader::Growing(file) => match file.read(position, room)? {
                Some(count) => count,
                None => return Ok(Fill::Idle),
            },
            Reader::Stream(stream) => match stream.next()? {
                Chunk::Bytes(chunk, count) => {
                    room[..count].copy_from_slice(&chunk[..count]);
                    stream.recycle(chunk);
                    count
                }
                Chunk::Idle => return Ok(Fill::Idle),
                Chunk::End => 0,
            },
            Reader::Decoded(decoding) => match decoding.read(room)? {
                Some(count) => count,
                None => return Ok(Fill::Idle),
            },
        };
        self.end += count;
        self.is_at_end = count == 0;
        if let Reader::Reopened { length, .. } = &self.reader {
            self.is_at_end |= self.offset + self.end as u64 >= *length;
        }
        Ok(if count == 0 { Fill::End } else { Fill::More })
    }

    /// Has an error of [`Self::fill`] come again: what is available is looked at first.
    pub(crate) fn fail_later(&mut self, error: io::Error) {
        self.failure = Some(error);
        self.is_at_end = false;
    }

    /// Whether it could not be read to its end, and [`Self::fill`] has said so.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed && self.failure.is_none()
    }

    /// Never waits for bytes any more, where it is read as it comes.
    pub(crate) fn never_wait(&mut self) {
        match &mut self.reader {
            Reader::Decoded(decoding) => decoding.source_mut().never_wait(),
            Reader::Stream(stream) => stream.never_wait(),
            Reader::File(_) | Reader::Reopened { .. } | Reader::Growing(_) | Reader::Memory => {}
        }
    }

    /// Makes room for a read of `most` bytes behind the available ones.
    fn make_room(&mut self, most: usize) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let needed = self.end + most;
        if self.buffer.len() < needed {
            if self.buffer.capacity() < needed {
                // In steps of half of what there is, so that a record that keeps growing is not copied again and again.
                let room = needed.max(self.end + self.end / 2);
                self.buffer.reserve_exact(room - self.buffer.len());
            }
            self.buffer.resize(needed, 0);
        }
    }
}

/// Since the Unix epoch; what is before it is at it.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
