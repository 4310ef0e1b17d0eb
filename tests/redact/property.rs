//! Random secrets in random places, tapped in any way and cut anywhere: none of them is in any capture.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use tap2pcap::internal::redact::{self, Redaction};
use tap2pcap::internal::report::RedactionCounts;
use tap2pcap::internal::trace;

use crate::encode::http::{HttpKind, HttpTap};
use crate::encode::{Format, Kind, Tap};
use crate::http::exchange::{Message, Tapped};
use crate::model::{Conversation, Direction};
use crate::program::Dir;

/// The names that are redacted, as somebody may write them.
const NAMES: &str = "authorization,X-Api-Key,sid,token";
/// So many bytes of a secret are not there by chance.
const WINDOW: usize = 6;

/// Where a secret is, or text that is none.
#[derive(Clone, Debug)]
enum Place {
    Header(usize),
    /// On a line of its own.
    Folded,
    Cookie,
    SetCookie,
    /// In a header with a URL, or in the target.
    Parameter(usize),
    Plain,
}

#[derive(Clone, Debug)]
struct Field {
    place: Place,
    secret: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    Length,
    Chunked,
}

#[derive(Clone, Debug)]
struct Plan {
    method: &'static str,
    fields: [Vec<Field>; 2],
    query: Vec<Field>,
    bodies: [Body; 2],
    /// What a body has, and a trailer.
    hidden: [String; 2],
    code: u16,
}

fn secret() -> impl Strategy<Value = String> {
    "[A-Za-wyz0-9][A-Za-z0-9._~/+-]{8,24}[A-Za-wyz0-9]"
}

fn field() -> impl Strategy<Value = Field> {
    let place = prop_oneof![
        (0..2_usize).prop_map(Place::Header),
        Just(Place::Folded),
        Just(Place::Cookie),
        Just(Place::SetCookie),
        (0..4_usize).prop_map(Place::Parameter),
        Just(Place::Plain),
    ];
    (place, secret()).prop_map(|(place, secret)| Field { place, secret })
}

fn plan() -> impl Strategy<Value = Plan> {
    let body = || prop_oneof![Just(Body::None), Just(Body::Length), Just(Body::Chunked)];
    let method = prop_oneof![Just("GET"), Just("POST"), Just("HEAD"), Just("PUT"), Just("PURGE")];
    let code = prop_oneof![Just(200_u16), Just(204), Just(304), Just(404)];
    let fields = || vec(field(), 0..4);
    (method, [fields(), fields()], fields(), [body(), body()], [secret(), secret()], code).prop_map(
        |(method, fields, query, bodies, hidden, code)| Plan { method, fields, query, bodies, hidden, code },
    )
}

impl Field {
    /// A header that has it.
    fn header(&self) -> (String, String) {
        let Self { place, secret } = self;
        let is_redacted = secret.bytes().all(|byte| byte == b'x');
        let (name, value) = match place {
            Place::Header(at) => (["Authorization", "x-api-key"][*at], secret.clone()),
            Place::Folded if is_redacted => ("AUTHORIZATION", format!("xxxxxx\r\n {secret}")),
            Place::Folded => ("AUTHORIZATION", format!("Bearer\r\n {secret}")),
            Place::Cookie => ("cookie", format!("a=b; sid={secret}; c=d")),
            Place::SetCookie if is_redacted => ("Set-Cookie", format!("SID=xx{secret}x; Path=/")),
            Place::SetCookie => ("Set-Cookie", format!("SID=\"{secret};\"; Path=/")),
            Place::Parameter(at) => (
                ["referer", "location", "x-envoy-original-path", "link"][*at],
                format!("<http://h/?{}", self.parameter()),
            ),
            Place::Plain => ("x-plain", "plain".to_owned()),
        };
        (name.to_owned(), value)
    }

    fn parameter(&self) -> String {
        let at = if let Place::Parameter(at) = self.place { at } else { 0 };
        let name = ["token", "a=b&Token", "%74ok%65n", "to=%2F%3Ftoken"][at];
        format!("{name}={}&c=d", self.secret)
    }

    fn is_secret(&self) -> bool {
        !matches!(self.place, Place::Plain)
    }
}

impl Plan {
    fn target(&self) -> String {
        let query: Vec<String> = self.query.iter().map(Field::parameter).collect();
        if query.is_empty() { "/a".to_owned() } else { format!("/a?{}", query.join("&")) }
    }

    /// What no capture may have.
    fn secrets(&self) -> Vec<String> {
        let fields = self.fields.iter().flatten().filter(|field| field.is_secret()).chain(&self.query);
        fields.map(|field| field.secret.clone()).chain(self.hidden.clone()).collect()
    }

    /// The same as a capture may have it.
    fn redacted(&self) -> Self {
        let mut plan = self.clone();
        let fields = plan.fields.iter_mut().flatten().chain(&mut plan.query).map(|field| &mut field.secret);
        fields.chain(&mut plan.hidden).for_each(|secret| *secret = "x".repeat(secret.len()));
        plan
    }

    /// Whether the response has a body for all who read it.
    fn has_body(&self) -> bool {
        self.method != "HEAD" && !matches!(self.code, 204 | 304)
    }

    /// The request and the response on the wire.
    fn wire(&self) -> [String; 2] {
        let starts = [
            format!("{} {} HTTP/1.1\r\n", self.method, self.target()),
            format!("HTTP/1.1 {} Reason\r\n", self.code),
        ];
        [0, 1].map(|at| {
            let mut text = starts[at].clone();
            for field in &self.fields[at] {
                let (name, value) = field.header();
                text += &format!("{name}: {value}\r\n");
            }
            let [body, trailer] = &self.hidden;
            let is_sent = at == 0 || self.has_body();
            match self.bodies[at] {
                Body::None if at == 0 => text += "\r\n",
                Body::None => text += "content-length: 0\r\n\r\n",
                Body::Length if !is_sent => text += "content-length: 7\r\n\r\n",
                Body::Length => text += &format!("Content-Length: {}\r\n\r\n{body}", body.len()),
                Body::Chunked if !is_sent => text += "transfer-encoding: chunked\r\n\r\n",
                Body::Chunked => {
                    let (first, rest) = body.split_at(3);
                    text += &format!(
                        "Transfer-Encoding: chunked\r\n\r\n3\r\n{first}\r\n{:x};a=b\r\n{rest}\r\n0\r\nsid: {trailer}\r\n\r\n",
                        rest.len()
                    );
                }
            }
            text
        })
    }

    /// The same as an HTTP tap sees it.
    fn tapped(&self, id: u64) -> Tapped {
        let mut messages = [
            Message::request(self.method, &self.target(), &[]),
            Message::response(&self.code.to_string(), &[]),
        ];
        for (at, message) in messages.iter_mut().enumerate() {
            for field in &self.fields[at] {
                let (name, value) = field.header();
                message.headers.push((name.to_lowercase(), value.replace("\r\n", "").into_bytes()));
            }
            let [body, trailer] = &self.hidden;
            if self.bodies[at] != Body::None {
                *message = message.clone().piece(body);
            }
            if self.bodies[at] == Body::Chunked {
                *message = message.clone().trailers(&[("sid", trailer)]);
            }
        }
        let [request, response] = messages;
        Tapped::new(id, request, response)
    }
}

/// Random bytes that decide where something is cut.
#[derive(Clone, Debug)]
struct Cuts {
    sizes: Vec<usize>,
    /// All requests come before all responses.
    is_pipelined: bool,
}

fn cuts() -> impl Strategy<Value = Cuts> {
    (vec(1..60_usize, 1..8), any::<bool>()).prop_map(|(sizes, is_pipelined)| Cuts { sizes, is_pipelined })
}

/// The plans on a connection, read and written in pieces.
fn pieces(plans: &[Plan], cuts: &Cuts) -> Vec<(Direction, Vec<u8>)> {
    let mut runs: Vec<(Direction, String)> = Vec::new();
    let wires: Vec<[String; 2]> = plans.iter().map(Plan::wire).collect();
    if cuts.is_pipelined {
        runs.push((Direction::Read, wires.iter().map(|wire| wire[0].clone()).collect()));
        runs.push((Direction::Write, wires.iter().map(|wire| wire[1].clone()).collect()));
    } else {
        for [request, response] in wires {
            runs.extend([(Direction::Read, request), (Direction::Write, response)]);
        }
    }
    let mut sizes = cuts.sizes.iter().cycle();
    let mut pieces = Vec::new();
    for (direction, run) in runs {
        let mut rest = run.as_bytes();
        while !rest.is_empty() {
            let size = sizes.next().copied().unwrap_or(1).min(rest.len());
            pieces.push((direction, rest[..size].to_vec()));
            rest = &rest[size..];
        }
    }
    pieces
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
enum Damage {
    None,
    /// The tap begins with this piece.
    Late(usize),
    /// So many pieces, from this one on, are lost.
    Lost(usize, usize),
    /// This piece is cut.
    Cut(usize, usize),
    /// These bytes come first. Elsewhere they could be in a name, which would be another one.
    Noise(Vec<u8>),
    /// A tunnel is opened first.
    Tunnel,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        2 => Just(Damage::None),
        1 => (0..40_usize).prop_map(Damage::Late),
        2 => (0..40_usize, 1..4_usize).prop_map(|(at, count)| Damage::Lost(at, count)),
        2 => (0..40_usize, 0..40_usize).prop_map(|(at, to)| Damage::Cut(at, to)),
        1 => vec(0..0x7f_u8, 1..20).prop_map(Damage::Noise),
        1 => Just(Damage::Tunnel),
    ]
}

fn format() -> impl Strategy<Value = Format> {
    proptest::sample::select(&Format::ALL[..])
}

/// Pieces of what the followers look for, and anything.
fn part() -> impl Strategy<Value = Vec<u8>> {
    const KNOWN: &[&str] = &[
        "GET /a?token=b HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "sid: a\r\n",
        "Cookie: sid=\"",
        "content-length: 5\r\n",
        "\r\n",
        "\r\n ",
        "transfer-encoding: chunked\r\n",
        "5\r\n",
        "0\r\n",
        "abcde",
        "%74%",
        "HEAD /",
        "upgrade: a\r\n",
        "\r",
        "\n",
        ":",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\0\0\0\x04\0\0\0\0\0",
        "\0\0\x05\x01\x04\0\0\0\x01",
        "\0\0\x05\0\x08\0\0\0\x01",
        "HTTP/1.1 101 \r\n",
        "CONNECT a:1 HTTP/1.1\r\n",
    ];
    prop_oneof![
        6 => proptest::sample::select(KNOWN).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..9),
    ]
}

/// Converts a tap, and looks for the secrets in the captures.
fn assert_hides(dir: &Dir, args: &[&str], secrets: &[String]) -> Result<Vec<u8>, TestCaseError> {
    let mut last = Vec::new();
    for capture in ["out.pcap", "out.pcapng"] {
        let ran = dir.tap2pcap().args(["--redact", NAMES]).args(args).args(["-w", capture, "tap"]).run();
        prop_assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        last = dir.read(capture);
        for secret in secrets {
            for window in secret.as_bytes().windows(WINDOW) {
                let is_there = memchr::memmem::find(&last, window).is_some();
                prop_assert!(!is_there, "{} of {} is in {}", window.escape_ascii(), secret, capture);
            }
        }
    }
    Ok(last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_capture_of_a_socket_tap_has_a_secret(
        plans in vec(plan(), 1..4),
        cuts in cuts(),
        damage in damage(),
        format in format(),
        kind in prop_oneof![Just(Kind::Streamed), Just(Kind::Batched(3)), Just(Kind::Buffered)],
        seq_num: bool,
    ) {
        let mut pieces = pieces(&plans, &cuts);
        let at = |at: usize| at % pieces.len();
        let mut lost = None;
        let mut cut = None;
        match &damage {
            Damage::None => {}
            Damage::Late(from) => _ = pieces.drain(..at(*from)),
            // Only there does a trace say it.
            Damage::Lost(from, count) => lost = Some((at(*from), *count)).filter(|_| kind == Kind::Streamed && seq_num),
            Damage::Cut(from, to) => cut = Some((at(*from), *to)).filter(|_| kind != Kind::Buffered),
            Damage::Noise(noise) => pieces.insert(0, (Direction::Read, noise.clone())),
            Damage::Tunnel => {
                pieces.insert(0, (Direction::Read, b"CONNECT h:80 HTTP/1.1\r\n\r\n".to_vec()));
                pieces.insert(1, (Direction::Write, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()));
            }
        }
        let mut conversation = Conversation::new(1);
        for (number, (direction, bytes)) in pieces.iter().enumerate() {
            let cut_to = cut.filter(|&(at, _)| at == number).map(|(_, to)| to % bytes.len());
            conversation = conversation.data(*direction, bytes.clone(), cut_to, false);
        }
        let tap = Tap { kind, format, connection_per_event: false, seq_num };
        let mut records = tap.records(&[conversation]);
        if let Some((at, count)) = lost {
            // The first record has no piece.
            let from = (at + 1).min(records.len());
            records.drain(from..(from + count).min(records.len()));
        }
        let dir = Dir::new();
        dir.write("tap", &format.print(&records));
        let secrets: Vec<String> = plans.iter().flat_map(Plan::secrets).collect();
        assert_hides(&dir, &["--redact-bodies"], &secrets)?;
    }

    #[test]
    fn all_else_of_a_socket_tap_stays(
        mut plans in vec(plan(), 1..4),
        cuts in cuts(),
        kind in prop_oneof![Just(Kind::Streamed), Just(Kind::Buffered)],
    ) {
        // What breaks off in a method that is not known may be anything.
        plans.iter_mut().filter(|plan| plan.method == "PURGE").for_each(|plan| plan.method = "GET");
        let mut conversation = Conversation::new(1);
        let pieces = pieces(&plans, &cuts);
        for (direction, bytes) in &pieces {
            conversation = conversation.data(*direction, bytes.clone(), None, false);
        }
        let tap = Tap { kind, format: Format::Delimited, connection_per_event: false, seq_num: true };
        let dir = Dir::new();
        dir.write("tap", &tap.write(&[conversation.clone()]));
        let capture = crate::capture::Capture::parse(&assert_hides(&dir, &["--redact-bodies"], &[])?);
        let redacted: Vec<Plan> = plans.iter().map(Plan::redacted).collect();
        let expected = self::pieces(&redacted, &cuts);
        let [local, remote] = conversation.addresses();
        for (direction, address) in [(Direction::Read, remote), (Direction::Write, local)] {
            let of_it = expected.iter().filter(|(way, _)| *way == direction);
            let expected: Vec<u8> = of_it.flat_map(|(_, bytes)| bytes.clone()).collect();
            let stream = capture.stream();
            let sent = &stream.sent_by(address).bytes;
            prop_assert_eq!(String::from_utf8_lossy(sent.as_slice()), String::from_utf8_lossy(&expected));
            prop_assert!(sent.holes().is_empty());
        }
    }

    #[test]
    fn no_capture_of_http2_in_a_socket_tap_has_a_secret(
        secrets in vec(secret(), 1..6),
        cuts in cuts(),
        late in prop_oneof![3 => Just(0), 1 => 0..9_usize],
        cut in prop_oneof![Just(None), (0..9_usize, 0..40_usize).prop_map(Some)],
    ) {
        let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
            [&(payload.len() as u32).to_be_bytes()[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
        };
        let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), Vec::new()];
        for bytes in &mut sent {
            bytes.extend(frame(4, 0, 0, &[]));
            for (stream, secret) in (1..).step_by(2).zip(&secrets) {
                // A literal of HPACK without Huffman's code.
                let field = [&[0x10, 3, b's', b'i', b'd', secret.len() as u8], secret.as_bytes()].concat();
                let (first, rest) = field.split_at(cuts.sizes[0].min(field.len()));
                bytes.extend(frame(1, 0, stream, first));
                bytes.extend(frame(9, 4, stream, rest));
                bytes.extend(frame(0, 1, stream, secret.as_bytes()));
                bytes.extend(frame(0x4d, 0, 0, secret.as_bytes()));
            }
        }
        let mut sizes = cuts.sizes.iter().cycle();
        let mut pieces = Vec::new();
        for (direction, mut rest) in [Direction::Read, Direction::Write].into_iter().zip(sent.iter().map(|sent| &sent[..])) {
            while !rest.is_empty() {
                let size = sizes.next().copied().unwrap_or(1).min(rest.len());
                pieces.push((direction, &rest[..size]));
                rest = &rest[size..];
            }
        }
        let mut conversation = Conversation::new(1);
        for (number, (direction, bytes)) in pieces.iter().enumerate().skip(late) {
            let cut_to = cut.filter(|&(at, _)| at == number).map(|(_, to)| to % bytes.len());
            conversation = conversation.data(*direction, bytes.to_vec(), cut_to, false);
        }
        let dir = Dir::new();
        dir.write("tap", &Tap::streamed(Format::Delimited).write(&[conversation]));
        assert_hides(&dir, &["--redact-bodies"], &secrets)?;
    }

    #[test]
    fn any_bytes_do_no_harm(events in vec((any::<bool>(), vec(part(), 0..12), 0..4_u8, 0..50_u64), 0..20)) {
        let rules = Redaction::new(NAMES.split(',').map(|name| name.parse().expect("a name")), true);
        let (mut connection, mut counts) = (redact::Connection::new(true), RedactionCounts::default());
        for (is_read, parts, kind, missing) in events {
            let bytes = parts.concat();
            let direction = if is_read { trace::Direction::Read } else { trace::Direction::Write };
            let total = bytes.len();
            let mut data = trace::Data::whole(direction, bytes);
            match kind {
                0 => {}
                1 => data.length = trace::Length::CutFrom(total as u64 + missing),
                2 => data.is_text = true,
                _ => connection.skip(direction, missing),
            }
            let hidden = connection.data(&rules, &mut data, &mut counts);
            prop_assert_eq!(data.bytes.len(), total);
            let mut at = 0;
            for hidden in hidden {
                prop_assert!(at <= hidden.range.start && hidden.range.start < hidden.range.end);
                at = hidden.range.end;
            }
            prop_assert!(at <= total);
        }
    }

    #[test]
    fn no_capture_of_an_http_tap_has_a_secret(
        plans in vec(plan(), 1..4),
        format in format(),
        kind in prop_oneof![Just(HttpKind::Buffered), Just(HttpKind::BufferedInParts), Just(HttpKind::Streamed)],
        version in prop_oneof![Just("auto"), Just("1"), Just("2")],
    ) {
        let tapped: Vec<Tapped> = (1..).zip(&plans).map(|(id, plan)| plan.tapped(id)).collect();
        let dir = Dir::new();
        dir.write("tap", &HttpTap::new(kind, format).write(&tapped));
        let secrets: Vec<String> = plans.iter().flat_map(Plan::secrets).collect();
        assert_hides(&dir, &["--redact-bodies", "--http", version], &secrets)?;
    }

    #[test]
    fn no_capture_of_flows_and_spans_has_a_secret(
        plan in plan(),
        version in prop_oneof![Just("1"), Just("2")],
        is_response: bool,
    ) {
        let headers: Vec<_> = plan.fields[0]
            .iter()
            .map(|field| field.header())
            .map(|(key, value)| json!({"key": key, "value": value.replace("\r\n", "")}))
            .chain([json!({"key": "traceparent", "value": format!("00-{:032x}-{:016x}-01", 5, 6)})])
            .collect();
        let url = format!("http://h.test{}", plan.target());
        let flow = json!({"flow": {
            "time": "2026-11-20T10:58:00Z", "verdict": "FORWARDED", "Type": "L7", "node_name": "n",
            "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
            "l4": {"TCP": {"source_port": 40000, "destination_port": 80}}, "event_type": {"type": 129},
            "l7": {
                "type": if is_response { "RESPONSE" } else { "REQUEST" },
                "http": {"code": plan.code, "method": plan.method, "url": url, "headers": headers},
            },
            "Summary": format!("{} {url}", plan.method),
        }});
        let mut tags = json!({"http.url": url, "url.query": plan.target()});
        for field in &plan.fields[1] {
            let (name, value) = field.header();
            tags[format!("http.request.header.{}", name.to_lowercase().replace('-', "_"))] = json!([value]).to_string().into();
        }
        let spans = json!([{
            "traceId": format!("{:032x}", 5), "id": format!("{:016x}", 6), "kind": "SERVER", "name": url,
            "timestamp": 1, "duration": 1, "tags": tags,
            "annotations": [{"timestamp": 1, "value": plan.hidden[0]}],
        }]);
        let dir = Dir::new();
        dir.write("tap", (flow.to_string() + "\n").as_bytes());
        dir.write("spans.json", spans.to_string().as_bytes());
        let args = ["--http", version, "--spans", "spans.json", "--span-attributes", "all"];
        let capture = assert_hides(&dir, &args, &plan.secrets())?;
        prop_assert!(memchr::memmem::find(&capture, b"span.match=").is_some() || is_response);
    }
}
