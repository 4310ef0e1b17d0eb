//! Inputs that have nothing to say: the others wait for them for a moment, and then they are set aside until they speak.

use std::time::Instant;

use super::{Merge, Next, POLL_EVENTS, Place};
use crate::input::{InputError, Step};
use crate::reassembly::Reassembler;
use crate::source::IDLE;

impl Merge {
    /// Whether an input may yet turn out to have an event that is due: it has just been opened, or has begun to speak.
    pub(super) fn is_waiting_for_opening(&self) -> bool {
        let is_fresh = || self.since.elapsed() < IDLE;
        self.opening.iter().any(|(_, opening)| opening.has_begun() || is_fresh())
    }

    /// Whether it is time to look at the silent inputs while others speak.
    pub(super) fn is_poll_due(&mut self) -> bool {
        if self.silent.is_empty() && self.opening.is_empty() {
            return false;
        }
        let is_due = self.until_poll == 0;
        self.until_poll = if is_due { POLL_EVENTS } else { self.until_poll - 1 };
        is_due
    }

    /// Looks whether silent inputs speak again, and puts those that do where their events are due. Returns the first that has
    /// ended.
    pub(super) fn poll(&mut self) -> Result<Option<Next>, InputError> {
        let mut at = 0;
        while at < self.opening.len() {
            let (number, opening) = &mut self.opening[at];
            match opening.poll() {
                Ok(None) => at += 1,
                Ok(Some(input)) => {
                    let number = *number;
                    self.opening.swap_remove(at);
                    self.running[number as usize] = Some(Box::new(Reassembler::new(input, self.start_time)));
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
                Step::Event | Step::Part | Step::Flow => {
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

    /// Has the others wait for an input that has nothing to say, or sets it aside.
    pub(super) fn fall_silent(&mut self, place: Place) -> Option<Next> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let has_others = self.first_ready().is_some() || !self.to_come.is_empty();
        let rest = IDLE.saturating_sub(since.elapsed());
        if !has_others || rest.is_zero() {
            self.silent_since = None;
            self.silent.push(place);
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
