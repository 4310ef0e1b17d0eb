//! One packet once: the same packet, seen at several nodes and points, is recognized by its addresses, ports, protocol and flags, and
//! by its order among those like it.
//!
//! The first observation of a packet is the packet. Of what comes from another point, the first that is like it within 100 ms
//! either way is the same packet; what comes from the same point is another one. The order in which flows come is all that counts,
//! so that the clocks of nodes may differ by so much.

use std::collections::HashMap;

/// How far apart the times of two observations of a packet may be, in nanoseconds.
const APART: u64 = 100_000_000;
/// Keys that are remembered at least; twice as many at most. Seven eighths of a power of two fill a hash table.
pub(super) const MAX_KEYS: usize = 56 * 1024;
/// Packets of one key that are remembered at most.
const MAX_PACKETS: usize = 64;
/// Points of one packet that are remembered at most.
const MAX_POINTS: usize = 6;

/// What has been seen of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The number of the packet, from 1.
    pub(super) id: u64,
    /// Sequence and acknowledgment number of a TCP segment.
    pub(super) numbers: [u32; 2],
    time: u64,
    points: [u16; MAX_POINTS],
    count: u8,
}

/// The packets that were seen last.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// Two generations: what is looked for moves into the new one, and the old one is dropped when that is full.
    new: Generation,
    old: Generation,
    packets: u64,
}

type Generation = HashMap<u64, Packets, foldhash::fast::RandomState>;

/// The packets of a key: nearly always one.
#[derive(Debug, Default)]
struct Packets {
    first: Option<Seen>,
    more: Vec<Seen>,
}

impl Packets {
    fn iter(&self) -> impl Iterator<Item = &Seen> {
        self.first.iter().chain(&self.more)
    }

    fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Seen> {
        self.first.iter_mut().chain(&mut self.more)
    }

    /// Adds one, in place of the first if there are too many, or of all if they are long ago.
    fn push(&mut self, seen: Seen) -> &mut Seen {
        if self.first.is_some_and(|first| first.time.abs_diff(seen.time) > 100 * APART) {
            // A connection that goes on for hours keeps no more than it has to.
            *self = Self::default();
        }
        if self.more.len() >= MAX_PACKETS {
            self.first = Some(self.more.remove(0));
        }
        if self.first.is_none() {
            return self.first.insert(seen);
        }
        self.more.push(seen);
        let last = self.more.len() - 1;
        &mut self.more[last]
    }
}

/// What an observation is.
#[derive(Debug)]
pub(super) enum Observed<'a> {
    /// The first of a packet.
    First(&'a mut Seen),
    /// Another one of a packet.
    Again(Seen),
}

impl Observations {
    /// The packet with this key that an observation at a time, at the point with this number, may be of.
    pub(super) fn find(&self, key: u64, time: u64, point: u16) -> Option<Seen> {
        let packets = self.new.get(&key).or_else(|| self.old.get(&key))?;
        packets
            .iter()
            .find(|packet| {
                packet.time.abs_diff(time) <= APART && !packet.points[..packet.count.into()].contains(&point)
            })
            .copied()
    }

    /// Remembers the numbers of the segment that a packet is.
    pub(super) fn remember(&mut self, key: u64, id: u64, numbers: [u32; 2]) {
        let mut packets = self.new.get_mut(&key).into_iter().flat_map(Packets::iter_mut);
        if let Some(packet) = packets.rfind(|packet| packet.id == id) {
            packet.numbers = numbers;
        }
    }

    /// An observation with this key, at a time in nanoseconds, at the point with this number.
    pub(super) fn see(&mut self, key: u64, time: u64, point: u16) -> Observed<'_> {
        if !self.new.contains_key(&key) {
            if self.new.len() >= MAX_KEYS {
                std::mem::swap(&mut self.new, &mut self.old);
                self.new.clear();
            }
            let packets = self.old.remove(&key).unwrap_or_default();
            self.new.insert(key, packets);
        }
        let packets = self.new.entry(key).or_default();
        let known = packets.iter_mut().find(|packet| {
            let points = &packet.points[..packet.count.into()];
            packet.time.abs_diff(time) <= APART && !points.contains(&point)
        });
        if let Some(packet) = known {
            // Past the most, the last one makes room: no packet has so many in 100 ms.
            let at = usize::from(packet.count).min(MAX_POINTS - 1);
            packet.points[at] = point;
            packet.count = at as u8 + 1;
            return Observed::Again(*packet);
        }
        self.packets += 1;
        let mut points = [0; MAX_POINTS];
        points[0] = point;
        let seen = Seen { id: self.packets, numbers: [0; 2], time, points, count: 1 };
        Observed::First(self.new.entry(key).or_default().push(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// The numbers of the packets that observations are of.
    fn ids(observations: &[(u64, u64, u16)]) -> Vec<u64> {
        let mut all = Observations::default();
        let id = |&(key, time, point): &(u64, u64, u16)| match all.see(key, time, point) {
            Observed::First(seen) => seen.id,
            Observed::Again(seen) => seen.id,
        };
        observations.iter().map(id).collect()
    }

    #[test]
    fn the_nth_at_another_point_is_the_nth() {
        assert_eq!(
            ids(&[(7, MS, 0), (7, 2 * MS, 0), (7, 3 * MS, 1), (7, 4 * MS, 1), (7, 5 * MS, 1)]),
            [1, 2, 1, 2, 3]
        );
        assert_eq!(ids(&[(7, MS, 0), (8, MS, 1), (7, 102 * MS, 1), (7, MS, 2)]), [1, 2, 3, 1]);
        // Times may go back.
        assert_eq!(ids(&[(7, 50 * MS, 0), (7, MS, 1), (7, 40 * MS, 2)]), [1, 1, 1]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut all = Observations::default();
        for key in 0..5 * MAX_KEYS as u64 {
            all.see(key, key, 0);
        }
        assert!(all.new.len() + all.old.len() <= 2 * MAX_KEYS);
        for time in 0..10_000 {
            all.see(1, time, 0);
        }
        assert!(all.new[&1].iter().count() <= MAX_PACKETS + 1);
    }
}
