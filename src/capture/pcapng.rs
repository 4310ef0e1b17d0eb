//! pcapng, little-endian, with nanoseconds: an interface for each input, and on each packet its direction and comments.
//!
//! pcap-file writes the section header, interfaces and names. It wants a packet's bytes as one slice and each option in a list, so
//! packets are encoded here: the payload is copied once, and nothing is allocated. The tests hold them to what pcap-file writes.

use std::borrow::Cow;
use std::net::IpAddr;

use pcap_file::Endianness;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, Ipv6Record, NameResolutionBlock, Record};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};

use super::SNAP_LENGTH;
use crate::packet::metadata::Metadata;
use crate::packet::{Headers, LinkType, Packet};
use crate::trace::Direction;

const ENHANCED_PACKET: u32 = 6;
const OPTION_FLAGS: u16 = 2;
const OPTION_COMMENT: u16 = 1;
/// `epb_dropcount`.
const OPTION_DROPPED: u16 = 4;
/// `epb_packetid`.
const OPTION_ID: u16 = 5;
/// Block type, length, interface, two halves of the time, captured and original length.
const BEFORE_PACKET: usize = 28;
/// The flags option, the end of options, and the length once more.
const AFTER_PACKET: usize = 16;

pub(super) struct Encoder {
    /// Holds what the interfaces are.
    writer: PcapNgWriter<Vec<u8>>,
    link_type: LinkType,
    interfaces: u32,
    /// All inputs have one interface.
    is_shared: bool,
}

const INFALLIBLE: &str = "valid blocks, and writing to memory does not fail";

impl Encoder {
    /// Puts the section header and the interfaces into `header`.
    pub(super) fn new(link_type: LinkType, inputs: &[String], header: &mut Vec<u8>) -> Self {
        let program = concat!("tap2pcap ", env!("CARGO_PKG_VERSION"));
        // Interfaces of flows come with them.
        let comment = match inputs {
            [] => format!(
                "Made from Hubble's flows by {program}: times, addresses, ports and flags are what Hubble saw; numbers and lengths \
                 are synthetic, and nobody knows the bytes that are not captured."
            ),
            _ => format!(
                "Made from a proxy's tap by {program}: payloads, times and addresses are what the proxy recorded above \
                 its sockets; link, IP and TCP headers are synthetic."
            ),
        };
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![
                SectionHeaderOption::UserApplication(Cow::Borrowed(program)),
                SectionHeaderOption::Common(CommonOption::Comment(Cow::Owned(comment))),
            ],
            ..SectionHeaderBlock::default()
        };
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), section).expect(INFALLIBLE);
        header.append(writer.get_mut());
        // libpcap refuses a second interface of LINKTYPE_RAW, even an equal one.
        let is_shared = link_type == LinkType::Raw;
        let mut encoder = Self { writer, link_type, interfaces: 0, is_shared };
        if is_shared && inputs.len() > 1 {
            encoder.add_interface("tap2pcap", header);
        } else {
            for name in inputs {
                encoder.add_interface(name, header);
            }
        }
        encoder
    }

    /// Puts an interface into `header`, which has to be written before the packets of it. Returns its number.
    pub(super) fn add_interface(&mut self, name: &str, header: &mut Vec<u8>) -> u32 {
        if self.is_shared && self.interfaces > 0 {
            return 0;
        }
        let interface = InterfaceDescriptionBlock {
            linktype: self.link_type.datalink(),
            snaplen: SNAP_LENGTH,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Borrowed(option_text(name))),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ],
        };
        self.writer.write_pcapng_block(interface).expect(INFALLIBLE);
        header.append(self.writer.get_mut());
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// Puts the name of a host into `header`, which has to be written before the packets that it is for.
    pub(super) fn add_name(&mut self, address: IpAddr, name: &str, header: &mut Vec<u8>) {
        let names = vec![Cow::Borrowed(name_text(name))];
        let record = match address {
            IpAddr::V4(ip) => Record::Ipv4(Ipv4Record { ip_addr: ip, names }),
            IpAddr::V6(ip) => Record::Ipv6(Ipv6Record { ip_addr: ip, names }),
        };
        let block = NameResolutionBlock { records: vec![record], options: Vec::new() };
        self.writer.write_pcapng_block(block).expect(INFALLIBLE);
        header.append(self.writer.get_mut());
    }

    pub(super) fn encode(&mut self, packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
        let interface = if self.is_shared { 0 } else { packet.interface };
        let packet = Packet { interface, ..*packet };
        match packet.metadata {
            None => encode_plain(&packet, buffer),
            Some(metadata) => encode_with(metadata, &packet, buffer),
        }
    }
}

/// Encodes a packet with metadata, in the order in which pcap-file writes options.
fn encode_with(metadata: &Metadata, packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let mut before = [0; BEFORE_PACKET];
    put_packet(packet, &mut before);
    packet.append(&before, buffer);
    pad(start, buffer);
    push_option(OPTION_FLAGS, &flags(packet.direction).to_le_bytes(), start, buffer);
    if let Some(id) = metadata.packet_id {
        push_option(OPTION_ID, &id.to_le_bytes(), start, buffer);
    }
    if metadata.dropped > 0 {
        push_option(OPTION_DROPPED, &metadata.dropped.to_le_bytes(), start, buffer);
    }
    for comment in &metadata.comments {
        push_option(OPTION_COMMENT, option_text(comment).as_bytes(), start, buffer);
    }
    // The end of options.
    buffer.extend_from_slice(&[0; 4]);
    let length = ((buffer.len() - start + 4) as u32).to_le_bytes();
    buffer.extend_from_slice(&length);
    buffer[start + 4..start + 8].copy_from_slice(&length);
}

/// Appends an option of a block that begins at `start`.
fn push_option(code: u16, value: &[u8], start: usize, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(&code.to_le_bytes());
    buffer.extend_from_slice(&(value.len() as u16).to_le_bytes());
    buffer.extend_from_slice(value);
    pad(start, buffer);
}

/// Appends zeros up to a multiple of four bytes.
fn pad(start: usize, buffer: &mut Vec<u8>) {
    let length = buffer.len() - start;
    buffer.extend_from_slice(&[0; 3][..length.next_multiple_of(4) - length]);
}

/// Puts what is before a packet's bytes in place, but for the block's length.
#[inline(always)]
fn put_packet(packet: &Packet<'_, impl Headers>, before: &mut [u8; BEFORE_PACKET]) {
    before[0..4].copy_from_slice(&ENHANCED_PACKET.to_le_bytes());
    before[8..12].copy_from_slice(&packet.interface.to_le_bytes());
    before[12..16].copy_from_slice(&((packet.time >> 32) as u32).to_le_bytes());
    before[16..20].copy_from_slice(&(packet.time as u32).to_le_bytes());
    before[20..24].copy_from_slice(&(packet.captured_len() as u32).to_le_bytes());
    before[24..28].copy_from_slice(&(packet.original_len() as u32).to_le_bytes());
}

fn encode_plain(packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
    let captured = packet.captured_len();
    let padding = captured.next_multiple_of(4) - captured;
    let length = ((BEFORE_PACKET + captured + padding + AFTER_PACKET) as u32).to_le_bytes();
    let mut before = [0; BEFORE_PACKET];
    put_packet(packet, &mut before);
    before[4..8].copy_from_slice(&length);
    packet.append(&before, buffer);

    let mut after = [0; 3 + AFTER_PACKET];
    let options = &mut after[padding..];
    options[0..2].copy_from_slice(&OPTION_FLAGS.to_le_bytes());
    options[2..4].copy_from_slice(&4u16.to_le_bytes());
    options[4..8].copy_from_slice(&flags(packet.direction).to_le_bytes());
    options[12..16].copy_from_slice(&length);
    buffer.extend_from_slice(&after[..padding + AFTER_PACKET]);
}

/// `epb_flags`: 1 is inbound, 2 outbound, seen from the proxy.
fn flags(direction: Direction) -> u32 {
    match direction {
        Direction::Read => 1,
        Direction::Write => 2,
    }
}

/// What fits of a text into an option, whose length is 16 bits wide.
fn option_text(text: &str) -> &str {
    beginning(text, 60_000)
}

/// What Wireshark shows of a name.
fn name_text(name: &str) -> &str {
    beginning(name, 63)
}

fn beginning(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
    use pcap_file::pcapng::blocks::opt_common::UnknownOption;

    use super::*;
    use crate::packet::tcp::{ACK, Segment, TcpHeaders, WINDOW};

    impl Encoder {
        fn with_pcap_file(&mut self, packet: &Packet<'_, impl Headers>) -> Vec<u8> {
            let none = Metadata::default();
            let Metadata { comments, packet_id, dropped } = packet.metadata.unwrap_or(&none);
            let mut options = vec![EnhancedPacketOption::Flags(flags(packet.direction))];
            let id = packet_id.map(u64::to_le_bytes);
            if let Some(id) = &id {
                let option = UnknownOption::new(OPTION_ID, id);
                options.push(EnhancedPacketOption::Common(CommonOption::Unknown(option)));
            }
            if *dropped > 0 {
                options.push(EnhancedPacketOption::DropCount(*dropped));
            }
            options.extend(comments.iter().map(|comment| {
                EnhancedPacketOption::Common(CommonOption::Comment(option_text(comment).into()))
            }));
            let mut data = Vec::new();
            packet.append(&[], &mut data);
            let block = EnhancedPacketBlock {
                interface_id: packet.interface,
                timestamp: Duration::from_nanos(packet.time),
                original_len: packet.original_len() as u32,
                data: Cow::Owned(data),
                options,
            };
            self.writer.write_pcapng_block(block).expect(INFALLIBLE);
            std::mem::take(self.writer.get_mut())
        }
    }

    /// The packets that are encoded here are what pcap-file would have written.
    #[test]
    fn plain_packets_are_as_pcap_file_writes_them() {
        let mut encoder = Encoder::new(LinkType::Ethernet, &["input".into()], &mut Vec::new());
        let address = "192.0.2.1:80".parse().expect("an address");
        let headers = TcpHeaders::new(LinkType::Ethernet, address, address);
        for len in 0..9 {
            let payload = vec![1; len];
            let direction = if len % 2 == 0 { Direction::Read } else { Direction::Write };
            let segment = Segment {
                direction,
                sequence: 1,
                acknowledgment: 1,
                flags: ACK,
                window: WINDOW,
                original_len: 2 * len,
            };
            let packet = Packet {
                time: u64::from(u32::MAX) * 1000 + len as u64,
                order: 0,
                interface: 0,
                direction,
                headers: headers.packet(segment, &payload),
                payload: &payload,
                original_len: 2 * len,
                metadata: None,
            };
            let metadata = Metadata {
                comments: vec!["a".repeat(len), "hubble.verdict=DROPPED".to_owned()],
                packet_id: (len % 3 == 0).then_some(7),
                dropped: len as u64 / 4,
            };
            for metadata in [None, Some(&metadata)] {
                let packet = Packet { metadata, ..packet };
                let mut ours = Vec::new();
                encoder.encode(&packet, &mut ours);
                assert_eq!(ours, encoder.with_pcap_file(&packet));
            }
        }
    }
}
