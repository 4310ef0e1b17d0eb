//! Many inputs, one event after the other in order of time.
//!
//! An input is opened when its first event is due and dropped when it ends, so that those which run at the same time are
//! few. Each of them has its next event ready; the oldest is taken. Where more of them run than may be in memory, those
//! whose next event is furthest away give their buffers back and read them again in their time.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::http::Exchange;
use crate::input::{Input, InputError, Step};
use crate::sequence::Sequencer;
use crate::taps::{Tap, TapState};
use crate::trace::Event;

/// Bytes that the buffers of all inputs may take.
const MAX_MEMORY: usize = 32 * 1024 * 1024;

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
        let first = |tap: &Tap| match tap.state {
            TapState::Open(_) => 0,
            TapState::File { first, .. } => first,
        };
        let mut to_come: Vec<_> = (0..).zip(taps).map(|(number, tap)| (first(&tap), number, tap)).collect();
        to_come.sort_by_key(|&(first, number, _)| Reverse((first, number)));
        Self {
            running,
            to_come,
            current: None,
            ready: BTreeSet::new(),
            resident: BTreeSet::new(),
            memory: 0,
            start_time,
        }
    }

    /// Reads no further: what waits goes on, and then all inputs have ended.
    pub fn stop(&mut self) {
        self.to_come.clear();
        self.running.iter_mut().flatten().for_each(|input| input.stop());
    }

    /// Goes on to the next event.
    ///
    /// # Errors
    /// An input is damaged, or cannot be read. What can be read behind the damage comes with the next calls.
    pub fn advance(&mut self) -> Result<Next, InputError> {
        loop {
            if let Some(next) = self.advance_current()? {
                return Ok(next);
            }
            if self.open_next()? {
                continue;
            }
            let Some(place) = self.ready.pop_first() else { return Ok(Next::End) };
            self.take(place)?;
            self.current = Some(place);
            return Ok(self.found(place.1));
        }
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
        match step {
            Step::Event | Step::Part if time.is_none() || self.is_due(place) => {
                self.current = Some(place);
                Ok(Some(self.found(number)))
            }
            Step::Event | Step::Part => {
                self.put(place);
                Ok(None)
            }
            Step::Idle => {
                self.current = Some(place);
                Ok(Some(Next::Idle))
            }
            Step::End => Ok(self.running[number as usize].take().map(|input| Next::Ended(number, input))),
        }
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
