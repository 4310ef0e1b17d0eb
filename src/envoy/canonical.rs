//! The fast lane: segments with one event in the canonical binary encoding, as Envoy writes nearly all of them.
//!
//! Returns `None` for any other encoding; the [general way](super::event) handles it and reports errors.

use std::ops::Range;

use super::canonical_reader::{CanonicalReader, addresses};
use super::connection;
use super::decoded::{Decoded, DecodedWhat};
use crate::proto::envoy::data::tap::v3::{Body, SocketEvent, SocketStreamedTraceSegment, socket_event};
use crate::proto::google::protobuf::Timestamp;
use crate::protobuf::Bytes;
use crate::protobuf::binary::{bytes_tag, number_tag};
use crate::trace::{Connection, Direction, EventHeader, HeaderKind, TraceId, Truncation, nanoseconds};

// The tags, in their order.
const EVENT: u8 = bytes_tag(SocketStreamedTraceSegment::EVENT);
const TIMESTAMP: u8 = bytes_tag(SocketEvent::TIMESTAMP);
const SECONDS: u8 = number_tag(Timestamp::SECONDS);
const NANOS: u8 = number_tag(Timestamp::NANOS);
const READ: u8 = bytes_tag(SocketEvent::READ);
const WRITE: u8 = bytes_tag(SocketEvent::WRITE);
const DATA: u8 = bytes_tag(socket_event::Write::DATA);
const AS_BYTES: u8 = bytes_tag(Body::AS_BYTES);
const TRUNCATED: u8 = number_tag(Body::TRUNCATED);
const END_STREAM: u8 = number_tag(socket_event::Write::END_STREAM);
const CLOSED: u8 = bytes_tag(SocketEvent::CLOSED);
const SEQ_NUM: u8 = number_tag(SocketEvent::SEQ_NUM);

/// A `SocketEvent` with a time and a read, a write or a close, perhaps with the connection's addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CanonicalEvent {
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

impl CanonicalEvent {
    /// The event as it is seen without its bytes.
    #[inline(always)]
    pub(crate) fn peek(&self, trace: TraceId) -> EventHeader<'static> {
        let what = self.data.map_or(HeaderKind::Closed, |data| HeaderKind::Data {
            direction: data.direction,
            captured_len: data.end - data.start,
            is_length_known: !data.truncated,
            end_stream: data.end_stream,
        });
        EventHeader { trace, time: self.time, seq_num: self.seq_num, what }
    }

    /// Where the body stands in the record.
    #[inline(always)]
    pub(crate) fn body(&self) -> Range<usize> {
        self.data.map_or(0..0, |data| data.start..data.end)
    }

    /// Where the connection stands in the record; empty where there is none.
    #[inline(always)]
    pub(crate) fn connection(&self) -> Range<usize> {
        self.connection.0..self.connection.1
    }

    /// The event as other decoders give it.
    pub(crate) fn decoded(&self, bytes: &[u8]) -> Decoded {
        let what = self.data.map_or(DecodedWhat::Closed, |data| DecodedWhat::Data {
            direction: data.direction,
            bytes: Bytes { range: data.start..data.end, ..Bytes::default() },
            truncation: Truncation::by_limit(data.truncated),
            end_stream: data.end_stream,
        });
        let connection = connection::of_canonical_event(&bytes[self.connection()]);
        Decoded { time: self.time, seq_num: self.seq_num, connection, what, is_truncated: false }
    }
}

/// The `Connection` that such an event has; `None` where `bytes` is empty.
pub(crate) fn connection(bytes: &[u8]) -> Option<Box<Connection>> {
    connection::of_canonical_event(bytes)
}

/// A record that is nothing but a `SocketStreamedTraceSegment` with a trace's id, which comes first, and one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EventSegment {
    pub(crate) id: u64,
    /// Where the event stands, at the end of the record.
    pub(crate) event: Range<usize>,
}

/// The record of a delimited trace that begins at `at`.
#[inline(always)]
pub(crate) fn record(bytes: &[u8], at: usize) -> Option<EventSegment> {
    let mut walk = CanonicalReader { bytes, at };
    let end = walk.message()?;
    event_segment(bytes, walk.at, end)
}

/// The same without the length before it: a record from `at` to `end`.
#[inline(always)]
fn event_segment(bytes: &[u8], at: usize, end: usize) -> Option<EventSegment> {
    let mut walk = CanonicalReader { bytes, at };
    let id = walk.segment(EVENT, end)?;
    Some(EventSegment { id, event: walk.at..end })
}

/// The trace's id and the event of a record that is nothing but a segment with one canonical event.
#[inline]
pub(super) fn lone_event(record: &[u8]) -> Option<(u64, Decoded)> {
    let segment = event_segment(record, 0, record.len())?;
    Some((segment.id, event(record, segment.event)?.decoded(record)))
}

/// The trace's id and the addresses of a record that is nothing but a segment that opens a trace, with canonical addresses.
#[inline]
pub(super) fn lone_opening(record: &[u8]) -> Option<(u64, Connection)> {
    const OPENING: u8 = bytes_tag(SocketStreamedTraceSegment::CONNECTION);
    let mut walk = CanonicalReader { bytes: record, at: 0 };
    let id = walk.segment(OPENING, record.len())?;
    Some((id, addresses(record, walk.at..record.len())?))
}

/// An event, in `range`.
#[inline(always)]
pub(crate) fn event(bytes: &[u8], range: Range<usize>) -> Option<CanonicalEvent> {
    let mut walk = CanonicalReader { bytes, at: range.start };
    walk.eat(TIMESTAMP)?;
    let timestamp_end = walk.message()?;
    walk.eat(SECONDS)?;
    let seconds = walk.long_number()?;
    let nanos = if walk.eat_if(NANOS, timestamp_end) { walk.long_number()? } else { 0 };
    walk.ends(timestamp_end)?;
    let time = nanoseconds(seconds.cast_signed(), nanos.cast_signed());
    let direction = match walk.byte()? {
        READ => Direction::Read,
        WRITE => Direction::Write,
        CLOSED => {
            walk.eat(0)?;
            let connection = walk.connection(range.end)?;
            let seq_num = if walk.eat_if(SEQ_NUM, range.end) { walk.number()? } else { 0 };
            walk.ends(range.end)?;
            return Some(CanonicalEvent { time, seq_num, data: None, connection });
        }
        _ => return None,
    };
    let data_end = walk.message()?;
    walk.eat(DATA)?;
    let body_end = walk.message()?;
    walk.eat(AS_BYTES)?;
    let end = walk.message()?;
    let start = walk.at;
    walk.at = end;
    let truncated = walk.eat_if(TRUNCATED, body_end) && walk.number()? != 0;
    walk.ends(body_end)?;
    let end_stream = walk.eat_if(END_STREAM, data_end) && walk.number()? != 0;
    walk.ends(data_end)?;
    let connection = walk.connection(range.end)?;
    let seq_num = if walk.eat_if(SEQ_NUM, range.end) { walk.number()? } else { 0 };
    walk.ends(range.end)?;
    let data = Some(Data { direction, start, end, truncated, end_stream });
    Some(CanonicalEvent { time, seq_num, data, connection })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::encoding::{encode_key, encode_varint};

    use std::net::SocketAddr;

    use super::super::canonical_reader;
    use super::super::event::{BodyForm, EventReader};
    use super::super::generation::Generation;
    use super::*;
    use crate::proto::envoy::data::tap::v3::TraceWrapper;
    use crate::protobuf::binary::Place;
    use crate::protobuf::{Damage, Reader};

    fn number(field: u32, value: u64, message: &mut Vec<u8>) {
        encode_key(field, prost::encoding::WireType::Varint, message);
        encode_varint(value, message);
    }

    fn bytes(field: u32, value: &[u8], message: &mut Vec<u8>) {
        encode_key(field, prost::encoding::WireType::LengthDelimited, message);
        encode_varint(value.len() as u64, message);
        message.extend_from_slice(value);
    }

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
        bytes(what, if what == SocketEvent::CLOSED { &[] } else { &data }, &mut event);
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

    /// The event, as it is read in any encoding.
    fn read_any(record: &[u8]) -> Result<Decoded, Damage> {
        let mut scratch = Vec::new();
        let mut event = EventReader::new(BodyForm::Message);
        Reader::new(record, &mut scratch, Place::of_message(0..record.len())).message(&mut event)?;
        Ok(event.decoded)
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
            what in SocketEvent::READ..=SocketEvent::CLOSED,
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
            let any = read_any(&record);
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
        fn reads_the_addresses_that_the_general_way_reads(
            addresses: [Option<SocketAddr>; 2],
            protocol in 0u64..2,
            change in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut record = encode_connection(addresses, protocol);
            if let Some((index, byte)) = change
                && !record.is_empty()
            {
                let index = index.index(record.len());
                record[index] = byte;
            }
            let end = record.len();
            let mut scratch = Vec::new();
            let any = connection::read_any(&mut Reader::new(&record, &mut scratch, Place::of_message(0..end)));
            record.extend_from_slice(&behind);
            let canonical = canonical_reader::addresses(&record, 0..end);
            prop_assert!(canonical.is_some() || change.is_some());
            if let Some(connection) = canonical {
                let any = any.expect("a connection");
                prop_assert_eq!((&*any.connection, any.id), (&connection, None));
                prop_assert_eq!(any.generation, Generation::From1_28);
            }
        }

        #[test]
        fn a_segment_is_one_only_if_it_ends_with_its_record(
            id in 1u64..,
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let event = encode([1_700_000_000, 5, 0, 0, 1], SocketEvent::READ, &payload, None);
            let (mut segment, mut record) = (vec![], vec![]);
            number(SocketStreamedTraceSegment::TRACE_ID, id, &mut segment);
            bytes(SocketStreamedTraceSegment::EVENT, &event, &mut segment);
            bytes(TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT, &segment, &mut record);
            let end = record.len();
            record.extend_from_slice(&behind);
            let expected = EventSegment { id, event: end - event.len()..end };
            prop_assert_eq!(event_segment(&record, 0, end), Some(expected));
            prop_assert!(event_segment(&record, 0, end - 1).is_none());
            if !behind.is_empty() {
                prop_assert!(event_segment(&record, 0, end + 1).is_none());
            }
        }
    }
}
