//! The hot path is taken: nearly all events of a large stream go on as plain ones.

use prost::Message as _;

use super::*;
use crate::input::Input;
use crate::merge::tap::{Tap, TapState};
use crate::merge::{Merge, Next};
use crate::proto::envoy::config::core::v3::socket_address::PortSpecifier;
use crate::proto::envoy::config::core::v3::{Address, SocketAddress, address};
use crate::proto::envoy::data::tap::v3::socket_event::{self, EventSelector};
use crate::proto::envoy::data::tap::v3::socket_streamed_trace_segment::MessagePiece;
use crate::proto::envoy::data::tap::v3::{
    Body, Connection, SocketEvent, SocketEvents, SocketStreamedTraceSegment, TraceWrapper, body,
    trace_wrapper,
};

const CONNECTIONS: u64 = 20;
const EVENTS: u64 = 10_000;

fn record(trace_id: u64, piece: MessagePiece) -> Vec<u8> {
    let segment = SocketStreamedTraceSegment { trace_id, message_piece: Some(piece) };
    let trace = Some(trace_wrapper::Trace::SocketStreamedTraceSegment(segment));
    TraceWrapper { trace, ..TraceWrapper::default() }.encode_length_delimited_to_vec()
}

fn connection(id: u64) -> Connection {
    let address = |port: u64| {
        let socket = SocketAddress {
            address: b"10.0.0.1".to_vec(),
            port_specifier: Some(PortSpecifier::PortValue(port as u32)),
            ..SocketAddress::default()
        };
        Some(Address { address: Some(address::Address::SocketAddress(socket)) })
    };
    Connection { local_address: address(443), remote_address: address(30_000 + id) }
}

/// Event number `number` of a connection, with a body of 100 bytes.
fn event(number: u64, connection: Option<Connection>) -> SocketEvent {
    let data = Some(Body { body_type: Some(body::BodyType::AsBytes(vec![7; 100])), truncated: false });
    let selector = match number % 2 {
        0 => EventSelector::Read(socket_event::Read { data }),
        _ => EventSelector::Write(socket_event::Write { data, end_stream: false }),
    };
    let timestamp =
        Some(crate::proto::google::protobuf::Timestamp { seconds: 1_700_000_000, nanos: number as i32 });
    SocketEvent { timestamp, connection, seq_num: 1 + number * 100, event_selector: Some(selector) }
}

/// A stream of connections that take turns. After half of it comes `unusual`, made of an id and an event of its own.
fn stream(has_connections: bool, unusual: Option<&dyn Fn(u64, SocketEvent) -> Vec<u8>>) -> Vec<u8> {
    let mut tap: Vec<u8> =
        (0..CONNECTIONS).flat_map(|id| record(id + 1, MessagePiece::Connection(connection(id)))).collect();
    for number in 0..EVENTS {
        for id in 0..CONNECTIONS {
            let event = event(number, has_connections.then(|| connection(id)));
            match unusual {
                Some(unusual) if id == 3 && number == EVENTS / 2 => tap.extend(unusual(id + 1, event)),
                _ => tap.extend(record(id + 1, MessagePiece::Event(event))),
            }
        }
    }
    tap
}

/// How many events of taps, merged, went on as plain ones, and how many went another way.
fn ways(taps: Vec<Vec<u8>>) -> [u64; 2] {
    let open = |(number, tap): (usize, Vec<u8>)| {
        let name = format!("tap-{number}");
        let input = Input::from_bytes(name.clone(), tap, None).expect("a tap");
        Tap { path: name.clone().into(), name, state: TapState::Open(Box::new(input)) }
    };
    let mut merge = Merge::new(taps.into_iter().enumerate().map(open).collect(), None);
    let [mut plain, mut other] = [0; 2];
    loop {
        let each = |_: u32, event: Plain<'_>| {
            assert_eq!(event.bytes, [7; 100]);
            plain += 1;
            Ok(())
        };
        merge.each_in_order(each).expect("no error");
        match merge.advance().expect("no damage") {
            Next::Event(number) => {
                merge.event(number).expect("an event");
                other += 1;
            }
            Next::Exchange(_)
            | Next::Flow(_)
            | Next::Arrived(..)
            | Next::Ended(..)
            | Next::Idle
            | Next::InOrder => {}
            Next::End => return [plain, other],
        }
    }
}

#[track_caller]
fn assert_taken(taps: Vec<Vec<u8>>) {
    let count = taps.len() as u64;
    let [plain, other] = ways(taps);
    assert_eq!(plain + other, count * (EVENTS * CONNECTIONS + CONNECTIONS), "with the openings");
    assert!(plain >= 99 * (plain + other) / 100, "{other} of {} went another way", plain + other);
}

#[test]
fn streams_that_are_merged_take_the_hot_path() {
    for has_connections in [false, true] {
        assert_taken(vec![stream(has_connections, None), stream(has_connections, None)]);
    }
}

#[test]
fn a_stream_takes_the_hot_path() {
    assert_taken(vec![stream(false, None)]);
}

#[test]
fn a_stream_with_a_connection_in_every_event_takes_the_hot_path() {
    assert_taken(vec![stream(true, None)]);
}

#[test]
fn a_stream_takes_the_hot_path_again_after_an_unusual_record() {
    for has_connections in [false, true] {
        // A batch of one event.
        let batch = |id, event| record(id, MessagePiece::Events(SocketEvents { events: vec![event] }));
        assert_taken(vec![stream(has_connections, Some(&batch))]);
        // A field that no Envoy of today writes.
        let unknown = |id, event| {
            let record = record(id, MessagePiece::Event(event));
            let mut wrapper = &record[..];
            let length = prost::encoding::decode_varint(&mut wrapper).expect("a length");
            let mut longer = Vec::new();
            prost::encoding::encode_varint(length + 2, &mut longer);
            [&longer[..], wrapper, &[0x78, 1]].concat()
        };
        assert_taken(vec![stream(has_connections, Some(&unknown))]);
    }
}
