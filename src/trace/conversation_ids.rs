//! The ids of the conversations of an input, which are used again.

/// Hands out numbers so that those which are in use stay small.
#[derive(Debug, Default)]
pub struct ConversationIds {
    next: u32,
    free: Vec<u32>,
}

impl ConversationIds {
    /// A number that is not in use.
    pub fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Says that a number is not in use any more.
    pub fn give_back(&mut self, number: u32) {
        self.free.push(number);
    }
}
