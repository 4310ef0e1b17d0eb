//! Puts exchanges on the wire: each part becomes bytes that one side sent, in an [`Event`] of the connection that carried
//! it.
//!
//! Exchanges over one connection, known by its addresses, follow one another there in HTTP/1.1 ([`one`]), and are its
//! streams in HTTP/2 ([`two`]). One without addresses has a connection to itself.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use super::course::{Course, Encoded, Framing};
use super::exchange::{Exchange, Queued};
use super::{Message, Piece, Side, Version, one, two};
use crate::conversation::{Conversations, Origin, comment};
use crate::output::Capture;
use crate::report::{Report, Warning};
use crate::sequence::Numbers;
use crate::trace::{Connection, Data, Direction, Event, Kind, Length, TraceId, What};

/// As many connections are remembered; then those without an exchange under way are forgotten.
const MAX_CONNECTIONS: usize = 65_536;

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

/// All connections that carry exchanges.
#[derive(Debug)]
pub struct Wire {
    options: Options,
    /// The number that stands for their input, past those of all others.
    input: u32,
    by_addresses: HashMap<Key, usize>,
    connections: Vec<Option<Carrier>>,
    numbers: Numbers,
    /// The bytes of an event.
    buffer: Vec<u8>,
}

/// Where the events of an exchange go.
pub struct Out<'a> {
    /// The input that the exchange comes from.
    pub origin: Origin<'a>,
    /// The conversations.
    pub conversations: &'a mut Conversations,
    /// The capture.
    pub capture: &'a mut Capture,
    /// What people are to be told.
    pub report: &'a mut Report,
}

/// Local and remote address.
type Key = (SocketAddr, SocketAddr);

/// A connection.
#[derive(Debug)]
struct Carrier {
    key: Option<Key>,
    version: Version,
    /// HTTP/2: the identifier of the next stream (RFC 9113 section 5.1.1).
    next_stream: u32,
    /// Exchanges that are under way.
    open: u64,
    /// HTTP/1.1: exchanges whose response has yet to begin.
    unanswered: u64,
}

impl Wire {
    /// No connections yet. `input` is a number that no input has.
    #[must_use]
    pub fn new(options: Options, input: u32) -> Self {
        Self {
            options,
            input,
            by_addresses: HashMap::new(),
            connections: Vec::new(),
            numbers: Numbers::default(),
            buffer: Vec::new(),
        }
    }

    /// Puts the part of an exchange that is next on the wire, with those behind it that are of the same time.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn write(&mut self, exchange: &mut Exchange, mut out: Out<'_>) -> io::Result<()> {
        let Some(first) = exchange.front() else { return Ok(()) };
        let (time, message, is_time_known) = (first.time, first.message, first.is_time_known);
        out.origin.number = self.input;
        let out = &mut out;
        if exchange.course.is_none() {
            let number = self.begin(exchange, time, out)?;
            exchange.course = Some(self.course(number, exchange));
        }
        let Some(mut course) = exchange.course.take() else { return Ok(()) };
        let place = course.carrier as usize;
        let is_head = exchange.front().is_some_and(|part| matches!(part.piece, Piece::Head(_)));
        if message == Message::Response && !std::mem::replace(&mut course.has_answer, true) {
            self.answer(place);
        } else if message == Message::Request && is_head && course.version == Version::Http1 {
            self.request(place, exchange, out);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut encoded = Some(course.encode(exchange, message, &mut buffer));
        while let Some(Encoded { length, is_text, lacks_trailers }) = encoded {
            if lacks_trailers {
                out.warn(Warning::LostTrailers, exchange);
            }
            if !buffer.is_empty() || length != Length::Whole {
                let direction = self.options.side.direction(message);
                let bytes = (&buffer[..]).into();
                let data = Data { direction, bytes, length, is_text, end_stream: false };
                out.event(exchange.trace, course.carrier, time, What::Data(data), None)?;
                if !course.is_counted && out.conversations.wants(self.input, course.carrier, time) {
                    course.is_counted = true;
                    out.report.exchanges += 1;
                    if !is_time_known && self.options.start_time.is_none() {
                        out.report.warn(Warning::StandInTime, || out.origin.name.to_owned());
                    }
                }
            }
            buffer.clear();
            encoded = course.lacking(message, &mut buffer);
        }
        self.buffer = buffer;
        exchange.course = Some(course);
        if exchange.is_over() { self.end(exchange, out) } else { Ok(()) }
    }

    /// Finds or makes the connection of an exchange, and says whose packets come.
    fn begin(&mut self, exchange: &Exchange, time: u64, out: &mut Out<'_>) -> io::Result<u32> {
        if [Message::Request, Message::Response].iter().any(|&message| is_lossy(exchange, message)) {
            out.warn(Warning::LossyText, exchange);
        }
        let connection = self.options.side.of(&exchange.connections);
        let key = connection.and_then(key);
        let needs_2 = two::is_needed(exchange);
        let version = self.options.version.unwrap_or(if needs_2 { Version::Http2 } else { Version::Http1 });
        let known = key.and_then(|key| self.by_addresses.get(&key)).copied();
        // A connection that has begun with HTTP/1.1 cannot go on with HTTP/2: what needs it gets another one.
        let known = known.filter(|&place| {
            self.connections[place].as_ref().is_some_and(|carrier| carrier.version >= version)
        });
        if let (Some(key), None) = (key, known)
            && let Some(superseded) = self.by_addresses.remove(&key)
            && self.connections[superseded].as_ref().is_some_and(|carrier| carrier.open == 0)
        {
            self.close(superseded, out)?;
        }
        let number = match known {
            Some(place) => place as u32,
            None => {
                let number = self.numbers.take();
                self.open(number, key, version);
                let connection = connection.cloned().map(Box::new);
                out.event(exchange.trace, number, time, What::Opened, connection)?;
                number
            }
        };
        if let Some(carrier) = &mut self.connections[number as usize] {
            carrier.open += 1;
        }
        if out.capture.has_comments() {
            let mut say = |comment: String| out.conversations.say(self.input, number, comment);
            if known.is_some() {
                say(format!("tap.trace_id={}", exchange.trace.id));
                say(format!("tap.kind={}", exchange.trace.kind));
                say(format!("tap.file={}", out.origin.name));
            }
            if let Some(id) =
                exchange.head(Message::Request).and_then(|(head, _)| head.value(b"x-request-id"))
            {
                say(format!("tap.request_id={}", id.escape_ascii()));
            }
            if exchange.front().is_some_and(|part| !part.is_time_known) {
                say("tap.time=stand-in".to_owned());
            }
        }
        if version == Version::Http2 && known.is_none() {
            self.preface(number, exchange, time, out)?;
        }
        Ok(number)
    }

    fn open(&mut self, number: u32, key: Option<Key>, version: Version) {
        let place = number as usize;
        if self.connections.len() <= place {
            self.connections.resize_with(place + 1, || None);
        }
        let carrier = Carrier { key, version, next_stream: 1, open: 0, unanswered: 0 };
        self.connections[place] = Some(carrier);
        if let Some(key) = key {
            self.by_addresses.insert(key, place);
        }
    }

    /// What both sides send before the first stream.
    fn preface(&self, number: u32, exchange: &Exchange, time: u64, out: &mut Out<'_>) -> io::Result<()> {
        for (message, bytes) in two::preface() {
            let direction = self.options.side.direction(message);
            let (length, is_text, end_stream) = (Length::Whole, false, false);
            let data = Data { direction, bytes: bytes.into(), length, is_text, end_stream };
            out.event(exchange.trace, number, time, What::Data(data), None)?;
        }
        Ok(())
    }

    fn course(&mut self, number: u32, exchange: &Exchange) -> Course {
        let carrier = self.connections[number as usize].as_mut();
        let (version, stream) = carrier.map_or((Version::Http1, 1), |carrier| {
            let stream = carrier.next_stream;
            carrier.next_stream = stream.wrapping_add(2) & 0x7fff_ffff;
            (carrier.version, stream)
        });
        let head = exchange.head(Message::Request).map(|(head, _)| head);
        let max_segment = self.options.mss.unwrap_or(usize::MAX);
        let framing = |_| match version {
            Version::Http1 => Framing::One(one::Framing::new(head)),
            Version::Http2 => Framing::Two(two::Framing::new(stream, head, max_segment)),
        };
        let messages = [Message::Request, Message::Response].map(framing);
        Course { carrier: number, version, messages, has_answer: false, is_counted: false }
    }

    /// A request goes out.
    fn request(&mut self, place: usize, exchange: &Exchange, out: &mut Out<'_>) {
        let Some(Some(carrier)) = self.connections.get_mut(place) else { return };
        if carrier.unanswered > 0 {
            out.warn(Warning::Pipelined, exchange);
        }
        carrier.unanswered += 1;
    }

    /// A response begins.
    fn answer(&mut self, place: usize) {
        if let Some(Some(carrier)) = self.connections.get_mut(place) {
            carrier.unanswered = carrier.unanswered.saturating_sub(1);
        }
    }

    /// An exchange is over. A connection that only it had is too.
    fn end(&mut self, exchange: &Exchange, out: &mut Out<'_>) -> io::Result<()> {
        let Some(course) = &exchange.course else { return Ok(()) };
        let place = course.carrier as usize;
        let Some(Some(carrier)) = self.connections.get_mut(place) else { return Ok(()) };
        carrier.open = carrier.open.saturating_sub(1);
        if !course.has_answer {
            carrier.unanswered = carrier.unanswered.saturating_sub(1);
        }
        let is_superseded = carrier.key.is_none_or(|key| self.by_addresses.get(&key) != Some(&place));
        if carrier.open == 0 && is_superseded {
            return self.close(place, out);
        }
        if self.by_addresses.len() > MAX_CONNECTIONS {
            let idle = |carrier: &Option<Carrier>| carrier.as_ref().is_some_and(|carrier| carrier.open == 0);
            for place in 0..self.connections.len() {
                if idle(&self.connections[place]) {
                    self.close(place, out)?;
                }
            }
        }
        Ok(())
    }

    /// Forgets a connection.
    fn close(&mut self, place: usize, out: &mut Out<'_>) -> io::Result<()> {
        let carrier = self.connections[place].take();
        if let Some(key) = carrier.and_then(|carrier| carrier.key)
            && self.by_addresses.get(&key) == Some(&place)
        {
            self.by_addresses.remove(&key);
        }
        let number = place as u32;
        self.numbers.give_back(number);
        let trace = TraceId { kind: Kind::HttpStreamed, id: 0 };
        out.event(trace, number, 0, What::Ended, None)
    }
}

impl Out<'_> {
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

    fn warn(&mut self, warning: Warning, exchange: &Exchange) {
        self.report.warn(warning, || comment::place(exchange.trace, self.origin));
    }
}

/// Whether a body in text has lost bytes: it is shorter than its headers say, and nothing else tells why.
fn is_lossy(exchange: &Exchange, message: Message) -> bool {
    let ahead = exchange.ahead(message);
    let is_text =
        |part: &Queued| part.message == message && matches!(part.piece, Piece::Body { is_text: true, .. });
    let length = exchange.head(message).and_then(|(head, _)| head.content_length());
    ahead.is_all
        && !ahead.has_cut()
        && length.is_some_and(|length| ahead.body < length)
        && exchange.parts().any(is_text)
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
