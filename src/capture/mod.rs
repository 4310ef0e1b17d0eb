//! The capture: packets in, a pcap or pcapng file or stream out.
//!
//! A [`Packet`] comes as headers and payload, is encoded straight into a buffer ([`pcap`], [`pcapng`]), put in order
//! of time with the packets around it ([`window`]) and written by a thread of its own ([`writer`]) to a
//! [`destination`].

mod blocks;
pub mod destination;
mod pcap;
mod pcapng;
pub mod queued;
pub mod rotate;
pub mod serve;
mod split;
mod split_names;
mod window;
mod writer;

use std::io;
use std::net::IpAddr;
use std::path::Path;

use crate::packet::{Headers, LinkType, Packet, PacketSink};
use destination::Destination;

use split::Split;
use window::Window;
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

/// A capture that is being written, or one for each conversation.
pub struct Capture {
    sink: Sink,
    format: Format,
    packets: u64,
}

enum Sink {
    Single(Box<SingleFile>),
    Split(Box<Split>),
}

/// All packets in one capture, in order of time.
struct SingleFile {
    encoder: Encoder,
    /// What is before the packets.
    preamble: Vec<u8>,
    /// How much of it goes to the writer before the next packets.
    unwritten: usize,
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

    /// Puts an interface into `header`. Returns its number.
    fn add_interface(&mut self, name: &str, header: &mut Vec<u8>) -> u32 {
        match self {
            Self::Pcap(_) => 0,
            Self::PcapNg(encoder) => encoder.add_interface(name, header),
        }
    }

    /// How many packets are later than the format can say.
    fn after_2106(&self) -> u64 {
        match self {
            Self::Pcap(encoder) => encoder.after_2106,
            Self::PcapNg(_) => 0,
        }
    }

    #[inline(always)]
    fn encode<H: Headers>(&mut self, packet: &Packet<'_, H>, buffer: &mut Vec<u8>) {
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
        let unwritten = header.len();
        let file =
            SingleFile { encoder, preamble: header, unwritten, window: Window::new(), writer, late: 0 };
        Ok(Self { sink: Sink::Single(Box::new(file)), format, packets: 0 })
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

    /// Adds an interface with this name. Returns its number, for packets to come. In pcap, and with
    /// [`LinkType::Raw`], there is one interface for all; a capture for each conversation has its
    /// own.
    pub fn add_interface(&mut self, name: &str) -> u32 {
        match &mut self.sink {
            Sink::Single(file) => {
                let before = file.preamble.len();
                let number = file.encoder.add_interface(name, &mut file.preamble);
                file.unwritten += file.preamble.len() - before;
                number
            }
            Sink::Split(_) => 0,
        }
    }

    /// Says what a host is called, for the packets that follow. pcap has no names, and a capture for each conversation has none.
    pub fn add_name(&mut self, address: IpAddr, name: &str) {
        if let Sink::Single(file) = &mut self.sink
            && let Encoder::PcapNg(encoder) = &mut file.encoder
        {
            let before = file.preamble.len();
            encoder.add_name(address, name, &mut file.preamble);
            file.unwritten += file.preamble.len() - before;
        }
    }

    /// The header of the capture, all interfaces and names so far: what has to be before packets wherever a capture begins anew. Empty
    /// where each conversation has a capture of its own.
    #[must_use]
    pub fn preamble(&self) -> &[u8] {
        match &self.sink {
            Sink::Single(file) => &file.preamble,
            Sink::Split(_) => &[],
        }
    }

    /// How many packets it has got.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
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
            Sink::Single(_) => Ok(()),
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
            Sink::Single(_) => Ok(()),
            Sink::Split(split) => split.end((input, conversation)),
        }
    }

    /// Writes out all that is held back for the order of time: for an input that has nothing more at the moment.
    ///
    /// # Errors
    /// As for [`PacketSink::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Single(file) => file.release(true),
            Sink::Split(_) => Ok(()),
        }
    }

    /// Writes what is left, the header at least, and puts the capture in its place.
    ///
    /// # Errors
    /// As for [`PacketSink::write`], and where the file cannot be put in its place.
    pub fn finish(self) -> io::Result<Written> {
        let (late, after_2106) = match self.sink {
            Sink::Single(file) => file.finish()?,
            Sink::Split(split) => (0, split.finish()?),
        };
        Ok(Written { packets: self.packets, late, after_2106 })
    }
}

impl PacketSink for Capture {
    fn write<H: Headers>(&mut self, packet: &Packet<'_, H>) -> io::Result<()> {
        self.packets += 1;
        match &mut self.sink {
            Sink::Single(file) => file.write(packet),
            Sink::Split(split) => split.write(packet),
        }
    }
}

impl SingleFile {
    fn write<H: Headers>(&mut self, packet: &Packet<'_, H>) -> io::Result<()> {
        let Self { encoder, window, .. } = self;
        window.push(packet.order, |buffer| encoder.encode(packet, buffer));
        if window.is_full() { self.release(false) } else { Ok(()) }
    }

    fn finish(mut self) -> io::Result<(u64, u64)> {
        self.release(true)?;
        self.writer.finish()?;
        Ok((self.late, self.encoder.after_2106()))
    }

    /// Has what is new in the preamble written before the packets that follow.
    fn begin(&mut self) -> io::Result<()> {
        let unwritten = std::mem::take(&mut self.unwritten);
        if unwritten == 0 {
            return Ok(());
        }
        self.writer.send(self.preamble[self.preamble.len() - unwritten..].to_vec())
    }

    fn release(&mut self, all: bool) -> io::Result<()> {
        self.begin()?;
        self.late += self.window.close_block(all);
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
    pub after_2106: u64,
}

impl LinkType {
    fn datalink(self) -> pcap_file::DataLink {
        match self {
            Self::Ethernet => pcap_file::DataLink::ETHERNET,
            Self::Raw => pcap_file::DataLink::RAW,
        }
    }
}
