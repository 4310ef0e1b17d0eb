//! A source that is read as it comes, by a thread of its own.

use std::io::{self, Read};
use std::sync::mpsc::sync_channel;

use super::{READ, Reader, Source, retry};

impl Source {
    /// Whatever comes bit by bit.
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
}
