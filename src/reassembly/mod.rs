//! Puts the events of an input in order and completes them by what comes after them in their trace.
//!
//! `seq_num` tells the order of a trace's events, which a UDP sink can shuffle, and whether one is missing or came
//! twice. How long a cut body was shows only in the next event's `seq_num`; which write with `end_stream` is the last
//! one, and whether a large body goes on in the next event (a slice, of the UDP sink), only in what follows.
//!
//! An event that needs to wait for another one waits in a queue, and all other events of the input wait behind it, so
//! that the input's order stands. The wait is bounded in events, bytes and time; past the bound the event goes on as it
//! is. An event that need not wait, with none waiting before it, passes through without being copied.
//!
//! What an HTTP tap recorded waits in a queue of its own ([`crate::http::queue`]).

mod eviction;
mod exchange;
mod followed;
mod in_order;
mod queue;
mod state;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use crate::http::queue::ExchangeQueue;
use crate::hubble::Flow;
use crate::input::{Input, InputError, Step};
use crate::trace::{Connection, ConversationIds, Event, EventHeader, HeaderKind, Kind, TraceId, What};
pub use in_order::Given;
use in_order::accept_in_order;
use queue::{Queue, SLICES, Waiting};
use state::{Arrival, Delivered, StreamState};

/// foldhash, which is fast, and whose seed an input cannot know.
type Traces = HashMap<TraceId, StreamState, foldhash::fast::RandomState>;

/// Reordering window: how many other events of the input may separate two swapped events of one trace.
const WINDOW: u64 = 64;
/// Open traces of an input at most. When full, the least recently active half is evicted.
pub const MAX_OPEN: usize = 100_000;
/// Longest wait for an event of an input that is read as it comes.
const PATIENCE: Duration = Duration::from_secs(1);

/// The events of one input, in order and complete.
#[derive(Debug)]
pub struct Reassembler {
    input: Input,
    /// The input has an event that is not taken in yet.
    has_event: bool,
    queue: Queue,
    /// The input's event begins another connection with the id of an open one: first all that waits goes on.
    is_restarting: bool,
    /// An opening with these addresses is still to be emitted before that event.
    reopening: Option<Option<Box<Connection>>>,
    traces: Traces,
    /// `MAX_OPEN` traces are open, and the input's event begins another: first all that waits goes on.
    is_full_of_traces: bool,
    /// Traces to evict, the first one last.
    to_evict: Vec<TraceId>,
    evicted: u64,
    numbers: ConversationIds,
    /// Traces that have closed within the window, with how many events had come then.
    closed: VecDeque<(TraceId, u64)>,
    /// How many events have come.
    arrived: u64,
    duplicates: u64,
    /// Since when nothing has come that had to wait.
    idle_since: Option<Instant>,
    is_at_end: bool,
    /// What the HTTP tap recorded, if anything.
    exchanges: Option<Box<ExchangeQueue>>,
    /// When a part of it came that waits, on a live input.
    since: Option<Instant>,
    /// Where the times begin of exchanges that have none, in nanoseconds since the Unix epoch, if somebody has said it.
    start_time: Option<u64>,
    ready: Ready,
}

/// The event that has been found.
#[derive(Debug)]
enum Ready {
    None,
    /// The input has it.
    InInput(Delivered),
    Owned(Event<'static>),
    /// An exchange.
    Exchange,
    /// The input has a flow of Hubble's.
    Flow,
}

impl Reassembler {
    /// The events of `input`. ExchangeQueue that the trace has no times for begin at `start_time`, in nanoseconds since the
    /// Unix epoch, or else when the input was last modified.
    #[must_use]
    pub fn new(input: Input, start_time: Option<u64>) -> Self {
        Self {
            start_time,
            input,
            has_event: false,
            queue: Queue::default(),
            is_restarting: false,
            reopening: None,
            traces: Traces::default(),
            is_full_of_traces: false,
            to_evict: Vec::new(),
            evicted: 0,
            numbers: ConversationIds::default(),
            closed: VecDeque::new(),
            arrived: 0,
            duplicates: 0,
            idle_since: None,
            is_at_end: false,
            exchanges: None,
            since: None,
            ready: Ready::None,
        }
    }

    /// The input.
    #[must_use]
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The input, to release and restore its memory.
    pub fn input_mut(&mut self) -> &mut Input {
        &mut self.input
    }

    /// How many events came twice, or too late.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How many traces were given up, because too many were open.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Reads no further: what waits goes on, and then the input has ended.
    pub fn stop(&mut self) {
        self.is_at_end = true;
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.finish();
        }
    }

    /// Goes on to the next event.
    ///
    /// # Errors
    /// As for [`Input::advance`]: the next call goes on behind the damage.
    pub fn advance(&mut self) -> Result<Step, InputError> {
        loop {
            if !self.queue.is_empty()
                && let Some(event) = self.pop()
            {
                return Ok(self.found(Ready::Owned(event)));
            }
            if self.exchanges.is_some() && self.is_exchange_due() {
                self.ready = Ready::Exchange;
                return Ok(Step::Part);
            }
            if self.is_at_end {
                return Ok(Step::End);
            }
            if self.is_making_room()
                && let Some(event) = self.restart().or_else(|| self.evict())
            {
                return Ok(self.found(Ready::Owned(event)));
            }
            if !self.has_event {
                match self.input.advance()? {
                    Step::Event => self.arrived += 1,
                    Step::Part => {
                        self.take_part();
                        continue;
                    }
                    Step::Flow => {
                        self.ready = Ready::Flow;
                        return Ok(Step::Flow);
                    }
                    Step::Idle => {
                        self.idle_since.get_or_insert_with(Instant::now);
                        return Ok(Step::Idle);
                    }
                    Step::End => {
                        self.is_at_end = true;
                        let copies = self.traces.values().filter(|trace| trace.is_empty_copy());
                        self.duplicates += copies.count() as u64;
                        if let Some(exchanges) = &mut self.exchanges {
                            exchanges.finish();
                        }
                        continue;
                    }
                }
            }
            self.has_event = false;
            if let Some(delivery) = self.take_in() {
                return Ok(self.found(Ready::InInput(delivery)));
            }
        }
    }

    fn found(&mut self, ready: Ready) -> Step {
        self.ready = ready;
        Step::Event
    }

    /// Whether [`Self::advance`] has found an event that has not been taken.
    #[must_use]
    pub fn has_found(&self) -> bool {
        !matches!(self.ready, Ready::None)
    }

    /// The flow that [`Self::advance`] has found; once.
    pub fn flow(&mut self) -> Option<&mut Flow> {
        match mem::replace(&mut self.ready, Ready::None) {
            Ready::Flow => self.input.flow_mut(),
            _ => None,
        }
    }

    /// Whether [`Self::advance`] has found a flow.
    #[must_use]
    pub fn has_flow(&self) -> bool {
        matches!(self.ready, Ready::Flow)
    }

    /// When the event was that [`Self::advance`] has found, in nanoseconds since the Unix epoch, if it has a time.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        let peek = self.input.peek();
        match &self.ready {
            Ready::None => None,
            Ready::InInput(_) => {
                matches!(peek.what, HeaderKind::Data { .. } | HeaderKind::Closed).then_some(peek.time)
            }
            Ready::Owned(event) => matches!(event.what, What::Data(_) | What::Closed).then_some(event.time),
            Ready::Flow => self.input.flow().and_then(|flow| flow.time),
            Ready::Exchange => self.exchanges.as_ref().and_then(|exchanges| exchanges.time()),
        }
    }

    /// The event that [`Self::advance`] has found; once. Its
    /// [`Length::Unsure`](crate::trace::Length::Unsure) and [`Length::Cut`](crate::trace::Length::Cut) are for good.
    #[inline(always)]
    pub fn event(&mut self) -> Event<'_> {
        if let Ready::InInput(Delivered { conversation, missing }) = self.ready {
            self.ready = Ready::None;
            return Event { conversation, missing, ..self.input.event() };
        }
        match mem::replace(&mut self.ready, Ready::None) {
            Ready::Owned(event) => event,
            Ready::InInput(_) | Ready::Exchange | Ready::Flow | Ready::None => {
                event(self.input.peek().trace, What::Ended)
            }
        }
    }

    /// The event at the front of the queue, if it is complete or has waited long enough.
    fn pop(&mut self) -> Option<Event<'static>> {
        let front = self.queue.front()?;
        let is_hurried = self.is_at_end
            || self.is_restarting
            || self.is_full_of_traces
            || self.is_long_idle()
            || self.queue.is_full()
            || front.since.is_some_and(|since| since.elapsed() > PATIENCE);
        let is_due = is_hurried || self.is_timely(front) && self.queue.is_front_complete(self.arrived);
        if !is_due {
            return None;
        }
        let mut event = self.queue.pop()?;
        if event.what == What::Closed {
            self.closed.push_back((event.trace, self.arrived));
        }
        deliver(&mut self.traces, &mut self.numbers, &mut event);
        Some(event)
    }

    /// Whether the input has been silent for so long that nothing keeps waiting.
    fn is_long_idle(&self) -> bool {
        self.idle_since.is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    /// Whether what was missing before an event has come, or has been waited for long enough.
    fn is_timely(&self, waiting: &Waiting) -> bool {
        !waiting.is_early
            || self.arrived - waiting.arrived >= WINDOW
            || self.traces.get(&waiting.event.trace).is_some_and(|trace| trace.expects(waiting.event.span()))
    }

    /// Takes in the event that the input has. Returns what goes on with it if it goes on at once; else it is in the
    /// queue, or has come twice, or is still to be taken in.
    fn take_in(&mut self) -> Option<Delivered> {
        let peek = self.input.peek();
        if self.queue.is_empty()
            && matches!(peek.what, HeaderKind::Data { .. })
            && let Some(conversation) = accept_in_order(self.traces.get_mut(&peek.trace), &peek, self.arrived)
        {
            return Some(Delivered { conversation, missing: None });
        }
        let is_full_of_traces = self.traces.len() >= MAX_OPEN;
        let mut entry = match self.traces.entry(peek.trace) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(_) if is_full_of_traces => {
                self.is_full_of_traces = true;
                self.has_event = true;
                return None;
            }
            Entry::Vacant(entry) => {
                let has_closed = has_closed(&mut self.closed, peek.trace, self.arrived);
                if has_closed && peek.seq_num > 0 {
                    self.duplicates += 1;
                    return None;
                }
                entry.insert_entry(StreamState::new(self.numbers.take(), has_closed))
            }
        };
        let trace = entry.get_mut();
        trace.arrived_at = self.arrived;
        let arrival = trace.arrive(&peek);
        let needs_next = peek.needs_next();
        match arrival {
            Arrival::Next if self.queue.is_empty() && !needs_next && !peek.is_ending() => {
                let delivery = trace.deliver(&peek.step());
                if matches!(peek.what, HeaderKind::Closed | HeaderKind::Ended) {
                    if matches!(peek.what, HeaderKind::Closed) {
                        self.closed.push_back((peek.trace, self.arrived));
                    }
                    self.numbers.give_back(delivery.conversation);
                    entry.remove();
                }
                return Some(delivery);
            }
            Arrival::Next | Arrival::Early | Arrival::Late => {}
            Arrival::Duplicate => {
                self.duplicates += 1;
                return None;
            }
            Arrival::Restart => {
                self.is_restarting = true;
                self.has_event = true;
                return None;
            }
        }
        self.idle_since = None;
        let waiting = Waiting {
            needs_next,
            needs_end: false,
            ends_at: u64::MAX,
            since: self.input.is_live().then(Instant::now),
            is_early: arrival != Arrival::Next,
            arrived: self.arrived,
            next: None,
            event: self.input.event().into_owned(),
        };
        if arrival != Arrival::Late {
            self.queue.push(waiting);
        } else if !self.queue.insert(waiting) {
            self.duplicates += 1;
        }
        None
    }
}

fn event(trace: TraceId, what: What<'static>) -> Event<'static> {
    Event { trace, conversation: 0, time: 0, seq_num: 0, missing: None, connection: None, what }
}

/// Sends an event from the queue on. A trace that has ended is forgotten; what comes behind its close is another one,
/// as it is where nothing waits.
fn deliver(traces: &mut Traces, numbers: &mut ConversationIds, event: &mut Event<'_>) {
    let mut entry = match traces.entry(event.trace) {
        Entry::Occupied(entry) => entry,
        Entry::Vacant(entry) => entry.insert_entry(StreamState::new(numbers.take(), false)),
    };
    let delivery = entry.get_mut().deliver(&event.step());
    event.conversation = delivery.conversation;
    event.missing = delivery.missing;
    if matches!(event.what, What::Closed | What::Ended) {
        entry.remove();
        numbers.give_back(event.conversation);
    }
}

/// Whether a trace has closed within the window.
fn has_closed(closed: &mut VecDeque<(TraceId, u64)>, trace: TraceId, arrived: u64) -> bool {
    while closed.front().is_some_and(|&(_, then)| arrived - then > WINDOW) {
        closed.pop_front();
    }
    closed.iter().any(|&(closed, _)| closed == trace)
}

impl EventHeader<'_> {
    /// Whether the event is only complete with the next one of its trace.
    #[inline]
    fn needs_next(&self) -> bool {
        let HeaderKind::Data { captured_len, is_length_known, .. } = self.what else { return false };
        let is_slice = SLICES.contains(&captured_len) && self.trace.kind == Kind::SocketStreamed;
        is_slice || !is_length_known && self.seq_num > 0
    }

    /// Whether a FIN is to follow, unless another write does.
    #[inline]
    fn is_ending(&self) -> bool {
        matches!(self.what, HeaderKind::Data { end_stream: true, .. })
    }
}
