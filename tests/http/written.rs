//! The encoder writes an exchange as Envoy does, to the byte.

use super::exchange::{Exchange, Message, Tapped, headers};
use crate::encode::Format;
use crate::encode::http::HttpTap;
use crate::model::address;
use crate::program::testdata;

/// What differs from one of Envoy's files to the other.
struct Post {
    tap: &'static str,
    id: u64,
    envoy: u16,
    client: u16,
    local: u16,
    posted: &'static str,
    request_id: &'static str,
    date: &'static str,
    service_time: &'static str,
    /// Microseconds since [`SECOND`].
    times: [u64; 2],
}

/// 2026-11-20T10:58:20Z
const SECOND: u64 = 1_795_172_300;

impl Post {
    fn tapped(&self, server: &str) -> Tapped {
        let [request_time, response_time] = self.times.map(|micros| SECOND * 1_000_000_000 + micros * 1_000);
        let authority = format!("127.0.0.1:{}", self.envoy);
        let length = self.posted.len().to_string();
        let request = [
            (":authority", authority.as_str()),
            (":path", "/post"),
            (":method", "POST"),
            (":scheme", "http"),
            ("user-agent", "curl/7.88.1"),
            ("accept", "*/*"),
            ("content-length", &length),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-proto", "http"),
            ("x-request-id", self.request_id),
        ];
        let response = [
            (":status", "201"),
            ("server", server),
            ("date", self.date),
            ("content-type", "text/plain"),
            ("content-length", &length),
            ("x-envoy-upstream-service-time", self.service_time),
        ];
        let message = |list: &[(&str, &str)], time| {
            let headers = headers(list.iter().copied());
            Message { headers, time, ..Message::default() }.piece(self.posted)
        };
        let exchange = Exchange {
            request: Some(message(&request, request_time)),
            response: Some(message(&response, response_time)),
        };
        let loopback = |port: u16| address(&format!("127.0.0.1:{port}"));
        Tapped {
            id: self.id,
            exchange,
            downstream: [self.client, self.envoy].map(loopback),
            upstream: [self.local, 19_001].map(loopback),
        }
    }
}

#[track_caller]
fn assert_written(tap: HttpTap, server: &str, post: &Post) {
    let written = tap.write(&[post.tapped(server)]);
    let envoys = std::fs::read(testdata(post.tap)).expect("a tap");
    assert_eq!(written.escape_ascii().to_string(), envoys.escape_ascii().to_string(), "{}", post.tap);
}

#[test]
fn buffered_posts_are_written_as_envoy_does() {
    let formats = BUFFERED.iter().zip(Format::ALL);
    formats.for_each(|(post, format)| assert_written(HttpTap::buffered(format), "envoy", post));
}

#[test]
fn streamed_posts_are_written_as_envoy_does() {
    let server = "BaseHTTP/0.6 Python/3.11.7";
    let formats = STREAMED.iter().zip(Format::ALL);
    formats.for_each(|(post, format)| assert_written(HttpTap::streamed(format), server, post));
}

const BUFFERED: [Post; 5] = [
    Post {
        tap: "http-post-buffered.pb",
        id: 0,
        envoy: 11_037,
        client: 45_510,
        local: 41_140,
        posted: "x=587&y=hello",
        request_id: "f3299a97-2c4b-4d17-b2b5-5b83d70dcd42",
        date: "Fri, 20 Nov 2026 10:58:42 GMT",
        service_time: "0",
        times: [22_826_189, 22_826_679],
    },
    Post {
        tap: "http-post-buffered.pb_length_delimited",
        id: 0,
        envoy: 11_039,
        client: 59_050,
        local: 41_140,
        posted: "x=686&y=hello",
        request_id: "c5a4db79-9de8-4612-b86b-300719e3b13c",
        date: "Fri, 20 Nov 2026 10:58:43 GMT",
        service_time: "1",
        times: [23_282_613, 23_284_879],
    },
    Post {
        tap: "http-post-buffered.pb_text",
        id: 0,
        envoy: 11_041,
        client: 53_358,
        local: 41_140,
        posted: "x=3653&y=hello",
        request_id: "44427d2f-05fb-423e-a5c5-f3c467d25d64",
        date: "Fri, 20 Nov 2026 10:58:43 GMT",
        service_time: "0",
        times: [23_701_233, 23_701_605],
    },
    Post {
        tap: "http-post-buffered-as-bytes.json",
        id: 0,
        envoy: 11_033,
        client: 32_826,
        local: 41_104,
        posted: "x=1723&y=hello",
        request_id: "c30da31c-d22a-41ec-881a-938df3ec99cd",
        date: "Fri, 20 Nov 2026 10:58:41 GMT",
        service_time: "0",
        times: [21_957_378, 21_957_837],
    },
    Post {
        tap: "http-post-buffered-as-string.json",
        id: 0,
        envoy: 11_035,
        client: 50_282,
        local: 41_104,
        posted: "x=2541&y=hello",
        request_id: "3b9f504f-402f-48db-8d4d-05cec046db7d",
        date: "Fri, 20 Nov 2026 10:58:42 GMT",
        service_time: "0",
        times: [22_372_986, 22_373_411],
    },
];

const STREAMED: [Post; 5] = [
    Post {
        tap: "http-post-streamed.pb",
        id: 2_449_934_147_673_764_715,
        envoy: 11_038,
        client: 1,
        local: 1,
        posted: "x=646&y=hello",
        request_id: "abf11eb5-feb5-49e7-ac00-66e5c352bfc2",
        date: "Fri, 20 Nov 2026 10:58:43 GMT",
        service_time: "0",
        times: [0, 0],
    },
    Post {
        tap: "http-post-streamed.pb_length_delimited",
        id: 17_995_821_007_433_963_577,
        envoy: 11_040,
        client: 1,
        local: 1,
        posted: "x=3771&y=hello",
        request_id: "70252705-f185-473c-b3a6-a614af96afe4",
        date: "Fri, 20 Nov 2026 10:58:43 GMT",
        service_time: "0",
        times: [0, 0],
    },
    Post {
        tap: "http-post-streamed.pb_text",
        id: 8_130_644_659_950_435_486,
        envoy: 11_042,
        client: 1,
        local: 1,
        posted: "x=2876&y=hello",
        request_id: "3ecefef3-8bb9-4677-8664-197010fe534c",
        date: "Fri, 20 Nov 2026 10:58:43 GMT",
        service_time: "0",
        times: [0, 0],
    },
    Post {
        tap: "http-post-streamed-as-bytes.json",
        id: 5_215_954_055_158_775_677,
        envoy: 11_034,
        client: 1,
        local: 1,
        posted: "x=1197&y=hello",
        request_id: "5e28c90c-eeb2-446c-a22b-2afdb0a7f738",
        date: "Fri, 20 Nov 2026 10:58:42 GMT",
        service_time: "0",
        times: [0, 0],
    },
    Post {
        tap: "http-post-streamed-as-string.json",
        id: 2_813_082_057_632_964_286,
        envoy: 11_036,
        client: 1,
        local: 1,
        posted: "x=2082&y=hello",
        request_id: "1a894a86-2fb6-4a4d-8132-4da527bccd3a",
        date: "Fri, 20 Nov 2026 10:58:42 GMT",
        service_time: "0",
        times: [0, 0],
    },
];
