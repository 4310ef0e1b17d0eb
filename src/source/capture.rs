//! A packet capture, pcap or pcapng, in which somebody has recorded the datagrams of Envoy's UDP tap sink: their messages as one
//! stream, one sender's.
//!
//! All other packets are passed over. What is a tap's and cannot be taken is an error at the end, behind all that can.

use std::net::IpAddr;

use etherparse::defrag::IpDefragPool;
use etherparse::{IpNumber, LaxSlicedPacket, NetSlice, SlicedPacket, TransportSlice, UdpSlice};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapParseError, PcapParser};
use pcap_file::pcapng::{Block, PcapNgParseError, PcapNgParser};

use super::damage::{Damage, Progress};
use super::datagram::{Messages, is_message};

/// A packet's record, or another block, has at most so many bytes.
const MAX_BLOCK: usize = 16 * 1024 * 1024;
/// Datagrams in fragments of which some are missing: past that, the oldest are given up.
const MAX_FRAGMENTED: u32 = 256;

/// Takes the messages out of a capture.
pub(crate) struct Capture {
    parser: Option<Parser>,
    fragments: IpDefragPool<u32, ()>,
    packets: u32,
    messages: Messages,
    /// Whose messages are taken.
    sender: Option<IpAddr>,
    /// A message that has not been given as a whole.
    pending: Vec<u8>,
    given: usize,
    /// Messages that are not taken, of others, in another encoding and cut, until that has been said.
    left_out: [u64; 3],
}

enum Parser {
    Pcap(PcapParser),
    PcapNg(Box<PcapNgParser>),
}

/// What came of looking for the next packet.
enum Found<'a> {
    Packet {
        consumed: usize,
        link: DataLink,
        bytes: std::borrow::Cow<'a, [u8]>,
        /// Bytes that it had.
        length: u32,
    },
    /// Something else.
    Other(usize),
    Incomplete,
    Damaged,
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("packets", &self.packets).finish_non_exhaustive()
    }
}

/// Whether a packet capture begins with these bytes.
pub(super) fn begins(prefix: &[u8; 4]) -> bool {
    matches!(
        prefix,
        b"\xd4\xc3\xb2\xa1"
            | b"\xa1\xb2\xc3\xd4"
            | b"\x4d\x3c\xb2\xa1"
            | b"\xa1\xb2\x3c\x4d"
            | b"\x0a\x0d\x0d\x0a"
    )
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self {
            parser: None,
            fragments: IpDefragPool::new(),
            packets: 0,
            messages: Messages::default(),
            sender: None,
            pending: Vec::new(),
            given: 0,
            left_out: [0; 3],
        }
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.pending.capacity()
    }

    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        is_end: bool,
        output: &mut [u8],
    ) -> Result<Progress, Damage> {
        let rest = &self.pending[self.given..];
        if !rest.is_empty() {
            let produced = rest.len().min(output.len());
            output[..produced].copy_from_slice(&rest[..produced]);
            self.given += produced;
            return Ok(Progress { consumed: 0, produced, is_waiting: false });
        }
        let consumed = match self.next(input) {
            Found::Packet { consumed, link, bytes, length } => {
                (self.given, self.packets) = (0, self.packets.wrapping_add(1));
                self.pending.clear();
                if bytes.len() < length as usize {
                    self.left_out[2] += u64::from(is_cut_message(link, &bytes));
                } else {
                    self.take(link, &bytes);
                }
                consumed
            }
            Found::Other(consumed) => consumed,
            Found::Damaged => return Err(Damage::damaged(0)),
            Found::Incomplete if is_end && !input.is_empty() => return Err(Damage::truncated(input.len())),
            Found::Incomplete if is_end => {
                let [others, encodings, cut] = std::mem::take(&mut self.left_out);
                if cut > 0 {
                    return Err(Damage::cut(cut));
                }
                if others > 0 {
                    return Err(Damage::senders(others));
                }
                if encodings > 0 {
                    return Err(Damage::encodings(encodings));
                }
                0
            }
            Found::Incomplete => 0,
        };
        Ok(Progress { consumed, produced: 0, is_waiting: consumed == 0 })
    }

    fn next<'a>(&mut self, input: &'a [u8]) -> Found<'a> {
        let consumed = |rest: &[u8]| input.len() - rest.len();
        let incomplete = |needed: usize| if needed > MAX_BLOCK { Found::Damaged } else { Found::Incomplete };
        let Some(parser) = &mut self.parser else {
            let is_pcapng = input.starts_with(b"\x0a\x0d\x0d\x0a");
            if is_pcapng {
                return match PcapNgParser::new(input) {
                    Ok((rest, parser)) => {
                        self.parser = Some(Parser::PcapNg(Box::new(parser)));
                        Found::Other(consumed(rest))
                    }
                    Err(PcapNgParseError::IncompleteBuffer(needed, _)) => incomplete(needed),
                    Err(_) => Found::Damaged,
                };
            }
            return match PcapParser::new(input) {
                Ok((rest, parser)) => {
                    self.parser = Some(Parser::Pcap(parser));
                    Found::Other(consumed(rest))
                }
                Err(PcapParseError::IncompleteBuffer(needed, _)) => incomplete(needed),
                Err(_) => Found::Damaged,
            };
        };
        match parser {
            Parser::Pcap(parser) => match parser.next_raw_packet(input) {
                Ok((rest, packet)) => Found::Packet {
                    consumed: consumed(rest),
                    link: parser.header().datalink,
                    bytes: packet.data,
                    length: packet.orig_len,
                },
                Err(PcapParseError::IncompleteBuffer(needed, _)) => incomplete(needed),
                Err(_) => Found::Damaged,
            },
            Parser::PcapNg(parser) => match parser.next_block(input) {
                Ok((rest, block)) => {
                    let (interface, bytes, length) = match block {
                        Block::EnhancedPacket(packet) => {
                            (packet.interface_id, packet.data, packet.original_len)
                        }
                        Block::SimplePacket(packet) => (0, packet.data, packet.original_len),
                        _ => return Found::Other(consumed(rest)),
                    };
                    let link =
                        parser.interfaces().get(interface as usize).map(|interface| interface.linktype);
                    match link {
                        Some(link) => Found::Packet { consumed: consumed(rest), link, bytes, length },
                        None => Found::Damaged,
                    }
                }
                Err(PcapNgParseError::IncompleteBuffer(needed, _)) => incomplete(needed),
                Err(_) => Found::Damaged,
            },
        }
    }

    /// Takes the message in a packet, if there is one.
    fn take(&mut self, link: DataLink, bytes: &[u8]) {
        let Some(packet) = sliced(link, bytes) else { return };
        let sender = match &packet.net {
            Some(NetSlice::Ipv4(ip)) => IpAddr::V4(ip.header().source_addr()),
            Some(NetSlice::Ipv6(ip)) => IpAddr::V6(ip.header().source_addr()),
            _ => return,
        };
        if let Some(TransportSlice::Udp(udp)) = &packet.transport {
            return self.take_datagram(sender, udp.payload());
        }
        let before = self.packets.saturating_sub(MAX_FRAGMENTED);
        self.fragments.retain(|&packet| packet > before);
        let whole = self.fragments.process_sliced_packet(&packet, self.packets, ());
        if let Ok(Some(whole)) = whole
            && whole.ip_number == IpNumber::UDP
        {
            if let Ok(udp) = UdpSlice::from_slice(&whole.payload) {
                self.take_datagram(sender, udp.payload());
            }
            self.fragments.return_buf(whole);
        }
    }

    fn take_datagram(&mut self, sender: IpAddr, datagram: &[u8]) {
        if !is_message(datagram, false) {
            return;
        }
        // Another Envoy gives other connections the same ids.
        if *self.sender.get_or_insert(sender) != sender {
            self.left_out[0] += 1;
        } else if !self.messages.push(datagram, &mut self.pending) {
            self.left_out[1] += 1;
        }
    }
}

/// Whether the beginning of a message is all that was captured of one.
fn is_cut_message(link: DataLink, bytes: &[u8]) -> bool {
    let ip = match link {
        DataLink::ETHERNET => match LaxSlicedPacket::from_ethernet(bytes) {
            Ok(packet) => packet,
            Err(_) => return false,
        },
        _ => match ip(link, bytes).and_then(|bytes| LaxSlicedPacket::from_ip(bytes).ok()) {
            Some(packet) => packet,
            None => return false,
        },
    };
    matches!(&ip.transport, Some(TransportSlice::Udp(udp)) if is_message(udp.payload(), true))
}

/// The headers of a packet, if it is IP on a link that is known.
fn sliced(link: DataLink, bytes: &[u8]) -> Option<SlicedPacket<'_>> {
    match link {
        DataLink::ETHERNET => SlicedPacket::from_ethernet(bytes).ok(),
        _ => SlicedPacket::from_ip(ip(link, bytes)?).ok(),
    }
}

/// What follows the header of a link that is not Ethernet. What is no IP shows by its first byte.
fn ip(link: DataLink, bytes: &[u8]) -> Option<&[u8]> {
    match link {
        DataLink::LINUX_SLL => bytes.get(16..),
        DataLink::LINUX_SLL2 => bytes.get(20..),
        DataLink::NULL | DataLink::LOOP => bytes.get(4..),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => Some(bytes),
        _ => None,
    }
}
