//! The exchanges that HTTP taps recorded.

use std::collections::HashMap;

use serde::Serialize;

use super::{DirectionInfo, MAX_KEPT, time};
use crate::http::body::TextCount;
use crate::http::{Exchange, Headers, Message, Piece, Truncation};
use crate::protocol::Protocol;
use crate::trace::{Connection, Endpoint, Kind};

/// Characters of a header's value that are kept at most.
const MAX_VALUE: usize = 2000;

/// What is in one exchange.
#[derive(Debug, Default, Serialize)]
pub struct ExchangeInfo {
    /// What identifies it: in a buffered trace what the name of its file says. A string, as it is mostly greater than what
    /// JSON's numbers hold.
    pub trace_id: Option<String>,
    /// `http_buffered` or `http_streamed`.
    pub kind: Kind,
    /// When the request's headers were received, RFC 3339.
    pub first: Option<String>,
    /// When the response's headers were received, RFC 3339.
    pub last: Option<String>,
    /// What a conversion makes of it, unless `--http` says otherwise.
    pub protocol: Protocol,
    /// `:method`.
    pub method: Option<String>,
    /// `:authority`.
    pub authority: Option<String>,
    /// `:path`.
    pub path: Option<String>,
    /// `:status`.
    pub status: Option<u16>,
    /// `grpc-status`.
    pub grpc_status: Option<u32>,
    /// The body of the request.
    pub request: DirectionInfo,
    /// The body of the response.
    pub response: DirectionInfo,
    /// Between the client and Envoy.
    pub downstream: SidesInfo,
    /// Between Envoy and the cluster's host.
    pub upstream: SidesInfo,
    /// Bodies of which `JSON_BODY_AS_STRING` has not kept every byte.
    #[serde(skip)]
    pub(super) lossy_bodies: u64,
    /// Bodies that somebody has removed.
    #[serde(skip)]
    pub(super) removed_bodies: u64,
    /// By message: not all of the body is there.
    #[serde(skip)]
    is_truncated: [bool; 2],
    /// Headers that the bodies contradict.
    #[serde(skip)]
    pub(super) contradicted_headers: u64,
    /// Messages that broke off before the length that their headers promise, and how many bytes they lack.
    #[serde(skip)]
    pub(super) broken_off: (u64, u64),
    /// The port of Envoy, to which the client connected.
    #[serde(skip)]
    pub(super) server_port: Option<u16>,
    /// Both sides of the downstream connection have an IP address.
    #[serde(skip)]
    pub(super) has_addresses: bool,
    #[serde(skip)]
    pub(super) first_ns: Option<u64>,
    #[serde(skip)]
    pub(super) last_ns: u64,
    /// What the headers say of the length of a body, if there is one.
    #[serde(skip)]
    lengths: [Option<u64>; 2],
    #[serde(skip)]
    texts: [Text; 2],
}

/// The addresses of a connection.
#[derive(Debug, Default, Serialize)]
pub struct SidesInfo {
    /// Envoy's address.
    pub local: Option<String>,
    /// The address of Envoy's peer.
    pub remote: Option<String>,
}

/// What is known of a body that was written as text.
#[derive(Debug, Default)]
struct Text {
    is_text: bool,
    /// It is no UTF-8.
    is_broken: bool,
    count: TextCount,
}

/// The exchanges of one input.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    infos: Vec<ExchangeInfo>,
    /// By the number of the exchange.
    places: HashMap<u64, usize>,
    count: u64,
}

impl Exchanges {
    /// Takes the parts of an exchange that have come.
    pub(super) fn see(&mut self, exchange: &mut Exchange) {
        self.count = self.count.max(exchange.number() + 1);
        if self.infos.len() == MAX_KEPT && !self.places.contains_key(&exchange.number()) {
            while exchange.take().is_some() {}
            return;
        }
        let place = *self.places.entry(exchange.number()).or_insert_with(|| {
            let trace = exchange.trace();
            let has_id = trace.kind == Kind::HttpStreamed || trace.id > 0;
            self.infos.push(ExchangeInfo {
                trace_id: has_id.then(|| trace.id.to_string()),
                kind: trace.kind,
                ..ExchangeInfo::default()
            });
            self.infos.len() - 1
        });
        let info = &mut self.infos[place];
        if info.protocol == Protocol::default() {
            info.protocol = if exchange.needs_http2() { Protocol::Http2 } else { Protocol::Http1 };
        }
        while let Some((message, time, piece)) = exchange.take() {
            if let (Some(time), Piece::Head(_)) = (time, &piece) {
                info.first_ns.get_or_insert(time);
                info.last_ns = info.last_ns.max(time);
            }
            if let Piece::Head(headers) = &piece
                && let Some((_, omitted)) = exchange.without_contradicted(message, headers)
            {
                info.contradicted_headers += omitted.len() as u64;
            }
            info.see(message, &piece);
        }
        let connections = exchange.connections();
        let ip = |endpoint: Option<&Endpoint>| endpoint.and_then(Endpoint::ip);
        if let Some(downstream) = connections.downstream.as_deref() {
            let [local, remote] = [&downstream.local, &downstream.remote].map(|end| ip(end.as_ref()));
            info.server_port = local.map(|address| address.port());
            info.has_addresses = local.is_some() && remote.is_some();
        }
        info.downstream = SidesInfo::new(connections.downstream.as_deref());
        info.upstream = SidesInfo::new(connections.upstream.as_deref());
    }

    /// How many were too many to be kept.
    pub(super) fn more(&self) -> u64 {
        self.count - self.infos.len() as u64
    }

    /// All of them, in the order in which they begin.
    pub(super) fn finish(mut self) -> Vec<ExchangeInfo> {
        self.infos.iter_mut().for_each(ExchangeInfo::finish);
        self.infos
    }
}

impl ExchangeInfo {
    fn see(&mut self, message: Message, piece: &Piece) {
        match piece {
            Piece::Head(headers) => self.head(message, headers),
            Piece::Body { bytes, truncation, is_text } => {
                self.removed_bodies += u64::from(*truncation == Truncation::Removed);
                self.is_truncated[message as usize] |= truncation.is_cut();
                let text = &mut self.texts[message as usize];
                text.is_text |= is_text;
                text.is_broken |= *is_text && str::from_utf8(bytes).is_err();
                text.count.count(if *is_text { bytes } else { &[] });
                let is_buffered = self.kind == Kind::HttpBuffered;
                let body = self.body(message);
                body.bytes += bytes.len() as u64;
                if *truncation == Truncation::Limit {
                    body.cut += 1;
                    // Buffered, the limit is for all of a body; streamed, for each piece.
                    let seen = if is_buffered { body.bytes } else { bytes.len() as u64 };
                    body.limit = body.limit.max(Some(seen));
                }
            }
            Piece::Trailers(headers) => self.grpc_status(headers),
            Piece::End => {}
        }
    }

    fn head(&mut self, message: Message, headers: &Headers) {
        let value = |name: &[u8]| headers.value(name).map(shown);
        match message {
            Message::Request => {
                self.method = value(b":method");
                self.authority = value(b":authority").or_else(|| value(b"host"));
                self.path = value(b":path");
                if headers.is_grpc() && self.protocol == Protocol::Http2 {
                    self.protocol = Protocol::Grpc;
                }
                self.lengths[0] = headers.content_length();
            }
            Message::Response => {
                self.status = number(headers, b":status");
                self.grpc_status(headers);
                // The length of what another request would have got (RFC 9110 section 8.6).
                let has_none = self.method.as_deref() == Some("HEAD") || self.status == Some(304);
                self.lengths[1] = headers.content_length().filter(|_| !has_none);
            }
        }
    }

    fn grpc_status(&mut self, headers: &Headers) {
        self.grpc_status = number(headers, b"grpc-status").or(self.grpc_status);
    }

    fn body(&mut self, message: Message) -> &mut DirectionInfo {
        match message {
            Message::Request => &mut self.request,
            Message::Response => &mut self.response,
        }
    }

    /// Whether it says which connections it went over.
    pub(super) fn has_connections(&self) -> bool {
        self.downstream.local.is_some() || self.upstream.local.is_some()
    }

    fn finish(&mut self) {
        let is_truncated = self.is_truncated;
        for message in [Message::Request, Message::Response] {
            let length = self.lengths[message as usize];
            let body = self.body(message);
            let missing = length.map_or(0, |length| length.saturating_sub(body.bytes));
            let is_cut = is_truncated[message as usize];
            body.missing_bytes = missing;
            body.missing_unknown = is_cut && missing == 0;
            let text = &self.texts[message as usize];
            let is_short = missing > 0 && !is_cut;
            let is_lossy = text.is_text && (text.is_broken || is_short && text.count.may_lack(missing));
            self.lossy_bodies += u64::from(is_lossy);
            if is_short && !is_lossy {
                self.broken_off.0 += 1;
                self.broken_off.1 = self.broken_off.1.saturating_add(missing);
            }
        }
        self.first = self.first_ns.map(time);
        self.last = self.first_ns.map(|_| time(self.last_ns));
    }
}

impl SidesInfo {
    fn new(connection: Option<&Connection>) -> Self {
        let text = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(Endpoint::to_string);
        connection.map_or_else(Self::default, |connection| Self {
            local: text(&connection.local),
            remote: text(&connection.remote),
        })
    }
}

fn number<T: std::str::FromStr>(headers: &Headers, name: &[u8]) -> Option<T> {
    str::from_utf8(headers.value(name)?).ok()?.parse().ok()
}

/// What a trace holds must not steer the terminal on which it is shown, nor fill it.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let mut shown = String::new();
    for char in text.chars().take(MAX_VALUE) {
        match char.is_control() {
            true => shown.extend(char.escape_default()),
            false => shown.push(char),
        }
    }
    if text.chars().nth(MAX_VALUE).is_some() {
        shown.push('…');
    }
    shown
}
