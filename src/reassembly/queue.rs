//! The events of an input that wait, in the order in which they are to go on.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::WINDOW;
use super::state::Span;
use crate::trace::{Data, Direction, Event, Length, TraceId, What};

/// Reordering window of cut bodies, in events: a body's length is known once the event before and after it have come, and either may
/// be late.
const CUT_WINDOW: u64 = 32;
/// Waiting events may hold this many bytes of bodies.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Waiting events at most.
const MAX_EVENTS: usize = 16_384;

/// The UDP sink cuts larger bodies into slices of this many bytes: with `JSON_BODY_AS_STRING`, and with all else.
pub(super) const SLICES: [usize; 2] = [63_488, 47_104];

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// `None` where an event has become part of the one before it.
    waiting: VecDeque<Option<Waiting>>,
    /// The number of the first of `waiting`, counted from the first that ever waited.
    first: u64,
    bytes: usize,
    /// The number of a trace's last event, where that needs the next one.
    incomplete: HashMap<TraceId, u64>,
    /// The number of a trace's last write, where a FIN follows it unless another write comes.
    ending: HashMap<TraceId, u64>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) event: Event<'static>,
    /// It is only complete with the next event of its trace.
    pub(super) needs_next: bool,
    /// It is only complete with the next write or the close of its trace.
    pub(super) needs_end: bool,
    /// Deadline for the next write or the close, in arrived events: set when the close came before earlier events.
    pub(super) ends_at: u64,
    /// Something before it was missing when it came.
    pub(super) is_early: bool,
    /// When it came, on an input that is read as it comes.
    pub(super) since: Option<Instant>,
    /// The number of the event among all that have come.
    pub(super) arrived: u64,
    /// The number of the next event of its trace in the queue.
    pub(super) next: Option<u64>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether too much is waiting.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > MAX_BYTES || self.waiting.len() > MAX_EVENTS
    }

    pub(super) fn front(&self) -> Option<&Waiting> {
        self.waiting.front()?.as_ref()
    }

    /// Whether the event at the front has what it needs, when `arrived` events have come.
    pub(super) fn is_front_complete(&self, arrived: u64) -> bool {
        let Some(front) = self.front() else { return false };
        if front.needs_end && arrived < front.ends_at {
            return false;
        }
        if !front.needs_next {
            return true;
        }
        if arrived - front.arrived < CUT_WINDOW {
            return false;
        }
        let (mut last, mut slices) = (front, 1);
        while let Some(next) = self.next(last) {
            if !is_next_slice(&front.event, end(&last.event), &next.event, slices) {
                return true;
            }
            (last, slices) = (next, slices + 1);
        }
        false
    }

    fn next(&self, waiting: &Waiting) -> Option<&Waiting> {
        self.waiting.get((waiting.next? - self.first) as usize)?.as_ref()
    }

    /// Puts an event behind all others.
    pub(super) fn push(&mut self, mut waiting: Waiting) {
        self.end(&mut waiting);
        let number = self.first + self.waiting.len() as u64;
        self.bytes += body_len(&waiting.event);
        self.link(waiting.event.trace, number, waiting.needs_next);
        self.waiting.push_back(Some(waiting));
    }

    /// `end_stream` stands on every write since the proxy asked for the close; the FIN goes behind the last, whatever is
    /// read meanwhile.
    fn end(&mut self, waiting: &mut Waiting) {
        let trace = waiting.event.trace;
        let mut is_write = false;
        if let What::Data(data) = &waiting.event.what {
            is_write = data.direction == Direction::Write;
            if !is_write {
                return;
            }
        }
        let earlier = self.ending.get(&trace).and_then(|number| number.checked_sub(self.first));
        if let Some(Some(earlier)) = earlier.and_then(|place| self.waiting.get_mut(place as usize)) {
            if !is_write && waiting.is_early {
                earlier.ends_at = waiting.arrived + WINDOW;
                return;
            }
            earlier.needs_end = false;
            if is_write
                && let (What::Data(earlier), What::Data(data)) =
                    (&mut earlier.event.what, &mut waiting.event.what)
            {
                earlier.end_stream = false;
                data.end_stream = true;
            }
        }
        self.ending.remove(&trace);
        if let What::Data(data) = &waiting.event.what
            && data.end_stream
        {
            waiting.needs_end = true;
            self.ending.insert(trace, self.first + self.waiting.len() as u64);
        }
    }

    /// Says that the event with this number is the next one of its trace.
    fn link(&mut self, trace: TraceId, number: u64, needs_next: bool) {
        let earlier =
            if needs_next { self.incomplete.insert(trace, number) } else { self.incomplete.remove(&trace) };
        if let Some(earlier) = earlier
            && let Some(Some(earlier)) = self.waiting.get_mut((earlier - self.first) as usize)
        {
            earlier.next = Some(number);
        }
    }

    /// Puts an event that came late before those of its trace that belong behind it: it takes the place of the first of
    /// them, that one the place of the second, and so on. Looks at those that came within the window before it. Returns
    /// whether there was a place: else the event has come twice, or too late.
    pub(super) fn insert(&mut self, waiting: Waiting) -> bool {
        let trace = waiting.event.trace;
        let span = waiting.event.span();
        let mut places = vec![self.waiting.len()];
        let mut before = None;
        for (place, other) in self.waiting.iter().enumerate().rev() {
            let Some(other) = other else { continue };
            if waiting.arrived - other.arrived > WINDOW {
                break;
            }
            if other.event.trace != trace {
                continue;
            }
            let other_span = other.event.span();
            if other_span <= span {
                if is_same(&other.event, &waiting.event, span, other_span) {
                    return false;
                }
                before = Some(place);
                break;
            }
            places.push(place);
        }
        if places.len() == 1 && before.is_none() {
            return false;
        }
        self.bytes += body_len(&waiting.event);
        self.incomplete.remove(&trace);
        self.waiting.push_back(None);
        let mut moving = Some(waiting);
        // From the first place to the last; links to the next event change with the places.
        for &place in places.iter().rev() {
            std::mem::swap(&mut self.waiting[place], &mut moving);
        }
        for place in before.into_iter().chain(places.into_iter().rev()) {
            if let Some(waiting) = &self.waiting[place] {
                let needs_next = waiting.needs_next;
                self.link(trace, self.first + place as u64, needs_next);
            }
        }
        self.settle_end(trace);
        true
    }

    /// Finds the last write of a trace anew, after its events have changed places.
    fn settle_end(&mut self, trace: TraceId) {
        let newest = self.waiting.back().and_then(Option::as_ref).map_or(0, |waiting| waiting.arrived);
        let (mut is_ending, mut has_close) = (false, false);
        let mut last = None;
        for (place, waiting) in self.waiting.iter_mut().enumerate().rev() {
            let Some(waiting) = waiting else { continue };
            if newest.saturating_sub(waiting.arrived) > WINDOW {
                break;
            }
            if waiting.event.trace != trace {
                continue;
            }
            match &mut waiting.event.what {
                What::Data(data) if data.direction == Direction::Write => {
                    is_ending |= std::mem::take(&mut data.end_stream);
                    waiting.needs_end = false;
                    last.get_or_insert(place);
                }
                What::Data(_) | What::Opened => {}
                What::Closed | What::Ended => has_close = true,
            }
        }
        let Some(place) = last.filter(|_| is_ending) else { return };
        if let Some(Waiting { event: Event { what: What::Data(data), .. }, needs_end, ends_at, .. }) =
            &mut self.waiting[place]
        {
            data.end_stream = true;
            *needs_end = true;
            *ends_at = if has_close { newest + WINDOW } else { u64::MAX };
        }
        let earlier = self.ending.remove(&trace).and_then(|number| number.checked_sub(self.first));
        if let Some(earlier) = earlier.map(|earlier| earlier as usize).filter(|&earlier| earlier != place)
            && let Some(Some(Waiting { event: Event { what: What::Data(data), .. }, needs_end, .. })) =
                self.waiting.get_mut(earlier)
            && earlier < place
        {
            (data.end_stream, *needs_end) = (false, false);
        }
        self.ending.insert(trace, self.first + place as u64);
    }

    /// Takes the event at the front, completed as far as possible.
    pub(super) fn pop(&mut self) -> Option<Event<'static>> {
        let Waiting { mut event, mut next, .. } = self.waiting.pop_front()??;
        let number = self.first;
        self.first += 1;
        self.bytes -= body_len(&event);
        for waiting in [&mut self.incomplete, &mut self.ending] {
            if waiting.get(&event.trace) == Some(&number) {
                waiting.remove(&event.trace);
            }
        }
        let mut slices = 1;
        let mut last_len = body_len(&event);
        while let Some(number) = next
            && let place = (number - self.first) as usize
            && let Some(Some(waiting)) = self.waiting.get(place)
            && is_next_slice(&event, (event.span().end, last_len), &waiting.event, slices)
            && let Some(waiting) = self.waiting[place].take()
        {
            last_len = body_len(&waiting.event);
            self.bytes -= last_len;
            if self.incomplete.get(&event.trace) == Some(&number) {
                self.incomplete.remove(&event.trace);
            }
            join(&mut event, waiting.event);
            next = waiting.next;
            slices += 1;
        }
        let next = match next {
            Some(number) => self.waiting.get((number - self.first) as usize).and_then(Option::as_ref),
            None => None,
        };
        complete(&mut event, next.map(|waiting| &waiting.event));
        // What has become part of an event before it waits no longer.
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
        Some(event)
    }
}

fn body_len(event: &Event<'_>) -> usize {
    match &event.what {
        What::Data(data) => data.bytes.len(),
        What::Opened | What::Closed | What::Ended => 0,
    }
}

/// Whether two events of a trace are one that came twice.
fn is_same(a: &Event<'_>, b: &Event<'_>, a_span: Span, b_span: Span) -> bool {
    a_span == b_span
        && a_span.start > 0
        && (a_span.start < a_span.end || a.what == What::Closed && b.what == What::Closed)
}

/// Whether `next` is slice number `slices` of the event that begins with `first` and so far ends at `end`. Slices count
/// on in nanoseconds, and all but the last are of one length.
fn is_next_slice(first: &Event<'_>, (end, last_len): (u64, usize), next: &Event<'_>, slices: u64) -> bool {
    let (What::Data(a), What::Data(b)) = (&first.what, &next.what) else { return false };
    SLICES.contains(&last_len)
        && a.direction == b.direction
        && a.length != Length::Cut
        && Some(next.time) == first.time.checked_add(slices)
        && b.bytes.len() <= last_len
        && (next.seq_num == 0 || next.seq_num == end)
}

/// Where an event ends, by `seq_num` and in bytes.
fn end(event: &Event<'_>) -> (u64, usize) {
    (event.span().end, body_len(event))
}

fn join(event: &mut Event<'static>, slice: Event<'static>) {
    if let (What::Data(data), What::Data(slice)) = (&mut event.what, slice.what) {
        data.bytes.to_mut().extend_from_slice(&slice.bytes);
        data.end_stream |= slice.end_stream;
    }
}

/// Completes an event by the next one of its trace.
fn complete(event: &mut Event<'_>, next: Option<&Event<'static>>) {
    let start = event.seq_num;
    let What::Data(data) = &mut event.what else { return };
    let counted = next.map(|next| next.span().start).filter(|&next| next < u64::MAX && start > 0);
    data.length = true_length(data, counted.and_then(|next| next.checked_sub(start)));
}

/// How many bytes an event had, when `seq_num` counts on by this many.
fn true_length(data: &Data<'_>, counted: Option<u64>) -> Length {
    let captured = data.bytes.len() as u64;
    let longer = counted.filter(|&counted| counted > captured);
    match (data.length, longer) {
        (Length::Cut | Length::AtLeast(_), Some(length)) => Length::CutFrom(length),
        (Length::Cut, None) if counted == Some(captured) => Length::Whole,
        (Length::Unsure, Some(length)) => Length::Lossy(length),
        (Length::Unsure, None) => Length::Whole,
        (length, _) => length,
    }
}
