//! How conversations begin: their addresses, who opened them, and whether a pair of addresses has come back.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::address::{AddressBook, Addresses};
use super::initiator::Signs;
use super::opening::Opening;
use super::{Options, notes};
use crate::capture::Capture;
use crate::filter::Filter;
use crate::packet::max_payload;
use crate::packet::tcp::TcpHeaders;
use crate::report::{Report, Warning};
use crate::tcp::Tcp;
use crate::trace::{Direction, Side};

/// Pairs of addresses that are remembered at most, to see one come back. When full, every conversation begins with a SYN.
const MAX_PAIRS: usize = 1_000_000;

/// What the beginnings of all conversations share.
#[derive(Debug)]
pub(super) struct Openings {
    options: Options,
    filter: Filter,
    book: AddressBook,
    /// Hashes of the address pairs that the capture has packets of: too many for the processor's cache.
    pairs: HashSet<u64, foldhash::fast::RandomState>,
    /// How many conversations are going on between those of them that have any.
    going_on: HashMap<u64, u32, foldhash::fast::RandomState>,
    /// How many conversations have begun with a SYN because their pair came back.
    returns: u64,
}

impl Openings {
    pub(super) fn new(options: Options, filter: Filter) -> Self {
        let book = AddressBook::new(options.local, options.remote);
        Self { options, filter, book, pairs: HashSet::default(), going_on: HashMap::default(), returns: 0 }
    }

    pub(super) fn wants_time(&self, time: u64) -> bool {
        self.filter.wants_time(time)
    }

    pub(super) fn has_used(&self, side: Side) -> bool {
        self.book.has_used(side)
    }

    /// The TCP state of a conversation, and the pair to [`Self::end`] with it; `None` if it is not wanted.
    pub(super) fn begin(
        &mut self,
        beginning: &Opening<'_>,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<Option<(Tcp, u64)>> {
        let initiator = self.options.initiator.unwrap_or_else(|| Signs::new(beginning).initiator());
        let addresses = self.book.assign(beginning.connection, initiator);
        if !self.filter.wants_addresses(addresses.local, addresses.remote) {
            return Ok(None);
        }
        report.traces += 1;
        capture.select(
            beginning.origin.number,
            beginning.number,
            beginning.origin.name,
            beginning.trace.id,
        )?;
        let pair = pair(&addresses);
        // Alone in its capture, a conversation cannot be taken for another one.
        let is_return = !capture.is_split() && self.is_return(pair, beginning, report);
        let occurrence = if is_return { self.returns } else { 0 };
        let max = max_payload(addresses.local.is_ipv4());
        let mut tcp = Tcp::new(
            TcpHeaders::new(self.options.link_type, addresses.local, addresses.remote),
            BOTH.map(|direction| initial_sequence_number(beginning, direction, occurrence)),
            self.options.mss.map_or(max, |mss| mss.min(max.into()) as u16),
            self.options.snap_length.map_or(u16::MAX, |length| u16::try_from(length).unwrap_or(u16::MAX)),
            initiator,
            beginning.origin.interface,
        );
        notes::beginning(beginning, &addresses, &mut tcp, capture, report);
        if self.options.handshake || is_return {
            tcp.open(beginning.time, self.options.handshake, capture)?;
        }
        Ok(Some((tcp, pair)))
    }

    /// Whether the capture already has packets between these addresses, so that a reader has to be told that a
    /// connection begins.
    fn is_return(&mut self, pair: u64, beginning: &Opening<'_>, report: &mut Report) -> bool {
        let is_full = self.pairs.len() >= MAX_PAIRS;
        let is_return = is_full || !self.pairs.insert(pair);
        let going_on = self.going_on.entry(pair).or_default();
        if *going_on > 0 {
            report.warn(Warning::Overlap, || notes::place(beginning.trace, beginning.origin));
        }
        *going_on += 1;
        self.returns += u64::from(is_return);
        is_return
    }

    /// A conversation between a pair of addresses has ended.
    pub(super) fn end(&mut self, pair: u64) {
        if let Entry::Occupied(mut going_on) = self.going_on.entry(pair) {
            *going_on.get_mut() -= 1;
            if *going_on.get() == 0 {
                going_on.remove();
            }
        }
    }
}

/// A hash of two addresses. Two taps of one connection, one at each end, see each other's swapped: the order is of no
/// account.
fn pair(addresses: &Addresses) -> u64 {
    let mut pair = [numbers(addresses.local), numbers(addresses.remote)];
    pair.sort_unstable();
    mix(pair.as_flattened())
}

/// Both directions, in the order of their numbers.
const BOTH: [Direction; 2] = [Direction::Read, Direction::Write];

fn numbers(address: SocketAddr) -> [u64; 3] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    [ip as u64, (ip >> 64) as u64, u64::from(address.port())]
}

/// An initial sequence number that is the same on every run, and another for another connection, even between the same
/// addresses.
fn initial_sequence_number(beginning: &Opening<'_>, direction: Direction, occurrence: u64) -> u32 {
    let identity = [
        u64::from(beginning.origin.number),
        beginning.trace.kind as u64,
        beginning.trace.id,
        beginning.time,
        direction as u64,
        occurrence,
    ];
    (mix(&identity) >> 32) as u32
}

/// A hash that does not change with the version of the standard library: the finalizer of SplitMix64 over each number.
fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |hash, number| {
        let mut z = (hash ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
