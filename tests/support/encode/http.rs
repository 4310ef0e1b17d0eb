//! Writes exchanges as Envoy's HTTP tap filter does: buffered, a record for each exchange, or streamed, a segment for
//! each part of one.

use std::net::SocketAddr;

use super::Format;
use super::tree::{Message, Value, address_field, bodies_as_strings, field, oneof, wrapper};
use crate::http::exchange::{self, Headers, Piece, Tapped};
use crate::model::Address;

/// How an HTTP tap is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpTap {
    pub(crate) kind: HttpKind,
    pub(crate) format: Format,
    /// `record_headers_received_time`, which only a buffered one heeds.
    pub(crate) has_times: bool,
    /// `record_downstream_connection` and `record_upstream_connection`, likewise.
    pub(crate) has_connections: bool,
    /// Where a header's value that is not UTF-8 stands.
    pub(crate) not_utf8: NotUtf8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpKind {
    Buffered,
    /// Buffered, each piece of a body in a record of its own.
    BufferedInParts,
    Streamed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotUtf8 {
    /// In `value`, as older Envoys write it; JSON cannot.
    Value,
    /// In `raw_value`.
    RawValue,
}

impl HttpTap {
    /// With all that can be recorded.
    pub(crate) fn new(kind: HttpKind, format: Format) -> Self {
        Self { kind, format, has_times: true, has_connections: true, not_utf8: NotUtf8::RawValue }
    }

    pub(crate) fn buffered(format: Format) -> Self {
        Self::new(HttpKind::Buffered, format)
    }

    pub(crate) fn streamed(format: Format) -> Self {
        Self::new(HttpKind::Streamed, format)
    }

    /// Whether a trace tells the addresses.
    pub(crate) fn tells_addresses(&self) -> bool {
        self.kind != HttpKind::Streamed && self.has_connections
    }

    /// Whether it tells when the headers came.
    pub(crate) fn tells_times(&self) -> bool {
        self.kind != HttpKind::Streamed && self.has_times
    }

    /// A file with these exchanges: buffered one after another, streamed side by side.
    pub(crate) fn write(&self, exchanges: &[Tapped]) -> Vec<u8> {
        let of_each = exchanges.iter().map(|tapped| self.records(tapped));
        let mut records: Vec<(usize, Message)> = match self.kind {
            HttpKind::Streamed => of_each.flat_map(|segments| segments.into_iter().enumerate()).collect(),
            _ => of_each.flatten().map(|record| (0, record)).collect(),
        };
        // The sort is stable: first the first segments of all, then the second ones.
        records.sort_by_key(|&(turn, _)| turn);
        let records: Vec<Message> = records.into_iter().map(|(_, record)| record).collect();
        self.format.print(&records)
    }

    /// The records of one exchange.
    pub(crate) fn records(&self, tapped: &Tapped) -> Vec<Message> {
        let mut records = match self.kind {
            HttpKind::Buffered => vec![self.buffered_record(tapped)],
            HttpKind::BufferedInParts => self.parts(tapped),
            HttpKind::Streamed => self.segments(tapped),
        };
        if self.format == Format::JsonString {
            records.iter_mut().for_each(bodies_as_strings);
        }
        records
    }

    fn buffered_record(&self, tapped: &Tapped) -> Message {
        let exchange = &tapped.exchange;
        let message = |name, number, message: &Option<exchange::Message>| {
            message.as_ref().map(|message| field(name, number, Value::Message(self.message(message))))
        };
        let mut trace = Vec::new();
        trace.extend(message("request", 1, &exchange.request));
        trace.extend(message("response", 2, &exchange.response));
        if self.has_connections {
            let [client, envoy] = tapped.downstream;
            trace.push(connection("downstream_connection", 3, [envoy, client]));
            trace.push(connection("upstream_connection", 4, tapped.upstream));
        }
        wrapper("http_buffered_trace", 1, trace)
    }

    /// Records that all have the same headers, and of the bodies a piece each.
    fn parts(&self, tapped: &Tapped) -> Vec<Message> {
        let messages = [&tapped.exchange.request, &tapped.exchange.response];
        let most =
            messages.iter().filter_map(|message| message.as_ref()).map(|message| message.body.len()).max();
        let parts = (0..most.unwrap_or_default().max(1)).map(|part| {
            let mut tapped = tapped.clone();
            for message in [&mut tapped.exchange.request, &mut tapped.exchange.response].into_iter().flatten()
            {
                message.body = message.body.get(part).cloned().into_iter().collect();
            }
            self.buffered_record(&tapped)
        });
        parts.collect()
    }

    /// A `HttpBufferedTrace.Message`.
    fn message(&self, message: &exchange::Message) -> Message {
        let mut fields = vec![field("headers", 1, self.header_values(&message.headers))];
        if !message.body.is_empty() {
            let joined = Piece { kept: message.kept(), length: message.length() };
            fields.push(field("body", 2, Value::Message(body(&joined))));
        }
        fields.push(field("trailers", 3, self.header_values(&message.trailers)));
        if self.has_times {
            let (seconds, nanos) = (message.time / 1_000_000_000, message.time % 1_000_000_000);
            fields.push(field("headers_received_time", 4, Value::Time { seconds, nanos }));
        }
        fields
    }

    fn segments(&self, tapped: &Tapped) -> Vec<Message> {
        let exchange = &tapped.exchange;
        let mut pieces = Vec::new();
        let kinds = [("request", 2), ("response", 5)];
        for ((name, number), message) in kinds.into_iter().zip([&exchange.request, &exchange.response]) {
            let mut piece = |part, number, value| {
                pieces.push(vec![oneof(&format!("{name}_{part}"), number, Value::Message(value))]);
            };
            let headers = |list| vec![field("headers", 1, self.header_values(list))];
            let Some(message) = message else { continue };
            piece("headers", number, headers(&message.headers));
            for part in &message.body {
                piece("body_chunk", number + 1, body(part));
            }
            if !message.trailers.is_empty() {
                piece("trailers", number + 2, headers(&message.trailers));
            }
        }
        if exchange.request.is_none() {
            // What Envoy writes of a request that it could not read.
            pieces.insert(0, vec![]);
        }
        let trace_id = field("trace_id", 1, Value::U64(tapped.id));
        let segment =
            |piece| wrapper("http_streamed_trace_segment", 2, [vec![trace_id.clone()], piece].concat());
        pieces.into_iter().map(segment).collect()
    }

    fn header_values(&self, list: &Headers) -> Value {
        let header = |(name, value): &(String, Vec<u8>)| {
            let (text, raw) = match (std::str::from_utf8(value), self.not_utf8) {
                (Ok(text), _) => (Value::Text(text.to_owned()), vec![]),
                (Err(_), NotUtf8::Value) => (Value::Bytes(value.clone()), vec![]),
                (Err(_), NotUtf8::RawValue) => (Value::Text(String::new()), value.clone()),
            };
            vec![
                field("key", 1, Value::Text(name.clone())),
                field("value", 2, text),
                field("raw_value", 3, Value::Bytes(raw)),
            ]
        };
        Value::Repeated(list.iter().map(header).collect())
    }
}

fn body(piece: &Piece) -> Message {
    vec![
        oneof("as_bytes", 1, Value::Bytes(piece.kept.clone())),
        field("truncated", 3, Value::Bool(piece.is_cut())),
    ]
}

fn connection(name: &str, number: u32, [local, remote]: [SocketAddr; 2]) -> super::tree::Field {
    let ends = [("local_address", 1, local), ("remote_address", 2, remote)];
    let ends = ends.map(|(name, number, address)| address_field(name, number, &Address::Ip(address)));
    field(name, number, Value::Message(ends.to_vec()))
}
