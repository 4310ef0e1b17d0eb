//! pcapng, little-endian, with nanoseconds: an interface for each input, and on each packet its direction and comments.
//!
//! pcap-file writes the section header, the interfaces and the few packets that have comments. It wants a packet's
//! bytes as one slice, so the others are encoded here: the payload is copied once.

use std::borrow::Cow;
use std::mem;
use std::time::Duration;

use pcap_file::Endianness;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::{CommonOption, UnknownOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};

use super::SNAP_LENGTH;
use crate::packet::metadata::Metadata;
use crate::packet::{Headers, LinkType, Packet};
use crate::trace::Direction;

const ENHANCED_PACKET: u32 = 6;
const OPTION_FLAGS: u16 = 2;
/// `epb_packetid`, which pcap-file does not know.
const OPTION_ID: u16 = 5;
/// Block type, length, interface, two halves of the time, captured and original length.
const BEFORE_PACKET: usize = 28;
/// The flags option, the end of options, and the length once more.
const AFTER_PACKET: usize = 16;

pub(super) struct Encoder {
    /// Holds what the interfaces are; its buffer is lent to it for each packet with metadata.
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
        let comment = format!(
            "Made from a proxy's tap by {program}: payloads, times and addresses are what the proxy recorded above \
             its sockets; link, IP and TCP headers are synthetic."
        );
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

    pub(super) fn encode(&mut self, packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
        let interface = if self.is_shared { 0 } else { packet.interface };
        let packet = Packet { interface, ..*packet };
        match packet.metadata {
            None => encode_plain(&packet, buffer),
            Some(metadata) => self.encode_with(metadata, &packet, buffer),
        }
    }

    fn encode_with(&mut self, metadata: &Metadata, packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
        let Metadata { comments, packet_id, dropped } = metadata;
        let mut options = vec![EnhancedPacketOption::Flags(flags(packet.direction))];
        let id = packet_id.map(u64::to_le_bytes);
        if let Some(id) = &id {
            options
                .push(EnhancedPacketOption::Common(CommonOption::Unknown(UnknownOption::new(OPTION_ID, id))));
        }
        if *dropped > 0 {
            options.push(EnhancedPacketOption::DropCount(*dropped));
        }
        options.extend(
            comments.iter().map(|comment| {
                EnhancedPacketOption::Common(CommonOption::Comment(option_text(comment).into()))
            }),
        );
        let mut data = Vec::with_capacity(packet.captured_len());
        packet.append(&[], &mut data);
        let block = EnhancedPacketBlock {
            interface_id: packet.interface,
            timestamp: Duration::from_nanos(packet.time),
            original_len: packet.original_len() as u32,
            data: Cow::Owned(data),
            options,
        };
        mem::swap(self.writer.get_mut(), buffer);
        let written = self.writer.write_pcapng_block(block);
        mem::swap(self.writer.get_mut(), buffer);
        written.expect(INFALLIBLE);
    }
}

fn encode_plain(packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
    let captured = packet.captured_len();
    let padding = captured.next_multiple_of(4) - captured;
    let length = ((BEFORE_PACKET + captured + padding + AFTER_PACKET) as u32).to_le_bytes();
    let mut before = [0; BEFORE_PACKET];
    before[0..4].copy_from_slice(&ENHANCED_PACKET.to_le_bytes());
    before[4..8].copy_from_slice(&length);
    before[8..12].copy_from_slice(&packet.interface.to_le_bytes());
    before[12..16].copy_from_slice(&((packet.time >> 32) as u32).to_le_bytes());
    before[16..20].copy_from_slice(&(packet.time as u32).to_le_bytes());
    before[20..24].copy_from_slice(&(captured as u32).to_le_bytes());
    before[24..28].copy_from_slice(&(packet.original_len() as u32).to_le_bytes());
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
    let mut end = text.len().min(60_000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tcp::{ACK, Segment, TcpHeaders};

    /// The packets that are encoded here are what pcap-file would have written.
    #[test]
    fn plain_packets_are_as_pcap_file_writes_them() {
        let mut encoder = Encoder::new(LinkType::Ethernet, &["input".into()], &mut Vec::new());
        let address = "192.0.2.1:80".parse().expect("an address");
        let headers = TcpHeaders::new(LinkType::Ethernet, address, address);
        for len in 0..9 {
            let payload = vec![1; len];
            let direction = if len % 2 == 0 { Direction::Read } else { Direction::Write };
            let segment =
                Segment { direction, sequence: 1, acknowledgment: 1, flags: ACK, original_len: 2 * len };
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
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            encoder.encode(&packet, &mut ours);
            encoder.encode_with(&Metadata::default(), &packet, &mut theirs);
            assert_eq!(ours, theirs);
        }
    }
}
