//! Ends traces early: because another connection has taken their id, or to stay below [`MAX_OPEN`](super::MAX_OPEN).

use std::cmp::Reverse;
use std::mem;

use super::state::StreamState;
use super::{Reassembler, deliver, event};
use crate::trace::{Connection, Event, EventHeader, HeaderKind, TraceId, What};

impl Reassembler {
    /// Whether something is to end, or to begin, before the event that the input has.
    pub(super) fn is_making_room(&self) -> bool {
        self.is_restarting || self.reopening.is_some() || self.is_full_of_traces || !self.to_evict.is_empty()
    }

    /// The end of a trace that is evicted: of the half that was idle for longest.
    pub(super) fn evict(&mut self) -> Option<Event<'static>> {
        if mem::take(&mut self.is_full_of_traces) {
            let mut traces: Vec<(u64, TraceId)> =
                self.traces.iter().map(|(&id, trace)| (trace.arrived_at, id)).collect();
            let half = traces.len() / 2;
            traces.select_nth_unstable_by_key(half, |&(arrived_at, _)| arrived_at);
            traces.truncate(half);
            traces.sort_unstable_by_key(|&(arrived_at, _)| Reverse(arrived_at));
            self.evicted += half as u64;
            self.to_evict = traces.into_iter().map(|(_, id)| id).collect();
        }
        let mut ended = event(self.to_evict.pop()?, What::Ended);
        deliver(&mut self.traces, &mut self.numbers, &mut ended);
        Some(ended)
    }

    /// What comes between a connection and another one that has taken its id: the end of the one, and perhaps the
    /// beginning of the other.
    pub(super) fn restart(&mut self) -> Option<Event<'static>> {
        if mem::take(&mut self.is_restarting)
            && let Some(ended) = self.end_for_restart()
        {
            return Some(ended);
        }
        let connection = self.reopening.take()?;
        Some(self.open_for_restart(connection))
    }

    /// The end of the connection whose id another one has taken.
    fn end_for_restart(&mut self) -> Option<Event<'static>> {
        let peek = self.input.peek();
        let trace = self.traces.get(&peek.trace)?;
        if !matches!(peek.what, HeaderKind::Opened(_)) {
            // The beginning of the other one has been taken for a second copy of this one's.
            self.reopening = Some(trace.connection());
            self.duplicates -= 1;
        }
        let mut ended = event(peek.trace, What::Ended);
        deliver(&mut self.traces, &mut self.numbers, &mut ended);
        Some(ended)
    }

    /// The beginning of that other connection.
    fn open_for_restart(&mut self, connection: Option<Box<Connection>>) -> Event<'static> {
        let id = self.input.peek().trace;
        let mut trace = StreamState::new(self.numbers.take(), false);
        let what = HeaderKind::Opened(connection.as_deref());
        trace.arrive(&EventHeader { trace: id, time: 0, seq_num: 0, what });
        self.traces.insert(id, trace);
        let mut opened = Event { connection, ..event(id, What::Opened) };
        deliver(&mut self.traces, &mut self.numbers, &mut opened);
        opened
    }
}
