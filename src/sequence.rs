//! Completes events by what comes after them in their trace.
//!
//! How long a cut body was shows only in the next event's `seq_num`, and which write with `end_stream` is the last one
//! only in what follows. Such an event waits for the next one of its trace, and all other events of the input wait
//! behind it, so that the input's order stands. The wait is bounded in bytes, events and time; past the bound the event
//! goes on as it is. An event that need not wait, with none waiting before it, passes through without being copied.

use std::collections::{HashMap, VecDeque};

use crate::input::{Input, InputError, Step};
use crate::trace::{Data, Direction, Event, Length, TraceId, What};

/// Waiting events of one input may hold this many bytes of bodies.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// As many events may wait in one input.
const MAX_EVENTS: usize = 16_384;
/// An input that has been idle this many times in a row, a tenth of a second each, keeps nothing waiting.
const MAX_IDLE: u32 = 10;

/// The events of one input, completed.
#[derive(Debug)]
pub struct Sequencer {
    input: Input,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Number of the event at the front of `waiting`, counted from the first that ever waited.
    front: u64,
    /// For a trace with an incomplete event, its number.
    incomplete: HashMap<TraceId, u64>,
    idle: u32,
    is_at_end: bool,
}

#[derive(Debug)]
struct Waiting {
    event: Event<'static>,
    is_complete: bool,
}

/// What came of looking for the next event.
#[derive(Debug)]
pub enum Pulled<'a> {
    /// The next event.
    Event(Event<'a>),
    /// There is none at the moment.
    Idle,
    /// There is none any more.
    End,
}

impl Sequencer {
    /// The events of `input`.
    #[must_use]
    pub fn new(input: Input) -> Self {
        Self {
            input,
            waiting: VecDeque::new(),
            bytes: 0,
            front: 0,
            incomplete: HashMap::new(),
            idle: 0,
            is_at_end: false,
        }
    }

    /// The input.
    #[must_use]
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The next event. None has [`Length::Unsure`]; one that has [`Length::Cut`] keeps it for good.
    ///
    /// # Errors
    /// As for [`Input::advance`]: the next call goes on behind the damage.
    pub fn pull(&mut self) -> Result<Pulled<'_>, InputError> {
        loop {
            if let Some(event) = self.pop() {
                return Ok(Pulled::Event(event));
            }
            if self.is_at_end {
                return Ok(Pulled::End);
            }
            match self.input.advance()? {
                Step::Event if self.waiting.is_empty() && !self.input.needs_look_ahead() => {
                    return Ok(Pulled::Event(self.input.event()));
                }
                Step::Event => self.push(),
                Step::Idle => {
                    self.idle += 1;
                    return Ok(Pulled::Idle);
                }
                Step::End => self.is_at_end = true,
            }
        }
    }

    /// The event at the front, if it is complete or has waited long enough.
    fn pop(&mut self) -> Option<Event<'static>> {
        let is_due = self.is_at_end
            || self.idle >= MAX_IDLE
            || self.bytes > MAX_BYTES
            || self.waiting.len() > MAX_EVENTS
            || self.waiting.front().is_some_and(|waiting| waiting.is_complete);
        if !is_due {
            return None;
        }
        let Waiting {
            mut event,
            is_complete,
        } = self.waiting.pop_front()?;
        if !is_complete {
            self.incomplete.remove(&event.trace);
        }
        self.front += 1;
        if let What::Data(data) = &mut event.what {
            self.bytes -= data.bytes.len();
            if data.length == Length::Unsure {
                data.length = Length::Whole;
            }
        }
        Some(event)
    }

    /// Puts the input's event behind those that wait, and completes the one of its trace.
    fn push(&mut self) {
        self.idle = 0;
        let needs_look_ahead = self.input.needs_look_ahead();
        let mut event = self.input.event().into_owned();
        if let Some(number) = self.incomplete.remove(&event.trace)
            && let Some(earlier) = self.waiting.get_mut((number - self.front) as usize)
        {
            complete(&mut earlier.event, &mut event);
            earlier.is_complete = true;
        }
        if needs_look_ahead {
            self.incomplete
                .insert(event.trace, self.front + self.waiting.len() as u64);
        }
        if let What::Data(data) = &event.what {
            self.bytes += data.bytes.len();
        }
        self.waiting.push_back(Waiting {
            event,
            is_complete: !needs_look_ahead,
        });
    }
}

/// Completes an event by the next one of its trace.
fn complete(event: &mut Event<'_>, next: &mut Event<'_>) {
    let What::Data(data) = &mut event.what else { return };
    if matches!(data.length, Length::Cut | Length::Unsure) {
        data.length = true_length(data, event.seq_num, next);
    }
    // `end_stream` stands on every write since the proxy asked for the close; the FIN goes behind the last.
    if data.end_stream
        && let What::Data(next) = &mut next.what
        && next.direction == Direction::Write
    {
        data.end_stream = false;
        next.end_stream = true;
    }
}

/// How many bytes an event had by the next one's `seq_num`, which counts on by all of them.
fn true_length(data: &Data<'_>, seq_num: u64, next: &Event<'_>) -> Length {
    let captured = data.bytes.len() as u64;
    let counted = match next.what {
        What::Data(_) => next.seq_num.checked_sub(seq_num),
        // Some Envoys write u64::MAX on a close.
        What::Closed if next.seq_num < u64::MAX => next.seq_num.checked_sub(seq_num + 1),
        _ => None,
    };
    match counted {
        Some(counted) if counted > captured => Length::CutFrom(counted),
        Some(counted) if counted == captured => Length::Whole,
        _ if data.length == Length::Unsure => Length::Whole,
        _ => Length::Cut,
    }
}
