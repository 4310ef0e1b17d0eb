//! A thread that writes blocks while the next ones are being made.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::destination::Destination;

/// Blocks that may wait to be written.
const QUEUE: usize = 2;

pub(super) struct Writer {
    /// `None` once the thread has been told to end.
    blocks: Option<SyncSender<Vec<u8>>>,
    empty: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<io::Result<Destination>>>,
}

impl Writer {
    pub(super) fn new(mut destination: Destination) -> io::Result<Self> {
        let (blocks, to_write) = sync_channel::<Vec<u8>>(QUEUE);
        let (written, empty) = sync_channel(QUEUE + 2);
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            for block in to_write {
                destination.write_all(&block)?;
                // Nobody wants the buffer back: then it is freed.
                let _ = written.try_send(block);
            }
            Ok(destination)
        })?;
        Ok(Self { blocks: Some(blocks), empty, thread: Some(thread) })
    }

    /// Has a block written, and gives back the buffer of an earlier one.
    pub(super) fn send(&mut self, block: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let is_sent = self.blocks.as_ref().is_some_and(|blocks| blocks.send(block).is_ok());
        if !is_sent {
            // The thread has ended, which it does only for an error.
            self.join()?;
            return Err(io::Error::other("the capture's writer has ended"));
        }
        Ok(self.empty.try_recv().ok())
    }

    /// Waits until all is written and puts the capture in its place.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.join()? {
            Some(destination) => destination.finish(),
            None => Ok(()),
        }
    }

    fn join(&mut self) -> io::Result<Option<Destination>> {
        self.blocks = None;
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
