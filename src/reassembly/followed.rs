//! A file that is followed while it is written: when there is anything to look at, and when nothing more is expected.

use super::Reassembler;

impl Reassembler {
    /// Whether the input is a file that is followed while it is written.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.input.growth().is_some()
    }

    /// Whether there may be something next: not where the file has not grown and nothing of it waits for its time.
    pub fn may_have_more(&mut self) -> bool {
        self.is_at_end
            || !self.queue.is_empty()
            || self.exchanges.as_mut().is_some_and(|exchanges| exchanges.is_waiting())
            || self.input.may_have_more()
    }

    /// Whether all that the file holds, one of many, is complete: it has no open trace, and ends with a whole record.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.input.growth().is_some_and(|growth| growth.is_one_of_many())
            && self.traces.is_empty()
            && self.exchanges.as_ref().is_none_or(|exchanges| exchanges.is_empty())
            && self.input.is_between_records()
    }

    /// Reads no further, and has somebody else go on where the file grows once more.
    pub fn leave(&mut self) {
        if let Some(growth) = self.input.growth() {
            growth.leave(self.input.offset());
        }
        self.stop();
    }
}
