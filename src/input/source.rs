//! Where a trace's bytes come from: a file, or anything that is read as it comes.
//!
//! A [`Source`] shows a window on its bytes: [`Source::available`] is what has been read and not yet been consumed, and
//! [`Source::fill`] reads more behind it. The window's buffer grows only with bytes that have really come.
//!
//! One of many files is open only while it is read from, and can give its buffer back and read it anew.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes read at a time: as fast as anything larger, and still in the processor's second-level cache.
const READ: usize = 256 * 1024;
/// How long a pipe may have nothing to give before it counts as idle.
const IDLE: Duration = Duration::from_millis(100);

/// The bytes of one input.
#[derive(Debug)]
pub(super) struct Source {
    reader: Reader,
    buffer: Vec<u8>,
    /// What is available: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Offset in the input of `buffer[start]`.
    offset: u64,
    is_at_end: bool,
    /// How many bytes were available when the buffer was given back.
    released: Option<usize>,
}

#[derive(Debug)]
enum Reader {
    File(File),
    /// One of many files, of this length when it was opened.
    OneOfMany {
        path: PathBuf,
        length: u64,
    },
    /// Bytes that are in memory.
    Memory,
    /// Read by a thread of its own, so that one can tell when there is nothing to read.
    Stream {
        chunks: Receiver<io::Result<Vec<u8>>>,
        empty: SyncSender<Vec<u8>>,
    },
}

/// What came of an attempt to read more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
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
    /// It cannot be opened, or is a directory.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::file(File::open(path)?)
    }

    /// Standard input, which may be a regular file.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(super) fn stdin() -> io::Result<Self> {
        #[cfg(unix)]
        return Self::file(File::from(std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?));
        #[cfg(not(unix))]
        return Self::stream(io::stdin());
    }

    fn file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() {
            return Ok(Self::new(Reader::File(file)));
        }
        Self::stream(file)
    }

    /// One of many regular files.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub(super) fn one_of_many(path: &Path) -> io::Result<Self> {
        let length = std::fs::metadata(path)?.len();
        Ok(Self::new(Reader::OneOfMany { path: path.to_owned(), length }))
    }

    /// Bytes in memory.
    pub(super) fn memory(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { buffer: bytes, end, is_at_end: true, ..Self::new(Reader::Memory) }
    }

    /// Whatever comes bit by bit.
    ///
    /// # Errors
    /// The thread that reads cannot be started.
    fn stream(mut reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (full, chunks) = sync_channel(2);
        let (empty, recycled) = sync_channel::<Vec<u8>>(4);
        std::thread::Builder::new().name("reader".into()).spawn(move || {
            loop {
                let mut chunk = recycled.try_recv().unwrap_or_default();
                chunk.resize(READ, 0);
                let read = retry(|| reader.read(&mut chunk));
                let is_last = !matches!(read, Ok(1..));
                let message = read.map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                // Nobody listens any more: the program is about to end.
                if full.send(message).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self::new(Reader::Stream { chunks, empty }))
    }

    fn new(reader: Reader) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, end: 0, offset: 0, is_at_end: false, released: None }
    }

    /// What has been read and not been consumed.
    #[inline]
    #[must_use]
    pub(super) fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset in the input of the first available byte.
    #[must_use]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether there is nothing to read behind what is available.
    #[must_use]
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Passes over the first `count` available bytes.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads more behind what is available, which may move in memory but stays as it is.
    ///
    /// # Errors
    /// The input cannot be read.
    pub(super) fn fill(&mut self) -> io::Result<Fill> {
        if self.is_at_end {
            return Ok(Fill::End);
        }
        let most = match &self.reader {
            Reader::OneOfMany { length, .. } => {
                let rest = length.saturating_sub(self.offset + (self.end - self.start) as u64);
                usize::try_from(rest).unwrap_or(READ).min(READ)
            }
            Reader::File(_) | Reader::Memory | Reader::Stream { .. } => READ,
        };
        self.make_room(most);
        let position = self.offset + self.end as u64;
        let room = &mut self.buffer[self.end..];
        let count = match &mut self.reader {
            Reader::Memory => 0,
            Reader::OneOfMany { path, .. } => {
                let room = &mut room[..most];
                let mut read = || {
                    let mut file = File::open(&*path)?;
                    if position > 0 {
                        file.seek(SeekFrom::Start(position))?;
                    }
                    retry(|| file.read(room))
                };
                if most == 0 { 0 } else { read().inspect_err(|_| self.is_at_end = true)? }
            }
            Reader::File(file) => retry(|| file.read(room)).inspect_err(|_| self.is_at_end = true)?,
            Reader::Stream { chunks, empty } => match chunks.recv_timeout(IDLE) {
                Ok(Ok(chunk)) => {
                    room[..chunk.len()].copy_from_slice(&chunk);
                    let count = chunk.len();
                    // The thread may have ended, or have buffers enough.
                    let _ = empty.try_send(chunk);
                    count
                }
                Ok(Err(error)) => {
                    self.is_at_end = true;
                    return Err(error);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(Fill::Idle),
                Err(RecvTimeoutError::Disconnected) => 0,
            },
        };
        self.end += count;
        self.is_at_end = count == 0;
        if let Reader::OneOfMany { length, .. } = &self.reader {
            self.is_at_end |= self.offset + self.end as u64 >= *length;
        }
        Ok(if count == 0 { Fill::End } else { Fill::More })
    }

    /// When it was last modified, in nanoseconds since the Unix epoch; now, if it is no file.
    pub(super) fn modified(&self) -> u64 {
        let metadata = match &self.reader {
            Reader::File(file) => file.metadata().ok(),
            Reader::OneOfMany { path, .. } => std::fs::metadata(path).ok(),
            Reader::Memory | Reader::Stream { .. } => None,
        };
        let modified = metadata.and_then(|metadata| metadata.modified().ok());
        nanoseconds(modified.unwrap_or_else(SystemTime::now))
    }

    /// Whether it is read as it comes.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.reader, Reader::Stream { .. })
    }

    /// Bytes of memory that the buffer takes.
    pub(super) fn memory_used(&self) -> usize {
        self.buffer.len()
    }

    /// Gives the buffer back, if it can be read anew.
    pub(super) fn release(&mut self) {
        if matches!(self.reader, Reader::OneOfMany { .. }) && self.released.is_none() {
            self.released = Some(self.end - self.start);
            self.buffer = Vec::new();
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads anew what was available when the buffer was given back.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn restore(&mut self) -> io::Result<()> {
        let (Some(length), Reader::OneOfMany { path, .. }) = (self.released.take(), &self.reader) else {
            return Ok(());
        };
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        self.buffer = vec![0; length];
        file.read_exact(&mut self.buffer)?;
        self.end = length;
        Ok(())
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
