//! TCP connections, put together from the packets of a capture: what each side sent, by sequence numbers.
//!
//! A SYN without ACK begins a connection, and so does the first packet between two addresses. Everything else has to
//! be the TCP of a connection without loss: each packet begins where the last one of its direction ended and
//! acknowledges all that the other side has sent, and nothing comes after a FIN. Else the test fails.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use super::{Capture, Packet, start};

/// One TCP connection.
#[derive(Debug)]
pub(crate) struct Stream {
    flows: [Flow; 2],
}

/// What one side sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) bytes: Bytes,
    /// The time and length of each write: what a PSH ends.
    pub(crate) writes: Vec<(u64, usize)>,
    /// The time of the SYN.
    pub(crate) syn: Option<u64>,
    /// The time of the FIN.
    pub(crate) fin: Option<u64>,
}

/// Bytes with holes, where zeros stand.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    bytes: Vec<u8>,
    holes: Vec<Range<usize>>,
}

#[derive(Debug)]
struct Flow {
    source: SocketAddr,
    sent: Sent,
    /// The sequence number of the next packet, once it is known.
    next: Option<u32>,
    /// The segments of a write that has not ended.
    open: Option<(u64, usize)>,
}

impl Capture {
    /// The connections, in the order of their first packets.
    #[track_caller]
    pub(crate) fn streams(&self) -> Vec<Stream> {
        let mut streams: Vec<Stream> = Vec::new();
        let mut current = HashMap::new();
        for packet in &self.packets {
            let mut pair = [packet.source, packet.destination];
            pair.sort();
            let number = match current.get(&pair) {
                Some(&number) if packet.flags != "S" => number,
                _ => {
                    streams.push(Stream { flows: [packet.source, packet.destination].map(Flow::new) });
                    current.insert(pair, streams.len() - 1);
                    streams.len() - 1
                }
            };
            streams[number].push(packet);
        }
        for flow in streams.iter().flat_map(|stream| &stream.flows) {
            assert_eq!(flow.open, None, "a PSH ends what {} writes", flow.source);
        }
        streams
    }

    /// The only connection.
    #[track_caller]
    pub(crate) fn stream(&self) -> Stream {
        let [stream] = <[Stream; 1]>::try_from(self.streams()).expect("one connection");
        stream
    }
}

impl Stream {
    /// What this address sent.
    #[track_caller]
    pub(crate) fn sent_by(&self, address: SocketAddr) -> &Sent {
        let flow = self.flows.iter().find(|flow| flow.source == address);
        &flow.unwrap_or_else(|| panic!("{address} is none of {:?}", self.addresses())).sent
    }

    /// Its two addresses, that of the first packet's sender first.
    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        [self.flows[0].source, self.flows[1].source]
    }

    #[track_caller]
    fn push(&mut self, packet: &Packet) {
        let [one, other] = &mut self.flows;
        let (flow, peer) = if packet.source == one.source { (one, other) } else { (other, one) };
        if packet.flags.contains('A') {
            let next = *peer.next.get_or_insert(packet.acknowledgment);
            assert_eq!(packet.acknowledgment, next, "it acknowledges all there is: {packet:?}");
        } else {
            assert_eq!((&*packet.flags, packet.acknowledgment), ("S", 0), "{packet:?}");
        }
        flow.push(packet);
    }
}

impl Flow {
    fn new(source: SocketAddr) -> Self {
        Self { source, sent: Sent::default(), next: None, open: None }
    }

    #[track_caller]
    fn push(&mut self, packet: &Packet) {
        let sent = &mut self.sent;
        let next = self.next.get_or_insert(packet.sequence);
        assert_eq!(packet.sequence, *next, "it begins where the last one ended: {packet:?}");
        assert_eq!(sent.fin, None, "nothing comes after a FIN: {packet:?}");
        *next = next.wrapping_add(packet.length as u32);
        if packet.flags.contains('S') {
            assert_eq!((&sent.writes[..], packet.length), (&[][..], 0), "a SYN comes first: {packet:?}");
            sent.syn = Some(packet.time);
            *next = next.wrapping_add(1);
        }
        if packet.length > 0 {
            sent.bytes.push(&packet.payload, packet.length);
            let (time, length) = self.open.get_or_insert((packet.time, 0));
            assert_eq!(packet.time, *time, "all of a write has one time: {packet:?}");
            *length += packet.length;
        }
        if packet.flags.contains('P') {
            sent.writes.push(self.open.take().expect("a PSH ends a write"));
        }
        if packet.flags.contains('F') {
            sent.fin = Some(packet.time);
            *next = next.wrapping_add(1);
        }
    }
}

impl Bytes {
    /// Adds the beginning of something that has this length.
    pub(crate) fn push(&mut self, captured: &[u8], length: usize) {
        self.bytes.extend_from_slice(captured);
        let hole = self.bytes.len()..self.bytes.len() + length - captured.len();
        self.bytes.resize(hole.end, 0);
        match self.holes.last_mut() {
            _ if hole.is_empty() => {}
            Some(last) if last.end == hole.start => last.end = hole.end,
            _ => self.holes.push(hole),
        }
    }

    /// All of them.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Where those are that were not captured.
    pub(crate) fn holes(&self) -> &[Range<usize>] {
        &self.holes
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hash tells apart what begins alike.
        let hash =
            self.bytes.iter().fold(0u32, |hash, &byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        write!(f, "{} bytes {hash:08x} \"{}\" holes {:?}", self.bytes.len(), start(&self.bytes), self.holes)
    }
}
