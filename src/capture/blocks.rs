//! The bytes of a capture that is being written, in the parts that a reader can do without, and those that it cannot.

use super::Format;

/// Types of blocks that have to be before packets (pcapng, sections 4.1, 4.2 and 4.5).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
/// The header of a pcap file, and of each of its packets, in bytes.
const PCAP_HEADER: usize = 24;
const PCAP_PACKET: usize = 16;

/// What a part of a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What has to be before packets: the file's header, interfaces, names.
    Preamble,
    Packet,
}

/// Finds the parts in bytes that come in any pieces.
#[derive(Debug)]
pub(super) struct Blocks {
    is_pcapng: bool,
    /// pcap has one header, at its beginning.
    has_header: bool,
    /// A part that has not come whole.
    rest: Vec<u8>,
}

impl Blocks {
    pub(super) fn new(format: Format) -> Self {
        Self { is_pcapng: format == Format::PcapNg, has_header: false, rest: Vec::new() }
    }

    /// Takes bytes that were written by this program, and has `each` take each part that is whole with them.
    pub(super) fn each(&mut self, bytes: &[u8], mut each: impl FnMut(Part, &[u8])) {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((part, length)) = self.next(&self.rest[at..])
            && let Some(bytes) = self.rest.get(at..at + length)
        {
            each(part, bytes);
            self.has_header = true;
            at += length;
        }
        self.rest.drain(..at);
    }

    /// The next part, and its length, if enough of it has come to tell.
    fn next(&self, bytes: &[u8]) -> Option<(Part, usize)> {
        let number = |at: usize| {
            bytes.get(at..at + 4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        };
        if self.is_pcapng {
            let is_preamble = matches!(number(0)?, SECTION_HEADER | INTERFACE | NAMES);
            // No block is shorter: its type and twice its length.
            let length = (number(4)? as usize).max(12);
            return Some((if is_preamble { Part::Preamble } else { Part::Packet }, length));
        }
        match self.has_header {
            false => Some((Part::Preamble, PCAP_HEADER)),
            true => Some((Part::Packet, PCAP_PACKET + number(8)? as usize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(format: Format, bytes: &[u8]) -> Vec<(Part, Vec<u8>)> {
        let (mut blocks, mut found) = (Blocks::new(format), Vec::new());
        for piece in bytes.chunks(7) {
            blocks.each(piece, |part, bytes| found.push((part, bytes.to_vec())));
        }
        found
    }

    #[test]
    fn a_pcapng_capture_has_blocks() {
        let block = |kind: u32, length: u32| {
            let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
            block.resize(length as usize, 0);
            block
        };
        let blocks = [(SECTION_HEADER, 28), (INTERFACE, 20), (6, 32), (NAMES, 12), (6, 36)]
            .map(|(kind, length)| block(kind, length));
        let found = parts(Format::PcapNg, &blocks.concat());
        assert_eq!(
            found.iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(),
            blocks.iter().collect::<Vec<_>>()
        );
        let kinds: Vec<Part> = found.into_iter().map(|(part, _)| part).collect();
        assert_eq!(kinds, [Part::Preamble, Part::Preamble, Part::Packet, Part::Preamble, Part::Packet]);
    }

    #[test]
    fn a_pcap_capture_has_a_header_and_packets() {
        let packet =
            |length: u8| [&[0; 8][..], &[length, 0, 0, 0], &[9; 4], &vec![length; length.into()]].concat();
        let found = parts(Format::NsecPcap, &[&[1; 24][..], &packet(3), &packet(0), &packet(200)].concat());
        let expected = [
            (Part::Preamble, vec![1; 24]),
            (Part::Packet, packet(3)),
            (Part::Packet, packet(0)),
            (Part::Packet, packet(200)),
        ];
        assert_eq!(found, expected);
    }
}
