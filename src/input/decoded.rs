//! What decoders give: the border between the formats and what is common to all of them.

use std::borrow::Cow;
use std::ops::Range;

use crate::trace::{Connection, Direction, SampleRate, TraceId};

/// What a decoder finds at the beginning of a record.
#[derive(Debug)]
pub(super) enum Begun {
    Trace(Head),
    /// An HTTP tap's trace.
    Http,
    /// The sample rate of the trace in the record before.
    SampleRate(SampleRate),
    /// Nothing that concerns a conversation.
    Nothing,
    /// Nothing at all.
    Blank,
}

/// What a record says besides its events.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) trace: TraceId,
    /// The trace begins with this record.
    pub(super) opens: bool,
    /// Nothing of the trace comes behind this record.
    pub(super) ends: bool,
    pub(super) connection: Option<Box<Connection>>,
    pub(super) sample_rate: Option<SampleRate>,
}

/// A `SocketEvent`, its body still where the decoder found or put it.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) time: u64,
    pub(super) seq_num: u64,
    pub(super) connection: Option<Box<Connection>>,
    pub(super) what: DecodedWhat,
}

#[derive(Debug)]
pub(super) enum DecodedWhat {
    Data {
        direction: Direction,
        body: Body,
        truncated: bool,
        end_stream: bool,
    },
    Closed,
    /// None of what is known here.
    Nothing,
}

#[derive(Debug)]
pub(super) enum Body {
    /// In the record.
    Record(Range<usize>),
    /// In the scratch buffer, all of it.
    Scratch,
    /// The same, from a format that keeps only what is UTF-8.
    ScratchText,
}

/// Where in a record something is wrong, and what.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) at: usize,
    pub(super) what: Cow<'static, str>,
    /// It is in one event, and those behind it can be read.
    pub(super) is_in_event: bool,
}

impl Damage {
    pub(super) fn new(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Self { at, what: what.into(), is_in_event: false }
    }

    /// The same, where the next event can be found.
    pub(super) fn in_event(self) -> Self {
        Self { is_in_event: true, ..self }
    }
}
