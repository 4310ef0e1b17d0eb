//! Flows that are read ahead: to decode them takes as long as all else that is done with them, so that two threads halve the time.
//!
//! One thread merges and decodes, and hands batches of flows to the one that makes packets, which gives them back to be filled
//! again. For files alone: what is read as it comes is shown as it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::hubble::Flow;
use crate::input::InputError;
use crate::merge::tap::Tap;
use crate::merge::{Merge, Next};
use crate::reassembly::Reassembler;

/// Flows in a batch.
const BATCH: usize = 128;
/// Batches that wait for the other thread.
const BATCHES: usize = 4;

/// What comes from the inputs, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// Flows, with the numbers of their inputs, as many as there are; and bytes that have been read of the only input.
    Flows(Batch, u64),
    /// An input has ended.
    Ended(u32, Box<Reassembler>),
    /// An input is damaged.
    Error(InputError),
}

/// Flows with the numbers of their inputs, and how many of them are meant: the others are there to be filled.
#[derive(Debug, Default)]
pub(super) struct Batch {
    flows: Vec<(u32, Flow)>,
    count: usize,
}

impl Batch {
    /// The flows.
    pub(super) fn flows(&self) -> &[(u32, Flow)] {
        &self.flows[..self.count]
    }

    /// Takes the flow of an input, and leaves one to be filled.
    fn take(&mut self, number: u32, flow: &mut Flow) {
        if self.count == self.flows.len() {
            self.flows.push((0, Flow::default()));
        }
        let place = &mut self.flows[self.count];
        place.0 = number;
        std::mem::swap(&mut place.1, flow);
        self.count += 1;
    }
}

/// Reads `taps` in another thread, and has `each` take what comes, until it fails.
pub(super) fn read<E: Send>(
    taps: Vec<Tap>,
    start_time: Option<u64>,
    stop: &Arc<AtomicBool>,
    mut each: impl FnMut(&Item) -> Result<(), E>,
) -> Result<(), E> {
    let (items, received) = sync_channel(BATCHES);
    let (empty, emptied) = channel();
    thread::scope(|scope| {
        scope.spawn(move || merge(Merge::new(taps, start_time), stop, &items, &emptied));
        consume(&received, &empty, &mut each)
        // Where it failed, nobody receives any more, and the thread ends.
    })
}

fn consume<E>(
    received: &Receiver<Item>,
    empty: &Sender<Batch>,
    each: &mut impl FnMut(&Item) -> Result<(), E>,
) -> Result<(), E> {
    while let Ok(item) = received.recv() {
        each(&item)?;
        if let Item::Flows(batch, _) = item {
            // The other thread may have come to the end.
            let _ = empty.send(batch);
        }
    }
    Ok(())
}

/// Sends what the merge gives, as long as somebody receives.
fn merge(mut merge: Merge, stop: &AtomicBool, items: &SyncSender<Item>, emptied: &Receiver<Batch>) {
    let mut batch = Batch::default();
    let mut has_stopped = false;
    loop {
        if stop.load(Ordering::Relaxed) && !std::mem::replace(&mut has_stopped, true) {
            merge.stop();
        }
        let next = merge.advance();
        if let Ok(Next::Flow(number)) = next {
            if let Some(flow) = merge.flow_mut(number) {
                batch.take(number, flow);
            }
            if batch.count < BATCH {
                continue;
            }
        }
        if batch.count > 0 {
            let mut next = emptied.try_recv().unwrap_or_default();
            next.count = 0;
            let full = std::mem::replace(&mut batch, next);
            if items.send(Item::Flows(full, merge.offset())).is_err() {
                return;
            }
        }
        let item = match next {
            Ok(Next::Ended(number, input)) => Item::Ended(number, input),
            Ok(Next::End) => return,
            Ok(_) => continue,
            Err(error) => Item::Error(error),
        };
        if items.send(item).is_err() {
            return;
        }
    }
}
