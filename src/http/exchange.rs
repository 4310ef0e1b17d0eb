//! One request and its response, as far as they have come and have not been put on the wire.

use std::collections::VecDeque;

use super::encoder::ExchangeEncoder;
use super::lookahead::Lookahead;
use super::tunnel::tunnel;
use super::{Connections, Headers, Message, Part, Piece, Truncation, coding, http2};
use crate::trace::TraceId;

/// An exchange.
#[derive(Debug)]
pub struct Exchange {
    number: u64,
    pub(super) trace: TraceId,
    pub(super) connections: Connections,
    parts: VecDeque<Queued>,
    /// The messages that have begun, and those that have ended.
    has_begun: [bool; 2],
    has_ended: [bool; 2],
    /// What waits of each.
    lookahead: [Lookahead; 2],
    /// Bytes of each body that are still to come by its content-length.
    promised: [u64; 2],
    /// The order of the last part that came.
    last: u64,
    /// The time of the last part that came, and whether the trace has told one so far.
    time: Option<(u64, bool)>,
    /// The number of the last part that came, among all of its input.
    pub(super) arrived: u64,
    /// About how many bytes the parts take that wait.
    memory: usize,
    /// Its encoder, once its first event is written.
    pub(super) encoder: Option<ExchangeEncoder>,
    /// It is not written.
    pub(super) is_left_out: bool,
}

/// A part that waits.
#[derive(Debug)]
pub(super) struct Queued {
    /// Where it belongs in the order of time: its time, or that of a part before it where that is later.
    pub(super) order: u64,
    /// In nanoseconds since the Unix epoch.
    pub(super) time: u64,
    pub(super) is_time_known: bool,
    /// The number of the part among all of its input.
    pub(super) arrived: u64,
    pub(super) message: Message,
    pub(super) piece: Piece,
}

impl Exchange {
    pub(super) fn new(number: u64, trace: TraceId) -> Self {
        Self {
            number,
            trace,
            connections: Connections::default(),
            parts: VecDeque::new(),
            has_begun: [false; 2],
            has_ended: [false; 2],
            lookahead: Default::default(),
            promised: [0; 2],
            last: 0,
            time: None,
            arrived: 0,
            memory: 0,
            encoder: None,
            is_left_out: false,
        }
    }

    /// The trace.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// Its number among those of its input.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The connections that it went over, as far as the trace tells.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Whether HTTP/1.1 cannot say what its parts have that wait.
    #[must_use]
    pub fn needs_http2(&self) -> bool {
        let mut heads = [Message::Request, Message::Response].into_iter().filter_map(|it| self.head(it));
        let is_web = heads.any(|(headers, _)| headers.is_grpc_web());
        self.parts.iter().any(|part| match &part.piece {
            Piece::Head(headers) => headers.is_grpc() && !is_web || headers.iter().any(http2::is_needed),
            Piece::Trailers(headers) => !headers.is_empty(),
            Piece::Body { .. } | Piece::End => false,
        })
    }

    /// Takes the part that is next: its message, its time where the trace has one, and what it is.
    pub fn take(&mut self) -> Option<(Message, Option<u64>, Piece)> {
        self.pop().map(|part| (part.message, part.is_time_known.then_some(part.time), part.piece))
    }

    /// Takes the part that is next, which is not wanted.
    pub fn pass_over(&mut self) {
        self.pop();
    }

    /// Adds what a record says of the connections.
    pub(super) fn learn(&mut self, connections: Connections) {
        self.connections.downstream = connections.downstream.or(self.connections.downstream.take());
        self.connections.upstream = connections.upstream.or(self.connections.upstream.take());
    }

    /// Puts a part behind all others, in the order in which they came.
    pub(super) fn push(&mut self, mut queued: Queued) {
        let message = queued.message as usize;
        if self.has_ended[message] {
            self.take_back_end(queued.message);
        }
        queued.order = queued.time.max(self.last);
        self.last = queued.order;
        self.promise(&queued);
        self.has_begun[message] = true;
        self.has_ended[message] = queued.piece == Piece::End;
        self.time =
            Some((queued.time, queued.is_time_known || self.time.is_some_and(|(_, is_known)| is_known)));
        let opens_tunnel = self.opens_tunnel(&queued);
        self.parts.push_back(queued);
        self.count(self.parts.len() - 1);
        if opens_tunnel {
            self.put_behind_answer();
        }
    }

    /// Counts what the content-length of a message still promises after a part.
    fn promise(&mut self, queued: &Queued) {
        let promised = &mut self.promised[queued.message as usize];
        match &queued.piece {
            Piece::Head(headers) => *promised = headers.content_length().unwrap_or_default(),
            Piece::Body { bytes, truncation: Truncation::None, is_text: false } => {
                *promised = promised.saturating_sub(bytes.len() as u64);
            }
            // How long it was is not known.
            Piece::Body { .. } => *promised = 0,
            Piece::Trailers(_) | Piece::End => {}
        }
    }

    /// Whether more of a body has to come by its content-length.
    pub(super) fn awaits_body(&self, message: Message) -> bool {
        self.promised[message as usize] > 0
    }

    /// Whether a part is a response that opens the tunnel for which the request, which still waits, has asked.
    fn opens_tunnel(&self, queued: &Queued) -> bool {
        let (Message::Response, Piece::Head(response)) = (queued.message, &queued.piece) else {
            return false;
        };
        tunnel(self.head(Message::Request).map(|(head, _)| head), Some(response)).is_some()
    }

    /// Puts what the client sent through a tunnel, and the tap recorded before the answer that opened it, behind this answer,
    /// the last part.
    fn put_behind_answer(&mut self) {
        let is_tunnelled =
            |part: &Queued| part.message == Message::Request && !matches!(part.piece, Piece::Head(_));
        let Some(first) = self.parts.iter().position(is_tunnelled) else { return };
        let Some(answer) = self.parts.pop_back() else { return };
        for part in self.parts.range_mut(first..) {
            (part.order, part.time) = (answer.order, answer.time);
        }
        self.parts.insert(first, answer);
    }

    /// A message goes on that seemed to be over: the response had begun before.
    fn take_back_end(&mut self, message: Message) {
        let is_end = |part: &Queued| part.message == message && part.piece == Piece::End;
        if let Some(end) = self.parts.iter().rposition(is_end)
            && let Some(end) = self.parts.remove(end)
        {
            self.discount(&end);
        }
    }

    /// Counts the part at this place, which has come.
    fn count(&mut self, place: usize) {
        let part = &self.parts[place];
        self.memory += part.memory();
        self.lookahead[part.message as usize].add(&part.piece);
    }

    /// Counts a part no more, which has gone.
    fn discount(&mut self, part: &Queued) {
        self.memory -= part.memory();
        self.lookahead[part.message as usize].remove(&part.piece);
    }

    /// Says that a message is over, if it has begun; at `time`, unless the trace has told one.
    pub(super) fn end(&mut self, message: Message, time: u64, arrived: u64) {
        let number = message as usize;
        if self.has_begun[number] && !self.has_ended[number] {
            let is_time_known = self.time.is_some_and(|(_, is_known)| is_known);
            let time = if is_time_known { self.last } else { time.max(self.last) };
            let order = time;
            self.push(Queued { order, time, is_time_known, arrived, message, piece: Piece::End });
        }
    }

    /// Adds a part of another record with the same exchange: the last headers count, and bodies go on.
    pub(super) fn join(&mut self, queued: Queued) {
        let place = queued.place();
        let at = self.parts.partition_point(|part| part.place() <= place);
        let known = at.checked_sub(1).and_then(|before| self.parts.get_mut(before));
        let message = queued.message as usize;
        let order = known.as_ref().map_or(queued.time, |known| known.order.max(queued.time));
        match (&queued.piece, known) {
            (Piece::Head(_) | Piece::Trailers(_), Some(known)) if known.place() == place => {
                let replaced = std::mem::replace(known, Queued { order: known.order, ..queued });
                self.discount(&replaced);
                return self.count(at - 1);
            }
            // It is on the wire.
            (Piece::Head(_), _) if self.has_begun[message] => return,
            (Piece::End, _) if self.has_ended[message] => return,
            _ => {}
        }
        self.last = self.last.max(order);
        self.has_begun[message] = true;
        self.has_ended[message] |= queued.piece == Piece::End;
        self.parts.insert(at, Queued { order, ..queued });
        self.count(at);
    }

    /// Says that nothing more comes.
    pub(super) fn close(&mut self, time: u64, arrived: u64) {
        self.end(Message::Request, time, arrived);
        self.end(Message::Response, time, arrived);
        if self.parts.is_empty() && self.encoder.is_some() {
            // What is on the wire has to be told: a second end has no bytes.
            self.has_ended[Message::Request as usize] = false;
            self.end(Message::Request, time, arrived);
        }
        self.has_ended = [true; 2];
    }

    /// Whether a message has ended.
    pub(super) fn has_ended(&self, message: Message) -> bool {
        self.has_ended[message as usize]
    }

    /// Whether a message has begun.
    pub(super) fn has_begun(&self, message: Message) -> bool {
        self.has_begun[message as usize]
    }

    /// Whether nothing more can come: both messages have ended, or the response of an exchange without a request.
    pub(super) fn is_over(&self) -> bool {
        self.parts.is_empty()
            && self.has_ended(Message::Response)
            && (self.has_ended(Message::Request) || !self.has_begun(Message::Request))
    }

    /// What waits of a message.
    pub(super) fn lookahead(&self, message: Message) -> Lookahead {
        let mut lookahead = self.lookahead[message as usize];
        lookahead.is_all = self.has_ended(message);
        lookahead
    }

    /// The time of the last part that came, and whether the trace has told one so far.
    pub(super) fn last_time(&self) -> Option<(u64, bool)> {
        self.time
    }

    /// The headers of a message, as long as they wait.
    pub(super) fn head(&self, message: Message) -> Option<(&Headers, Option<u64>)> {
        self.parts.iter().filter(|part| part.message == message).find_map(|part| match &part.piece {
            Piece::Head(headers) => Some((headers, part.is_time_known.then_some(part.time))),
            _ => None,
        })
    }

    /// The headers of a message without those that its body contradicts, as far as that waits, and each of those as a line;
    /// `None` where there is none.
    pub(crate) fn without_contradicted(
        &self,
        message: Message,
        headers: &Headers,
    ) -> Option<(Headers, Vec<String>)> {
        let mut pieces = self.parts.iter().filter(|part| part.message == message);
        let start = pieces.find_map(|part| match &part.piece {
            Piece::Body { bytes, is_text, .. } if !bytes.is_empty() => Some((&bytes[..], *is_text)),
            _ => None,
        });
        let (start, is_lossy) = start.unwrap_or_default();
        coding::without_contradicted(headers, start, self.lookahead(message).body, is_lossy)
    }

    /// The part that is next.
    pub(super) fn front(&self) -> Option<&Queued> {
        self.parts.front()
    }

    /// Takes the part that is next.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        let part = self.parts.pop_front()?;
        self.discount(&part);
        Some(part)
    }

    /// About how many bytes the parts take that wait.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }
}

impl Queued {
    pub(super) fn new(part: Part, time: u64, is_time_known: bool, arrived: u64) -> Self {
        Self { order: time, time, is_time_known, arrived, message: part.message, piece: part.what }
    }

    /// Where it belongs among the parts of an exchange whose messages follow one another.
    fn place(&self) -> (usize, usize) {
        let place = match &self.piece {
            Piece::Head(_) => 0,
            Piece::Body { .. } => 1,
            Piece::Trailers(_) => 2,
            Piece::End => 3,
        };
        (self.message as usize, place)
    }

    /// About how many bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        let bytes = match &self.piece {
            Piece::Head(headers) | Piece::Trailers(headers) => headers.memory(),
            Piece::Body { bytes, .. } => bytes.len(),
            Piece::End => 0,
        };
        size_of::<Self>() + bytes
    }
}
