//! Inputs that have nothing to say: the others wait for them for a moment, and then they are set aside until they speak.
//! For a file that is followed nobody waits; once it is complete it is left, until it grows again.

use std::time::{Duration, Instant};

use super::tap::{Tap, TapState};
use super::{Arrivals, Merge, Next, POLL_EVENTS, Place};
use crate::input::{InputError, Opening, Step};
use crate::reassembly::Reassembler;
use crate::source::IDLE;

/// One of many files that are followed is left if it has been complete and silent for so long.
const LEAVE: Duration = Duration::from_secs(30);
/// Files that are followed at a time; past that, some that are silent are left.
const MAX_FOLLOWED: usize = 65_536;

/// An input that has nothing to say.
#[derive(Debug)]
pub(super) struct Silent {
    place: Place,
    since: Instant,
}

impl Silent {
    fn new(place: Place) -> Self {
        Self { place, since: Instant::now() }
    }
}

impl Merge {
    /// Whether an input may yet turn out to have an event that is due: it has just been opened, or has begun to speak.
    pub(super) fn is_waiting_for_opening(&mut self) -> bool {
        // Many files may have nothing yet: they are not asked for each event.
        self.may_wait =
            self.may_wait && !self.opening.is_empty() && (self.since.elapsed() < IDLE || self.has_begun());
        self.may_wait
    }

    /// Nobody waits for a file that is followed: many may come all the time.
    fn has_begun(&self) -> bool {
        self.opening.iter().any(|(_, opening)| opening.has_begun() && !opening.is_followed())
    }

    /// Whether it is time to look at the silent inputs while others speak.
    pub(super) fn is_poll_due(&mut self) -> bool {
        if self.silent.is_empty()
            && self.opening.is_empty()
            && self.followed.is_empty()
            && self.arrivals.is_none()
        {
            return false;
        }
        let is_due = self.until_poll == 0;
        self.until_poll = if is_due { POLL_EVENTS } else { self.until_poll - 1 };
        is_due
    }

    /// Looks whether inputs have come, and whether silent ones speak again, and puts those that do where their events are due.
    /// Returns those that have come, or the first that has ended.
    pub(super) fn poll(&mut self) -> Result<Option<Next>, InputError> {
        let arrived: Vec<Tap> = self.arrivals.as_mut().map(Arrivals::all).unwrap_or_default();
        if !arrived.is_empty() {
            (self.is_idle, self.until_poll) = (false, 0);
            return Ok(Some(Next::Arrived(arrived.into_iter().map(|tap| self.add(tap)).collect())));
        }
        let mut at = 0;
        while at < self.opening.len() {
            let (number, opening) = &mut self.opening[at];
            match opening.poll() {
                // There was nothing in it until the end.
                Ok(None) if self.deadline.is_some() => {
                    self.opening.swap_remove(at);
                }
                Ok(None) => at += 1,
                Ok(Some(input)) => {
                    let number = *number;
                    self.opening.swap_remove(at);
                    self.running[number as usize] = Some(Box::new(Reassembler::new(input, self.start_time)));
                    self.silent.push(Silent::new((0, number)));
                }
                Err(error) => {
                    let (_, opening) = self.opening.swap_remove(at);
                    if !is_passed_over(&opening, &error) {
                        return Err(error);
                    }
                }
            }
        }
        self.may_wait |= self.has_begun();
        self.wake_followed();
        let mut at = 0;
        while at < self.silent.len() {
            let Silent { place: (order, number), .. } = self.silent[at];
            let Some(input) = &mut self.running[number as usize] else {
                self.silent.swap_remove(at);
                continue;
            };
            if let Err(error) = input.input_mut().restore() {
                (self.running[number as usize], self.is_idle) = (None, false);
                return Err(error);
            }
            match input.advance()? {
                // All that was there at the end has been read.
                Step::Idle if self.deadline.is_some() => input.stop(),
                Step::Idle if input.is_followed() && !input.may_have_more() => {
                    input.input_mut().release();
                    self.followed.push(self.silent.swap_remove(at));
                }
                Step::Idle => at += 1,
                Step::Event | Step::Part | Step::Flow => {
                    let place = (input.time().map_or(order, |time| time.max(order)), number);
                    self.silent.swap_remove(at);
                    self.put(place);
                }
                Step::End => {
                    self.silent.swap_remove(at);
                    self.is_idle = false;
                    return Ok(self.running[number as usize].take().map(|input| Next::Ended(number, input)));
                }
            }
        }
        Ok(None)
    }

    /// Has those of the followed files looked at that have grown, or are to be left.
    fn wake_followed(&mut self) {
        let is_stopped = self.deadline.is_some() || self.arrivals.is_none();
        let has_grown = self.arrivals.as_ref().is_some_and(Arrivals::take_growth);
        let is_leaving = self.followed.len() > MAX_FOLLOWED || self.looked_at.elapsed() >= LEAVE / 10;
        if !(is_stopped || has_grown || is_leaving) {
            return;
        }
        self.looked_at = Instant::now();
        let mut surplus = self.followed.len().saturating_sub(MAX_FOLLOWED);
        let (running, silent) = (&mut self.running, &mut self.silent);
        self.followed.retain(|followed| {
            let Some(input) = &mut running[followed.place.1 as usize] else { return false };
            if surplus > 0 || followed.since.elapsed() >= LEAVE && input.is_complete() {
                surplus = surplus.saturating_sub(1);
                input.leave();
            }
            if is_stopped && !input.may_have_more() {
                input.stop();
            }
            let is_awake = input.may_have_more();
            if is_awake {
                silent.push(Silent::new(followed.place));
            }
            !is_awake
        });
    }

    /// Takes in an input that has come.
    fn add(&mut self, tap: Tap) -> String {
        let number = self.running.len() as u32;
        self.running.push(None);
        let name = tap.name.clone();
        match tap.state {
            TapState::Opening(mut opening) | TapState::Followed { mut opening, .. } => {
                opening.never_wait();
                if self.deadline.is_some() {
                    opening.hurry();
                }
                self.opening.push((number, opening));
            }
            TapState::Open(input) => {
                self.running[number as usize] = Some(Box::new(Reassembler::new(*input, self.start_time)));
                self.silent.push(Silent::new((0, number)));
            }
            state @ TapState::File { .. } => self.to_come.push((0, number, Tap { state, ..tap })),
        }
        name
    }

    /// Begins with a file that is followed, if there is enough of it.
    pub(super) fn begin_followed(
        &mut self,
        first: u64,
        number: u32,
        mut opening: Box<Opening>,
    ) -> Result<bool, InputError> {
        match opening.poll() {
            Ok(Some(input)) => {
                self.running[number as usize] = Some(Box::new(Reassembler::new(input, self.start_time)));
                self.current = Some((first, number));
            }
            Ok(None) => self.opening.push((number, opening)),
            Err(error) if is_passed_over(&opening, &error) => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Has the others wait for an input that has nothing to say, or sets it aside.
    pub(super) fn fall_silent(&mut self, place: Place) -> Option<Next> {
        let is_followed = self.running[place.1 as usize].as_deref().is_some_and(Reassembler::is_followed);
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let has_others = self.first_ready().is_some() || !self.to_come.is_empty();
        let rest = if is_followed { Duration::ZERO } else { IDLE.saturating_sub(since.elapsed()) };
        if !has_others || rest.is_zero() {
            self.silent_since = None;
            self.silent.push(Silent::new(place));
            // What has come so far is shown before anybody waits for more.
            let is_shown = has_others || std::mem::replace(&mut self.is_idle, true);
            return if is_shown { None } else { Some(Next::Idle) };
        }
        self.current = Some(place);
        // What has come so far is shown first.
        if std::mem::replace(&mut self.is_idle, true) {
            std::thread::park_timeout(rest);
        }
        Some(Next::Idle)
    }
}

/// Whether this is a file that is no tap trace, in a directory that may hold others.
fn is_passed_over(opening: &Opening, error: &InputError) -> bool {
    opening.is_optional() && matches!(error, InputError::NotATap { .. } | InputError::Empty { .. })
}
