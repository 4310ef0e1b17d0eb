//! What older Envoys wrote: the taps of every generation, made from today's by undoing what has changed since.

use crate::conversion::{Converted, convert, convert_to};
use crate::encode::tree::{Field, Message, Value, each_field, field};
use crate::encode::{Format, Kind, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, ip, noise};

const BINARY: [Format; 2] = [Format::Binary, Format::Delimited];

fn conversation() -> Conversation {
    Conversation::new(77).read("GET /").write(noise(3_000)).read("").last_write("o").last_write("k")
}

/// The fields of the only field of a message.
#[track_caller]
fn only_field(message: Message) -> Message {
    let [Field { value: Value::Message(fields), .. }] = <[Field; 1]>::try_from(message).expect("one field")
    else {
        panic!("it is a message")
    };
    fields
}

/// Before 1.28 the addresses had the numbers 2 and 3.
fn old_connections(message: &mut Message) {
    each_field(message, &mut |field| {
        if field.name == "connection"
            && let Value::Message(addresses) = &mut field.value
        {
            addresses.iter_mut().for_each(|address| address.number += 1);
        }
    });
}

/// Before 2019 a body was no message, but its bytes.
fn plain_bodies(message: &mut Message) {
    each_field(message, &mut |field| {
        if field.name == "data"
            && let Value::Message(body) = &field.value
        {
            field.value = body[0].value.clone();
        }
    });
}

/// The fields of a `Trace` of Envoy 1.7 to 1.9, and of the `SocketBufferedTrace` that was made of it: no `trace_id`,
/// but an id in the connection.
#[track_caller]
fn old_trace(conversation: &Conversation) -> Message {
    let record = Tap::buffered(Format::Binary).records(std::slice::from_ref(conversation)).remove(0);
    let mut trace = only_field(record);
    old_connections(&mut trace);
    let id = trace.remove(0);
    for (field, number) in trace.iter_mut().zip(1..) {
        field.number = number;
    }
    if let Value::Message(connection) = &mut trace[0].value {
        connection.insert(0, field("id", 1, id.value));
    }
    trace
}

#[track_caller]
fn assert_is_the_conversation(converted: &Converted, conversation: &Conversation, tap: &Tap) {
    assert_shows(&converted.capture, conversation, tap);
    let id = format!("tap.trace_id={}", conversation.id);
    assert!(converted.capture.packets[0].comments.contains(&id), "{:?}", converted.capture.packets[0]);
}

#[test]
fn connections_of_envoy_1_27_and_older() {
    let mut upstream = conversation().closed();
    upstream.is_upstream = true;
    let ipv6 = conversation().between(ip("[fd00::1]:80"), ip("[fd00::2]:81")).closed();
    for kind in [Kind::Buffered, Kind::Streamed] {
        for format in BINARY {
            let tap = Tap { kind, ..Tap::streamed(format) };
            for conversation in [conversation().closed(), ipv6.clone()] {
                let mut records = tap.records(std::slice::from_ref(&conversation));
                records.iter_mut().for_each(old_connections);
                let converted = convert(&[], &format.print(&records));
                assert_is_the_conversation(&converted, &conversation, &tap);
            }
        }
    }
    for format in BINARY {
        // The first segment has a remote address only.
        let tap = Tap { connection_per_event: true, ..Tap::streamed(format) };
        let mut records = tap.records(std::slice::from_ref(&upstream));
        records.iter_mut().for_each(old_connections);
        assert_is_the_conversation(&convert(&[], &format.print(&records)), &upstream, &tap);
    }
}

#[test]
fn a_remote_address_alone_is_a_remote_address_in_both_numberings() {
    let conversation = conversation().between(None, ip("10.0.0.9:99")).closed();
    let tap = Tap::streamed(Format::Binary);
    let new = tap.records(std::slice::from_ref(&conversation));
    let mut old = new.clone();
    old.iter_mut().for_each(old_connections);
    let [new, old] = [new, old].map(|records| convert(&[], &tap.format.print(&records)));
    assert_eq!(new.capture.packets, old.capture.packets);
    assert_eq!(new.capture.packets[0].source, crate::model::address("10.0.0.9:99"));
}

#[test]
fn the_capture_transport_socket_of_envoy_1_7_to_1_9() {
    let ipv6 = conversation().between(ip("[fd00::1]:80"), ip("[fd00::2]:81"));
    for conversation in [conversation(), ipv6] {
        let mut trace = old_trace(&conversation);
        plain_bodies(&mut trace);
        for format in [Format::Binary, Format::Text] {
            let converted = convert(&[], &format.print(std::slice::from_ref(&trace)));
            assert_is_the_conversation(&converted, &conversation, &Tap::buffered(format));
        }
    }
}

#[test]
fn a_trace_of_the_capture_transport_socket_can_be_long() {
    let conversation = (0..200).fold(Conversation::new(3), |conversation, n| {
        if n % 3 == 0 { conversation.read(noise(n * 40)) } else { conversation.write(noise(n * 40)) }
    });
    let mut trace = old_trace(&conversation);
    plain_bodies(&mut trace);
    for format in [Format::Binary, Format::Text] {
        let converted = convert(&[], &format.print(std::slice::from_ref(&trace)));
        assert_is_the_conversation(&converted, &conversation, &Tap::buffered(format));
    }
}

#[test]
fn the_buffered_trace_wrapper_of_early_2019() {
    let conversation = conversation();
    let mut plain = old_trace(&conversation);
    plain_bodies(&mut plain);
    for trace in [old_trace(&conversation), plain] {
        let wrapper = vec![field("socket_buffered_trace", 2, Value::Message(trace))];
        for format in [Format::Binary, Format::Delimited, Format::Text] {
            let converted = convert(&[], &format.print(std::slice::from_ref(&wrapper)));
            assert_is_the_conversation(&converted, &conversation, &Tap::buffered(format));
        }
    }
}

/// Envoy was killed: the file ends in the body of the last event.
#[test]
fn the_last_event_of_a_killed_envoy() {
    const BODY: usize = 300;
    let body = noise(BODY);
    let conversation = Conversation::new(77).read("GET /").write(&body);
    let trace = old_trace(&conversation);
    let mut plain = trace.clone();
    plain_bodies(&mut plain);
    let wrapper = |trace: &Message| vec![field("socket_buffered_trace", 2, Value::Message(trace.clone()))];
    let mut segments =
        Tap { seq_num: false, ..Tap::streamed(Format::Binary) }.records(std::slice::from_ref(&conversation));
    segments.iter_mut().for_each(old_connections);
    let text = [(vec![plain.clone()], Format::Text), (vec![wrapper(&trace)], Format::Text)];
    let binary = BINARY.into_iter().flat_map(|format| {
        let capture = (format == Format::Binary).then(|| vec![plain.clone()]);
        let others = [vec![wrapper(&trace)], vec![wrapper(&plain)], segments.clone()];
        others.into_iter().chain(capture).map(move |records| (records, format))
    });
    for (records, format) in binary.chain(text) {
        let tap = format.print(&records);
        let is_text = format == Format::Text;
        // The last bytes of text are brackets.
        let (first, step) = if is_text { (30, 60) } else { (1, 23) };
        for missing in (first..BODY).step_by(step) {
            let cut = &tap[..tap.len() - missing];
            let converted = convert_to("capture.pcapng", &[], cut, 1);
            let [first, last] = &converted.capture.packets[..] else { panic!("{}", converted.messages) };
            assert_eq!(first.payload, b"GET /");
            assert!(body.starts_with(&last.payload), "{format:?} {missing}");
            let (captured, length) = (last.payload.len(), last.length);
            if is_text {
                // A byte takes one to four characters there, and some brackets follow.
                assert!(
                    captured + missing >= BODY && length == captured + 1,
                    "{captured} of {length}, {missing}"
                );
            } else {
                assert_eq!((captured, length), (BODY - missing, BODY), "{format:?} {missing} {records:?}");
            }
        }
    }
}

/// From 1.39 the first message of a tap may say how many connections are tapped.
#[test]
fn a_sample_rate_on_the_first_message() {
    let conversation = conversation().closed();
    for kind in [Kind::Buffered, Kind::Streamed] {
        for format in Format::LOSSLESS {
            for denominator in [Value::Enum("HUNDRED", 0), Value::Enum("MILLION", 2)] {
                let tap = Tap { kind, ..Tap::streamed(format) };
                let mut records = tap.records(std::slice::from_ref(&conversation));
                let rate = vec![field("numerator", 1, Value::U32(50)), field("denominator", 2, denominator)];
                records[0].push(field("configured_sample_rate", 5, Value::Message(rate)));
                let converted = convert(&[], &format.print(&records));
                assert_is_the_conversation(&converted, &conversation, &tap);
            }
        }
    }
}
