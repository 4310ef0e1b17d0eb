//! Many inputs, one event after the other in order of time.
//!
//! An input is opened when its first event is due and dropped when it ends, so that those which run at the same time are
//! few. Each of them has its next event ready; the oldest is taken. Where more of them run than may be in memory, those
//! whose next event is furthest away give their buffers back and read them again in their time.
//!
//! An input that is read as it comes may have nothing to say. The others wait for it for a moment, so that the order of time
//! is kept; then it is set aside until it speaks again, or for the first time.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Instant;

use crate::http::Exchange;
use crate::input::{Input, InputError, Opening, Step};
use crate::sequence::Sequencer;
use crate::source::IDLE;
use crate::taps::{Tap, TapState};
use crate::trace::Event;

/// Bytes that the buffers of all inputs may take.
const MAX_MEMORY: usize = 32 * 1024 * 1024;

/// Silent inputs are looked at again after this many events of others.
const POLL_EVENTS: u32 = 256;

/// The inputs that run, and those that have yet to begin.
#[derive(Debug)]
pub struct Merge {
    /// By number of the input; `None` before it is opened and after it has ended.
    running: Vec<Option<Box<Sequencer>>>,
    /// Those that are not open yet, by the time of their first event, the first to begin last.
    to_come: Vec<(u64, u32, Tap)>,
    /// The order and number of the input whose event was given last.
    current: Option<Place>,
    /// Where the others stand that run, each with an event ready.
    ready: BTreeSet<Place>,
    /// Those of `ready` that have a buffer.
    resident: BTreeSet<Place>,
    /// Bytes that the buffers of `resident` take.
    memory: usize,
    /// Inputs that have not said enough yet to be opened.
    opening: Vec<(u32, Box<Opening>)>,
    /// When the others began to wait for the first bytes of these.
    since: Instant,
    /// The places of inputs that have nothing to say at the moment.
    silent: Vec<Place>,
    /// Since when the input has been silent whose event was given last.
    silent_since: Option<Instant>,
    /// Nobody had anything to say when all were looked at last.
    is_idle: bool,
    /// Events until the silent inputs are looked at again.
    until_poll: u32,
    /// For exchanges that have no times.
    start_time: Option<u64>,
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
    /// The input with this number has ended.
    Ended(u32, Box<Sequencer>),
    /// There is nothing at the moment.
    Idle,
    /// All have ended.
    End,
}

impl Merge {
    /// Merges `taps`, which are numbered from 0. `start_time` is for [`Sequencer::new`].
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
                TapState::File { first, .. } => to_come.push((first, number, tap)),
            }
        }
        to_come.sort_by_key(|&(first, number, _)| Reverse((first, number)));
        Self {
            running,
            to_come,
            current: None,
            ready: BTreeSet::new(),
            resident: BTreeSet::new(),
            memory: 0,
            opening,
            since: Instant::now(),
            silent: Vec::new(),
            silent_since: None,
            is_idle: false,
            until_poll: 0,
            start_time,
        }
    }

    /// Reads no further: what waits goes on, and then all inputs have ended.
    pub fn stop(&mut self) {
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
            if let Some(place) = self.ready.pop_first() {
                self.take(place)?;
                self.current = Some(place);
                self.is_idle = false;
                return Ok(self.found(place.1));
            }
            if self.silent.is_empty() && self.opening.is_empty() {
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
            if self.ready.is_empty() {
                return Ok(Next::Idle);
            }
        }
    }

    /// Whether an input may yet turn out to have an event that is due: it has just been opened, or has begun to speak.
    fn is_waiting_for_opening(&self) -> bool {
        let is_fresh = || self.since.elapsed() < IDLE;
        self.opening.iter().any(|(_, opening)| opening.has_begun() || is_fresh())
    }

    /// Whether it is time to look at the silent inputs while others speak.
    fn is_poll_due(&mut self) -> bool {
        if self.silent.is_empty() && self.opening.is_empty() {
            return false;
        }
        let is_due = self.until_poll == 0;
        self.until_poll = if is_due { POLL_EVENTS } else { self.until_poll - 1 };
        is_due
    }

    /// Looks whether silent inputs speak again, and puts those that do where their events are due. Returns the first that has
    /// ended.
    fn poll(&mut self) -> Result<Option<Next>, InputError> {
        let mut at = 0;
        while at < self.opening.len() {
            let (number, opening) = &mut self.opening[at];
            match opening.poll() {
                Ok(None) => at += 1,
                Ok(Some(input)) => {
                    let number = *number;
                    self.opening.swap_remove(at);
                    self.running[number as usize] = Some(Box::new(Sequencer::new(input, self.start_time)));
                    self.silent.push((0, number));
                }
                Err(error) => {
                    self.opening.swap_remove(at);
                    return Err(error);
                }
            }
        }
        let mut at = 0;
        while at < self.silent.len() {
            let (order, number) = self.silent[at];
            let Some(input) = &mut self.running[number as usize] else {
                self.silent.swap_remove(at);
                continue;
            };
            match input.advance()? {
                Step::Idle => at += 1,
                Step::Event | Step::Part => {
                    let place = (input.time().map_or(order, |time| time.max(order)), number);
                    self.silent.swap_remove(at);
                    self.put(place);
                }
                Step::End => {
                    self.silent.swap_remove(at);
                    return Ok(self.running[number as usize].take().map(|input| Next::Ended(number, input)));
                }
            }
        }
        Ok(None)
    }

    /// The event that [`Self::advance`] has found in the input with this number; once.
    pub fn event(&mut self, number: u32) -> Option<Event<'_>> {
        self.running[number as usize].as_deref_mut().map(Sequencer::event)
    }

    /// The exchange that [`Self::advance`] has found in the input with this number.
    pub fn exchange(&mut self, number: u32) -> Option<&mut Exchange> {
        self.running[number as usize].as_deref_mut().and_then(Sequencer::exchange)
    }

    /// What the input with this number has ready.
    fn found(&self, number: u32) -> Next {
        let input = self.running[number as usize].as_deref();
        if input.is_some_and(Sequencer::has_exchange) { Next::Exchange(number) } else { Next::Event(number) }
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
            Step::Event | Step::Part if time.is_none() || self.is_due(place) => {
                self.current = Some(place);
                Ok(Some(self.found(number)))
            }
            Step::Event | Step::Part => {
                self.put(place);
                Ok(None)
            }
            Step::Idle => Ok(self.fall_silent(place)),
            Step::End => Ok(self.running[number as usize].take().map(|input| Next::Ended(number, input))),
        }
    }

    /// Has the others wait for an input that has nothing to say, or sets it aside.
    fn fall_silent(&mut self, place: Place) -> Option<Next> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let has_others = !self.ready.is_empty() || !self.to_come.is_empty();
        let rest = IDLE.saturating_sub(since.elapsed());
        if !has_others || rest.is_zero() {
            self.silent_since = None;
            self.silent.push(place);
            return None;
        }
        self.current = Some(place);
        // What has come so far is shown first.
        if std::mem::replace(&mut self.is_idle, true) {
            std::thread::park_timeout(rest);
        }
        Some(Next::Idle)
    }

    /// Whether nothing comes before this place.
    fn is_due(&self, place: Place) -> bool {
        self.ready.first().is_none_or(|&first| place < first)
            && self.to_come.last().is_none_or(|&(first, number, _)| place < (first, number))
    }

    /// Opens the next input if its first event is due.
    fn open_next(&mut self) -> Result<bool, InputError> {
        let ready = self.ready.first();
        let is_due =
            |&(first, number, _): &(u64, u32, Tap)| ready.is_none_or(|&ready| (first, number) < ready);
        let Some((first, number, tap)) = self.to_come.pop_if(|tap| is_due(tap)) else { return Ok(false) };
        self.running[number as usize] = Some(Box::new(Sequencer::new(tap.open()?, self.start_time)));
        self.current = Some((first, number));
        Ok(true)
    }

    /// Puts an input where its event is due. Those furthest away give their memory back if it takes too much.
    fn put(&mut self, place: Place) {
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

    /// Takes an input out of its place, with its memory.
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
        self.running[number as usize].as_deref_mut().map(Sequencer::input_mut)
    }
}
