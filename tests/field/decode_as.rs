//! `info` names what a connection speaks, and gives the options with which tshark shows it.

use super::{path, stdout};
use crate::conversion::convert;
use crate::encode::{Format, Tap};
use crate::info::{info_of, table_of};
use crate::model::{Conversation, address};
use crate::program::Dir;
use crate::tools::{fields, tshark};

/// What both sides of a connection send first, the name of that, and tshark's `-d` where it wants one.
struct Spoken {
    client: &'static [u8],
    server: &'static [u8],
    protocol: &'static str,
    dissector: Option<&'static str>,
}

const SPOKEN: [Spoken; 9] = [
    Spoken {
        client: b"\x20\0\0\x01\x85\xa6\xff\x01\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        server: b"\x4a\0\0\0\x0a8.0.36\0\x09\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\
                  ijklmnopqrst\0caching_sha2_password\0",
        protocol: "MySQL",
        dissector: Some("mysql"),
    },
    Spoken {
        client: b"\x34\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1f\0\0\0\x10hello\0\x01\0\0\0\
                  \x02$db\0\x06\0\0\0admin\0\0",
        server: b"",
        protocol: "MongoDB",
        dissector: Some("mongo"),
    },
    Spoken {
        client: b"*1\r\n$4\r\nPING\r\n",
        server: b"+PONG\r\n",
        protocol: "Redis",
        dissector: Some("resp"),
    },
    Spoken {
        client: b"\0\0\0\x13\0\x03\0\0user\0postgre\0\0",
        server: b"R\0\0\0\x08\0\0\0\0",
        protocol: "PostgreSQL",
        dissector: Some("pgsql"),
    },
    Spoken {
        client: b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd",
        server: b"\x20\x02\0\0",
        protocol: "MQTT",
        dissector: Some("mqtt"),
    },
    Spoken {
        client: b"AMQP\0\0\x09\x01",
        server: b"",
        protocol: "AMQP",
        dissector: Some("amqp"),
    },
    Spoken {
        client: b"SSH-2.0-client\r\n",
        server: b"SSH-2.0-server\r\n",
        protocol: "SSH",
        dissector: Some("ssh"),
    },
    Spoken {
        client: b"EHLO a.test\r\n",
        server: b"220 mx.test ESMTP\r\n",
        protocol: "SMTP",
        dissector: Some("smtp"),
    },
    Spoken {
        client: b"\x16\x03\x01\0\x31\x01\0\0\x2d\x03\x03rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\0\0\x02\x13\x01\x01\0\0\x02\0\x16\0\0",
        server: b"",
        protocol: "TLS",
        dissector: None,
    },
];

impl Spoken {
    /// Envoy between a client on port 40000 and a server on port 21999: as the server, and as the client.
    fn taps(&self) -> [Vec<u8>; 2] {
        let ends =
            ["10.0.0.1:21999", "10.0.0.2:40000"].map(|text| Some(crate::model::Address::Ip(address(text))));
        let is_greeting = ["MySQL", "SMTP"].contains(&self.protocol);
        let [server, client] = ends;
        let of = |is_upstream: bool| {
            let (local, remote) =
                if is_upstream { (client.clone(), server.clone()) } else { (server.clone(), client.clone()) };
            let mut turns = [(true, self.client), (false, self.server)];
            turns[..].rotate_left(usize::from(is_greeting));
            let begin = Conversation::new(1).between(local, remote);
            let talk = turns.into_iter().filter(|(_, bytes)| !bytes.is_empty());
            let talk = talk.fold(begin, |talk, (is_client, bytes)| match is_client == is_upstream {
                true => talk.write(bytes),
                false => talk.read(bytes),
            });
            Tap::buffered(Format::Binary).write(&[talk])
        };
        [of(false), of(true)]
    }
}

#[test]
fn protocols_are_named_and_the_option_is_for_the_server() {
    for spoken in SPOKEN {
        for tap in spoken.taps() {
            let info = info_of(&tap);
            assert_eq!(info["traces"][0]["protocol"], spoken.protocol);
            assert_eq!(info["traces"][0]["server_port"], 21_999, "{}", spoken.protocol);
            assert!(table_of(&tap).contains(spoken.protocol));
            let dir = Dir::new();
            dir.write("tap", &tap);
            let expected =
                spoken.dissector.map_or(String::new(), |name| format!("-d tcp.port==21999,{name}\n"));
            assert_eq!(stdout(&dir, &["info", "--decode-as", "tap"], 0), expected);
            // The capture agrees who opened the connection.
            let syn = convert(&["--handshake"], &tap).capture.packets[0].source;
            assert!(spoken.protocol == "SSH" || syn.port() == 40_000, "{}: {syn}", spoken.protocol);
        }
    }
}

/// An unusual method from a port that no client gets, to one that they do get.
#[test]
fn info_and_the_capture_agree_who_the_client_is() {
    let ends = ["10.0.0.1:50000", "10.0.0.2:80"].map(|text| Some(crate::model::Address::Ip(address(text))));
    let [local, remote] = ends;
    for (bytes, is_request) in [("PROPFIND / HTTP/1.1\r\n\r\n", true), ("HELO x HTTP/1.0 none\r\n", false)] {
        let conversation = Conversation::new(1).between(local.clone(), remote.clone()).read(bytes);
        let tap = Tap::streamed(Format::Delimited).write(&[conversation]);
        let syn = &convert(&["--handshake"], &tap).capture.packets[0];
        let server = &info_of(&tap)["traces"][0]["server_port"];
        // By the ports alone Envoy would be the client.
        assert_eq!(syn.source.port(), if is_request { 80 } else { 50_000 }, "{bytes}");
        assert!(if is_request { *server == 50_000 } else { server.is_null() }, "{bytes} {server}");
    }
}

#[test]
fn both_versions_of_http_on_a_port_are_http() {
    let taps = [path("http-mixed_1.pb"), path("http-mixed_2.pb")];
    let [one, other] = taps.each_ref().map(String::as_str);
    let dir = Dir::new();
    assert_eq!(stdout(&dir, &["info", "--decode-as", one], 0), "");
    assert_eq!(stdout(&dir, &["info", "--decode-as", other], 0), "-d tcp.port==21001,http2\n");
    assert_eq!(stdout(&dir, &["info", "--decode-as", one, other], 0), "-d tcp.port==21001,http\n");
    let table = stdout(&dir, &["info", one, other], 0);
    assert_eq!(table.matches("tshark: -r CAPTURE -d tcp.port==21001,http\n").count(), 1, "{table}");
    assert_eq!(table.matches("tshark:").count(), 1, "{table}");
    let json = stdout(&dir, &["info", "--json", one, other], 0);
    assert_eq!(json.matches("\"-d tcp.port==21001,http\"").count(), 2, "{json}");
}

#[test]
fn what_cannot_be_read_goes_to_standard_error() {
    let dir = Dir::new();
    let ran =
        dir.tap2pcap().args(["info", "--decode-as", "absent", &path("http-mixed_2.pb")]).run().expect(1);
    assert_eq!(ran.stdout, b"-d tcp.port==21001,http2\n");
    assert!(ran.stderr.contains("error: absent: "), "{}", ran.stderr);
    dir.tap2pcap().args(["info", "--decode-as", "--json", "absent"]).run().expect(2);
}

#[test]
fn grpc_web_is_http1() {
    let dir = Dir::new();
    assert_eq!(stdout(&dir, &["info", "--decode-as", &path("http-grpc-web-buffered.pb")], 0), "");
    let table = stdout(&dir, &["info", &path("http-grpc-web-buffered.pb")], 0);
    assert!(!table.contains("HTTP/2") && !table.contains("gRPC"), "{table}");
}

/// The columns of tshark's list that name a protocol, with the advised options.
#[track_caller]
fn shown(taps: &[String]) -> Vec<String> {
    let dir = Dir::new();
    dir.tap2pcap().args(["-w", "capture.pcapng"]).args(taps).run().expect(0);
    let args = [&["info".to_owned(), "--decode-as".to_owned()], taps].concat();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let options = stdout(&dir, &args, 0);
    let list = tshark(&dir.path("capture.pcapng")).args(options.split_whitespace());
    fields(list, ["_ws.col.Protocol"]).into_iter().map(|[protocol]| protocol).collect()
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn tshark_shows_each_protocol_with_its_option() {
    let of_file = |name: &str| shown(&[path(name)]);
    assert_eq!(of_file("redis-buffered.pb"), ["RESP"; 6]);
    assert_eq!(of_file("postgresql-buffered.pb"), ["PGSQL"; 8]);
    assert_eq!(of_file("http-grpc-web-buffered.pb"), ["GRPC", "GRPC-Web"]);
    let mixed = shown(&[path("http-mixed_1.pb"), path("http-mixed_2.pb")]);
    assert!(
        mixed.iter().all(|name| name.starts_with("HTTP")) && mixed.contains(&"HTTP2".to_owned()),
        "{mixed:?}"
    );
    let names = ["MySQL", "MONGO", "RESP", "PGSQL", "MQTT", "AMQP", "SSHv2", "SMTP", "TLSv1"];
    for (spoken, name) in SPOKEN.iter().zip(names) {
        for tap in spoken.taps() {
            let dir = Dir::new();
            let tap = dir.write("tap", &tap).to_str().expect("UTF-8").to_owned();
            let seen = shown(&[tap]);
            assert!(seen.iter().all(|seen| seen.starts_with(&name[..3])), "{name}: {seen:?}");
        }
    }
}
