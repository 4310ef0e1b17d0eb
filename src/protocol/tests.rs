use proptest::prelude::*;

use super::*;

/// The first bytes of one side, what they are, and who sends them.
const OPENINGS: [(&[u8], Protocol, Sender); 35] = [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Protocol::Http1, Sender::Client),
    (b"PROPFIND /dav HTTP/1.1\r\n", Protocol::Http1, Sender::Client),
    (b"M-SEARCH * HTTP/1.1\r\n", Protocol::Http1, Sender::Client),
    (b"get /lower HTTP/1.0\r\n", Protocol::Http1, Sender::Client),
    (b"CONNECT far.test:443 HTTP/1.1\r\n", Protocol::Http1, Sender::Client),
    (b"GET http://a.test/b HTTP/1.1\r\n", Protocol::Http1, Sender::Client),
    // The line goes on in the next read.
    (b"GET /a", Protocol::Http1, Sender::Client),
    (b"GET /a HTT", Protocol::Http1, Sender::Client),
    (b"HTTP/1.1 200 OK\r\n", Protocol::Http1, Sender::Server),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol::Http2, Sender::Client),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Protocol::Tls, Sender::Client),
    (b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", Protocol::Tls, Sender::Server),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Protocol::Ssh, Sender::Either),
    (b"*1\r\n$4\r\nPING\r\n", Protocol::Redis, Sender::Client),
    (b"*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", Protocol::Redis, Sender::Client),
    (b"\0\0\0\x08\x04\xd2\x16\x2f", Protocol::PostgreSql, Sender::Client),
    (b"\0\0\0\x08\x04\xd2\x16\x30", Protocol::PostgreSql, Sender::Client),
    (b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02", Protocol::PostgreSql, Sender::Client),
    (b"\0\0\0\x13\0\x03\0\0user\0postgres\0\0", Protocol::PostgreSql, Sender::Client),
    (b"R\0\0\0\x08\0\0\0\0", Protocol::PostgreSql, Sender::Server),
    (b"\x4a\0\0\0\x0a8.0.36\0\x09\0\0\0abcdefgh\0\xff\xff", Protocol::MySql, Sender::Server),
    (b"\x5c\0\0\0\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\0\x09\0\0\0", Protocol::MySql, Sender::Server),
    (b"\x30\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1b\0\0\0", Protocol::MongoDb, Sender::Client),
    (b"\x30\0\0\0\x07\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1b\0\0\0", Protocol::MongoDb, Sender::Server),
    (b"\x3a\0\0\0\x01\0\0\0\0\0\0\0\xd4\x07\0\0\x04\0\0\0admin.$cmd\0", Protocol::MongoDb, Sender::Client),
    (b"\0\0\0\x22\0\x12\0\x03\0\0\0\x05\0\x05admin\0\x06rdkafk\x061.0.0\0", Protocol::Kafka, Sender::Client),
    (b"AMQP\0\0\x09\x01", Protocol::Amqp, Sender::Client),
    (b"AMQP\x03\x01\0\0", Protocol::Amqp, Sender::Client),
    (b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd", Protocol::Mqtt, Sender::Client),
    (b"\x10\x91\x01\0\x04MQTT\x05\x02\0\x3c", Protocol::Mqtt, Sender::Client),
    (b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c", Protocol::Mqtt, Sender::Client),
    (b"220 mx.test ESMTP Postfix\r\n", Protocol::Smtp, Sender::Server),
    (b"220-mx.test esmtp\r\n220 go on\r\n", Protocol::Smtp, Sender::Server),
    (b"EHLO a.test\r\n", Protocol::Smtp, Sender::Client),
    (b"helo a.test\r\n", Protocol::Smtp, Sender::Client),
];

#[test]
fn openings_are_recognized() {
    for (bytes, protocol, sender) in OPENINGS {
        assert_eq!(recognize(bytes), Some((protocol, sender)), "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_like_is_not() {
    let texts: [&[u8]; 17] = [
        b"220 (vsFTPd 3.0.3)\r\n",
        b"",
        b"GET",
        b"GET \r\n",
        b"HELO x HTTP/1.0 is no request\r\n",
        b"hello world\r\n",
        b"LOG /var/log/messages rotated\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET /a\r\n",
        b"*1\r\nPING",
        b"*\r\n$4\r\nPING\r\n",
        b"\x16\x03\x01\0\0\x0b",
        b"\x4a\0\0\x01\x0a8.0.36\0",
        b"\0\0\0\x08\x04\xd2\x16\x31",
        b"AMQP\0\0\x08\x01",
        b"\x10\x10\0\x04MQTX\x04",
        b"\0\0\0\x02\0\x12\0\x03\0\0\0\x05\0\x05admin",
    ];
    for bytes in texts {
        assert_eq!(recognize(bytes), None, "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_side_that_sends_what_a_client_sends_is_the_client() {
    for (bytes, _, sender) in OPENINGS {
        for direction in [Direction::Read, Direction::Write] {
            let mut recognizer = Recognizer::default();
            recognizer.see(direction, bytes);
            let sending = Side::sender(direction);
            let server = match sender {
                Sender::Client => Some(Side::sender(direction.reverse())),
                Sender::Server => Some(sending),
                Sender::Either => None,
            };
            assert_eq!(recognizer.server(), server, "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn what_http_carries_is_found_in_either_direction() {
    let mut recognizer = Recognizer::default();
    recognizer.see(Direction::Read, b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(recognizer.protocol(), Protocol::Http1, "it is not answered yet");
    recognizer.see(
        Direction::Write,
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n",
    );
    assert_eq!((recognizer.protocol(), recognizer.server()), (Protocol::WebSocket, Some(Side::Local)));
    let mut recognizer = Recognizer::default();
    recognizer.see(Direction::Write, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    recognizer.see(Direction::Write, b"content-type\x10application/grpc");
    assert_eq!((recognizer.protocol(), recognizer.server()), (Protocol::Grpc, Some(Side::Remote)));
}

proptest! {
    /// Of random bytes some begin a TLS record: one in 70 million.
    #[test]
    fn random_bytes_are_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(recognize(&bytes), None);
    }
}
