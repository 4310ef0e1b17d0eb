//! The fast lane through a merge: events that are in order in their input, and due before those of all others.

use std::io;

use super::{Merge, Place};
use crate::reassembly::Given;
use crate::trace::Plain;

impl Merge {
    /// Gives `each` the plain events that are due, with the numbers of their inputs, as long as there is nothing else: as
    /// [`Reassembler::each_in_order`](crate::reassembly::Reassembler::each_in_order).
    ///
    /// # Errors
    /// Those of `each`, which gets nothing more then.
    #[inline(always)]
    pub fn each_in_order(
        &mut self,
        mut each: impl FnMut(u32, Plain<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        // While some are silent, the general way looks at them from time to time.
        if !self.silent.is_empty() || !self.opening.is_empty() {
            return Ok(());
        }
        while let Some((order, number)) = self.current {
            let Some(until) = self.until(number) else { return Ok(()) };
            let Some(input) = &mut self.running[number as usize] else { return Ok(()) };
            let Given { latest, any, later } =
                input.each_in_order::<false>(until, |plain| each(number, plain))?;
            self.has_spoken(any);
            let order = order.max(latest);
            self.current = Some((order, number));
            let Some(later) = later else { return Ok(()) };
            // Another one that has been put there like this goes on in the same way.
            self.current = self.take_unread();
            self.put((order.max(later), number));
        }
        Ok(())
    }

    /// The same for the only input: [`Self::alone`].
    ///
    /// # Errors
    /// Those of `each`, which gets nothing more then.
    #[inline(always)]
    pub fn each_in_order_alone(&mut self, each: impl FnMut(Plain<'_>) -> io::Result<()>) -> io::Result<()> {
        let Some((_, number)) = self.current else { return Ok(()) };
        let Some(input) = &mut self.running[number as usize] else { return Ok(()) };
        let any = input.each_in_order::<true>(u64::MAX, each)?.any;
        self.has_spoken(any);
        Ok(())
    }

    /// Takes the input that is ready first, if it is first of all, and what it has next has not been read.
    fn take_unread(&mut self) -> Option<Place> {
        let to_come = self.to_come.last().map(|&(first, number, _)| (first, number));
        let running = &self.running;
        self.first.take_if(|first| {
            let is_first = to_come.is_none_or(|to_come| *first < to_come);
            is_first && running[first.1 as usize].as_deref().is_some_and(|input| !input.has_found())
        })
    }

    /// The number of the input that goes on, if there is no other.
    #[must_use]
    pub fn alone(&self) -> Option<u32> {
        let is_alone = self.first_ready().is_none()
            && self.to_come.is_empty()
            && self.silent.is_empty()
            && self.opening.is_empty();
        self.current.filter(|_| is_alone).map(|(_, number)| number)
    }

    /// The current input is not silent, if it had events.
    fn has_spoken(&mut self, any: bool) {
        if any {
            self.silent_since = None;
            self.is_idle = false;
        }
    }

    /// The greatest time that an event of this input may have to be due before all others, if any may.
    fn until(&self, number: u32) -> Option<u64> {
        let ready = self.first_ready();
        let to_come = self.to_come.last().map(|&(first, number, _)| (first, number));
        let Some((time, other)) = ready.into_iter().chain(to_come).min() else { return Some(u64::MAX) };
        if number < other { Some(time) } else { time.checked_sub(1) }
    }
}
