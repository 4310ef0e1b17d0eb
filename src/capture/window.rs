//! Puts packets in order of time.
//!
//! Conversations interleave in one input nearly in order of time, but not quite: Envoy's worker threads write each for
//! itself, and in batches. So encoded packets are held in a window of a few blocks. A block goes out as it is, with no
//! copy, where nothing behind it in the window is older than its last packet; else all that is in the window is sorted
//! first. What is older still than what has gone out is written late, and counted.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

/// A block goes out once it has this many bytes.
const BLOCK: usize = 128 * 1024;
/// Capacity of a block: with the packet that closes it, it rarely grows.
const ROOM: usize = BLOCK + 72 * 1024;
/// Blocks that are held back: a window of 1 MiB.
const HELD_BLOCKS: usize = 8;

pub(super) struct Window {
    /// Full blocks, oldest first.
    full: VecDeque<Block>,
    open: Block,
    /// Full blocks at the front that are known to be in order with all behind them.
    sorted: usize,
    /// Empty buffers to use again.
    spare: Vec<Vec<u8>>,
    /// The greatest order that has gone out.
    released: u64,
}

struct Block {
    bytes: Vec<u8>,
    /// Order and start of each packet in `bytes`.
    packets: Vec<(u64, u32)>,
    is_sorted: bool,
    min: u64,
    max: u64,
}

impl Block {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, packets: Vec::new(), is_sorted: true, min: u64::MAX, max: 0 }
    }

    fn push(&mut self, order: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        // A block is far below 4 GiB: it is closed by the packet that makes it larger than `BLOCK`.
        self.packets.push((order, self.bytes.len() as u32));
        encode(&mut self.bytes);
        self.is_sorted &= order >= self.max;
        self.min = self.min.min(order);
        self.max = self.max.max(order);
    }

    fn range(&self, packet: usize) -> Range<usize> {
        let end = self.packets.get(packet + 1).map_or(self.bytes.len(), |&(_, start)| start as usize);
        self.packets[packet].1 as usize..end
    }
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            full: VecDeque::new(),
            open: Block::new(Vec::with_capacity(ROOM)),
            sorted: 0,
            spare: Vec::new(),
            released: 0,
        }
    }

    /// Takes a packet, which `encode` appends to a buffer.
    pub(super) fn push(&mut self, order: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        self.open.push(order, encode);
    }

    /// Whether it is time to [`close_block`](Self::close_block) and [`pop`](Self::pop).
    pub(super) fn is_full(&self) -> bool {
        self.open.bytes.len() >= BLOCK
    }

    /// Closes the open block and prepares what is to go out. Returns how many packets are late.
    pub(super) fn close_block(&mut self, all: bool) -> u64 {
        if !self.open.packets.is_empty() {
            let buffer = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(ROOM));
            let block = mem::replace(&mut self.open, Block::new(buffer));
            // What was sorted before stays so unless this block reaches back into it.
            self.sorted = self.full.iter().take(self.sorted).take_while(|full| full.max <= block.min).count();
            self.full.push_back(block);
        }
        let mut surplus = self.surplus(all);
        if surplus > self.sorted {
            self.sorted = self.count_sorted();
        }
        if surplus > self.sorted {
            self.sort();
            // Packets of another mix of sizes fill another number of blocks.
            surplus = self.surplus(all);
        }
        let late = |block: &Block| match self.released {
            released if block.min >= released => 0,
            released => block.packets.iter().filter(|&&(order, _)| order < released).count() as u64,
        };
        let late = self.full.iter().take(surplus).map(late).sum();
        for block in self.full.iter().take(surplus) {
            self.released = self.released.max(block.max);
        }
        late
    }

    /// How many blocks are to go out.
    fn surplus(&self, all: bool) -> usize {
        if all { self.full.len() } else { self.full.len().saturating_sub(HELD_BLOCKS) }
    }

    /// The next block to go out.
    pub(super) fn pop(&mut self, all: bool) -> Option<Vec<u8>> {
        if !all && self.full.len() <= HELD_BLOCKS {
            return None;
        }
        self.sorted = self.sorted.saturating_sub(1);
        self.full.pop_front().map(|block| block.bytes)
    }

    /// Takes a buffer to use again.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < 2 * HELD_BLOCKS {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// How many blocks at the front can go out as they are.
    fn count_sorted(&self) -> usize {
        let mut min_behind = u64::MAX;
        let mut sorted = self.full.len();
        for (index, block) in self.full.iter().enumerate().rev() {
            if !block.is_sorted || block.max > min_behind {
                sorted = index;
            }
            min_behind = min_behind.min(block.min);
        }
        sorted
    }

    /// Copies all packets into new blocks in order.
    fn sort(&mut self) {
        let mut packets: Vec<(u64, usize, Range<usize>)> = Vec::new();
        for (index, block) in self.full.iter().enumerate() {
            packets.extend((0..block.packets.len()).map(|n| (block.packets[n].0, index, block.range(n))));
        }
        packets.sort_by_key(|&(order, ..)| order);
        let old = mem::take(&mut self.full);
        for (order, block, range) in packets {
            if self.full.back().is_none_or(|block| block.bytes.len() >= BLOCK) {
                let buffer = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(ROOM));
                self.full.push_back(Block::new(buffer));
            }
            if let Some(last) = self.full.back_mut() {
                last.push(order, |buffer| buffer.extend_from_slice(&old[block].bytes[range]));
            }
        }
        for block in old {
            self.recycle(block.bytes);
        }
        self.sorted = self.full.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sends packets of `size` bytes, each beginning with its order and number, through a window.
    fn through_window(orders: &[u64], size: usize) -> (Vec<(u64, u64)>, u64) {
        let mut window = Window::new();
        let mut out = Vec::new();
        let mut late = 0;
        for (number, &order) in orders.iter().enumerate() {
            window.push(order, |buffer| {
                let start = buffer.len();
                buffer.extend_from_slice(&order.to_le_bytes());
                buffer.extend_from_slice(&(number as u64).to_le_bytes());
                buffer.resize(start + size, 0);
            });
            if window.is_full() {
                late += window.close_block(false);
                while let Some(block) = window.pop(false) {
                    out.extend_from_slice(&block);
                    window.recycle(block);
                }
            }
        }
        late += window.close_block(true);
        while let Some(block) = window.pop(true) {
            out.extend_from_slice(&block);
        }
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let packets = out.chunks_exact(size).map(|packet| (number(&packet[..8]), number(&packet[8..16])));
        (packets.collect(), late)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sorts_stably_within_the_window(
            jitter in proptest::collection::vec(0u64..40, 0..600),
            size in 16usize..60_000,
        ) {
            let orders: Vec<u64> = jitter.iter().enumerate().map(|(n, jitter)| n as u64 + jitter).collect();
            let mut expected: Vec<(u64, u64)> = orders.iter().copied().zip(0..).collect();
            expected.sort();
            let (packets, late) = through_window(&orders, size.min(BLOCK * HELD_BLOCKS / 100));
            prop_assert_eq!(packets, expected);
            prop_assert_eq!(late, 0);
        }
    }

    #[test]
    fn what_comes_too_late_is_written_and_counted() {
        let mut orders: Vec<u64> = (10..3000).collect();
        orders.push(1);
        let (packets, late) = through_window(&orders, 4096);
        assert_eq!(late, 1);
        assert_eq!(packets.len(), orders.len());
    }
}
