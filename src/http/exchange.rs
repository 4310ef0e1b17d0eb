//! One request and its response, as far as they have come and have not been put on the wire.

use std::collections::VecDeque;

use super::wire::Course;
use super::{Connections, Headers, Message, Part, Piece};
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
    /// The order of the last part that came.
    last: u64,
    /// About how many bytes the parts take that wait.
    memory: usize,
    /// How it goes onto the wire, once it does.
    pub(super) course: Option<Course>,
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
            last: 0,
            memory: 0,
            course: None,
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
    pub fn needs_2(&self) -> bool {
        super::two::is_needed(self)
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

    /// Puts a part behind the others of its message, and before those of the message behind it.
    pub(super) fn push(&mut self, mut queued: Queued) {
        let message = queued.message as usize;
        if self.has_ended[message] {
            self.take_back_end(queued.message);
        }
        queued.order = queued.time.max(self.last);
        self.last = queued.order;
        self.memory += queued.memory();
        self.has_begun[message] = true;
        self.has_ended[message] = queued.piece == Piece::End;
        self.parts.push_back(queued);
    }

    /// A message goes on that seemed to be over: the response had begun before.
    fn take_back_end(&mut self, message: Message) {
        let is_end = |part: &Queued| part.message == message && part.piece == Piece::End;
        if let Some(end) = self.parts.iter().rposition(is_end)
            && let Some(end) = self.parts.remove(end)
        {
            self.memory = self.memory.saturating_sub(end.memory());
        }
    }

    /// Says that a message is over, if it has begun.
    pub(super) fn end(&mut self, message: Message, arrived: u64) {
        let number = message as usize;
        if self.has_begun[number] && !self.has_ended[number] {
            let (order, time, is_time_known) = (self.last, self.last, true);
            self.push(Queued { order, time, is_time_known, arrived, message, piece: Piece::End });
        }
    }

    /// Adds a part of another record with the same exchange: the last headers count, and bodies go on.
    pub(super) fn join(&mut self, queued: Queued) {
        let message = queued.message;
        let behind = self.parts.iter().position(|part| part.message as usize > message as usize);
        let mut at = behind.unwrap_or(self.parts.len());
        if matches!(queued.piece, Piece::Head(_) | Piece::Trailers(_)) {
            let is_same = |part: &&mut Queued| {
                part.message == message
                    && std::mem::discriminant(&part.piece) == std::mem::discriminant(&queued.piece)
            };
            if let Some(same) = self.parts.iter_mut().find(is_same) {
                self.memory = self.memory.saturating_sub(same.memory());
                same.piece = queued.piece;
                self.memory += same.memory();
                return;
            }
        }
        self.has_begun[message as usize] = true;
        if at > 0 && self.parts[at - 1].message == message && self.parts[at - 1].piece == Piece::End {
            if queued.piece == Piece::End {
                return;
            }
            at -= 1;
        }
        let order = at.checked_sub(1).map_or(queued.time, |before| self.parts[before].order.max(queued.time));
        self.last = self.last.max(order);
        self.memory += queued.memory();
        self.parts.insert(at, Queued { order, ..queued });
    }

    /// Says that nothing more comes.
    pub(super) fn close(&mut self, arrived: u64) {
        self.end(Message::Request, arrived);
        self.end(Message::Response, arrived);
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

    /// The headers of a message, as long as they wait.
    pub(super) fn head(&self, message: Message) -> Option<(&Headers, Option<u64>)> {
        self.of(message).find_map(|part| match &part.piece {
            Piece::Head(headers) => Some((headers, part.is_time_known.then_some(part.time))),
            _ => None,
        })
    }

    /// The parts of a message that wait.
    pub(super) fn of(&self, message: Message) -> impl Iterator<Item = &Queued> {
        self.parts.iter().filter(move |part| part.message == message)
    }

    /// The parts that wait.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Queued> {
        self.parts.iter()
    }

    /// The part that is next.
    pub(super) fn front(&self) -> Option<&Queued> {
        self.parts.front()
    }

    /// Takes the part that is next.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        let part = self.parts.pop_front()?;
        self.memory = self.memory.saturating_sub(part.memory());
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
