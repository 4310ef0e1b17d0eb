//! The exchanges of one input: completed by what comes after their parts, and in order of time.
//!
//! How a message is framed depends on what follows its headers: whether the body is as long as they say, is cut, has
//! trailers. And a file can hold exchanges in the order in which they ended. So parts wait here, bounded in bytes and
//! number, as long as the input has more and gives it without delay.
//!
//! Parts of a trace without times get some: from a beginning on, in recorded order, a microsecond apart.

use std::collections::{BTreeSet, HashMap};

use super::exchange::{Exchange, Queued};
use super::{Message, Part, Piece};
use crate::trace::Kind;

/// Waiting parts may take this much memory, in bytes.
const MAX_MEMORY: usize = 1024 * 1024;
/// Exchanges under way at most. When full, the one that was idle for longest counts as over.
const MAX_EXCHANGES: usize = 4096;
/// Between two parts that have no time of their own.
const STEP: u64 = 1000;

/// The exchanges of one input.
#[derive(Debug)]
pub struct ExchangeQueue {
    /// By number.
    exchanges: HashMap<u64, Exchange>,
    /// The order and number of the first part of each that has one, and the number of the exchange.
    due: BTreeSet<(u64, u64, u64)>,
    /// The numbers of streamed exchanges, by their ids.
    streamed: HashMap<u64, u64>,
    /// The number and record of the buffered exchange that came last.
    buffered: Option<(u64, u64)>,
    /// That record has another piece of an exchange that was there before.
    is_joining: bool,
    /// The exchanges that more may come of: which of the input's parts was the last of each, and its number.
    under_way: BTreeSet<(u64, u64)>,
    /// The exchange that was given last, and how much memory it took before.
    current: Option<(u64, usize)>,
    next: u64,
    arrived: u64,
    memory: usize,
    /// The next time that stands in for one.
    clock: u64,
}

impl ExchangeQueue {
    /// No exchanges yet. Times begin at `start`, in nanoseconds since the Unix epoch, where a trace has none.
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self {
            exchanges: HashMap::new(),
            due: BTreeSet::new(),
            streamed: HashMap::new(),
            buffered: None,
            is_joining: false,
            under_way: BTreeSet::new(),
            current: None,
            next: 0,
            arrived: 0,
            memory: 0,
            clock: start,
        }
    }

    /// Lets no time that stands in be before `time`: on a live input what comes later was later.
    pub fn not_before(&mut self, time: u64) {
        self.clock = self.clock.max(time);
    }

    /// Takes a part.
    pub fn push(&mut self, mut part: Part) {
        self.arrived += 1;
        let number = match part.trace.kind {
            Kind::HttpBuffered => self.buffered(&part),
            _ => self.streamed(&part),
        };
        let (time, is_time_known) = self.time_of(number, &part);
        let arrived = self.arrived;
        let Some(exchange) = self.exchanges.get_mut(&number) else { return };
        let before = exchange.front().map(|front| (front.order, front.arrived, number));
        let memory = exchange.memory();
        self.under_way.remove(&(exchange.arrived, number));
        self.under_way.insert((arrived, number));
        exchange.arrived = arrived;
        if let Some(connections) = part.connections.take() {
            exchange.learn(*connections);
        }
        // A request of which more has to come may go on after the response has begun.
        let is_response = part.trace.kind == Kind::HttpStreamed && part.message == Message::Response;
        if is_response && !exchange.awaits_body(Message::Request) {
            exchange.end(Message::Request, time, arrived);
        }
        let ends = part.trace.kind == Kind::HttpStreamed && matches!(part.what, Piece::Trailers(_));
        let message = part.message;
        let queued = Queued::new(part, time, is_time_known, arrived);
        if self.is_joining {
            exchange.join(queued);
        } else {
            exchange.push(queued);
        }
        if ends {
            exchange.end(message, time, arrived);
        }
        // A joined record can have shorter headers than those that it replaces.
        self.memory = self.memory - memory + exchange.memory();
        let after = exchange.front().map(|front| (front.order, front.arrived, number));
        if before != after && !self.is_current(number) {
            before.map(|before| self.due.remove(&before));
            self.due.extend(after);
        }
    }

    /// The time of a part, and whether the trace says it.
    fn time_of(&mut self, number: u64, part: &Part) -> (u64, bool) {
        let last = self.exchanges.get(&number).and_then(|exchange| exchange.last_time());
        match (part.time, last) {
            (Some(time), _) => (time, true),
            (None, Some((time, is_known))) if part.what == Piece::End => (time, is_known),
            (None, Some((time, true))) => (time, false),
            (None, _) => {
                let time = self.clock;
                self.clock = time.saturating_add(STEP);
                (time, false)
            }
        }
    }

    /// The number of the exchange in a buffered trace.
    fn buffered(&mut self, part: &Part) -> u64 {
        if let Some((number, record)) = self.buffered {
            if record == part.record {
                return number;
            }
            self.is_joining = self.is_same(number, part);
            if self.is_joining {
                self.buffered = Some((number, part.record));
                return number;
            }
            self.end(number);
        }
        let number = self.begin(part);
        self.buffered = Some((number, part.record));
        number
    }

    /// Whether the first part of another record is that of an exchange that has come before and still waits.
    fn is_same(&self, number: u64, part: &Part) -> bool {
        let (Piece::Head(headers), Some(exchange)) = (&part.what, self.exchanges.get(&number)) else {
            return false;
        };
        exchange.encoder.is_none()
            && exchange.head(part.message).is_some_and(|(known, time)| {
                // Without either, it may as well be the same request once more.
                let is_unique = time.is_some() || known.value(b"x-request-id").is_some();
                time == part.time && is_unique && known == headers
            })
    }

    /// The number of the exchange with a streamed trace's id.
    fn streamed(&mut self, part: &Part) -> u64 {
        self.is_joining = false;
        let is_head = matches!(part.what, Piece::Head(_));
        if let Some(&number) = self.streamed.get(&part.trace.id)
            && let Some(exchange) = self.exchanges.get(&number)
        {
            let is_restart =
                is_head && part.message == Message::Request && exchange.has_begun(Message::Request);
            if !is_restart {
                return number;
            }
            self.end(number);
        }
        let number = self.begin(part);
        self.streamed.insert(part.trace.id, number);
        number
    }

    fn begin(&mut self, part: &Part) -> u64 {
        let number = self.next;
        self.next += 1;
        if self.under_way.len() == MAX_EXCHANGES
            && let Some((_, idlest)) = self.under_way.pop_first()
        {
            self.end(idlest);
        }
        self.exchanges.insert(number, Exchange::new(number, part.trace));
        number
    }

    /// Says that nothing more comes of an exchange.
    fn end(&mut self, number: u64) {
        let is_current = self.is_current(number);
        let Some(exchange) = self.exchanges.get_mut(&number) else { return };
        self.under_way.remove(&(exchange.arrived, number));
        if exchange.trace.kind == Kind::HttpStreamed && self.streamed.get(&exchange.trace.id) == Some(&number)
        {
            self.streamed.remove(&exchange.trace.id);
        }
        let is_waiting = exchange.front().is_some();
        let memory = exchange.memory();
        // It becomes known only now, perhaps long after the last part.
        exchange.close(self.clock, self.arrived);
        self.memory = self.memory - memory + exchange.memory();
        match exchange.front() {
            Some(front) if !is_waiting && !is_current => {
                self.due.insert((front.order, front.arrived, number));
            }
            None if !is_current => {
                self.exchanges.remove(&number);
            }
            Some(_) | None => {}
        }
    }

    /// Says that the input has ended.
    pub fn finish(&mut self) {
        for (_, number) in std::mem::take(&mut self.under_way) {
            self.end(number);
        }
    }

    /// Whether a part is to go on: `is_hurried` if there is nothing to wait for.
    #[must_use]
    pub fn is_due(&self, is_hurried: bool) -> bool {
        !self.due.is_empty() && (is_hurried || self.memory > MAX_MEMORY)
    }

    /// Whether an exchange waits for its time, or for more of its input.
    pub fn is_waiting(&mut self) -> bool {
        self.settle();
        !self.due.is_empty()
    }

    /// Whether no exchange is under way.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Puts back the exchange that was given last, or forgets it.
    pub fn settle(&mut self) {
        let Some((number, memory)) = self.current.take() else { return };
        let Some(exchange) = self.exchanges.get(&number) else { return };
        self.memory = self.memory - memory + exchange.memory();
        if let Some(front) = exchange.front() {
            self.due.insert((front.order, front.arrived, number));
        } else if exchange.is_over() {
            let id = exchange.trace.id;
            self.under_way.remove(&(exchange.arrived, number));
            self.exchanges.remove(&number);
            if self.streamed.get(&id) == Some(&number) {
                self.streamed.remove(&id);
            }
        }
    }

    fn is_current(&self, number: u64) -> bool {
        self.current.is_some_and(|(current, _)| current == number)
    }

    /// The time of the part that is next.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        self.due.first().map(|&(order, ..)| order)
    }

    /// The exchange whose part is next, which has to take it.
    pub fn first_due(&mut self) -> Option<&mut Exchange> {
        self.settle();
        let (.., number) = self.due.pop_first()?;
        let exchange = self.exchanges.get_mut(&number)?;
        self.current = Some((number, exchange.memory()));
        Some(exchange)
    }
}
