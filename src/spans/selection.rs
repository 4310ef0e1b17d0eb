//! Which conversations are written: all of them, or those that have spans. A first conversion finds these, and a second one writes
//! them.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::SocketAddr;

/// The two ends of a conversation of flows, in order, and the number of its protocol.
pub type Pair = ([SocketAddr; 2], u8);

/// Conversations of taps by their places in the order in which all begin, and those of flows by their ends.
#[derive(Debug, Default)]
pub struct Selections {
    /// Those of taps.
    pub taps: Selection<u64>,
    /// Those of flows.
    pub flows: Selection<Pair>,
}

impl Selections {
    /// For the conversion that finds those with spans.
    #[must_use]
    pub fn finding() -> Self {
        Self { taps: Selection::Finding(HashSet::new()), flows: Selection::Finding(HashSet::new()) }
    }

    /// For the one that writes those that were found.
    #[must_use]
    pub fn only_found(self) -> Self {
        Self { taps: self.taps.only_found(), flows: self.flows.only_found() }
    }
}

/// Which conversations are written.
#[derive(Debug, Default)]
pub enum Selection<T> {
    /// All.
    #[default]
    All,
    /// All, and those with spans are remembered.
    Finding(HashSet<T>),
    /// These.
    Only(HashSet<T>),
}

impl<T: Eq + Hash> Selection<T> {
    /// Whether this one is written.
    #[must_use]
    pub fn wants(&self, conversation: &T) -> bool {
        match self {
            Self::All | Self::Finding(_) => true,
            Self::Only(wanted) => wanted.contains(conversation),
        }
    }

    /// This one has spans.
    pub fn found(&mut self, conversation: T) {
        if let Self::Finding(found) = self {
            found.insert(conversation);
        }
    }

    fn only_found(self) -> Self {
        match self {
            Self::Finding(found) => Self::Only(found),
            other => other,
        }
    }
}
