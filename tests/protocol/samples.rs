//! How connections of each protocol begin, written from the protocols' specifications.

use Who::{Client, Server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Client,
    Server,
}

#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    /// As `info` names it.
    pub(super) protocol: &'static str,
    /// As tshark's `-d` names it.
    pub(super) dissector: &'static str,
    /// How tshark begins its name in the column "Protocol".
    pub(super) column: &'static str,
    /// The port on which tshark decodes it without being told.
    pub(super) port: Option<u16>,
    pub(super) messages: Vec<(Who, Vec<u8>)>,
}

fn sample(
    name: &'static str,
    [protocol, dissector, column]: [&'static str; 3],
    port: impl Into<Option<u16>>,
    messages: Vec<(Who, Vec<u8>)>,
) -> Sample {
    Sample { name, protocol, dissector, column, port: port.into(), messages }
}

fn bytes(text: impl AsRef<[u8]>) -> Vec<u8> {
    text.as_ref().to_vec()
}

#[rustfmt::skip]
pub(super) fn samples() -> Vec<Sample> {
    let redis = ["Redis", "resp", "RESP"];
    let postgresql = ["PostgreSQL", "pgsql", "PGSQL"];
    let mysql = ["MySQL", "mysql", "MySQL"];
    let mongodb = ["MongoDB", "mongo", "MONGO"];
    let kafka = ["Kafka", "kafka", "Kafka"];
    let amqp = ["AMQP", "amqp", "AMQP"];
    let mqtt = ["MQTT", "mqtt", "MQTT"];
    let smtp = ["SMTP", "smtp", "SMTP"];
    let http1 = ["HTTP/1.1", "http", "HTTP"];
    let http2 = ["HTTP/2", "http2", "HTTP2"];
    let started = bytes(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
    vec![
        sample("redis", redis, 6379, vec![
            (Client, bytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n*1\r\n$4\r\nPING\r\n")),
            (Server, bytes("+OK\r\n+PONG\r\n")),
        ]),
        sample("redis after HELLO 3", redis, 6379, vec![
            (Client, bytes("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n")),
            (Server, bytes("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n")),
        ]),
        sample("redis without a password", redis, 6379, vec![
            (Client, bytes("*2\r\n$3\r\nGET\r\n$1\r\na\r\n")),
            (Server, bytes("-NOAUTH Authentication required.\r\n")),
        ]),
        sample("postgresql", postgresql, 5432, vec![
            (Client, postgresql_startup(&["user", "postgres", "database", "shop"])),
            (Server, started.clone()),
            (Client, bytes(b"Q\0\0\0\x0dselect 1\0")),
        ]),
        sample("postgresql that refuses TLS", postgresql, 5432, vec![
            (Client, bytes(b"\0\0\0\x08\x04\xd2\x16\x2f")),
            (Server, bytes("N")),
            (Client, postgresql_startup(&["user", "postgres"])),
            (Server, started),
        ]),
        sample("postgresql that asks for SCRAM", postgresql, 5432, vec![
            (Client, postgresql_startup(&["database", "shop", "user", "app"])),
            (Server, bytes(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0")),
        ]),
        sample("a postgresql query that is cancelled", postgresql, 5432, vec![
            (Client, bytes(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\x30\x39\xde\xad\xbe\xef")),
        ]),
        sample("mysql", mysql, 3306, vec![
            (Server, mysql_greeting("8.0.36")),
            (Client, mysql_packet(1, &mysql_login(0x0019_a205))),
            (Server, mysql_packet(2, b"\0\0\0\x02\0\0\0")),
            (Client, mysql_packet(0, b"\x03select 1")),
        ]),
        sample("mariadb", mysql, 3306, vec![
            (Server, mysql_greeting("5.5.5-10.11.6-MariaDB-0+deb12u1")),
            (Client, mysql_packet(1, &mysql_login(0x0019_a205))),
        ]),
        sample("mongodb that asks in the old way", mongodb, None, vec![
            (Client, mongodb_message(7, 0, 2004, &[b"\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff", &*bson("hello")].concat())),
            (Server, mongodb_message(8, 7, 1, &[&b"\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0"[..], &*bson("ok")].concat())),
            (Client, mongodb_message(9, 0, 2013, &[b"\0\0\0\0\0", &*bson("ping")].concat())),
            (Server, mongodb_message(10, 9, 2013, &[b"\0\0\0\0\0", &*bson("ok")].concat())),
        ]),
        sample("mongodb", mongodb, None, vec![
            (Client, mongodb_message(1, 0, 2013, &[b"\0\0\x01\0\0", &*bson("hello")].concat())),
            (Server, mongodb_message(2, 1, 2013, &[b"\0\0\0\0\0", &*bson("ok")].concat())),
        ]),
        sample("mongodb, compressed", mongodb, None, vec![
            (Client, mongodb_message(1, 0, 2012, b"\xdd\x07\0\0\x20\0\0\0\0nothing is compressed this time")),
            (Server, mongodb_message(2, 1, 2012, b"\xdd\x07\0\0\x20\0\0\0\0nothing is compressed this time")),
        ]),
        sample("kafka", kafka, 9092, vec![
            (Client, kafka_request(18, 0, 1, "consumer-1", b"")),
            (Server, bytes(b"\0\0\0\x10\0\0\0\x01\0\0\0\0\0\x01\0\x12\0\0\0\x02")),
        ]),
        sample("kafka with a newer header", kafka, 9092, vec![
            (Client, kafka_request(18, 3, 1, "rdkafka", b"\0\x0blibrdkafka\x062.3.0\0")),
        ]),
        sample("kafka, which asks twice at once", kafka, 9092, vec![
            (Client, [kafka_request(18, 0, 1, "sarama", b""), kafka_request(3, 1, 2, "sarama", b"\0\0\0\0")].concat()),
        ]),
        sample("amqp 0-9-1", amqp, 5672, vec![
            (Client, bytes(b"AMQP\0\0\x09\x01")),
            (Server, bytes(b"\x01\0\0\0\0\0\x1c\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US\xce")),
        ]),
        sample("amqp 1.0 with SASL", amqp, 5672, vec![
            (Client, bytes(b"AMQP\x03\x01\0\0")),
            (Server, bytes(b"AMQP\x03\x01\0\0")),
        ]),
        sample("mqtt 3.1.1", mqtt, 1883, vec![
            (Client, bytes(b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab")),
            (Server, bytes(b"\x20\x02\0\0")),
        ]),
        sample("mqtt 5", mqtt, 1883, vec![
            (Client, bytes(b"\x10\x0f\0\x04MQTT\x05\x02\0\x3c\0\0\x02ab")),
        ]),
        sample("mqtt 3.1", mqtt, 1883, vec![
            (Client, bytes(b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c\0\x02ab")),
        ]),
        sample("smtp", smtp, 25, vec![
            (Server, bytes("220 mx.example.com ESMTP Postfix\r\n")),
            (Client, bytes("EHLO a.example\r\n")),
            (Server, bytes("250 mx.example.com\r\n")),
        ]),
        sample("smtp that only a client names", smtp, 25, vec![
            (Server, bytes("220 mx.example.com ready\r\n")),
            (Client, bytes("helo [192.0.2.1]\r\n")),
        ]),
        sample("tls", ["TLS", "tls", "TLS"], 443, vec![
            (Client, client_hello()),
            (Server, server_hello()),
        ]),
        sample("http/1.1", http1, 80, vec![
            (Client, bytes("GET /x HTTP/1.1\r\nhost: a\r\n\r\n")),
            (Server, bytes("HTTP/1.1 204 No Content\r\n\r\n")),
        ]),
        sample("http/1.1 with a method of its own", http1, 80, vec![
            (Client, bytes("PROPFIND /x HTTP/1.1\r\nhost: a\r\n\r\n")),
            (Server, bytes("HTTP/1.1 207\r\ncontent-length: 0\r\n\r\n")),
        ]),
        sample("websocket", ["WebSocket", "http", "HTTP"], 80, vec![
            (Client, bytes("GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")),
            (Server, bytes("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nUpgrade:WebSocket\r\n\r\n")),
        ]),
        sample("http/2", http2, 80, vec![
            (Client, bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")),
            (Server, bytes(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64")),
        ]),
        sample("ssh", ["SSH", "ssh", "SSH"], 22, vec![
            (Server, bytes("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
            (Client, bytes("SSH-2.0-libssh_0.10.6\r\n")),
        ]),
    ]
}

fn postgresql_startup(names_and_values: &[&str]) -> Vec<u8> {
    let text: String = names_and_values.iter().map(|text| format!("{text}\0")).collect();
    let length = (4 + 4 + text.len() + 1) as u32;
    [&length.to_be_bytes()[..], &[0, 3, 0, 0], text.as_bytes(), &[0]].concat()
}

fn mysql_packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    [&length[..3], &[number], payload].concat()
}

fn mysql_greeting(version: &str) -> Vec<u8> {
    let parts: [&[u8]; 6] = [
        b"\x0a",
        version.as_bytes(),
        b"\0\x08\0\0\0abcdefgh\0\xff\xf7\xff\x02\0\xff\xdf\x15",
        &[0; 10],
        b"ijklmnopqrst\0",
        b"mysql_native_password\0",
    ];
    mysql_packet(0, &parts.concat())
}

fn mysql_login(capabilities: u32) -> Vec<u8> {
    let parts: [&[u8]; 5] =
        [&capabilities.to_le_bytes(), b"\0\0\0\x01\x21", &[0; 23], b"root\0\0", b"mysql_native_password\0"];
    parts.concat()
}

/// A document with one number.
fn bson(name: &str) -> Vec<u8> {
    let element = [&b"\x10"[..], name.as_bytes(), b"\0\x01\0\0\0"].concat();
    [&(element.len() as u32 + 5).to_le_bytes()[..], &element, b"\0"].concat()
}

fn mongodb_message(number: u32, answers: u32, operation: u32, body: &[u8]) -> Vec<u8> {
    let header = [16 + body.len() as u32, number, answers, operation].map(u32::to_le_bytes);
    [header.as_flattened(), body].concat()
}

fn kafka_request(api: u16, version: u16, number: u32, client: &str, body: &[u8]) -> Vec<u8> {
    let request = [
        &api.to_be_bytes()[..],
        &version.to_be_bytes(),
        &number.to_be_bytes(),
        &(client.len() as u16).to_be_bytes(),
        client.as_bytes(),
        body,
    ]
    .concat();
    [&(request.len() as u32).to_be_bytes()[..], &request].concat()
}

/// A ClientHello with two ciphers and no extensions.
pub(super) fn client_hello() -> Vec<u8> {
    [&b"\x16\x03\x01\0\x2f\x01\0\0\x2b\x03\x03"[..], &[7; 32], b"\0\0\x04\xc0\x2f\0\x2f\x01\0"].concat()
}

fn server_hello() -> Vec<u8> {
    [&b"\x16\x03\x03\0\x2a\x02\0\0\x26\x03\x03"[..], &[8; 32], b"\0\xc0\x2f\0"].concat()
}
