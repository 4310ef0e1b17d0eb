//! What the tests tap: connections that never were.

use std::net::SocketAddr;

/// When the first event of a conversation happens, unless it says otherwise: a time that shows every digit.
pub(crate) const START: u64 = 1_700_000_000_123_456_789;
/// From one event to the next.
pub(crate) const STEP: u64 = 1_000_003;

/// A connection as a proxy saw it.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: u64,
    pub(crate) local: Option<Address>,
    pub(crate) remote: Option<Address>,
    /// The proxy opened it, and did not know its own address at first.
    pub(crate) is_upstream: bool,
    pub(crate) events: Vec<Event>,
    clock: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Pipe(String),
    Internal(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) time: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Data(Data),
    Closed,
}

/// What was read or written in one go.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) direction: Direction,
    pub(crate) bytes: Vec<u8>,
    /// How many of the bytes the tap's limit left.
    pub(crate) cut_to: Option<usize>,
    pub(crate) end_stream: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From remote to local.
    Read,
    /// From local to remote.
    Write,
}

use Direction::{Read, Write};

/// A socket's address.
#[track_caller]
pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

#[track_caller]
pub(crate) fn ip(text: &str) -> Option<Address> {
    Some(Address::Ip(address(text)))
}

impl Conversation {
    /// Nothing yet, between two addresses that differ from those of other ids.
    pub(crate) fn new(id: u64) -> Self {
        let [.., high, low] = id.to_be_bytes();
        let remote = SocketAddr::from(([10, 2, high, low], 40_000));
        Self {
            id,
            local: ip("10.1.0.1:8080"),
            remote: Some(Address::Ip(remote)),
            is_upstream: false,
            events: Vec::new(),
            clock: START,
        }
    }

    pub(crate) fn between(mut self, local: Option<Address>, remote: Option<Address>) -> Self {
        (self.local, self.remote) = (local, remote);
        self
    }

    /// The next event happens at this time.
    pub(crate) fn at(mut self, time: u64) -> Self {
        self.clock = time;
        self
    }

    pub(crate) fn read(self, bytes: impl AsRef<[u8]>) -> Self {
        self.data(Read, bytes.as_ref().to_vec(), None, false)
    }

    pub(crate) fn write(self, bytes: impl AsRef<[u8]>) -> Self {
        self.data(Write, bytes.as_ref().to_vec(), None, false)
    }

    /// A write after which the proxy wants its side of the connection closed.
    pub(crate) fn last_write(self, bytes: impl AsRef<[u8]>) -> Self {
        self.data(Write, bytes.as_ref().to_vec(), None, true)
    }

    pub(crate) fn cut_read(self, bytes: impl AsRef<[u8]>, cut_to: usize) -> Self {
        self.data(Read, bytes.as_ref().to_vec(), Some(cut_to), false)
    }

    pub(crate) fn cut_write(self, bytes: impl AsRef<[u8]>, cut_to: usize) -> Self {
        self.data(Write, bytes.as_ref().to_vec(), Some(cut_to), false)
    }

    pub(crate) fn data(
        self,
        direction: Direction,
        bytes: Vec<u8>,
        cut_to: Option<usize>,
        end_stream: bool,
    ) -> Self {
        self.event(What::Data(Data { direction, bytes, cut_to, end_stream }))
    }

    pub(crate) fn closed(self) -> Self {
        self.event(What::Closed)
    }

    fn event(mut self, what: What) -> Self {
        self.events.push(Event { time: self.clock, what });
        self.clock += STEP;
        self
    }

    pub(crate) fn has_ip_addresses(&self) -> bool {
        let addresses = [&self.local, &self.remote];
        addresses.iter().all(|address| matches!(address, Some(Address::Ip(_))))
    }

    /// Its IP addresses, local and remote.
    #[track_caller]
    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        [&self.local, &self.remote].map(|address| match address {
            Some(Address::Ip(address)) => *address,
            other => panic!("{other:?} is no IP address"),
        })
    }
}

impl Data {
    /// What the tap's limit left.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.bytes[..self.cut_to.unwrap_or(self.bytes.len())]
    }
}

/// Bytes that show where they were lost, repeated or moved.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    noise_from(1, length)
}

/// The same; other seeds give other bytes.
pub(crate) fn noise_from(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Numbers that are the same for the same seed: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The same in ASCII, for the format that keeps nothing else.
pub(crate) fn text(length: usize) -> Vec<u8> {
    noise(length).into_iter().map(|byte| byte & 0x7f).collect()
}
