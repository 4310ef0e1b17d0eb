//! A thread that writes blocks while the next ones are being made.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::destination::Destination;

/// Blocks that go to the thread at a time, 1 MiB: to wake it takes as long as to fill half a block.
const BATCH: usize = 8;
/// Batches that may wait to be written.
const QUEUE: usize = 1;

pub(super) struct Writer {
    /// Blocks that have not gone to the thread yet.
    batch: Vec<Vec<u8>>,
    /// How many of them go at a time: at first two, the capture's header and the first block, so that the thread soon
    /// has something to do.
    batch_len: usize,
    /// `None` once the thread has been told to end.
    batches: Option<SyncSender<Vec<Vec<u8>>>>,
    written: Receiver<Vec<Vec<u8>>>,
    thread: Option<JoinHandle<io::Result<Destination>>>,
}

impl Writer {
    pub(super) fn new(mut destination: Destination) -> io::Result<Self> {
        let (batches, to_write) = sync_channel::<Vec<Vec<u8>>>(QUEUE);
        let (give_back, written) = sync_channel(QUEUE + 2);
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            for batch in to_write {
                for block in &batch {
                    destination.write_all(block)?;
                }
                // Nobody wants the buffers back: then they are freed.
                let _ = give_back.try_send(batch);
            }
            Ok(destination)
        })?;
        Ok(Self { batch: Vec::new(), batch_len: 2, batches: Some(batches), written, thread: Some(thread) })
    }

    /// Has a block written, sooner or later.
    pub(super) fn send(&mut self, block: Vec<u8>) -> io::Result<()> {
        self.batch.push(block);
        if self.batch.len() < self.batch_len {
            return Ok(());
        }
        self.batch_len = BATCH.min(2 * self.batch_len);
        self.flush()
    }

    /// Has all blocks written that it has been given.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() || self.batches.as_ref().is_some_and(|batches| batches.send(batch).is_ok()) {
            return Ok(());
        }
        // The thread has ended, which it does only for an error.
        self.join()?;
        Err(io::Error::other("the capture's writer has ended"))
    }

    /// The buffers of blocks that have been written.
    pub(super) fn written(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.written.try_recv().into_iter().flatten()
    }

    /// Waits until all is written and puts the capture in its place.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        match self.join()? {
            Some(destination) => destination.finish(),
            None => Ok(()),
        }
    }

    fn join(&mut self) -> io::Result<Option<Destination>> {
        self.batches = None;
        let Some(thread) = self.thread.take() else {
            return Ok(None);
        };
        match thread.join() {
            Ok(result) => result.map(Some),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Writer {
    /// An unfinished capture: waits for the thread, so that its temporary file is gone before the program is.
    fn drop(&mut self) {
        let _ = self.join();
    }
}
