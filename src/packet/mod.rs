//! Packets: the border between the synthesis and the capture.
//!
//! A [`Packet`] is headers, what is captured of a payload, and what is known of it besides. [`Headers`] are laid out in the
//! capture's buffer, and copied from nowhere: those of TCP ([`tcp`]) from templates, those of others ([`udp`], [`icmp`],
//! [`sctp`]) once for each packet. Whoever takes packets is a [`PacketSink`].

pub mod checksum;
mod datagram;
pub mod icmp;
pub mod ip;
pub mod link;
pub mod metadata;
pub mod sctp;
pub mod tcp;
mod template;
pub mod udp;

use std::io;

use crate::trace::Direction;
use metadata::Metadata;
pub use template::{LinkType, max_payload};

/// The headers of one packet.
pub trait Headers: Copy {
    /// Bytes that are captured of them.
    fn captured_len(&self) -> usize;

    /// Bytes that they have.
    fn original_len(&self) -> usize {
        self.captured_len()
    }

    /// Appends them to `buffer`.
    fn append(&self, buffer: &mut Vec<u8>);
}

/// Headers of which only the first bytes are captured: readers see what is in those, and nothing that follows.
#[derive(Clone, Copy, Debug)]
pub struct CutHeaders<H> {
    headers: H,
    captured: usize,
}

impl<H: Headers> CutHeaders<H> {
    /// The first `captured` bytes of `headers`, or all if they have no more.
    #[must_use]
    pub fn new(headers: H, captured: usize) -> Self {
        Self { headers, captured: captured.min(headers.captured_len()) }
    }
}

impl<H: Headers> Headers for CutHeaders<H> {
    fn captured_len(&self) -> usize {
        self.captured
    }

    fn original_len(&self) -> usize {
        self.headers.original_len()
    }

    fn append(&self, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        self.headers.append(buffer);
        buffer.truncate(start + self.captured);
    }
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a, H> {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Where it belongs among the packets of the capture: its time, or that of an earlier packet of its conversation
    /// where that is later. Packets with the same value stay in the order in which they were written.
    pub order: u64,
    /// The number of its interface.
    pub interface: u32,
    /// Which way it goes.
    pub direction: Direction,
    /// The headers.
    pub headers: H,
    /// What is captured of the payload.
    pub payload: &'a [u8],
    /// Bytes of payload on the wire: as many as `payload`, or more.
    pub original_len: usize,
    /// What else is known of it, which only pcapng holds.
    pub metadata: Option<&'a Metadata>,
}

impl<'a, H: Headers> Packet<'a, H> {
    /// The packet with headers of which less is captured, and no payload.
    #[must_use]
    pub fn cut<C: Headers>(&self, headers: C) -> Packet<'a, C> {
        let Self { time, order, interface, direction, original_len, metadata, .. } = *self;
        Packet { time, order, interface, direction, headers, payload: &[], original_len, metadata }
    }

    /// Appends the packet with `before` before it.
    #[inline(always)]
    pub(crate) fn append(&self, before: &[u8], buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(before);
        self.headers.append(buffer);
        buffer.extend_from_slice(self.payload);
    }

    /// Bytes that are captured.
    #[inline(always)]
    #[must_use]
    pub fn captured_len(&self) -> usize {
        self.headers.captured_len() + self.payload.len()
    }

    /// Bytes that the packet had.
    #[inline(always)]
    #[must_use]
    pub fn original_len(&self) -> usize {
        self.headers.original_len() + self.original_len
    }
}

/// What takes packets.
pub trait PacketSink {
    /// Takes a packet.
    ///
    /// # Errors
    /// The capture cannot be written.
    fn write<H: Headers>(&mut self, packet: &Packet<'_, H>) -> io::Result<()>;
}
