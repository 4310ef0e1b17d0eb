//! Puts exchanges on the wire: each part becomes bytes that one side sent, in an [`Event`] of the connection that carried
//! it.
//!
//! ExchangeQueue over one connection, known by its addresses, follow one another there in HTTP/1.1 (`http1`), and are its
//! streams in HTTP/2 (`http2`). One without addresses has a connection to itself.

use std::io;
use std::sync::Arc;

use super::connection::{Carriers, Key};
use super::encoder::{Encoded, ExchangeEncoder, Framing};
use super::exchange::Exchange;
use super::grouping::encode_event;
use super::redacted::Redacted;
use super::tunnel::tunnel;
use super::{Message, Piece, Side, Version, http1, http2};
use crate::capture::Capture;
use crate::conversation::{Conversations, InputRef, notes};
use crate::redact::Redaction;
use crate::report::{Report, Warning};
use crate::trace::{Connection, Data, Direction, Event, Kind, Length, TraceId, What};

/// How exchanges are to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The version of HTTP; `None` chooses it for each connection.
    pub version: Option<Version>,
    /// Which of the two connections of an exchange.
    pub side: Side,
    /// The most bytes of payload in a segment, where that is less than a packet can have. At least 1.
    pub mss: Option<usize>,
    /// Where the times begin of exchanges that have none, in nanoseconds since the Unix epoch, if somebody has said it:
    /// then they need not be warned of.
    pub start_time: Option<u64>,
}

/// Puts exchanges on the connections that carry them.
#[derive(Debug)]
pub struct HttpConnections {
    options: Options,
    /// The number that stands for their input, past those of all others.
    input: u32,
    carriers: Carriers,
    /// The bytes of an event.
    buffer: Vec<u8>,
    redaction: Option<Arc<Redaction>>,
}

/// Where the events of an exchange go.
pub struct Sinks<'a> {
    /// The input that the exchange comes from.
    pub origin: InputRef<'a>,
    /// The conversations.
    pub conversations: &'a mut Conversations,
    /// The capture.
    pub capture: &'a mut Capture,
    /// Takes warnings and counts.
    pub report: &'a mut Report,
}

impl HttpConnections {
    /// No connections yet. `input` is a number that no input has.
    #[must_use]
    pub fn new(options: Options, input: u32) -> Self {
        Self { options, input, carriers: Carriers::default(), buffer: Vec::new(), redaction: None }
    }

    /// Has values redacted.
    pub fn redact(&mut self, redaction: Option<Arc<Redaction>>) {
        self.redaction = redaction;
    }

    /// Puts the part of an exchange that is next on the wire, with those behind it that are of the same time.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn write(&mut self, exchange: &mut Exchange, mut out: Sinks<'_>) -> io::Result<()> {
        let Some(first) = exchange.front() else { return Ok(()) };
        let (time, message, is_time_known) = (first.time, first.message, first.is_time_known);
        out.origin.number = self.input;
        let out = &mut out;
        if exchange.encoder.is_none() {
            if self.options.side == Side::Upstream && exchange.connections.has_no_upstream() {
                if !std::mem::replace(&mut exchange.is_left_out, true) {
                    out.warn(Warning::NoUpstream, exchange);
                }
                exchange.pass_over();
                return Ok(());
            }
            exchange.encoder = Some(self.begin(exchange, time, out)?);
        }
        let Some(mut encoder) = exchange.encoder.take() else { return Ok(()) };
        self.follow(&mut encoder, exchange, message, out);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let counts = &mut out.report.redacted;
        let redacted = self.redaction.as_deref().map(|rules| Redacted { rules, counts });
        let mut encoded = Some(encode_event(&mut encoder, exchange, message, redacted, &mut buffer));
        while let Some(encoded_now) = encoded {
            let Encoded { length, truncation, is_text, lacks_trailers, omitted_headers, broken_off } =
                encoded_now;
            if lacks_trailers {
                out.warn(Warning::LostTrailers, exchange);
            }
            for header in omitted_headers {
                self.omit(header, &encoder, exchange, out);
            }
            if let Some(missing) = broken_off {
                self.break_off(missing, &encoder, exchange, out);
            }
            if !buffer.is_empty() || length != Length::Whole {
                let direction = self.options.side.direction(message);
                let bytes = (&buffer[..]).into();
                let data = Data { direction, bytes, length, truncation, is_text, end_stream: false };
                out.event(exchange.trace, encoder.carrier, time, What::Data(data), None)?;
                if !encoder.is_counted && out.conversations.wants(self.input, encoder.carrier, time) {
                    encoder.is_counted = true;
                    out.report.exchanges += 1;
                    if !is_time_known && self.options.start_time.is_none() {
                        out.report.warn(Warning::MadeUpTime, || out.origin.name.to_owned());
                    }
                }
            }
            buffer.clear();
            encoded = encoder.missing_frames(message, &mut buffer);
        }
        self.buffer = buffer;
        exchange.encoder = Some(encoder);
        if exchange.is_over() { self.end(exchange, time, out) } else { Ok(()) }
    }

    /// Follows what an exchange makes of its connection, before its next part goes out.
    fn follow(
        &mut self,
        encoder: &mut ExchangeEncoder,
        exchange: &Exchange,
        message: Message,
        out: &mut Sinks<'_>,
    ) {
        let Some(carrier) = self.carriers.get_mut(encoder.carrier) else { return };
        let head = exchange.front().and_then(|part| match &part.piece {
            Piece::Head(headers) => Some(headers),
            _ => None,
        });
        let is_http1 = encoder.version == Version::Http1;
        match (message, head) {
            (Message::Request, Some(_)) if is_http1 => {
                if carrier.unanswered > 0 {
                    out.warn(Warning::Pipelined, exchange);
                }
                carrier.unanswered += 1;
                carrier.is_tunnel |= encoder.tunnel.is_some();
            }
            (Message::Response, head) if !std::mem::replace(&mut encoder.has_answer, true) => {
                carrier.unanswered = carrier.unanswered.saturating_sub(1);
                if let (true, Some(response)) = (is_http1, head) {
                    // What the request asked for may be refused.
                    let opened = match encoder.tunnel {
                        Some(asked) => asked.opens(response),
                        None => tunnel(None, Some(response)).is_some(),
                    };
                    carrier.is_tunnel = opened || carrier.is_tunnel && encoder.tunnel.is_none();
                }
            }
            _ => {}
        }
    }

    /// Reports a header that was left out.
    fn omit(&self, header: String, encoder: &ExchangeEncoder, exchange: &Exchange, out: &mut Sinks<'_>) {
        out.report.warn(Warning::ContradictedHeader, || {
            format!("{} in {}", header, notes::place(exchange.trace, out.origin))
        });
        out.say(self.input, encoder.carrier, || format!("tap.omitted_header={header}"));
    }

    /// Reports a message that broke off.
    fn break_off(&self, missing: u64, encoder: &ExchangeEncoder, exchange: &Exchange, out: &mut Sinks<'_>) {
        out.warn(Warning::BrokenOff, exchange);
        out.report.unsent_bytes = out.report.unsent_bytes.saturating_add(missing);
        out.say(self.input, encoder.carrier, || "tap.incomplete=true".to_owned());
        out.say(self.input, encoder.carrier, || format!("tap.incomplete_bytes={missing}"));
    }

    /// Finds or makes the connection of an exchange, and says whose packets come.
    fn begin(&mut self, exchange: &Exchange, time: u64, out: &mut Sinks<'_>) -> io::Result<ExchangeEncoder> {
        let connection = self.options.side.of(&exchange.connections);
        let key = connection.and_then(key);
        let [request, response] = [Message::Request, Message::Response].map(|message| exchange.head(message));
        let tunnel = tunnel(request.map(|(head, _)| head), response.map(|(head, _)| head));
        let needs_http2 = exchange.needs_http2();
        let version =
            self.options.version.unwrap_or(if needs_http2 { Version::Http2 } else { Version::Http1 });
        let known = key.and_then(|key| self.carriers.known(key, version, tunnel.is_some()));
        let number = match known {
            Some(number) => number,
            None => {
                if key.is_some_and(|key| self.carriers.is_busy(key)) {
                    out.warn(Warning::Pipelined, exchange);
                }
                let (number, superseded) = self.carriers.open(key, version);
                if let Some(superseded) = superseded {
                    self.close(superseded, time, out)?;
                }
                let connection = connection.cloned().map(Box::new);
                out.event(exchange.trace, number, time, What::Opened, connection)?;
                number
            }
        };
        self.introduce(number, known.is_some(), exchange, out);
        if version == Version::Http2 && known.is_none() {
            self.preface(number, exchange, time, out)?;
        }
        let (version, stream) = self.carriers.get_mut(number).map_or((version, 1), |carrier| {
            carrier.open += 1;
            (carrier.version, carrier.next_stream())
        });
        let head = request.map(|(head, _)| head);
        let max_segment = self.options.mss.unwrap_or(usize::MAX);
        let framing = |_| match version {
            Version::Http1 => Framing::One(http1::Framing::new(head, tunnel.is_some())),
            Version::Http2 => Framing::Two(http2::Framing::new(stream, head, tunnel, max_segment)),
        };
        let messages = [Message::Request, Message::Response].map(framing);
        Ok(ExchangeEncoder::new(number, version, tunnel, messages))
    }

    /// Says on the next packet which exchange begins.
    fn introduce(&self, number: u32, is_known: bool, exchange: &Exchange, out: &mut Sinks<'_>) {
        if !out.capture.has_comments() {
            return;
        }
        let name = out.origin.name;
        let mut say = |comment: String| out.conversations.say(self.input, number, comment);
        if is_known {
            say(format!("tap.trace_id={}", exchange.trace.id));
            say(format!("tap.kind={}", exchange.trace.kind));
            say(format!("tap.file={name}"));
        }
        let request = exchange.head(Message::Request);
        if let Some(id) = request.and_then(|(head, _)| head.value(b"x-request-id")) {
            let mut id = id.to_vec();
            if let Some(redaction) = &self.redaction {
                redaction.header(b"x-request-id", &mut id);
            }
            say(format!("tap.request_id={}", id.escape_ascii()));
        }
        if exchange.front().is_some_and(|part| !part.is_time_known) {
            say("tap.time=stand-in".to_owned());
        }
    }

    /// What both sides send before the first stream.
    fn preface(&self, number: u32, exchange: &Exchange, time: u64, out: &mut Sinks<'_>) -> io::Result<()> {
        for (message, bytes) in http2::preface() {
            let direction = self.options.side.direction(message);
            let data = Data::whole(direction, bytes);
            out.event(exchange.trace, number, time, What::Data(data), None)?;
        }
        Ok(())
    }

    /// An exchange is over. A connection that only it had is too.
    fn end(&mut self, exchange: &Exchange, time: u64, out: &mut Sinks<'_>) -> io::Result<()> {
        let Some(encoder) = &exchange.encoder else { return Ok(()) };
        let number = encoder.carrier;
        let mut reset = Vec::new();
        if let Some(message) = encoder.reset(&mut reset) {
            let direction = self.options.side.direction(message);
            let data = Data::whole(direction, reset);
            out.event(exchange.trace, number, time, What::Data(data), None)?;
        }
        let Some(carrier) = self.carriers.get_mut(number) else { return Ok(()) };
        carrier.open = carrier.open.saturating_sub(1);
        if !encoder.has_answer {
            carrier.unanswered = carrier.unanswered.saturating_sub(1);
        }
        if encoder.version == Version::Http1 {
            carrier.is_unanswered |= !encoder.has_answer;
            carrier.is_broken_off |= encoder.is_broken_off.contains(&true);
        }
        if self.carriers.is_over(number) {
            return self.close(number, time, out);
        }
        for number in self.carriers.too_many() {
            self.close(number, time, out)?;
        }
        Ok(())
    }

    /// Forgets a connection. One on which a message broke off has closed at `time`.
    fn close(&mut self, number: u32, time: u64, out: &mut Sinks<'_>) -> io::Result<()> {
        let Some(carrier) = self.carriers.close(number) else { return Ok(()) };
        let trace = TraceId { kind: Kind::HttpStreamed, id: 0 };
        let what = if carrier.is_broken_off { What::Closed } else { What::Ended };
        out.event(trace, number, time, what, None)
    }
}

impl Sinks<'_> {
    fn event(
        &mut self,
        trace: TraceId,
        conversation: u32,
        time: u64,
        what: What<'_>,
        connection: Option<Box<Connection>>,
    ) -> io::Result<()> {
        let mut event = Event { trace, conversation, time, seq_num: 0, missing: None, connection, what };
        self.conversations.event(self.origin, &mut event, self.capture, self.report)
    }

    /// Says something on the connection's next packet, where the capture holds comments.
    fn say(&mut self, input: u32, number: u32, comment: impl FnOnce() -> String) {
        if self.capture.has_comments() {
            self.conversations.say(input, number, comment());
        }
    }

    fn warn(&mut self, warning: Warning, exchange: &Exchange) {
        self.report.warn(warning, || notes::place(exchange.trace, self.origin));
    }
}

/// The addresses of a connection, if it has both.
fn key(connection: &Connection) -> Option<Key> {
    Some((connection.local.as_ref()?.ip()?, connection.remote.as_ref()?.ip()?))
}

impl Side {
    /// The way that a message goes, as Envoy says it.
    fn direction(self, message: Message) -> Direction {
        match (self, message) {
            (Self::Downstream, Message::Request) | (Self::Upstream, Message::Response) => Direction::Read,
            (Self::Downstream, Message::Response) | (Self::Upstream, Message::Request) => Direction::Write,
        }
    }

    fn of(self, connections: &super::Connections) -> Option<&Connection> {
        match self {
            Self::Downstream => connections.downstream.as_deref(),
            Self::Upstream => connections.upstream.as_deref(),
        }
    }
}
