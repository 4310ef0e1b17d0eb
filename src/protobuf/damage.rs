//! The one error of all readers: where in a record something is wrong, and what.

use std::borrow::Cow;

/// Where in a record something is wrong, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Offset in the record, in bytes.
    pub(crate) at: usize,
    pub(crate) what: Cow<'static, str>,
    /// The record ends too early, and nothing else is wrong with it.
    pub(crate) is_end: bool,
    /// The damage is in one event, and those after it can be read.
    pub(crate) is_in_event: bool,
}

impl Damage {
    pub(crate) fn new(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Self { at, what: what.into(), is_end: false, is_in_event: false }
    }

    /// The record ends too early.
    pub(crate) fn end(at: usize, what: &'static str) -> Self {
        Self { is_end: true, ..Self::new(at, what) }
    }

    /// The same, where the next event can be found.
    pub(crate) fn in_event(self) -> Self {
        Self { is_in_event: true, ..self }
    }
}
