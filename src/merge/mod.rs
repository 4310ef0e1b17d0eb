//! Many inputs, one event after the other in order of time.
//!
//! An input is opened when its first event is due and dropped when it ends, so that those which run at the same time are
//! few. Each of them has its next event ready; the oldest is taken. Where more of them run than may be in memory, those
//! whose next event is furthest away give their buffers back and read them again in their time.
//!
//! An input that is read as it comes may have nothing to say. The others wait for it for a moment, so that the order of time
//! is kept; then it is set aside until it speaks again, or for the first time.

pub mod discover;
pub mod follow;
mod in_order;
pub mod interfaces;
mod look;
mod prefetch;
mod silent;
pub mod tap;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::http::Exchange;
use crate::hubble::Flow;
use crate::input::{Input, InputError, Opening, Step};
use crate::reassembly::Reassembler;
use crate::source::IDLE;
use crate::trace::Event;
use follow::Arrivals;
use prefetch::Prefetch;
use silent::Silent;
use tap::{Tap, TapState};

/// Bytes that the buffers of all inputs may take.
const MAX_MEMORY: usize = 32 * 1024 * 1024;

/// How long files that are followed may be read on once all is to end.
const FAREWELL: Duration = Duration::from_millis(700);

/// Silent inputs are looked at again after this many events of others.
const POLL_EVENTS: u32 = 256;

/// The inputs that run, and those that have yet to begin.
#[derive(Debug)]
pub struct Merge {
    /// By number of the input; `None` before it is opened and after it has ended.
    running: Vec<Option<Box<Reassembler>>>,
    /// Those that are not open yet, by the time of their first event, the first to begin last.
    to_come: Vec<(u64, u32, Tap)>,
    /// The order and number of the input whose event was given last.
    current: Option<Place>,
    /// The first of the others that run, each with an event ready. It is not in `ready`, so that two inputs that take turns do
    /// so quickly, and keeps its buffer.
    first: Option<Place>,
    /// Where the rest of them stand.
    ready: BTreeSet<Place>,
    /// Those of `ready` that have a buffer.
    resident: BTreeSet<Place>,
    /// Bytes that the buffers of `resident` take.
    memory: usize,
    /// Inputs that have not said enough yet to be opened.
    opening: Vec<(u32, Box<Opening>)>,
    /// When the others began to wait for the first bytes of these.
    since: Instant,
    /// They may have to wait still.
    may_wait: bool,
    /// Inputs that have nothing to say at the moment.
    silent: Vec<Silent>,
    /// Files that have nothing to say until they grow.
    followed: Vec<Silent>,
    /// When these were looked at last.
    looked_at: Instant,
    /// Since when the input has been silent whose event was given last.
    silent_since: Option<Instant>,
    /// Nobody had anything to say when all were looked at last.
    is_idle: bool,
    /// Events until the silent inputs are looked at again.
    until_poll: u32,
    /// The beginnings of the files in `to_come`.
    prefetch: Option<Prefetch>,
    /// For exchanges that have no times.
    start_time: Option<u64>,
    /// Inputs that come while the others run.
    arrivals: Option<Arrivals>,
    /// Until when files that are followed are read on, once all is to end.
    deadline: Option<Instant>,
}

/// An input's order, and its number. The order is its event's time, or that of an earlier event of it where that is later:
/// an input's own order stands.
type Place = (u64, u32);

/// What is next.
#[derive(Debug)]
pub enum Next {
    /// The event of the input with this number: [`Merge::event`].
    Event(u32),
    /// The exchange of the input with this number: [`Merge::exchange`].
    Exchange(u32),
    /// The flow of the input with this number: [`Merge::flow`].
    Flow(u32),
    /// The inputs with the next numbers are new, and have these names.
    Arrived(Vec<String>),
    /// The input with this number has ended.
    Ended(u32, Box<Reassembler>),
    /// There is nothing at the moment.
    Idle,
    /// Events of one input that may be in order: [`Merge::each_in_order`].
    InOrder,
    /// All have ended.
    End,
}

impl Merge {
    /// Merges `taps`, which are numbered from 0. `start_time` is for [`Reassembler::new`].
    #[must_use]
    pub fn new(taps: Vec<Tap>, start_time: Option<u64>) -> Self {
        let mut running = Vec::new();
        running.resize_with(taps.len(), || None);
        let (mut to_come, mut opening) = (Vec::new(), Vec::new());
        for (number, tap) in (0..).zip(taps) {
            match tap.state {
                TapState::Opening(mut pending) => {
                    pending.never_wait();
                    opening.push((number, pending));
                }
                TapState::Open(_) => to_come.push((0, number, tap)),
                TapState::Followed { first, .. } | TapState::File { first, .. } => {
                    to_come.push((first, number, tap))
                }
            }
        }
        to_come.sort_by_key(|&(first, number, _)| Reverse((first, number)));
        let files = to_come.iter().rev().filter(|(.., tap)| matches!(tap.state, TapState::File { .. }));
        let prefetch = Prefetch::new(files.map(|(.., tap)| tap.path.clone()).collect());
        Self {
            running,
            to_come,
            prefetch,
            current: None,
            first: None,
            ready: BTreeSet::new(),
            resident: BTreeSet::new(),
            memory: 0,
            opening,
            since: Instant::now(),
            may_wait: true,
            silent: Vec::new(),
            followed: Vec::new(),
            looked_at: Instant::now(),
            silent_since: None,
            is_idle: false,
            until_poll: 0,
            start_time,
            arrivals: None,
            deadline: None,
        }
    }

    /// Takes in what comes while the others run, until [`Self::stop`].
    pub fn receive(&mut self, arrivals: Arrivals) {
        self.arrivals = Some(arrivals);
    }

    /// Bytes that have been read and done with, of the only input.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match &self.running[..] {
            [Some(input)] => input.input().offset(),
            _ => 0,
        }
    }

    /// Reads no further: what waits goes on, and then all inputs have ended. Of files that are followed, what is there is read,
    /// as long as that does not take long.
    pub fn stop(&mut self) {
        let Some(arrivals) = &self.arrivals else { return self.stop_at_once() };
        arrivals.end();
        (self.deadline, self.until_poll) = (Some(Instant::now() + FAREWELL), 0);
        self.opening.retain_mut(|(_, opening)| {
            opening.hurry();
            opening.is_followed()
        });
        let running = self.running.iter_mut().flatten();
        running.filter(|input| !input.is_followed()).for_each(|input| input.stop());
    }

    fn stop_at_once(&mut self) {
        (self.arrivals, self.deadline) = (None, None);
        self.to_come.clear();
        self.opening.clear();
        self.running.iter_mut().flatten().for_each(|input| input.stop());
    }

    /// Goes on to the next event.
    ///
    /// # Errors
    /// An input is damaged, or cannot be read. What can be read behind the damage comes with the next calls.
    pub fn advance(&mut self) -> Result<Next, InputError> {
        loop {
            if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
                self.stop_at_once();
            }
            if self.is_waiting_for_opening() {
                std::thread::park_timeout(IDLE);
                return Ok(self.poll()?.unwrap_or(Next::Idle));
            }
            if let Some(next) = self.advance_current()? {
                self.is_idle &= matches!(next, Next::Idle);
                return Ok(next);
            }
            if self.is_poll_due()
                && let Some(next) = self.poll()?
            {
                return Ok(next);
            }
            if self.open_next()? {
                continue;
            }
            if let Some(place) = self.take_first()? {
                self.current = Some(place);
                self.is_idle = false;
                return Ok(self.found(place.1));
            }
            if self.silent.is_empty()
                && self.opening.is_empty()
                && self.followed.is_empty()
                && self.arrivals.as_ref().is_none_or(Arrivals::is_over)
            {
                return Ok(Next::End);
            }
            // All that there was has been given. The next time there is nothing to do but to wait for more.
            if std::mem::replace(&mut self.is_idle, true) {
                std::thread::park_timeout(IDLE);
            }
            self.until_poll = 0;
            if let Some(next) = self.poll()? {
                return Ok(next);
            }
            if self.first_ready().is_none() {
                return Ok(Next::Idle);
            }
        }
    }

    /// The event that [`Self::advance`] has found in the input with this number; once.
    pub fn event(&mut self, number: u32) -> Option<Event<'_>> {
        self.running[number as usize].as_deref_mut().map(Reassembler::event)
    }

    /// The exchange that [`Self::advance`] has found in the input with this number.
    pub fn exchange(&mut self, number: u32) -> Option<&mut Exchange> {
        self.running[number as usize].as_deref_mut().and_then(Reassembler::exchange)
    }

    /// The flow that [`Self::advance`] has found in the input with this number; once.
    pub fn flow(&mut self, number: u32) -> Option<&Flow> {
        self.flow_mut(number).map(|flow| &*flow)
    }

    /// The same, to be taken and replaced by any other.
    pub fn flow_mut(&mut self, number: u32) -> Option<&mut Flow> {
        self.running[number as usize].as_deref_mut().and_then(Reassembler::flow)
    }

    /// What the input with this number has ready.
    fn found(&self, number: u32) -> Next {
        match self.running[number as usize].as_deref() {
            Some(input) if input.has_exchange() => Next::Exchange(number),
            Some(input) if input.has_flow() => Next::Flow(number),
            Some(input) if input.has_found() => Next::Event(number),
            _ => Next::InOrder,
        }
    }

    /// Goes on in the input whose event was given last. `None` if another one's is due first.
    fn advance_current(&mut self) -> Result<Option<Next>, InputError> {
        let Some((order, number)) = self.current.take() else { return Ok(None) };
        let Some(input) = &mut self.running[number as usize] else { return Ok(None) };
        let step = input.advance().inspect_err(|_| self.current = Some((order, number)))?;
        let time = input.time();
        let place = (time.map_or(order, |time| time.max(order)), number);
        if step != Step::Idle {
            self.silent_since = None;
        }
        match step {
            Step::Event | Step::Part | Step::Flow if time.is_none() || self.is_due(place) => {
                self.current = Some(place);
                Ok(Some(self.found(number)))
            }
            Step::Event | Step::Part | Step::Flow => {
                self.put(place);
                Ok(None)
            }
            Step::Idle => Ok(self.fall_silent(place)),
            Step::End => Ok(self.running[number as usize].take().map(|input| Next::Ended(number, input))),
        }
    }

    /// Whether nothing comes before this place.
    fn is_due(&self, place: Place) -> bool {
        self.first_ready().is_none_or(|first| place < first)
            && self.to_come.last().is_none_or(|&(first, number, _)| place < (first, number))
    }

    /// Opens the next input if its first event is due.
    fn open_next(&mut self) -> Result<bool, InputError> {
        let ready = self.first_ready();
        let is_due =
            |&(first, number, _): &(u64, u32, Tap)| ready.is_none_or(|ready| (first, number) < ready);
        let Some((first, number, tap)) = self.to_come.pop_if(|tap| is_due(tap)) else { return Ok(false) };
        if let TapState::Followed { opening, .. } = tap.state {
            return self.begin_followed(first, number, opening);
        }
        let beginning = match (&tap.state, &self.prefetch) {
            (TapState::File { .. }, Some(prefetch)) => prefetch.next(),
            _ => None,
        };
        let input = match beginning {
            Some(beginning) => tap.open_with(beginning)?,
            None => tap.open()?,
        };
        self.running[number as usize] = Some(Box::new(Reassembler::new(input, self.start_time)));
        self.current = Some((first, number));
        Ok(true)
    }

    /// The place of the input whose event is due before those of the others.
    fn first_ready(&self) -> Option<Place> {
        self.first.or_else(|| self.ready.first().copied())
    }

    /// Puts an input where its event is due.
    fn put(&mut self, place: Place) {
        if self.first_ready().is_none_or(|first| place < first) {
            if let Some(second) = self.first.replace(place) {
                self.put_behind(second);
            }
        } else {
            self.put_behind(place);
        }
    }

    /// Puts an input where its event is due, which is not the first. Those furthest away give their memory back if it takes too
    /// much.
    fn put_behind(&mut self, place: Place) {
        self.ready.insert(place);
        self.resident.insert(place);
        self.memory += self.input(place).map_or(0, |input| input.memory_used());
        while self.memory > MAX_MEMORY && self.resident.len() > 1 {
            let Some(last) = self.resident.pop_last() else { return };
            let Some(input) = self.input(last) else { continue };
            let used = input.memory_used();
            input.release();
            self.memory -= used;
        }
    }

    /// Takes the input whose event is due first out of its place, with its memory.
    fn take_first(&mut self) -> Result<Option<Place>, InputError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(place) = self.ready.pop_first() else { return Ok(None) };
        self.take(place)?;
        Ok(Some(place))
    }

    fn take(&mut self, place: Place) -> Result<(), InputError> {
        let is_resident = self.resident.remove(&place);
        let Some(input) = self.input(place) else { return Ok(()) };
        if is_resident {
            let used = input.memory_used();
            self.memory -= used;
            return Ok(());
        }
        let restored = input.restore();
        if restored.is_err() {
            self.running[place.1 as usize] = None;
        }
        restored
    }

    fn input(&mut self, (_, number): Place) -> Option<&mut Input> {
        self.running[number as usize].as_deref_mut().map(Reassembler::input_mut)
    }
}
