//! Where a trace's bytes come from: a file, or anything that is read as it comes.
//!
//! A [`Source`] shows a window on its bytes: [`Source::available`] is what has been read and not yet been consumed, and
//! [`Source::fill`] reads more behind it. The window's buffer grows only with bytes that have really come.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

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
}

#[derive(Debug)]
enum Reader {
    File(File),
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
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() {
            return Ok(Self::new(Reader::File(file)));
        }
        Self::stream(file)
    }

    /// Standard input, or whatever else comes bit by bit.
    ///
    /// # Errors
    /// The thread that reads cannot be started.
    pub(super) fn stream(mut reader: impl Read + Send + 'static) -> io::Result<Self> {
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
        Self { reader, buffer: Vec::new(), start: 0, end: 0, offset: 0, is_at_end: false }
    }

    /// What has been read and not been consumed.
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
        self.make_room();
        let room = &mut self.buffer[self.end..];
        let count = match &mut self.reader {
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
        Ok(if count == 0 { Fill::End } else { Fill::More })
    }

    /// Makes room for a whole read behind the available bytes.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let needed = self.end + READ;
        if self.buffer.len() < needed {
            // In steps of half of what there is, so that a record that keeps growing is not copied again and again.
            self.buffer.resize(needed.max(self.end + self.end / 2), 0);
        }
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
