//! What an HTTP tap recorded, on its way through the queue of exchanges.

use std::time::Instant;

use super::{PATIENCE, Ready, Reassembler};
use crate::http::Exchange;
use crate::http::queue::ExchangeQueue;

impl Reassembler {
    /// Whether what [`Self::advance`] has found is an exchange.
    #[must_use]
    pub fn has_exchange(&self) -> bool {
        matches!(self.ready, Ready::Exchange)
    }

    /// The exchange that [`Self::advance`] has found, whose part is next: it has to be taken.
    pub fn exchange(&mut self) -> Option<&mut Exchange> {
        self.ready = Ready::None;
        self.exchanges.as_mut()?.first_due()
    }

    pub(super) fn take_part(&mut self) {
        let Some(part) = self.input.part() else { return };
        self.idle_since = None;
        if self.input.is_live() && self.since.is_none() {
            self.since = Some(Instant::now());
        }
        let start_time = self.start_time.unwrap_or_else(|| self.input.modified());
        let exchanges = self.exchanges.get_or_insert_with(|| Box::new(ExchangeQueue::new(start_time)));
        if self.input.is_live() && self.start_time.is_none() {
            exchanges.not_before(self.input.modified());
        }
        exchanges.push(part);
    }

    pub(super) fn is_exchange_due(&mut self) -> bool {
        let is_long_idle = self.is_long_idle();
        let Some(exchanges) = &mut self.exchanges else { return false };
        exchanges.settle();
        let is_late = self.since.is_some_and(|since| since.elapsed() > PATIENCE);
        let is_hurried = self.is_at_end || is_long_idle || is_late;
        let is_due = exchanges.is_due(is_hurried);
        if is_hurried && !is_due {
            self.since = None;
        }
        is_due
    }
}
