//! Conversations: from the events of many traces to the TCP state of each.
//!
//! An [`Event`] finds its conversation by input and trace. The first one that has a time decides what the headers say:
//! addresses, initiator, initial sequence numbers. From there on [`Tcp`] makes the segments. A conversation that closes,
//! or of which nothing more can come, is forgotten.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;

use crate::address::{AddressBook, Addresses};
use crate::frame::{Headers, LinkType, max_payload};
use crate::initiator::initiator;
use crate::output::Capture;
use crate::report::{Report, Warning};
use crate::tcp::Tcp;
use crate::trace::{Connection, Data, Direction, Endpoint, Event, Length, Side, TraceId, What};

/// As many pairs of addresses are remembered to see one come back. Past that every conversation begins with a SYN.
const MAX_PAIRS: usize = 1_000_000;

/// How conversations are to look.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What stands below IP.
    pub link_type: LinkType,
    /// The most bytes of payload in a segment, where that is less than a packet can have. At least 1.
    pub mss: Option<usize>,
    /// Begin each conversation with SYN, SYN-ACK, ACK.
    pub handshake: bool,
    /// The local address of traces that have none.
    pub local: Option<SocketAddr>,
    /// The remote address of traces that have none.
    pub remote: Option<SocketAddr>,
    /// Which side opened the connections, where that is known better than it can be guessed.
    pub initiator: Option<Side>,
}

/// All conversations that are going on.
#[derive(Debug)]
pub struct Conversations {
    options: Options,
    book: AddressBook,
    open: HashMap<(u32, TraceId), Conversation>,
    /// Hashes of the address pairs that the capture has packets of.
    pairs: HashSet<u64>,
    /// How many conversations have begun with a SYN because their pair came back.
    returns: u64,
}

#[derive(Debug, Default)]
struct Conversation {
    connection: Connection,
    /// The trace began without a local address.
    is_upstream: bool,
    /// `None` until something with a time happens.
    tcp: Option<Box<Tcp>>,
}

/// The input that an event comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Its number, from 0.
    pub number: u32,
    /// Its name.
    pub name: &'a str,
}

impl Conversations {
    /// No conversations yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let book = AddressBook::new(options.local, options.remote);
        Self {
            options,
            book,
            open: HashMap::new(),
            pairs: HashSet::new(),
            returns: 0,
        }
    }

    /// Takes an event and writes its packets.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn event(
        &mut self,
        origin: Origin<'_>,
        mut event: Event<'_>,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<()> {
        let key = (origin.number, event.trace);
        if event.what == What::Ended {
            self.open.remove(&key);
            return Ok(());
        }
        let conversation = match self.open.entry(key) {
            Entry::Occupied(entry) => {
                let conversation = entry.into_mut();
                // Envoy's connection ids start over with Envoy: this is another connection.
                if event.what == What::Opened && conversation.tcp.is_some() {
                    *conversation = Conversation::default();
                    report.traces += 1;
                }
                conversation
            }
            Entry::Vacant(entry) => {
                report.traces += 1;
                entry.insert(Conversation::default())
            }
        };
        if let Some(connection) = event.connection.take() {
            conversation.learn(*connection, event.what == What::Opened);
        }
        let first = match &event.what {
            What::Opened | What::Ended => return Ok(()),
            What::Closed => None,
            What::Data(data) => Some((data.direction, &data.bytes[..])),
        };
        let tcp = match &mut conversation.tcp {
            Some(tcp) => tcp,
            empty => {
                let begin = Begin {
                    origin,
                    trace: event.trace,
                    time: event.time,
                    first,
                };
                let (connection, is_upstream) = (&conversation.connection, conversation.is_upstream);
                let setup = Setup {
                    options: &self.options,
                    book: &mut self.book,
                    pairs: &mut self.pairs,
                    returns: &mut self.returns,
                };
                empty.insert(Box::new(setup.begin(
                    &begin,
                    connection,
                    is_upstream,
                    capture,
                    report,
                )?))
            }
        };
        match &event.what {
            What::Data(data) => {
                count(data, origin, event.trace, tcp, capture, report);
                tcp.data(event.time, data, capture)?;
            }
            _ => {
                tcp.close(event.time, capture)?;
                self.open.remove(&key);
            }
        }
        Ok(())
    }
}

impl Conversation {
    /// Adds what an event says of the addresses. Once there are packets, theirs stand.
    fn learn(&mut self, connection: Connection, is_opening: bool) {
        if self.tcp.is_some() {
            return;
        }
        if is_opening {
            self.is_upstream = connection.local.is_none() && connection.remote.is_some();
        }
        self.connection.local = connection.local.or(self.connection.local.take());
        self.connection.remote = connection.remote.or(self.connection.remote.take());
    }
}

/// The first event with a time.
struct Begin<'a> {
    origin: Origin<'a>,
    trace: TraceId,
    time: u64,
    first: Option<(Direction, &'a [u8])>,
}

/// What the beginning of a conversation takes from all of them.
struct Setup<'a> {
    options: &'a Options,
    book: &'a mut AddressBook,
    pairs: &'a mut HashSet<u64>,
    returns: &'a mut u64,
}

impl Setup<'_> {
    fn begin(
        mut self,
        begin: &Begin<'_>,
        connection: &Connection,
        is_upstream: bool,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<Tcp> {
        let initiator = self
            .options
            .initiator
            .unwrap_or_else(|| initiator(connection, is_upstream, begin.first));
        let addresses = self.book.assign(connection, initiator);
        let is_return = self.is_return(&addresses);
        let initial = |direction: Direction| {
            let occurrence = if is_return { *self.returns } else { 0 };
            initial_sequence_number([
                u64::from(begin.origin.number),
                begin.trace.kind as u64,
                begin.trace.id,
                begin.time,
                direction as u64,
                occurrence,
            ])
        };
        let headers = |direction| {
            let (source, destination, mac) = match direction {
                Direction::Read => (addresses.remote, addresses.local, [REMOTE_MAC, LOCAL_MAC]),
                Direction::Write => (addresses.local, addresses.remote, [LOCAL_MAC, REMOTE_MAC]),
            };
            Headers::new(self.options.link_type, source, destination, mac)
        };
        let max = max_payload(addresses.local.ip());
        let mut tcp = Tcp::new(
            [headers(Direction::Read), headers(Direction::Write)],
            [initial(Direction::Read), initial(Direction::Write)],
            self.options.mss.map_or(max, |mss| mss.min(max)),
            initiator,
            begin.origin.number,
        );
        if capture.has_comments() {
            for comment in comments(begin, connection, &addresses) {
                tcp.comment(comment);
            }
        }
        if addresses.local_stands_in || addresses.remote_stands_in {
            report.warn(Warning::StandIn, || {
                stand_in_example(begin, connection, &addresses)
            });
        }
        if self.options.handshake || is_return {
            tcp.open(begin.time, self.options.handshake, capture)?;
        }
        Ok(tcp)
    }

    /// Whether the capture already has packets between these addresses, so that a reader has to be told that a
    /// connection begins.
    fn is_return(&mut self, addresses: &Addresses) -> bool {
        let number = |address: SocketAddr| {
            let ip = match address.ip() {
                std::net::IpAddr::V4(ip) => u128::from(u32::from(ip)),
                std::net::IpAddr::V6(ip) => u128::from(ip),
            };
            [ip as u64, (ip >> 64) as u64, u64::from(address.port())]
        };
        let [a, b, c] = number(addresses.local);
        let [d, e, f] = number(addresses.remote);
        let is_full = self.pairs.len() >= MAX_PAIRS;
        let is_return = is_full || !self.pairs.insert(mix(&[a, b, c, d, e, f]));
        *self.returns += u64::from(is_return);
        is_return
    }
}

/// Counts what is cut, and says so in the capture.
fn count(
    data: &Data<'_>,
    origin: Origin<'_>,
    trace: TraceId,
    tcp: &mut Tcp,
    capture: &Capture,
    report: &mut Report,
) {
    let captured = data.bytes.len() as u64;
    report.bytes += captured;
    let original = match data.length {
        Length::Whole | Length::Unsure => return,
        Length::CutFrom(original) => {
            report.missing_bytes += original - captured;
            report.warn(Warning::Cut, || format!("trace {} in {}", trace.id, origin.name));
            original.to_string()
        }
        Length::Cut => {
            report.warn(Warning::CutUnknown, || {
                format!("trace {} in {}", trace.id, origin.name)
            });
            "unknown".to_owned()
        }
    };
    if capture.has_comments() {
        tcp.comment("tap.truncated=true".to_owned());
        tcp.comment(format!("tap.captured_length={captured}"));
        tcp.comment(format!("tap.original_length={original}"));
    }
}

/// What is said on a conversation's first packet.
fn comments(begin: &Begin<'_>, connection: &Connection, addresses: &Addresses) -> Vec<String> {
    let mut comments = vec![
        format!("tap.trace_id={}", begin.trace.id),
        format!("tap.kind={}", begin.trace.kind),
        format!("tap.file={}", begin.origin.name),
    ];
    let mut stand_in = |side, endpoint: &Option<Endpoint>, address| {
        let real = endpoint
            .as_ref()
            .map_or("unknown".to_owned(), Endpoint::to_string);
        comments.push(format!("tap.{side}_address={real}"));
        comments.push(format!("tap.{side}_stand_in={address}"));
    };
    if addresses.local_stands_in {
        stand_in(Side::Local, &connection.local, addresses.local);
    }
    if addresses.remote_stands_in {
        stand_in(Side::Remote, &connection.remote, addresses.remote);
    }
    comments
}

fn stand_in_example(begin: &Begin<'_>, connection: &Connection, addresses: &Addresses) -> String {
    let side = |side: Side, stands_in: bool, endpoint: &Option<Endpoint>, address: SocketAddr| {
        stands_in.then(|| match endpoint {
            None => format!("{address} for the unknown {side} address"),
            Some(endpoint) => format!("{address} for {side} {endpoint}"),
        })
    };
    let parts = [
        side(
            Side::Local,
            addresses.local_stands_in,
            &connection.local,
            addresses.local,
        ),
        side(
            Side::Remote,
            addresses.remote_stands_in,
            &connection.remote,
            addresses.remote,
        ),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!(
        "trace {} in {}: {}",
        begin.trace.id,
        begin.origin.name,
        parts.join(", ")
    )
}

const LOCAL_MAC: u8 = 1;
const REMOTE_MAC: u8 = 2;

/// An initial sequence number that is the same on every run, and another for another connection.
fn initial_sequence_number(identity: [u64; 6]) -> u32 {
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
