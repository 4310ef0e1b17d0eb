//! The first bytes of each protocol are recognized: whole, in part, of either direction; and no others.

use proptest::prelude::*;
use serde_json::json;
use tap2pcap::internal::protocol::recognize;
use tap2pcap::internal::trace::{Direction as Way, Side};

use super::samples::{Who, samples};
use super::{conversation, info_of};
use crate::encode::{Format, Kind, Tap};
use crate::model::{Conversation, Random};

/// Taps of all kinds; the last has limits of 1 KiB, as Envoy sets them.
fn taps() -> [Tap; 4] {
    let streamed = Tap::streamed(Format::Delimited);
    [
        streamed,
        Tap { kind: Kind::Batched(2), ..streamed },
        Tap::buffered(Format::Binary),
        Tap { seq_num: false, ..Tap::streamed(Format::JsonBytes) },
    ]
}

#[test]
fn each_protocol_is_named_with_its_server_and_its_dissector() {
    for sample in samples() {
        for tap in taps() {
            for envoy in [Who::Client, Who::Server] {
                let mut conversation = conversation(1, &sample, envoy, "10.0.0.1:21234", "10.0.0.2:40000");
                for is_upstream in [false, envoy == Who::Client] {
                    conversation.is_upstream = is_upstream;
                    let info = info_of(&tap, conversation.clone());
                    let trace = &info["traces"][0];
                    assert_eq!(trace["protocol"], sample.protocol, "{}: {tap:?}", sample.name);
                    assert_eq!(trace["server_port"], 21_234, "{}: {tap:?}", sample.name);
                    let needs_none = ["http", "tls"].contains(&sample.dissector);
                    let option = format!("-d tcp.port==21234,{}", sample.dissector);
                    let expected = if needs_none { json!([]) } else { json!([option]) };
                    assert_eq!(info["tshark"], expected, "{}: {tap:?}", sample.name);
                }
            }
        }
    }
}

#[test]
fn on_the_port_of_the_protocol_nothing_is_advised() {
    for sample in samples() {
        let Some(port) = sample.port else { continue };
        let server = format!("10.0.0.1:{port}");
        let conversation = conversation(1, &sample, Who::Server, &server, "10.0.0.2:40000");
        let info = info_of(&Tap::streamed(Format::Delimited), conversation);
        assert_eq!(info["tshark"], json!([]), "{}", sample.name);
    }
}

/// tshark takes its port for TLS.
#[test]
fn mongodb_is_advised_on_its_own_port_too() {
    let mongodb = samples().into_iter().find(|sample| sample.protocol == "MongoDB").expect("one");
    let conversation = conversation(1, &mongodb, Who::Server, "10.0.0.1:27017", "10.0.0.2:40000");
    let info = info_of(&Tap::streamed(Format::Delimited), conversation);
    assert_eq!(info["tshark"], json!(["-d tcp.port==27017,mongo"]));
}

/// The first message of each side by itself, at any length: nothing, or the right protocol and the right client.
#[test]
fn what_breaks_off_is_never_taken_for_something_else() {
    for sample in samples() {
        let mut is_known = false;
        for who in [Who::Client, Who::Server] {
            let Some((_, bytes)) = sample.messages.iter().find(|(sender, _)| *sender == who) else {
                continue;
            };
            for length in 0..=bytes.len() {
                let Some(recognized) = recognize(Way::Read, &bytes[..length]) else {
                    assert!(!is_known || who == Who::Server || length < 20, "{}: {length}", sample.name);
                    continue;
                };
                is_known = true;
                let name = match recognized.protocol.name() {
                    // In the table.
                    "TLS passed through" => "TLS",
                    name => name,
                };
                let is_upgrade = sample.protocol == "WebSocket" && name == "HTTP/1.1";
                assert!(name == sample.protocol || is_upgrade, "{}: {name} by {length} bytes", sample.name);
                let client = if who == Who::Client { Side::Remote } else { Side::Local };
                // Both sides of SSH, and of AMQP 1.0, begin in the same way.
                match name {
                    "SSH" => assert_eq!(recognized.client, None),
                    "AMQP" if bytes.starts_with(b"AMQP") => {}
                    _ => assert_eq!(recognized.client, Some(client), "{}: {length} bytes", sample.name),
                }
            }
        }
        assert!(is_known, "{}", sample.name);
    }
}

#[test]
fn short_first_reads_are_joined() {
    for sample in samples() {
        let (first, bytes) = &sample.messages[0];
        for at in 1..bytes.len().min(40) {
            let mut parted = sample.clone();
            parted.messages.splice(..1, [(*first, bytes[..at].to_vec()), (*first, bytes[at..].to_vec())]);
            let conversation = conversation(1, &parted, Who::Server, "10.0.0.1:21234", "10.0.0.2:40000");
            let info = info_of(&Tap::streamed(Format::Delimited), conversation);
            let trace = &info["traces"][0];
            assert_eq!(trace["protocol"], sample.protocol, "{}: {at}", sample.name);
            assert_eq!(trace["server_port"], 21_234, "{}: {at}", sample.name);
        }
    }
}

/// What is missing of a cut read must not be bridged.
#[test]
fn cut_reads_are_not_joined() {
    let conversation = Conversation::new(1).cut_read("GE--", 2).read("T / HTTP/1.1\r\n\r\n").closed();
    let info = info_of(&Tap::streamed(Format::Delimited), conversation);
    assert_eq!(info["traces"][0]["protocol"], "other");
}

#[test]
fn other_protocols_stay_unnamed() {
    let others: [&[u8]; 44] = [
        b"HELO x HTTP/1.0\r\n",
        b"GET /\r\n",
        b"GET a\r\n",
        b"GET / HTTP/2.0\r\n",
        b"get / http/1.1\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET /a\tb HTTP/1.1\r\n",
        b"GET a HTTP/1.1\r\n",
        b"OPTIONS rtsp://a/b RTSP/1.0\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"CWD /pub\r\n",
        b"STOR /pub",
        b"CONNECT {\"verbose\":false,\"pedantic\":false",
        b"CONNECT\naccept-version:1.2\n\n\0",
        b"PRI * nothing of the sort",
        b"HTTP/1.x 200 OK\r\n",
        b"HTTP/1.1 abc\r\n",
        b"220 (vsFTPd 3.0.3)\r\n",
        b"220 ftp.example.com FTP server, no SMTP here\r\n",
        b"220 ready\r\n",
        b"+OK Dovecot ready.\r\n",
        b"-ERR not now\r\n",
        b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
        b"*\r\n$1\r\n",
        b"*1\r\n",
        b"$5\r\nab",
        b"$2\r\nabc\r\n",
        b"PING\r\n",
        b"get key\r\n",
        b"NICK a\r\nUSER a 0 * :a\r\n",
        b"RFB 003.008\n",
        b"SSH-3.0-x\r\n",
        b"SSH-2.0-\xff\r\n",
        // TLS that is none, an alert.
        b"\x16\x03\x01\0\x02\x01\0\0\x01\x03\x03",
        b"\x16\x03\x01\x40\0\x01\0\x01\xfc\x07\x03",
        // ZooKeeper, RabbitMQ's streams, Pulsar, Cassandra, framed Thrift, SMB, TPKT, TNS.
        b"\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\0\x14\0\x11\0\x01\0\0\0\x01\0\0\0\x01\0\x04name\0\x02me",
        b"\0\0\0\x2a\0\0\0\x26\x08\x02\x12\x22\x0a\x05",
        b"\x04\0\0\0\x05\0\0\0\0",
        b"\0\0\0\x1d\x80\x01\0\x01\0\0\0\x04ping\0\0\0\0\0",
        b"\0\0\0\x54\xfeSMB\x40\0\0\0\0\0\0\0\0\0\x1f\0",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        b"\0\x3a\0\0\x01\0\0\0\x01\x36\x01\x2c\0\0\x08\0",
        b"",
    ];
    for bytes in others {
        for direction in [Way::Read, Way::Write] {
            assert_eq!(recognize(direction, bytes), None, "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn random_bytes_are_never_named() {
    let mut random = Random(1);
    for round in 0..200_000u32 {
        let mut bytes: Vec<u8> = (0..8).flat_map(|_| random.next().to_le_bytes()).collect();
        bytes.truncate(1 + round as usize % 64);
        assert_eq!(recognize(Way::Read, &bytes), None, "{}", bytes.escape_ascii());
    }
}

proptest! {
    /// Whatever comes, it is looked at without a panic, and the direction only turns the client around.
    #[test]
    fn the_direction_turns_the_client_around(
        sample in prop::sample::select(samples()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        for (_, bytes) in &sample.messages {
            let mut bytes = bytes.clone();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(length.index(bytes.len() + 1));
            let [read, write] = [Way::Read, Way::Write].map(|way| recognize(way, &bytes));
            prop_assert_eq!(read.map(|seen| seen.protocol), write.map(|seen| seen.protocol));
            if let (Some(read), Some(write)) = (read, write) {
                prop_assert!(read.client.is_none() == write.client.is_none());
                prop_assert!(read.client.is_none() || read.client != write.client);
            }
        }
    }
}

/// gRPC-Web's content type begins as that of gRPC, as text and in HPACK's code.
#[test]
fn grpc_web_over_http2_is_not_grpc() {
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let coded = b"\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64";
    let cases: [(&[u8], &str); 6] = [
        (b"\x10application/grpc", "gRPC"),
        (b"\x16application/grpc+proto", "gRPC"),
        (b"\x14application/grpc-web", "HTTP/2"),
        (&[b"\x8b", &coded[..], b"\x5a"].concat(), "gRPC"),
        // `+proto`, `-web`.
        (&[b"\x91", &coded[..], b"\xff\x75\x6b\x5a\x44\x9f"].concat(), "gRPC"),
        (&[b"\x8e", &coded[..], b"\x5b\x83\x4d"].concat(), "HTTP/2"),
    ];
    for (header, protocol) in cases {
        let conversation = Conversation::new(1).read(preface).read(header);
        let info = info_of(&Tap::streamed(Format::Delimited), conversation);
        assert_eq!(info["traces"][0]["protocol"], protocol, "{}", header.escape_ascii());
    }
}

/// A WebSocket may follow other requests; an upgrade to something else is none.
#[test]
fn only_an_answer_makes_a_websocket() {
    let ask = "GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let protocol = |answer: &str| {
        let conversation =
            Conversation::new(1).read("GET / HTTP/1.1\r\n\r\n").write("HTTP/1.1 200 OK\r\n\r\n");
        let info = info_of(&Tap::streamed(Format::Delimited), conversation.read(ask).write(answer));
        info["traces"][0]["protocol"].as_str().expect("a name").to_owned()
    };
    assert_eq!(protocol("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), "WebSocket");
    assert_eq!(
        protocol("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\nupgrade: websocket\r\n"),
        "HTTP/1.1"
    );
    assert_eq!(protocol("HTTP/1.1 200 OK\r\nUpgrade: websocket\r\n\r\n"), "HTTP/1.1");
}
