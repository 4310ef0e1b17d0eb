//! The hot path: messages in the shape in which Envoy writes nearly all of them, with the fields in their order and
//! none that is out of the ordinary. They are events, the segments of a trace that hold one each, and the segments that
//! open a trace.
//!
//! Where a byte differs from that shape there is no answer, and the decoders that take any message ([`super::Cursor`],
//! [`super::event`]) see to it: they are the ones that say what is wrong.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::connection;
use super::wire::long_varint;
use crate::input::{Body, Decoded, DecodedWhat, Peek, Peeked};
use crate::trace::{Connection, Direction, Endpoint, TraceId, Truncation, nanoseconds};

/// A `SocketEvent` with a time and a read, a write or a close, perhaps with the connection's addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    time: u64,
    seq_num: u64,
    /// `None` of a close.
    data: Option<Data>,
    /// Where the `Connection` stands in the record (`set_connection_per_event`); empty where there is none.
    connection: (usize, usize),
}

#[derive(Clone, Copy, Debug)]
struct Data {
    direction: Direction,
    /// Where the body stands in the record.
    start: usize,
    end: usize,
    truncated: bool,
    end_stream: bool,
}

impl Usual {
    /// The event as it is seen without its bytes.
    #[inline(always)]
    pub(crate) fn peek(&self, trace: TraceId) -> Peek<'static> {
        let what = self.data.map_or(Peeked::Closed, |data| Peeked::Data {
            direction: data.direction,
            captured_len: data.end - data.start,
            is_length_known: !data.truncated,
            end_stream: data.end_stream,
        });
        Peek { trace, time: self.time, seq_num: self.seq_num, what }
    }

    /// Where the body stands in the record.
    #[inline(always)]
    pub(in crate::input) fn body(&self) -> Range<usize> {
        self.data.map_or(0..0, |data| data.start..data.end)
    }

    /// Where the connection stands in the record; empty where there is none.
    #[inline(always)]
    pub(in crate::input) fn connection(&self) -> Range<usize> {
        self.connection.0..self.connection.1
    }

    /// The event as other decoders give it.
    pub(in crate::input) fn decoded(&self, bytes: &[u8]) -> Decoded {
        let what = self.data.map_or(DecodedWhat::Closed, |data| DecodedWhat::Data {
            direction: data.direction,
            body: Body::Record(data.start..data.end),
            truncation: Truncation::by_limit(data.truncated),
            end_stream: data.end_stream,
        });
        let connection = connection::usual(&bytes[self.connection()]);
        Decoded { time: self.time, seq_num: self.seq_num, connection, what, is_truncated: false }
    }
}

/// A record that is nothing but a `SocketStreamedTraceSegment` with a trace's id, which comes first, and one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EventSegment {
    pub(crate) id: u64,
    /// Where the event stands, at the end of the record.
    pub(in crate::input) event: Range<usize>,
}

/// The record of a delimited trace that begins at `at`.
#[inline(always)]
pub(in crate::input) fn record(bytes: &[u8], at: usize) -> Option<EventSegment> {
    let mut walk = Walk { bytes, at };
    let end = walk.message()?;
    event_segment(bytes, walk.at, end)
}

/// The same without the length before it: a record from `at` to `end`.
#[inline(always)]
pub(in crate::input) fn event_segment(bytes: &[u8], at: usize, end: usize) -> Option<EventSegment> {
    let mut walk = Walk { bytes, at };
    let id = walk.segment(0x1a, end)?;
    Some(EventSegment { id, event: walk.at..end })
}

/// A record, the first `end` of `bytes`, that is nothing but a `SocketStreamedTraceSegment` with a trace's id and the
/// connection that begins it, whose addresses are numeric.
pub(in crate::input) fn opening(bytes: &[u8], end: usize) -> Option<(u64, Connection)> {
    let mut walk = Walk { bytes, at: 0 };
    let id = walk.segment(0x12, end)?;
    let mut address = |tag| {
        if walk.eat_if(tag, end) {
            walk.message().and_then(|end| walk.address(end)).map(Some)
        } else {
            Some(None)
        }
    };
    let connection = Connection { local: address(0x0a)?, remote: address(0x12)?, sample_rate: None };
    walk.ends(end)?;
    Some((id, connection))
}

/// An `Address` that is a `SocketAddress` with a number and a port.
pub(super) fn address(bytes: &[u8]) -> Option<Endpoint> {
    Walk { bytes, at: 0 }.address(bytes.len())
}

/// An event, which stands in `range`.
#[inline(always)]
pub(in crate::input) fn event(bytes: &[u8], range: Range<usize>) -> Option<Usual> {
    let mut walk = Walk { bytes, at: range.start };
    walk.eat(0x0a)?;
    let timestamp_end = walk.message()?;
    walk.eat(0x08)?;
    let seconds = walk.long_number()?;
    let nanos = if walk.eat_if(0x10, timestamp_end) { walk.long_number()? } else { 0 };
    walk.ends(timestamp_end)?;
    let time = nanoseconds(seconds.cast_signed(), nanos.cast_signed());
    let direction = match walk.byte()? {
        0x12 => Direction::Read,
        0x1a => Direction::Write,
        0x22 => {
            walk.eat(0)?;
            let connection = walk.connection(range.end)?;
            let seq_num = if walk.eat_if(0x30, range.end) { walk.number()? } else { 0 };
            walk.ends(range.end)?;
            return Some(Usual { time, seq_num, data: None, connection });
        }
        _ => return None,
    };
    let data_end = walk.message()?;
    walk.eat(0x0a)?;
    let body_end = walk.message()?;
    walk.eat(0x0a)?;
    let end = walk.message()?;
    let start = walk.at;
    walk.at = end;
    let truncated = walk.eat_if(0x18, body_end) && walk.number()? != 0;
    walk.ends(body_end)?;
    let end_stream = walk.eat_if(0x10, data_end) && walk.number()? != 0;
    walk.ends(data_end)?;
    let connection = walk.connection(range.end)?;
    let seq_num = if walk.eat_if(0x30, range.end) { walk.number()? } else { 0 };
    walk.ends(range.end)?;
    let data = Some(Data { direction, start, end, truncated, end_stream });
    Some(Usual { time, seq_num, data, connection })
}

/// Goes through bytes, of which there may be more than are of the message: a number that is taken with those behind it
/// is taken faster. Where each message ends is checked when all that should be in it has been passed.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Passes over a field's tag, which has to come.
    #[inline(always)]
    fn eat(&mut self, tag: u8) -> Option<()> {
        (self.byte()? == tag).then_some(())
    }

    /// Passes over a field's tag, if that is what comes in a message that goes on to `end`.
    #[inline(always)]
    fn eat_if(&mut self, tag: u8, end: usize) -> bool {
        let has = self.at < end && self.bytes.get(self.at) == Some(&tag);
        self.at += usize::from(has);
        has
    }

    /// A number that is small, most often. Not by [`varint`](super::wire::varint): the program takes a sixth longer with
    /// it, measured on events of 100 bytes.
    #[inline(always)]
    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        let low = self.byte()?;
        if low < 0x80 {
            return Some(low.into());
        }
        let high = self.byte()?;
        if high < 0x80 {
            return Some(u64::from(low & 0x7f) | u64::from(high) << 7);
        }
        self.at = start;
        self.long_number()
    }

    /// A number that is large, most often.
    #[inline(always)]
    fn long_number(&mut self) -> Option<u64> {
        let (value, length) = long_varint(self.bytes.get(self.at..)?).ok()?;
        self.at += length;
        Some(value)
    }

    /// Where the message ends whose length comes.
    #[inline(always)]
    fn message(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        let end = self.at.checked_add(length)?;
        (end <= self.bytes.len()).then_some(end)
    }

    /// Passes over the event's `connection`, if one comes in a message that goes on to `end`, and returns where it stands. Its
    /// addresses are not looked into: in all events of a connection but the first they are known.
    #[inline(always)]
    fn connection(&mut self, end: usize) -> Option<(usize, usize)> {
        if !self.eat_if(0x2a, end) {
            return Some((0, 0));
        }
        let connection_end = self.message()?;
        let start = self.at;
        for address in [0x0a, 0x12] {
            if self.eat_if(address, connection_end) {
                self.at = self.message()?;
            }
        }
        self.ends(connection_end)?;
        (start < connection_end).then_some((start, connection_end))
    }

    /// Goes to the content of a record's last field, which has this tag, and returns the trace's id, which comes first.
    /// All messages there end with the record, at `end`.
    #[inline(always)]
    fn segment(&mut self, tag: u8, end: usize) -> Option<u64> {
        self.eat(0x22)?;
        let wrapper_end = self.message()?;
        self.eat(0x08)?;
        let id = self.number()?;
        self.eat(tag)?;
        let field_end = self.message()?;
        (wrapper_end == end && field_end == end).then_some(id)
    }

    /// An `Address`, which goes on to `end`, that is a `SocketAddress` with a number and a port.
    fn address(&mut self, end: usize) -> Option<Endpoint> {
        self.eat(0x0a)?;
        let socket_end = self.message()?;
        if self.eat_if(0x08, socket_end) {
            self.number()?;
        }
        self.eat(0x12)?;
        let ip_end = self.message()?;
        let ip: IpAddr = str::from_utf8(&self.bytes[self.at..ip_end]).ok()?.parse().ok()?;
        self.at = ip_end;
        let port = if self.eat_if(0x18, socket_end) { self.number()? } else { 0 };
        self.ends(socket_end)?;
        self.ends(end)?;
        Some(Endpoint::Ip(SocketAddr::new(ip.to_canonical(), u16::try_from(port).ok()?)))
    }

    #[inline(always)]
    fn ends(&self, end: usize) -> Option<()> {
        (self.at == end).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::encoding::{encode_key, encode_varint};

    use super::super::Cursor;
    use super::super::event::decode_any;
    use super::*;
    use crate::input::binary::event::BodyForm;
    use crate::input::{Begun, Generation};

    fn number(field: u32, value: u64, message: &mut Vec<u8>) {
        encode_key(field, prost::encoding::WireType::Varint, message);
        encode_varint(value, message);
    }

    fn bytes(field: u32, value: &[u8], message: &mut Vec<u8>) {
        encode_key(field, prost::encoding::WireType::LengthDelimited, message);
        encode_varint(value.len() as u64, message);
        message.extend_from_slice(value);
    }

    const READ: u32 = 2;
    const CLOSED: u32 = 4;

    /// An event whose numbers are written where they are not 0, as Envoy does, with the `Connection` if there is one.
    fn encode(numbers: [u64; 5], what: u32, payload: &[u8], connection: Option<&[u8]>) -> Vec<u8> {
        let [seconds, nanos, truncated, end_stream, seq_num] = numbers;
        let optional = |field, value, message: &mut Vec<u8>| {
            if value != 0 {
                number(field, value, message);
            }
        };
        let (mut timestamp, mut body, mut data, mut event) = (vec![], vec![], vec![], vec![]);
        optional(1, seconds, &mut timestamp);
        optional(2, nanos, &mut timestamp);
        bytes(1, &timestamp, &mut event);
        bytes(1, payload, &mut body);
        optional(3, truncated, &mut body);
        bytes(1, &body, &mut data);
        optional(2, end_stream, &mut data);
        bytes(what, if what == CLOSED { &[] } else { &data }, &mut event);
        if let Some(connection) = connection {
            bytes(5, connection, &mut event);
        }
        optional(6, seq_num, &mut event);
        event
    }

    /// A `Connection` with these of its addresses.
    fn encode_connection(addresses: [Option<SocketAddr>; 2], protocol: u64) -> Vec<u8> {
        let mut connection = vec![];
        for (field, address) in (1..).zip(addresses).filter_map(|(field, address)| Some((field, address?))) {
            let (mut socket, mut message) = (vec![], vec![]);
            if protocol > 0 {
                number(1, protocol, &mut socket);
            }
            bytes(2, address.ip().to_string().as_bytes(), &mut socket);
            if address.port() > 0 {
                number(3, address.port().into(), &mut socket);
            }
            bytes(1, &socket, &mut message);
            bytes(field, &message, &mut connection);
        }
        connection
    }

    /// What two decoders are compared by.
    fn seen(decoded: &Decoded) -> String {
        format!("{decoded:?}")
    }

    proptest! {
        #[test]
        fn reads_what_the_decoder_for_all_shapes_reads(
            numbers in (any::<u64>(), any::<u32>(), 0u64..2, 0u64..2, any::<u64>())
                .prop_map(|(a, b, c, d, e)| [a >> 30, u64::from(b), c, d, e >> 20]),
            what in READ..=CLOSED,
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            addresses: Option<[Option<SocketAddr>; 2]>,
            change in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let connection = addresses.map(|addresses| encode_connection(addresses, 0));
            let mut record = encode(numbers, what, &payload, connection.as_deref());
            if let Some((index, byte)) = change {
                let index = index.index(record.len());
                record[index] = byte;
            }
            let end = record.len();
            let any = decode_any(&record, 0..end, BodyForm::Message);
            record.extend_from_slice(&behind);
            let usual = event(&record, 0..end);
            if change.is_none() && numbers[0] != 0 && addresses != Some([None; 2]) {
                prop_assert!(usual.is_some());
            }
            if let Some(usual) = usual {
                prop_assert_eq!(seen(&usual.decoded(&record)), seen(&any.expect("an event")));
            }
        }

        #[test]
        fn reads_the_openings_that_the_decoder_for_all_shapes_reads(
            id in 1u64..,
            addresses: [Option<SocketAddr>; 2],
            protocol in 0u64..2,
            change in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let connection = encode_connection(addresses, protocol);
            let (mut segment, mut record) = (vec![], vec![]);
            number(1, id, &mut segment);
            bytes(2, &connection, &mut segment);
            bytes(4, &segment, &mut record);
            if let Some((index, byte)) = change {
                let index = index.index(record.len());
                record[index] = byte;
            }
            let end = record.len();
            let mut cursor = Cursor::new(false);
            let any = cursor.begin(&record, false);
            record.extend_from_slice(&behind);
            let usual = opening(&record, end);
            prop_assert!(usual.is_some() || change.is_some());
            if let Some((id, connection)) = usual {
                let Ok(Begun::Trace(head)) = any else { panic!("{any:?}") };
                prop_assert_eq!((head.trace.id, head.opens, head.ends), (id, true, false));
                prop_assert_eq!(head.connection.as_deref(), Some(&connection));
                prop_assert_eq!(cursor.generation(), Generation::From1_28);
            }
        }

        #[test]
        fn a_segment_is_one_only_if_it_ends_with_its_record(
            id in 1u64..,
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let event = encode([1_700_000_000, 5, 0, 0, 1], READ, &payload, None);
            let (mut segment, mut record) = (vec![], vec![]);
            number(1, id, &mut segment);
            bytes(3, &event, &mut segment);
            bytes(4, &segment, &mut record);
            let end = record.len();
            record.extend_from_slice(&behind);
            prop_assert_eq!(super::event_segment(&record, 0, end), Some(EventSegment { id, event: end - event.len()..end }));
            prop_assert!(super::event_segment(&record, 0, end - 1).is_none());
            if !behind.is_empty() {
                prop_assert!(super::event_segment(&record, 0, end + 1).is_none());
            }
        }
    }
}
