//! The TCP connections of flows: what their segments' numbers are, of which flows say neither these nor lengths.
//!
//! A SYN and a FIN count 1. A segment with PSH has data, of which nobody knows how much: it counts 1 and is captured short, unless a
//! proxy is on the connection, of which the messages themselves come as flows. A segment without data that repeats the numbers of
//! the one before has another window: readers would take it for a duplicate ACK, which nobody knows it to be.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::SocketAddr;

use super::http2::Streams;
use crate::packet::LinkType;
use crate::packet::tcp::{ACK, FIN, PSH, RST, SYN, TcpHeaders, WINDOW};
use crate::tcp::Tcp;
use crate::trace::{Direction, Side};

/// A SYN after so much silence opens another connection, in nanoseconds.
const SILENCE: u64 = 60_000_000_000;
/// Connections that are remembered at least; twice as many at most. Seven eighths of a power of two fill a hash table.
pub(super) const MAX_CONNECTIONS: usize = 28 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) tcp: Tcp,
    local: SocketAddr,
    /// By direction: what the last segment acknowledged, and its window.
    acknowledged: [Option<u32>; 2],
    window: [u16; 2],
    last: u64,
    is_closed: bool,
    /// A proxy is on it.
    is_proxied: bool,
    /// The streams of HTTP/2, where messages are written as that.
    pub(super) streams: Option<Box<Streams>>,
}

/// The connections that had segments last.
#[derive(Debug, Default)]
pub(super) struct Connections {
    new: Generation,
    old: Generation,
}

type Generation = HashMap<(SocketAddr, SocketAddr), Box<Connection>, foldhash::fast::RandomState>;

impl Connections {
    /// The connection between two addresses, the source of a segment first, and the segment's direction on it.
    pub(super) fn get(
        &mut self,
        link_type: LinkType,
        [source, destination]: [SocketAddr; 2],
        flags: u16,
        time: u64,
        is_lost: bool,
    ) -> (&mut Connection, Direction) {
        let pair = if source <= destination { (source, destination) } else { (destination, source) };
        if !self.new.contains_key(&pair) {
            if self.new.len() >= MAX_CONNECTIONS {
                std::mem::swap(&mut self.new, &mut self.old);
                self.new.clear();
            }
            let known = self.old.remove(&pair);
            let connection =
                known.unwrap_or_else(|| Box::new(Connection::new(link_type, source, destination, time)));
            self.new.insert(pair, connection);
        }
        let connection = self
            .new
            .entry(pair)
            .or_insert_with(|| Box::new(Connection::new(link_type, source, destination, time)));
        let is_silent = time.saturating_sub(connection.last) > SILENCE;
        if flags & (SYN | ACK) == SYN && !is_lost && (connection.is_closed || is_silent) {
            **connection = Connection::new(link_type, source, destination, time);
        }
        connection.last = connection.last.max(time);
        let direction = if source == connection.local { Direction::Write } else { Direction::Read };
        (connection, direction)
    }

    /// Whether there is a connection between two addresses.
    pub(super) fn contains(&self, [source, destination]: [SocketAddr; 2]) -> bool {
        let pair = if source <= destination { (source, destination) } else { (destination, source) };
        self.new.contains_key(&pair) || self.old.contains_key(&pair)
    }
}

impl Connection {
    fn new(link_type: LinkType, source: SocketAddr, destination: SocketAddr, time: u64) -> Self {
        // The same on every run.
        let initial = [Direction::Read, Direction::Write].map(|direction| {
            let identity = (source, destination, time, direction as u8);
            foldhash::fast::FixedState::default().hash_one(identity) as u32
        });
        let headers = TcpHeaders::new(link_type, source, destination);
        Self {
            tcp: Tcp::new(headers, initial, u16::MAX, u16::MAX, Side::Local, 0),
            local: source,
            acknowledged: [None; 2],
            window: [WINDOW; 2],
            last: time,
            is_closed: false,
            is_proxied: false,
            streams: None,
        }
    }

    /// Says that a proxy is on the connection.
    pub(super) fn is_proxied(&mut self) {
        self.is_proxied = true;
    }

    /// Bytes of data that a segment with these flags counts as, of which the flow does not say how many.
    pub(super) fn data_of(&self, flags: u16) -> usize {
        usize::from(flags & PSH != 0 && flags & (SYN | RST) == 0 && !self.is_proxied)
    }

    /// The window of a segment with so much data, which all of is captured that readers look at.
    pub(super) fn window(&mut self, direction: Direction, flags: u16, data: usize) -> u16 {
        let way = direction as usize;
        let acknowledgment = (flags & ACK != 0).then(|| self.tcp.next(direction.reverse()));
        let repeats = data == 0
            && flags & (SYN | FIN | RST) == 0
            && acknowledgment.is_some()
            && acknowledgment == self.acknowledged[way];
        if repeats {
            self.window[way] = if self.window[way] == WINDOW { WINDOW - 1 } else { WINDOW };
        }
        self.acknowledged[way] = acknowledgment.or(self.acknowledged[way]);
        self.window[way]
    }

    /// Says that a segment with these flags has been sent, and not been lost.
    pub(super) fn sent(&mut self, flags: u16) {
        self.is_closed |= flags & (FIN | RST) != 0;
    }
}
