//! Bytes that come bit by bit, from a pipe or a device: read by a thread of its own, so that one can tell when there is
//! nothing to read, and nobody waits for the writer of a pipe that has not been opened yet.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use super::{IDLE, READ, retry};

/// What a thread has read.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Buffers, and how much of each has been read.
    chunks: Receiver<io::Result<(Vec<u8>, usize)>>,
    empty: SyncSender<Vec<u8>>,
    /// How long to wait for bytes.
    patience: Duration,
    /// Something has come since it was last idle.
    has_given: bool,
}

/// What came of an attempt to read.
pub(crate) enum Chunk {
    /// So much of a buffer.
    Bytes(Vec<u8>, usize),
    /// There is nothing at the moment.
    Idle,
    End,
}

impl Stream {
    /// Reads what `open` opens. The thread that calls this is unparked when something has come.
    ///
    /// # Errors
    /// The thread that reads cannot be started.
    pub(crate) fn new<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> io::Result<Self> {
        let (full, chunks) = sync_channel(2);
        let (empty, recycled) = sync_channel::<Vec<u8>>(4);
        let consumer = std::thread::current();
        std::thread::Builder::new().name("reader".into()).spawn(move || {
            let mut reader = open();
            loop {
                let mut chunk = recycled.try_recv().unwrap_or_default();
                // Only a new one has to be filled with zeros.
                chunk.resize(READ, 0);
                let read = match &mut reader {
                    Ok(reader) => retry(|| reader.read(&mut chunk)),
                    // A copy of an error that may have a code of the system's.
                    Err(error) => Err(error.raw_os_error().map_or_else(
                        || io::Error::new(error.kind(), error.to_string()),
                        io::Error::from_raw_os_error,
                    )),
                };
                let is_last = !matches!(read, Ok(1..));
                let message = read.map(|length| (chunk, length));
                // Nobody listens any more: the program is about to end.
                if full.send(message).is_err() {
                    return;
                }
                consumer.unpark();
                if is_last {
                    return;
                }
            }
        })?;
        Ok(Self { chunks, empty, patience: IDLE, has_given: false })
    }

    /// Never waits for bytes any more: whoever reads waits for several inputs at once.
    pub(crate) fn never_wait(&mut self) {
        self.patience = Duration::ZERO;
    }

    /// The bytes that have come. Where all of them have been given it is idle at once, so that what they have become is shown;
    /// then it waits for more.
    ///
    /// # Errors
    /// It cannot be opened or read.
    pub(crate) fn next(&mut self) -> io::Result<Chunk> {
        let received = match self.chunks.try_recv() {
            Ok(chunk) => Ok(chunk),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) if std::mem::take(&mut self.has_given) || self.patience.is_zero() => {
                Err(RecvTimeoutError::Timeout)
            }
            Err(TryRecvError::Empty) => self.chunks.recv_timeout(self.patience),
        };
        match received {
            Ok(chunk) => {
                self.has_given = true;
                chunk.map(|(chunk, length)| Chunk::Bytes(chunk, length))
            }
            Err(RecvTimeoutError::Timeout) => Ok(Chunk::Idle),
            Err(RecvTimeoutError::Disconnected) => Ok(Chunk::End),
        }
    }

    /// Gives a buffer back to be filled again.
    pub(crate) fn recycle(&self, chunk: Vec<u8>) {
        // The thread may have ended, or have buffers enough.
        let _ = self.empty.try_send(chunk);
    }
}
