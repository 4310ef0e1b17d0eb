//! One trace as its events arrive, and as they go on: what `seq_num` says of each.

use crate::trace::{Connection, Data, Direction, Event, EventHeader, HeaderKind, Length, Missing, What};

/// What an arriving event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next one, as far as `seq_num` shows.
    Next,
    /// Preceded by a gap, or by a missing opening.
    Early,
    /// Belongs before events that have come already.
    Late,
    /// Has come already, or comes too late.
    Duplicate,
    /// The first event of another connection with the same id.
    Restart,
}

/// The place of an event in its trace: `seq_num` of its first byte, and of the first byte after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: u64,
    /// Puts a close behind an empty write at the same place.
    is_close: bool,
    pub(super) end: u64,
}

/// What an event does to the state of its trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    span: Span,
    /// `None` where nothing happens.
    bytes: Option<Bytes>,
}

#[derive(Clone, Copy, Debug)]
struct Bytes {
    /// `None` for a close.
    direction: Option<Direction>,
    is_length_known: bool,
}

/// What an event gets when it goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub(super) conversation: u32,
    pub(super) missing: Option<Missing>,
}

/// What is known of a trace that is going on.
#[derive(Debug, Default)]
pub(super) struct StreamState {
    conversation: u32,
    /// The beginning has come, or will not.
    is_open: bool,
    /// The addresses that it began with.
    connection: Option<Box<Connection>>,
    /// `seq_num` after the last event that has come; 0 while none had one.
    arrived: u64,
    /// The last event that has come was cut, so that `arrived` may be too small.
    is_arrived_cut: bool,
    /// The beginning came a second time: as a duplicate, or as that of another connection.
    is_opened_again: bool,
    /// A trace with the same id closed just before this one came.
    has_closed: bool,
    /// Something has happened.
    has_events: bool,
    /// The close has come.
    has_close: bool,
    /// The time of the last event that has come.
    time: u64,
    /// The number of that event among all that have come.
    pub(super) arrived_at: u64,
    /// `seq_num` behind the last of the events that have gone on.
    delivered: u64,
    /// The direction of the last bytes that have gone on.
    direction: Option<Direction>,
    /// These were cut, and nobody knew how many they had been.
    is_length_unknown: bool,
    /// What was last found missing: `seq_num` of its first byte and that behind it.
    missing: (u64, u64),
}

impl StreamState {
    /// A trace of which nothing is known yet. `has_closed`: one with its id has closed just before.
    pub(super) fn new(conversation: u32, has_closed: bool) -> Self {
        Self { conversation, has_closed, ..Self::default() }
    }

    /// The addresses that it began with.
    pub(super) fn connection(&self) -> Option<Box<Connection>> {
        self.connection.clone()
    }

    /// Whether this is nothing but a second copy of the beginning of a trace that has closed.
    pub(super) fn is_empty_copy(&self) -> bool {
        self.has_closed && !self.has_events
    }

    /// What [`Self::arrive`] and [`Self::deliver`] come to for a whole read or write that comes right behind the one
    /// before it; `None`, and nothing done, for all else.
    #[inline(always)]
    pub(super) fn accept_in_order(&mut self, event: &EventHeader<'_>, arrived_at: u64) -> Option<u32> {
        let HeaderKind::Data { direction, captured_len, is_length_known, .. } = event.what else {
            return None;
        };
        let has_order = event.seq_num > 0;
        let is_next = self.is_open
            && !self.is_opened_again
            && (!has_order || self.is_complete() && event.seq_num == self.arrived.max(1));
        if !is_next {
            return None;
        }
        if has_order {
            self.arrived = event.seq_num.saturating_add(captured_len as u64);
            self.delivered = self.arrived;
        }
        self.has_events = true;
        self.arrived_at = arrived_at;
        self.time = event.time;
        self.direction = Some(direction);
        self.is_length_unknown = !is_length_known;
        Some(self.conversation)
    }

    /// Whether all that has come has gone on, and nothing is known to be missing or behind it.
    #[inline(always)]
    fn is_complete(&self) -> bool {
        !self.has_close && !self.is_arrived_cut && self.arrived == self.delivered
    }

    /// Sorts an event in.
    pub(super) fn arrive(&mut self, event: &EventHeader<'_>) -> Arrival {
        match event.what {
            HeaderKind::Opened(connection) => self.open(connection),
            HeaderKind::Ended => Arrival::Next,
            HeaderKind::Data { .. } | HeaderKind::Closed => self.happen(event),
        }
    }

    fn open(&mut self, connection: Option<&Connection>) -> Arrival {
        let is_same = self.is_open && connection == self.connection.as_deref();
        if is_same && !self.has_events {
            return Arrival::Duplicate;
        }
        if self.is_open && self.has_events {
            if is_same && self.arrived > 0 {
                self.is_opened_again = true;
                return Arrival::Duplicate;
            }
            return Arrival::Restart;
        }
        self.is_open = true;
        self.connection = connection.map(|connection| Box::new(connection.clone()));
        if self.has_events { Arrival::Late } else { Arrival::Next }
    }

    fn happen(&mut self, event: &EventHeader<'_>) -> Arrival {
        let span = event.span();
        if self.is_opened_again && span.start == 1 && self.arrived > 1 && event.time > self.time {
            return Arrival::Restart;
        }
        self.has_events = true;
        self.time = event.time;
        if span.start == 0 {
            return if self.is_open { Arrival::Next } else { Arrival::Early };
        }
        if span.is_close && self.has_close {
            return Arrival::Duplicate;
        }
        self.has_close |= span.is_close;
        let expected = self.arrived.max(1);
        if span.start < expected {
            let is_too_late = self.missing.0 <= span.start && span.start < self.missing.1;
            let has_gone_on = span.start < span.end && span.end <= self.delivered;
            return if is_too_late || has_gone_on { Arrival::Duplicate } else { Arrival::Late };
        }
        let is_early = !self.is_open || span.start > expected && !self.is_arrived_cut;
        if self.has_close && !span.is_close {
            // The close said nothing of where it belongs: behind this.
            self.arrived = span.end;
            return Arrival::Late;
        }
        if span.start < u64::MAX {
            self.arrived = span.end;
        }
        self.is_arrived_cut = matches!(event.what, HeaderKind::Data { is_length_known: false, .. });
        if is_early { Arrival::Early } else { Arrival::Next }
    }

    /// Whether the event with this span is the next one for sure.
    pub(super) fn expects(&self, span: Span) -> bool {
        self.is_open && (span.start == 0 || span.start == self.delivered.max(1))
    }

    /// Takes an event as the next one to go on.
    pub(super) fn deliver(&mut self, step: &Step) -> Delivered {
        let mut missing = None;
        if let Some(Bytes { direction, is_length_known }) = step.bytes {
            // From here on there is no use in waiting for the beginning.
            self.is_open = true;
            let span = step.span;
            if span.start > 0 && span.start < u64::MAX {
                let expected = self.delivered.max(1);
                if span.start > expected {
                    missing = self.missing_before(span.start - expected, direction);
                    self.missing = (expected, span.start);
                }
                self.delivered = self.delivered.max(span.end);
            }
            self.direction = direction.or(self.direction);
            self.is_length_unknown = !is_length_known;
        }
        Delivered { conversation: self.conversation, missing }
    }

    /// In which direction bytes are missing is known only behind a cut body. Else the one that goes on is taken: bytes
    /// most often come in runs.
    fn missing_before(&self, bytes: u64, direction: Option<Direction>) -> Option<Missing> {
        if self.is_length_unknown {
            // One of them has been counted with the body.
            let bytes = bytes - 1;
            return self.direction.filter(|_| bytes > 0).map(|direction| Missing {
                direction,
                bytes,
                is_lost: false,
            });
        }
        let direction = direction.or(self.direction).unwrap_or(Direction::Read);
        Some(Missing { direction, bytes, is_lost: true })
    }
}

impl Event<'_> {
    pub(super) fn step(&self) -> Step {
        let bytes = match &self.what {
            What::Opened | What::Ended => None,
            What::Closed => Some(Bytes { direction: None, is_length_known: true }),
            What::Data(data) => {
                Some(Bytes { direction: Some(data.direction), is_length_known: data.length != Length::Cut })
            }
        };
        Step { span: self.span(), bytes }
    }

    pub(super) fn span(&self) -> Span {
        match &self.what {
            What::Data(data) => data_span(self.seq_num, true_length(data)),
            What::Closed => close_span(self.seq_num),
            What::Opened | What::Ended => Span { start: 0, is_close: false, end: 0 },
        }
    }
}

impl EventHeader<'_> {
    #[inline]
    pub(super) fn step(&self) -> Step {
        let bytes = match self.what {
            HeaderKind::Opened(_) | HeaderKind::Ended => None,
            HeaderKind::Closed => Some(Bytes { direction: None, is_length_known: true }),
            HeaderKind::Data { direction, is_length_known, .. } => {
                Some(Bytes { direction: Some(direction), is_length_known })
            }
        };
        Step { span: self.span(), bytes }
    }

    #[inline]
    fn span(&self) -> Span {
        match self.what {
            HeaderKind::Data { captured_len, .. } => data_span(self.seq_num, captured_len as u64),
            HeaderKind::Closed => close_span(self.seq_num),
            HeaderKind::Opened(_) | HeaderKind::Ended => Span { start: 0, is_close: false, end: 0 },
        }
    }
}

fn data_span(seq_num: u64, length: u64) -> Span {
    Span { start: seq_num, is_close: false, end: seq_num.saturating_add(length) }
}

/// A close counts one more than the offset behind the last byte. Some Envoys write `u64::MAX`: behind everything.
fn close_span(seq_num: u64) -> Span {
    let start = if seq_num == u64::MAX { seq_num } else { seq_num.saturating_sub(1) };
    Span { start, is_close: true, end: start }
}

fn true_length(data: &Data<'_>) -> u64 {
    match data.length {
        Length::CutFrom(length) | Length::AtLeast(length) | Length::Lossy(length) => length,
        Length::Whole | Length::Cut | Length::Unsure => data.bytes.len() as u64,
    }
}
