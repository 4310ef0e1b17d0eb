//! The addresses of packets: the trace's own, or those given by hand, or stand-ins that are named as such.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use super::{STREAMED, converted};
use crate::capture::Capture;
use crate::conversion::convert;
use crate::encode::tree::{Value, each_field};
use crate::encode::{Format, Tap};
use crate::expected::assert_shows;
use crate::model::{Address, Conversation, address, ip};

fn pipe(path: &str) -> Option<Address> {
    Some(Address::Pipe(path.to_owned()))
}

/// Requests from the remote side: the first packet says who is who.
fn talk(conversation: Conversation) -> Conversation {
    conversation.read("GET / HTTP/1.1\r\n\r\n").write("HTTP/1.1 200 OK\r\n\r\n").closed()
}

/// The addresses of the only connection, local and remote.
#[track_caller]
fn addresses(capture: &Capture) -> [SocketAddr; 2] {
    let [remote, local] = capture.stream().addresses();
    assert_eq!(capture.packets[0].is_inbound, Some(true), "the first packet is read");
    [local, remote]
}

/// Whether an address is set aside for documentation.
fn is_stand_in(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.is_documentation(),
        IpAddr::V6(ip) => ip.segments()[..2] == [0x2001, 0xdb8],
    }
}

#[test]
fn what_has_no_ip_address_gets_a_stand_in_and_the_capture_says_for_what() {
    let internal = Some(Address::Internal("inner".to_owned()));
    let cases = [
        (pipe("/run/app.sock"), pipe(""), ["pipe:/run/app.sock", "pipe:"]),
        (internal, pipe("@abstract"), ["internal:inner", "pipe:@abstract"]),
        (None, None, ["unknown", "unknown"]),
    ];
    for (local, remote, names) in cases {
        let conversation = talk(Conversation::new(1).between(local, remote));
        let converted = converted(&[], &conversation);
        let stand_ins = addresses(&converted.capture);
        assert!(stand_ins.iter().all(|address| is_stand_in(*address)), "{stand_ins:?}");
        assert_ne!(stand_ins[0].ip(), stand_ins[1].ip());
        // Readers take what goes to the one for HTTP, and what comes from the other for a client's.
        assert_eq!((stand_ins[0].port(), stand_ins[1].port() >= 49_152), (80, true));
        let comments = &converted.capture.packets[0].comments;
        for ((side, name), address) in ["local", "remote"].iter().zip(names).zip(stand_ins) {
            assert!(comments.contains(&format!("tap.{side}_address={name}")), "{comments:?}");
            assert!(comments.contains(&format!("tap.{side}_stand_in={address}")), "{comments:?}");
            assert!(converted.messages.contains(&address.to_string()), "{}", converted.messages);
            assert!(converted.messages.contains(name), "{}", converted.messages);
        }
        assert!(converted.messages.contains("--local"), "{}", converted.messages);
    }
}

#[test]
fn every_conversation_has_stand_ins_of_its_own() {
    let conversations: Vec<Conversation> =
        (1..=600).map(|id| talk(Conversation::new(id).between(pipe("a"), pipe("a")))).collect();
    let converted = convert(&[], &STREAMED.write(&conversations));
    let streams = converted.capture.streams();
    let pairs: HashSet<[SocketAddr; 2]> = streams.iter().map(|stream| stream.addresses()).collect();
    assert_eq!((streams.len(), pairs.len()), (600, 600));
    assert!(converted.messages.contains("600"), "{}", converted.messages);
}

#[test]
fn one_known_address_decides_the_version_of_the_other() {
    for (known, is_ipv4) in [("10.0.0.1:5000", true), ("[fd00::1]:5000", false)] {
        for (local, remote) in [(ip(known), None), (None, ip(known)), (pipe("x"), ip(known))] {
            let conversation = talk(Conversation::new(1).between(local.clone(), remote.clone()));
            let capture = converted(&[], &conversation).capture;
            for (own, shown) in [local, remote].iter().zip(addresses(&capture)) {
                match own {
                    Some(Address::Ip(own)) => assert_eq!(shown, *own),
                    _ => assert!(is_stand_in(shown) && shown.is_ipv4() == is_ipv4, "{shown}"),
                }
            }
        }
    }
}

#[test]
fn an_ipv4_and_an_ipv6_address_are_both_shown_as_ipv6() {
    let conversation = talk(Conversation::new(1).between(ip("10.0.0.1:80"), ip("[fd00::1]:5000")));
    let capture = converted(&[], &conversation).capture;
    assert_eq!(addresses(&capture), ["[::ffff:10.0.0.1]:80", "[fd00::1]:5000"].map(address));
}

#[test]
fn addresses_by_hand_stand_where_the_trace_has_none() {
    let options = ["--local", "192.168.7.1:8443", "--remote", "192.168.7.2:55555"];
    let [local, remote] = ["192.168.7.1:8443", "192.168.7.2:55555"].map(address);
    let own = ip("10.0.0.1:99");
    let [own_address] = ["10.0.0.1:99"].map(address);
    let cases = [
        (None, None, [local, remote]),
        (pipe("x"), pipe("y"), [local, remote]),
        (None, own.clone(), [local, own_address]),
        (own.clone(), None, [own_address, remote]),
    ];
    for (trace_local, trace_remote, expected) in cases {
        let conversation = talk(Conversation::new(1).between(trace_local, trace_remote));
        let converted = converted(&options, &conversation);
        assert_eq!(addresses(&converted.capture), expected);
        assert!(!converted.messages.contains("no IP address"), "{}", converted.messages);
    }
}

#[test]
fn one_address_by_hand_decides_the_version_of_the_stand_in() {
    let conversation = talk(Conversation::new(1).between(None, None));
    let [local, remote] = addresses(&converted(&["--remote", "[fd00::1]:1"], &conversation).capture);
    assert_eq!(remote, address("[fd00::1]:1"));
    assert!(is_stand_in(local) && local.is_ipv6(), "{local}");
}

#[test]
fn addresses_by_hand_never_replace_those_of_the_trace() {
    let conversation = talk(Conversation::new(1));
    let converted = converted(&["--local", "192.168.7.1:1", "--remote", "192.168.7.2:2"], &conversation);
    assert_shows(&converted.capture, &conversation, &STREAMED);
}

/// Envoy's own connections: the first message has no local address yet.
#[test]
fn a_local_address_may_come_with_the_first_event() {
    let mut conversation =
        Conversation::new(1).write("GET / HTTP/1.1\r\n\r\n").read("HTTP/1.1 200 OK\r\n\r\n").closed();
    conversation.is_upstream = true;
    for format in Format::LOSSLESS {
        let tap = Tap { connection_per_event: true, ..Tap::streamed(format) };
        let converted = convert(&[], &tap.write(std::slice::from_ref(&conversation)));
        assert_shows(&converted.capture, &conversation, &tap);
        assert!(!converted.messages.contains("no IP address"), "{}", converted.messages);
    }
    let converted = converted(&[], &conversation);
    let [local, remote] = converted.capture.stream().addresses();
    assert_eq!(remote, conversation.addresses()[1]);
    assert!(is_stand_in(local), "{local}");
    assert!(local.port() >= 32_768, "Envoy is the client: {local}");
}

#[test]
fn a_trace_may_begin_in_the_middle() {
    let conversation = talk(Conversation::new(1));
    let whole = STREAMED.records(std::slice::from_ref(&conversation));
    let converted_later = convert(&[], &STREAMED.format.print(&whole[1..]));
    assert!(addresses(&converted_later.capture).iter().all(|address| is_stand_in(*address)));
    let tap = Tap { connection_per_event: true, ..STREAMED };
    let whole = tap.records(std::slice::from_ref(&conversation));
    assert_shows(&convert(&[], &tap.format.print(&whole[1..])).capture, &conversation, &tap);
}

#[test]
fn textual_forms_of_an_ip_address_are_that_address() {
    let cases = [
        ("fe80::1%3", "[fe80::1]:8080"),
        ("::ffff:10.1.0.1", "10.1.0.1:8080"),
        ("2001:DB8:0:0:0:0:0:9", "[2001:db8::9]:8080"),
    ];
    for (text, expected) in cases {
        let conversation = talk(Conversation::new(1).between(ip("10.9.9.9:8080"), None));
        let mut records = STREAMED.records(&[conversation]);
        each_field(&mut records[0], &mut |field| {
            if field.name == "address" {
                field.value = Value::Text(text.to_owned());
            }
        });
        let capture = convert(&[], &STREAMED.format.print(&records)).capture;
        assert_eq!(addresses(&capture)[0], address(expected), "{text}");
    }
}

#[test]
fn an_address_that_is_a_name_gets_a_stand_in() {
    let mut records = STREAMED.records(&[talk(Conversation::new(1).between(ip("10.9.9.9:8080"), None))]);
    each_field(&mut records[0], &mut |field| {
        if field.name == "address" {
            field.value = Value::Text("example.com".to_owned());
        }
    });
    let converted = convert(&[], &STREAMED.format.print(&records));
    assert!(is_stand_in(addresses(&converted.capture)[0]));
    assert!(converted.capture.comments().contains(&"tap.local_address=example.com:8080"));
}
