//! The capture: packets in, a pcap or pcapng file or stream out.
//!
//! A [`Packet`] comes as headers and payload, is encoded straight into a buffer ([`pcap`], [`pcapng`]), put in order
//! of time with the packets around it ([`order`]) and written by a thread of its own ([`writer`]) to a
//! [`destination`].

pub mod destination;
mod order;
mod pcap;
mod pcapng;
mod split;
mod split_names;
mod writer;

use std::io;
use std::path::Path;

use crate::frame::{LinkType, SegmentHeaders};
use crate::trace::Direction;
use destination::Destination;
use order::Window;
use split::Split;
use writer::Writer;

/// The snap length that captures state, in bytes: tcpdump's, above any packet of ours.
const SNAP_LENGTH: u32 = 262_144;

/// The file format of a capture, by the names of Wireshark's editcap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap with nanoseconds.
    NsecPcap,
    /// pcap with microseconds.
    Pcap,
    /// pcapng with nanoseconds, comments, directions and interfaces.
    PcapNg,
}

/// A packet to write.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Where it belongs among the packets of the capture: its time, or that of an earlier packet of its conversation
    /// where that is later. Packets with the same value stay in the order in which they were written.
    pub order: u64,
    /// Index of the input that it comes from.
    pub interface: u32,
    /// Which way it goes.
    pub direction: Direction,
    /// The headers.
    pub headers: SegmentHeaders<'a>,
    /// What is captured of the payload.
    pub payload: &'a [u8],
    /// Bytes of payload on the wire: as many as `payload`, or more.
    pub original_len: usize,
    /// Comments, which only pcapng holds.
    pub comments: &'a [String],
}

impl Packet<'_> {
    /// Appends the packet with `before` before it.
    #[inline(always)]
    fn append(&self, before: &[u8], buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(before);
        self.headers.append(buffer);
        buffer.extend_from_slice(self.payload);
    }

    fn captured_len(&self) -> usize {
        self.headers.len() + self.payload.len()
    }

    fn original_len(&self) -> usize {
        self.headers.len() + self.original_len
    }
}

/// A capture that is being written, or one for each conversation.
pub struct Capture {
    sink: Sink,
    format: Format,
    packets: u64,
}

enum Sink {
    One(Box<One>),
    Split(Box<Split>),
}

/// All packets in one capture, in order of time.
struct One {
    encoder: Encoder,
    /// What stands before the packets, until it is written with the first of them.
    header: Vec<u8>,
    window: Window,
    writer: Writer,
    late: u64,
}

enum Encoder {
    Pcap(pcap::Encoder),
    PcapNg(Box<pcapng::Encoder>),
}

impl Encoder {
    fn new(format: Format, link_type: LinkType, inputs: &[String], header: &mut Vec<u8>) -> Self {
        match format {
            Format::NsecPcap | Format::Pcap => {
                Self::Pcap(pcap::Encoder::new(format == Format::NsecPcap, link_type, header))
            }
            Format::PcapNg => Self::PcapNg(Box::new(pcapng::Encoder::new(link_type, inputs, header))),
        }
    }

    /// How many packets are later than the format can say.
    fn beyond(&self) -> u64 {
        match self {
            Self::Pcap(encoder) => encoder.beyond,
            Self::PcapNg(_) => 0,
        }
    }

    #[inline(always)]
    fn encode(&mut self, packet: &Packet<'_>, buffer: &mut Vec<u8>) {
        match self {
            Self::Pcap(encoder) => encoder.encode(packet, buffer),
            Self::PcapNg(encoder) => encoder.encode(packet, buffer),
        }
    }
}

impl Capture {
    /// Begins a capture with an interface for each of `inputs`, which are their names.
    ///
    /// # Errors
    /// The thread that writes cannot be started.
    pub fn new(
        destination: Destination,
        format: Format,
        link_type: LinkType,
        inputs: &[String],
    ) -> io::Result<Self> {
        let mut header = Vec::new();
        let encoder = Encoder::new(format, link_type, inputs, &mut header);
        let writer = Writer::new(destination)?;
        let one = One { encoder, header, window: Window::new(), writer, late: 0 };
        Ok(Self { sink: Sink::One(Box::new(one)), format, packets: 0 })
    }

    /// Begins a capture for each conversation, in `directory`.
    ///
    /// # Errors
    /// The directory is not there and cannot be made.
    pub fn split(
        directory: &Path,
        format: Format,
        link_type: LinkType,
        inputs: &[String],
    ) -> io::Result<Self> {
        let split = Split::new(directory, format, link_type, inputs)?;
        Ok(Self { sink: Sink::Split(Box::new(split)), format, packets: 0 })
    }

    /// Whether each conversation has a capture of its own.
    #[must_use]
    pub fn is_split(&self) -> bool {
        matches!(self.sink, Sink::Split(_))
    }

    /// Whether the format keeps a packet's comments.
    #[must_use]
    pub fn has_comments(&self) -> bool {
        self.format == Format::PcapNg
    }

    /// Says that the packets to come are of this conversation: the number of its input, its number there, the name of
    /// the input, the trace's id.
    ///
    /// # Errors
    /// There is a file in the way of the conversation's capture.
    #[inline]
    pub fn select(&mut self, input: u32, conversation: u32, name: &str, trace_id: u64) -> io::Result<()> {
        match &mut self.sink {
            Sink::One(_) => Ok(()),
            Sink::Split(split) => split.select((input, conversation), name, trace_id),
        }
    }

    /// Says that this conversation has ended.
    ///
    /// # Errors
    /// Its capture cannot be written.
    #[inline]
    pub fn end(&mut self, input: u32, conversation: u32) -> io::Result<()> {
        match &mut self.sink {
            Sink::One(_) => Ok(()),
            Sink::Split(split) => split.end((input, conversation)),
        }
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// What was written before could not be.
    pub fn write(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.packets += 1;
        match &mut self.sink {
            Sink::One(one) => one.write(packet),
            Sink::Split(split) => split.write(packet),
        }
    }

    /// Writes out all that is held back for the order of time: for an input that has nothing more at the moment.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::One(one) => one.release(true),
            Sink::Split(_) => Ok(()),
        }
    }

    /// Writes what is left, the header at least, and puts the capture in its place.
    ///
    /// # Errors
    /// As for [`Self::write`], and where the file cannot be put in its place.
    pub fn finish(self) -> io::Result<Written> {
        let (late, beyond) = match self.sink {
            Sink::One(one) => one.finish()?,
            Sink::Split(split) => (0, split.finish()?),
        };
        Ok(Written { packets: self.packets, late, beyond })
    }
}

impl One {
    fn write(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let Self { encoder, window, .. } = self;
        window.push(packet.order, |buffer| encoder.encode(packet, buffer));
        if window.is_full() { self.release(false) } else { Ok(()) }
    }

    fn finish(mut self) -> io::Result<(u64, u64)> {
        self.release(true)?;
        self.writer.finish()?;
        Ok((self.late, self.encoder.beyond()))
    }

    fn release(&mut self, all: bool) -> io::Result<()> {
        if !self.header.is_empty() {
            self.writer.send(std::mem::take(&mut self.header))?;
        }
        self.late += self.window.seal(all);
        while let Some(block) = self.window.pop(all) {
            self.writer.send(block)?;
        }
        if all {
            self.writer.flush()?;
        }
        self.writer.written().for_each(|empty| self.window.recycle(empty));
        Ok(())
    }
}

/// What a finished capture holds.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Packets.
    pub packets: u64,
    /// Packets that stand behind one that is later than they are.
    pub late: u64,
    /// Packets later than the format can say: after February 2106, in pcap.
    pub beyond: u64,
}

impl LinkType {
    fn datalink(self) -> pcap_file::DataLink {
        match self {
            Self::Ethernet => pcap_file::DataLink::ETHERNET,
            Self::Raw => pcap_file::DataLink::RAW,
        }
    }
}
