//! A destination whose reader may take its time: packets wait for it, so many bytes of them, and what is past that is left out and
//! counted. Whoever writes never waits.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Format;
use super::blocks::{Blocks, Part};

/// Bytes that may wait for the reader.
const MAX_QUEUE: usize = 32 * 1024 * 1024;
/// Bytes that go to the reader at a time.
const CHUNK: usize = 64 * 1024;
/// How long the reader has at the end to take what waits for it.
const FAREWELL: Duration = Duration::from_millis(500);

/// Where a capture goes whose reader may take its time.
pub struct Queued {
    blocks: Blocks,
    shared: Arc<Shared>,
    dropped: Arc<AtomicU64>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    has_changed: Condvar,
}

#[derive(Default)]
struct Queue {
    chunks: VecDeque<Vec<u8>>,
    /// With what is being written.
    bytes: usize,
    is_closed: bool,
    error: Option<io::Error>,
}

impl Queued {
    /// Writes a capture of this format to `writer`. The number is that of the packets that were left out.
    ///
    /// # Errors
    /// The thread that writes cannot be started.
    pub fn new(format: Format, writer: impl Write + Send + 'static) -> io::Result<(Self, Arc<AtomicU64>)> {
        let (shared, dropped) = (Arc::<Shared>::default(), Arc::<AtomicU64>::default());
        let queue = Arc::clone(&shared);
        thread::Builder::new().name("queue".into()).spawn(move || queue.write_to(writer))?;
        Ok((Self { blocks: Blocks::new(format), shared, dropped: Arc::clone(&dropped) }, dropped))
    }
}

impl Shared {
    /// A thread that has panicked leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut writer: impl Write) {
        loop {
            let mut queue = self.lock();
            while queue.chunks.is_empty() && !queue.is_closed {
                queue = self.has_changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(chunk) = queue.chunks.pop_front() else { return };
            drop(queue);
            let written = writer.write_all(&chunk).and_then(|()| writer.flush());
            let mut queue = self.lock();
            queue.bytes -= chunk.len();
            self.has_changed.notify_all();
            if let Err(error) = written {
                queue.error = Some(error);
                return;
            }
        }
    }
}

impl Queue {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        match self.chunks.back_mut() {
            Some(last) if last.len() + bytes.len() <= CHUNK => last.extend_from_slice(bytes),
            _ => self.chunks.push_back(bytes.to_vec()),
        }
    }
}

impl Write for Queued {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut queue = self.shared.lock();
        if let Some(error) = queue.error.take() {
            return Err(error);
        }
        let dropped = &self.dropped;
        self.blocks.each(bytes, |part, bytes| {
            if part == Part::Packet && queue.bytes + bytes.len() > MAX_QUEUE {
                dropped.fetch_add(1, Ordering::Relaxed);
            } else {
                queue.push(bytes);
            }
        });
        self.shared.has_changed.notify_all();
        Ok(bytes.len())
    }

    /// Gives the reader a moment for what it has not got yet.
    fn flush(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let mut queue = self.shared.lock();
        while queue.bytes > 0 && queue.error.is_none() {
            let Some(rest) = FAREWELL.checked_sub(begun.elapsed()) else {
                // Nobody can tell how many packets these are.
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the reader does not take the rest of the capture",
                ));
            };
            let waited = self.shared.has_changed.wait_timeout(queue, rest);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.error.take().map_or(Ok(()), Err)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.has_changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Writes when it is told to, or for ever once nobody tells.
    struct Gated(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn packet(length: u32) -> Vec<u8> {
        let mut packet = [[0; 8].as_slice(), &length.to_le_bytes(), &length.to_le_bytes()].concat();
        packet.resize(16 + length as usize, 7);
        packet
    }

    #[test]
    fn a_reader_that_stalls_gets_whole_packets_and_the_rest_is_counted() {
        let ((open, gate), (sent, got)) = (channel(), channel());
        let (mut queued, dropped) = Queued::new(Format::Pcap, Gated(gate, sent)).expect("a thread");
        queued.write_all(&[1; 24]).expect("written");
        let packet = packet(1 << 20);
        for _ in 0..40 {
            queued.write_all(&packet).expect("nobody waits");
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 40 - 31);
        assert_eq!(queued.flush().expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
        drop(open);
        queued.flush().expect("all is read");
        let all: Vec<u8> = got.try_iter().flatten().collect();
        assert!(all == [&[1; 24][..], &packet.repeat(31)].concat());
    }

    #[test]
    fn who_has_gone_is_told() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut queued, _) = Queued::new(Format::Pcap, Gone).expect("a thread");
        queued.write_all(&[1; 24]).expect("written");
        assert_eq!(queued.flush().expect_err("nobody is there").kind(), io::ErrorKind::BrokenPipe);
    }
}
