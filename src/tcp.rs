//! The TCP state of one conversation: what the trace recorded becomes segments.
//!
//! Sequence numbers count the bytes that were on the socket. Bytes that the trace lacks are segments all the same,
//! whose packets are captured short; so readers know that they were there, and the next message begins where it should.

use std::io;

use etherparse::TcpHeader;

use crate::packet::metadata::{Metadata, Pending};
use crate::packet::tcp::{ACK, FIN, PSH, SYN, Segment, TcpHeaders, WINDOW};
use crate::packet::{CutHeaders, Headers, Packet, PacketSink};
use crate::trace::{Data, Direction, Length, Plain, Side};

/// Missing bytes of one event that are shown as packets at most; the sequence numbers jump over the rest. A proxy does not read so
/// much at a time, and a damaged `seq_num` must not fill the disk.
pub const MAX_MISSING: u64 = 16 * 1024 * 1024;
/// The same in segments, which may be small.
const MAX_MISSING_SEGMENTS: u16 = 4096;
/// Budget of a conversation for packets without payload, which show missing bytes: 64, +16 for each event that is not one whole
/// segment, +1 for 8 captured bytes of it. So a small tap cannot fill the disk.
const CREDIT: u16 = 64;
const CREDIT_PER_EVENT: u64 = 16;
const BYTES_PER_CREDIT: u64 = 8;

/// The TCP state of a conversation. It is small: the events of thousands of conversations come in turn.
#[derive(Debug)]
pub struct Tcp {
    /// The headers before the payload.
    headers: TcpHeaders,
    /// The next sequence number, by direction.
    next: [u32; 2],
    has_sent_fin: [bool; 2],
    /// Packets without payload that may still be written.
    credit: u16,
    /// The most bytes of payload in a segment.
    max_segment: u16,
    /// The most of them that a packet keeps.
    snap_length: u16,
    initiator: Side,
    interface: u32,
    /// The greatest time of a packet so far, in nanoseconds.
    order: u64,
    /// Metadata of the next packet.
    pending: Pending,
}

/// What a segment is, besides what the state of the conversation says.
struct Sent<'a> {
    time: u64,
    direction: Direction,
    flags: u16,
    payload: &'a [u8],
    original_len: usize,
}

/// A segment that somebody saw, who does not say its sequence numbers and perhaps not its length.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// The number of the interface on which it was seen.
    pub interface: u32,
    /// Which way it goes as seen from there.
    pub direction_there: Direction,
    /// Its flags: see [`Segment::flags`].
    pub flags: u16,
    /// Receive window.
    pub window: u16,
    /// Its numbers, sequence and acknowledgment, where they are not the next ones: those of a segment that is seen again.
    pub numbers: Option<[u32; 2]>,
    /// 32-bit words of options at the beginning of the payload.
    pub options: u8,
    /// What is captured of options and payload.
    pub payload: &'a [u8],
    /// Bytes of options and payload on the wire. At most as many as a packet can have.
    pub original_len: usize,
    /// Bytes that are captured of the TCP header, if not all: nothing is captured after them.
    pub captured: Option<usize>,
    /// Nothing comes of it: it was dropped, or is a copy of one that was seen before.
    pub is_lost: bool,
    /// What else is known of it.
    pub metadata: Option<&'a Metadata>,
}

impl Tcp {
    /// The next sequence number of what goes in `direction`.
    #[must_use]
    pub fn next(&self, direction: Direction) -> u32 {
        self.next[direction as usize]
    }

    /// A segment that was seen. Returns its numbers, sequence and acknowledgment.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn seen(&mut self, seen: &Seen<'_>, sink: &mut impl PacketSink) -> io::Result<[u32; 2]> {
        let (forward, back) = (seen.direction as usize, seen.direction.reverse() as usize);
        let is_fin = seen.flags & FIN != 0;
        // A SYN and a FIN have numbers of their own (RFC 9293 section 3.4); one that comes again has the same.
        let before = u32::from(seen.flags & SYN != 0 || is_fin && self.has_sent_fin[forward]);
        let sequence = self.next[forward].wrapping_sub(before);
        let acknowledgment = if seen.flags & ACK == 0 { 0 } else { self.next[back] };
        let [sequence, acknowledgment] = seen.numbers.unwrap_or([sequence, acknowledgment]);
        let segment = Segment {
            direction: seen.direction,
            sequence,
            acknowledgment,
            flags: seen.flags,
            window: seen.window,
            original_len: seen.original_len,
        };
        let headers = self.headers.with_options(segment, seen.options, seen.payload);
        self.order = self.order.max(seen.time);
        let packet = Packet {
            time: seen.time,
            order: self.order,
            interface: seen.interface,
            direction: seen.direction_there,
            headers,
            payload: seen.payload,
            original_len: seen.original_len,
            metadata: seen.metadata,
        };
        match seen.captured {
            None => sink.write(&packet)?,
            Some(captured) => {
                let cut = headers.captured_len() - TcpHeader::MIN_LEN + captured;
                sink.write(&packet.cut(CutHeaders::new(headers, cut)))?;
            }
        }
        if !seen.is_lost {
            let data = seen.original_len - 4 * usize::from(seen.options);
            self.skip(seen.direction, data as u64);
            if is_fin && !std::mem::replace(&mut self.has_sent_fin[forward], true) {
                self.skip(seen.direction, 1);
            }
        }
        Ok([sequence, acknowledgment])
    }

    /// A conversation that `initiator` opens. `initial` has the sequence numbers that a SYN would have, by
    /// direction. A packet keeps at most `snap_length` bytes of payload. Its packets come from the input that is number
    /// `interface`.
    #[must_use]
    pub fn new(
        headers: TcpHeaders,
        initial: [u32; 2],
        max_segment: u16,
        snap_length: u16,
        initiator: Side,
        interface: u32,
    ) -> Self {
        Self {
            headers,
            next: initial.map(|initial| initial.wrapping_add(1)),
            has_sent_fin: [false; 2],
            credit: CREDIT,
            max_segment,
            snap_length,
            initiator,
            interface,
            order: 0,
            pending: Pending::default(),
        }
    }

    /// Says something on the conversation's next packet.
    pub fn comment(&mut self, comment: String) {
        self.pending.comment(comment);
    }

    /// The same, of all that has been said elsewhere.
    #[inline]
    pub fn comments(&mut self, comments: &mut Pending) {
        self.pending.append(comments);
    }

    /// A SYN from the initiator and, where `is_whole`, the other two segments of the handshake. Before any data.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn open(&mut self, time: u64, is_whole: bool, sink: &mut impl PacketSink) -> io::Result<()> {
        let request = self.initiator.sends();
        let reply = request.reverse();
        self.syn(time, request, SYN, sink)?;
        if is_whole {
            self.syn(time, reply, SYN | ACK, sink)?;
            self.send(Sent { time, direction: request, flags: ACK, payload: &[], original_len: 0 }, sink)?;
        }
        Ok(())
    }

    /// The segments of one read or write, and the FIN if it is the last write.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn data(&mut self, time: u64, data: &Data<'_>, sink: &mut impl PacketSink) -> io::Result<()> {
        if data.length == Length::Whole && self.is_one_segment(&data.bytes) {
            self.segment(time, data.direction, &data.bytes, sink)?;
        } else {
            self.segments(time, data, sink)?;
        }
        if data.end_stream { self.fin(time, data.direction, sink) } else { Ok(()) }
    }

    /// The segments of a plain read or write.
    ///
    /// # Errors
    /// The capture cannot be written.
    #[inline(always)]
    pub fn plain(&mut self, plain: Plain<'_>, sink: &mut impl PacketSink) -> io::Result<()> {
        if self.is_one_segment(plain.bytes) {
            return self.segment(plain.time, plain.direction, plain.bytes, sink);
        }
        self.segments(plain.time, &plain.into(), sink)
    }

    #[inline(always)]
    fn is_one_segment(&self, payload: &[u8]) -> bool {
        (1..=usize::from(self.max_segment)).contains(&payload.len())
    }

    #[inline(always)]
    fn segment(
        &mut self,
        time: u64,
        direction: Direction,
        payload: &[u8],
        sink: &mut impl PacketSink,
    ) -> io::Result<()> {
        let sent = Sent { time, direction, flags: PSH | ACK, payload, original_len: payload.len() };
        self.send(sent, sink)
    }

    /// One or more segments; the last ones are for bytes that the trace does not have.
    fn segments(&mut self, time: u64, data: &Data<'_>, sink: &mut impl PacketSink) -> io::Result<()> {
        let captured = &data.bytes[..];
        let original = original_length(data);
        let length = captured.len() as u64;
        let max_segment = u64::from(self.max_segment);
        let credit = u64::from(self.credit) + CREDIT_PER_EVENT + length / BYTES_PER_CREDIT;
        let credit = credit.min(MAX_MISSING_SEGMENTS.into());
        let shown = original.min(length + MAX_MISSING.min(credit * max_segment));
        // Fits: it is at most `MAX_MISSING_SEGMENTS`.
        self.credit = (credit - (shown - length).div_ceil(max_segment)) as u16;
        // Fits: it is at most the captured length, which is in memory, and `MAX_MISSING`.
        let shown_len = shown as usize;
        let mut at = 0;
        while at < shown_len {
            let end = shown_len.min(at + usize::from(self.max_segment));
            let payload = &captured[at.min(captured.len())..end.min(captured.len())];
            let flags = if end == shown_len { PSH | ACK } else { ACK };
            self.send(
                Sent { time, direction: data.direction, flags, payload, original_len: end - at },
                sink,
            )?;
            at = end;
        }
        self.skip(data.direction, original - shown);
        Ok(())
    }

    /// A FIN from each side that has not sent one.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn close(&mut self, time: u64, sink: &mut impl PacketSink) -> io::Result<()> {
        self.fin(time, self.initiator.sends(), sink)?;
        self.fin(time, self.initiator.sends().reverse(), sink)
    }

    /// Counts bytes that are not shown, modulo 2^32.
    pub fn skip(&mut self, direction: Direction, bytes: u64) {
        let next = &mut self.next[direction as usize];
        // Sequence numbers are modulo 2^32 (RFC 9293 section 3.4).
        *next = next.wrapping_add(bytes as u32);
    }

    fn fin(&mut self, time: u64, direction: Direction, sink: &mut impl PacketSink) -> io::Result<()> {
        if std::mem::replace(&mut self.has_sent_fin[direction as usize], true) {
            return Ok(());
        }
        self.send(Sent { time, direction, flags: FIN | ACK, payload: &[], original_len: 0 }, sink)?;
        self.skip(direction, 1);
        Ok(())
    }

    fn send(&mut self, sent: Sent<'_>, sink: &mut impl PacketSink) -> io::Result<()> {
        let direction = sent.direction;
        let segment = Segment {
            direction,
            sequence: self.next[direction as usize],
            acknowledgment: self.next[direction.reverse() as usize],
            flags: sent.flags,
            window: WINDOW,
            original_len: sent.original_len,
        };
        let payload = &sent.payload[..sent.payload.len().min(self.snap_length.into())];
        let headers = self.headers.packet(segment, payload);
        self.order = self.order.max(sent.time);
        let result = sink.write(&Packet {
            time: sent.time,
            order: self.order,
            interface: self.interface,
            direction,
            headers,
            payload,
            original_len: sent.original_len,
            metadata: self.pending.get(),
        });
        self.pending.clear();
        self.skip(direction, sent.original_len as u64);
        result
    }

    fn syn(
        &mut self,
        time: u64,
        direction: Direction,
        flags: u16,
        sink: &mut impl PacketSink,
    ) -> io::Result<()> {
        self.order = self.order.max(time);
        let sequence = self.next[direction as usize].wrapping_sub(1);
        let acknowledgment = if flags & ACK == 0 { 0 } else { self.next[direction.reverse() as usize] };
        let (headers, options) = self.headers.syn(direction, sequence, acknowledgment, flags);
        let result = sink.write(&Packet {
            time,
            order: self.order,
            interface: self.interface,
            direction,
            headers,
            payload: options,
            original_len: options.len(),
            metadata: self.pending.get(),
        });
        self.pending.clear();
        result
    }
}

/// How many bytes a read or write takes in the sequence numbers.
#[must_use]
pub fn original_length(data: &Data<'_>) -> u64 {
    match data.length {
        Length::Whole | Length::Unsure => data.bytes.len() as u64,
        Length::CutFrom(length) | Length::AtLeast(length) | Length::Lossy(length) => length,
        // Anything more than was captured makes readers see that something is missing.
        Length::Cut => data.bytes.len() as u64 + 1,
    }
}
