//! Classic pcap, little-endian, with nanoseconds or microseconds.

use pcap_file::Endianness;
use pcap_file::pcap::{PcapHeader, PcapTsResolution};

use super::SNAP_LENGTH;
use crate::packet::{Headers, LinkType, Packet};

const NANOSECONDS: u64 = 1_000_000_000;
/// The last nanosecond that the format can say: its seconds end in 2106.
const LATEST: u64 = u32::MAX as u64 * NANOSECONDS + (NANOSECONDS - 1);

pub(super) struct Encoder {
    nanoseconds: bool,
    /// Packets that are later than the format can say.
    pub(super) after_2106: u64,
}

impl Encoder {
    /// Puts the file's header into `header`.
    pub(super) fn new(nanoseconds: bool, link_type: LinkType, header: &mut Vec<u8>) -> Self {
        let file = PcapHeader {
            snaplen: SNAP_LENGTH,
            datalink: link_type.datalink(),
            ts_resolution: if nanoseconds {
                PcapTsResolution::NanoSecond
            } else {
                PcapTsResolution::MicroSecond
            },
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        file.write_to(header).expect("writing to memory does not fail");
        Self { nanoseconds, after_2106: 0 }
    }

    /// Appends the packet. pcap-file wants headers and payload as one slice, so the record's header is written here:
    /// the payload is copied once.
    #[inline(always)]
    pub(super) fn encode(&mut self, packet: &Packet<'_, impl Headers>, buffer: &mut Vec<u8>) {
        let time = packet.time.min(LATEST);
        self.after_2106 += u64::from(packet.time > LATEST);
        let (seconds, fraction) = ((time / NANOSECONDS) as u32, time % NANOSECONDS);
        let fraction = if self.nanoseconds { fraction } else { fraction / 1000 } as u32;
        let mut record = [0; 16];
        record[0..4].copy_from_slice(&seconds.to_le_bytes());
        record[4..8].copy_from_slice(&fraction.to_le_bytes());
        record[8..12].copy_from_slice(&(packet.captured_len() as u32).to_le_bytes());
        record[12..16].copy_from_slice(&(packet.original_len() as u32).to_le_bytes());
        packet.append(&record, buffer);
    }
}
