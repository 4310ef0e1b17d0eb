//! Reads a capture back with nothing of the program's own: pcap-file's readers take the file apart, etherparse the
//! headers. What no reader should have to forgive fails the test that reads it: a wrong checksum or length, the other
//! byte order, a packet beyond the snap length.

mod headers;
mod stream;

use std::fmt;
use std::net::SocketAddr;

use pcap_file::pcap::{PcapReader, PcapTsResolution};
use pcap_file::pcapng::PcapNgReader;
use pcap_file::pcapng::blocks::Block;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::SectionHeaderOption;
use pcap_file::{DataLink, Endianness};

pub(crate) use self::stream::Sent;

/// pcapng's magic number; pcap has several.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// More than any packet takes; pcap-file's own choice is 8 MB.
const READ_BUFFER: usize = 1 << 20;

/// A capture file.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) kind: Kind,
    pub(crate) link: DataLink,
    /// The names of the interfaces, which pcap does not have.
    pub(crate) interfaces: Vec<String>,
    /// What pcapng says of the file: the program, and comments.
    pub(crate) about: Vec<String>,
    pub(crate) packets: Vec<Packet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// pcap with nanoseconds.
    Nanoseconds,
    /// pcap with microseconds.
    Microseconds,
    PcapNg,
}

/// A packet, its headers read and found right.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    /// Ethernet addresses, source and destination, where there are any.
    pub(crate) macs: Option<[[u8; 6]; 2]>,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// The flags' letters: `S`, `SA`, `A`, `PA`, `FA`.
    pub(crate) flags: String,
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    /// The option that only a SYN has.
    pub(crate) max_segment: Option<u16>,
    /// What was captured of the payload.
    pub(crate) payload: Vec<u8>,
    /// How long the payload was.
    pub(crate) length: usize,
    /// The number of the interface.
    pub(crate) interface: usize,
    /// Whether the proxy received it, where the format tells.
    pub(crate) is_inbound: Option<bool>,
    pub(crate) comments: Vec<String>,
}

impl Capture {
    #[track_caller]
    pub(crate) fn parse(file: &[u8]) -> Self {
        if file.starts_with(&PCAPNG) { Self::parse_pcapng(file) } else { Self::parse_pcap(file) }
    }

    #[track_caller]
    fn parse_pcap(file: &[u8]) -> Self {
        let mut reader = PcapReader::with_capacity(file, READ_BUFFER).expect("a pcap header");
        let header = reader.header();
        assert_eq!(header.endianness, Endianness::Little);
        let kind = match header.ts_resolution {
            PcapTsResolution::NanoSecond => Kind::Nanoseconds,
            PcapTsResolution::MicroSecond => Kind::Microseconds,
        };
        let mut packets = Vec::new();
        while let Some(packet) = reader.next_packet() {
            let packet = packet.expect("a pcap packet");
            let mut read = headers::read(header.datalink, packet.data(), packet.orig_len() as usize);
            read.time = packet.timestamp().as_nanos() as u64;
            packets.push(read);
        }
        Self { kind, link: header.datalink, interfaces: Vec::new(), about: Vec::new(), packets }
    }

    #[track_caller]
    fn parse_pcapng(file: &[u8]) -> Self {
        let mut reader = PcapNgReader::with_capacity(file, READ_BUFFER).expect("a section header");
        assert_eq!(reader.section().endianness, Endianness::Little);
        let about = reader.section().options.iter().filter_map(|option| match option {
            SectionHeaderOption::UserApplication(text)
            | SectionHeaderOption::Common(CommonOption::Comment(text)) => Some(text.to_string()),
            _ => None,
        });
        let about = about.collect();
        let mut packets = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.expect("a pcapng block") {
                (Block::InterfaceDescription(_), _) => {
                    assert!(packets.is_empty(), "all interfaces come first")
                }
                (Block::EnhancedPacket(packet), state) => {
                    let interface = &state.interfaces()[packet.interface_id as usize];
                    packets.push(read_pcapng_packet(interface, &packet));
                }
                (block, _) => panic!("no block of this kind is written: {block:?}"),
            }
        }
        let interfaces = reader.interfaces();
        let link = interfaces.first().expect("an interface").linktype;
        assert!(interfaces.iter().all(|interface| interface.linktype == link));
        Self {
            kind: Kind::PcapNg,
            link,
            interfaces: interfaces.iter().map(interface_name).collect(),
            about,
            packets,
        }
    }

    /// The comments of all packets.
    pub(crate) fn comments(&self) -> Vec<&str> {
        self.packets.iter().flat_map(|packet| &packet.comments).map(String::as_str).collect()
    }
}

impl fmt::Debug for Packet {
    /// Like tcpdump, with the payload's beginning: a diff of packets has to be readable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, source, destination, flags, sequence, acknowledgment, length, .. } = self;
        write!(f, "{time} {source} > {destination} [{flags}] {sequence}:{acknowledgment}")?;
        write!(f, " {}/{length} bytes \"{}\"", self.payload.len(), start(&self.payload))?;
        write!(f, " {:?} {:?} {} {:?}", self.macs, self.is_inbound, self.interface, self.comments)
    }
}

/// The first of some bytes, to be looked at.
fn start(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(24)].escape_ascii().to_string()
}

#[track_caller]
fn read_pcapng_packet(interface: &InterfaceDescriptionBlock<'_>, packet: &EnhancedPacketBlock<'_>) -> Packet {
    assert!(packet.data.len() <= interface.snaplen as usize);
    let mut read = headers::read(interface.linktype, &packet.data, packet.original_len as usize);
    read.time = packet.timestamp.as_nanos() as u64;
    read.interface = packet.interface_id as usize;
    for option in &packet.options {
        match option {
            EnhancedPacketOption::Flags(1) => read.is_inbound = Some(true),
            EnhancedPacketOption::Flags(2) => read.is_inbound = Some(false),
            EnhancedPacketOption::Common(CommonOption::Comment(comment)) => {
                read.comments.push(comment.to_string());
            }
            other => panic!("no option of this kind is written: {other:?}"),
        }
    }
    read
}

#[track_caller]
fn interface_name(interface: &InterfaceDescriptionBlock<'_>) -> String {
    let name = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
        _ => None,
    });
    name.expect("each interface has a name")
}
