//! What `info` says of one trace of a socket: its events go in one by one, and numbers are kept.

use serde::Serialize;

use super::recognizer::Recognizer;
use crate::conversation::Signs;
use crate::protocol::Protocol;
use crate::trace::{Data, Direction, Event, Kind, Length, Side, Truncation};

/// What is in one trace.
#[derive(Debug, Serialize)]
pub struct TraceInfo {
    /// Envoy's connection id. A string, as it may be greater than what JSON's numbers hold.
    pub trace_id: String,
    /// `socket_buffered` or `socket_streamed`.
    pub kind: Kind,
    /// Envoy's address.
    pub local: Option<String>,
    /// The address of Envoy's peer.
    pub remote: Option<String>,
    /// Time of the first event, RFC 3339.
    pub first: Option<String>,
    /// Time of the last event, RFC 3339.
    pub last: Option<String>,
    /// Reads, writes and the close.
    pub events: u64,
    /// What Envoy read.
    pub read: DirectionInfo,
    /// What Envoy wrote.
    pub written: DirectionInfo,
    /// Bytes that were lost with whole messages.
    pub lost_bytes: u64,
    /// What the bytes are.
    pub protocol: Protocol,
    /// Whether the trace says that the connection closed.
    pub closed: bool,
    /// The port of the side that accepted the connection.
    pub server_port: Option<u16>,
    /// Bodies of which `JSON_BODY_AS_STRING` has not kept every byte.
    #[serde(skip)]
    pub(super) lossy_bodies: u64,
    /// Bodies that somebody has removed.
    #[serde(skip)]
    pub(super) removed_bodies: u64,
    /// The input ends in a body.
    #[serde(skip)]
    pub(super) is_truncated: bool,
    /// The proxy opened the connection, by the trace's first message.
    #[serde(skip)]
    pub(super) is_upstream: bool,
    /// Both sides have an IP address.
    #[serde(skip)]
    pub(super) has_addresses: [bool; 2],
    #[serde(skip)]
    pub(super) first_ns: Option<u64>,
    #[serde(skip)]
    pub(super) last_ns: u64,
    #[serde(skip)]
    recognizer: Recognizer,
}

/// What is in one direction of a trace.
#[derive(Debug, Default, Serialize)]
pub struct DirectionInfo {
    /// Bytes in the trace.
    pub bytes: u64,
    /// Bodies that are cut.
    pub cut: u64,
    /// Bytes that these are known to lack.
    pub missing_bytes: u64,
    /// Whether there are cut bodies whose true length is unknown.
    pub missing_unknown: bool,
    /// The tap's limit in bytes, as seen in the bodies that it cut: `max_buffered_rx_bytes` for what was read,
    /// `max_buffered_tx_bytes` for what was written.
    pub limit: Option<u64>,
}

impl TraceInfo {
    pub(super) fn new(event: &Event<'_>) -> Self {
        Self {
            trace_id: event.trace.id.to_string(),
            kind: event.trace.kind,
            local: None,
            remote: None,
            first: None,
            last: None,
            events: 0,
            read: DirectionInfo::default(),
            written: DirectionInfo::default(),
            lost_bytes: 0,
            protocol: Protocol::Other,
            closed: false,
            server_port: None,
            lossy_bodies: 0,
            removed_bodies: 0,
            is_truncated: false,
            is_upstream: false,
            has_addresses: [false; 2],
            first_ns: None,
            last_ns: 0,
            recognizer: Recognizer::default(),
        }
    }

    pub(super) fn data(&mut self, data: &Data<'_>) {
        self.recognizer.see(data);
        let is_buffered = self.kind == Kind::SocketBuffered;
        let info = match data.direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.written,
        };
        let captured = data.bytes.len() as u64;
        let is_lossy = matches!(data.length, Length::Lossy(_));
        self.lossy_bodies += u64::from(is_lossy || data.is_text && str::from_utf8(&data.bytes).is_err());
        info.bytes += captured;
        match data.truncation {
            Truncation::None | Truncation::Limit => {}
            Truncation::Removed => {
                self.removed_bodies += 1;
                return;
            }
            Truncation::Input { .. } => {
                self.is_truncated = true;
                return;
            }
        }
        let missing = match data.length {
            Length::Whole | Length::Unsure => return,
            Length::CutFrom(length) | Length::Lossy(length) => Some(length - captured),
            Length::Cut | Length::AtLeast(_) => None,
        };
        info.missing_bytes = info.missing_bytes.saturating_add(missing.unwrap_or_default());
        info.missing_unknown |= missing.is_none();
        if matches!(data.length, Length::Lossy(_)) {
            return;
        }
        info.cut += 1;
        // Buffered, the limit is for all of a direction; streamed, for each event.
        let seen = if is_buffered { info.bytes } else { captured };
        info.limit = info.limit.max(Some(seen));
    }

    pub(super) fn finish(&mut self) {
        self.first = self.first_ns.map(time);
        self.last = self.first_ns.map(|_| time(self.last_ns));
        self.protocol = self.recognizer.protocol();
        let port = |address: &Option<String>| {
            address.as_ref()?.parse().ok().map(|address: std::net::SocketAddr| address.port())
        };
        let (local, remote) = (port(&self.local), port(&self.remote));
        let signs = Signs {
            is_upstream: self.is_upstream,
            client: self.recognizer.client(),
            ports: local.zip(remote),
            first: self.recognizer.first(),
        };
        let client = Some(signs.initiator()).filter(|_| self.protocol != Protocol::Other);
        self.server_port = match client {
            Some(Side::Local) => remote,
            Some(Side::Remote) => local,
            None => None,
        };
    }
}

/// RFC 3339.
pub(super) fn time(ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| ns.to_string(), |time| time.to_string())
}
