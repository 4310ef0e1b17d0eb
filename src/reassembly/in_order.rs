//! The hot path: plain events that come right behind the one before them in their traces go on as they are, without the
//! queue and without being copied.

use std::io;

use super::Reassembler;
use super::state::StreamState;
use crate::trace::{EventHeader, HeaderKind, Kind, Plain, TraceId};

/// What [`Reassembler::each_in_order`] has given. Times are in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// The greatest time of an event; 0 if there was none.
    pub latest: u64,
    /// Whether there was any.
    pub any: bool,
    /// The time of the next event, if it is later than was asked for.
    pub later: Option<u64>,
}

impl Reassembler {
    /// Gives `each` the events that come next, as long as they are plain, come right behind the one
    /// before them in their traces, have been read, and are not later than `until`, in nanoseconds since the Unix epoch.
    /// [`Self::advance`] goes on behind them. Where the input `IS_ALONE` nobody asks for times, and they take their time.
    ///
    /// # Errors
    /// Those of `each`, which gets nothing more then.
    #[inline(always)]
    pub fn each_in_order<const IS_ALONE: bool>(
        &mut self,
        until: u64,
        mut each: impl FnMut(Plain<'_>) -> io::Result<()>,
    ) -> io::Result<Given> {
        let mut given = Given::default();
        if !self.has_nothing_else() {
            return Ok(given);
        }
        let Some(mut run) = self.input.canonical_run() else { return Ok(given) };
        let mut result = Ok(());
        while result.is_ok()
            && let Some(record) = run.record()
        {
            let trace = TraceId { kind: Kind::SocketStreamed, id: record.id };
            // Looked up before the event is read: the processor reads on while it waits for what is not in its cache.
            let state = self.traces.get_mut(&trace);
            let Some(event) = run.event(&record) else { break };
            let peek = event.peek(trace);
            if !IS_ALONE && peek.time > until {
                given.later = Some(peek.time);
                break;
            }
            let HeaderKind::Data { direction, is_length_known: true, .. } = peek.what else { break };
            let Some(conversation) = accept_in_order(state, &peek, self.arrived + 1) else { break };
            self.arrived += 1;
            run.pass(&record);
            let EventHeader { time, seq_num, .. } = peek;
            if !IS_ALONE {
                given.latest = given.latest.max(time);
            }
            let (bytes, connection) = (run.body(&event), run.connection(&event));
            result = each(Plain { trace, conversation, time, seq_num, direction, bytes, connection });
        }
        let passed = run.passed();
        given.any = passed.is_any();
        self.input.pass(passed);
        result.map(|()| given)
    }

    /// Whether there is nothing to see to but what the input has next.
    fn has_nothing_else(&self) -> bool {
        !self.has_event
            && !self.is_at_end
            && !self.is_making_room()
            && self.queue.is_empty()
            && self.exchanges.is_none()
    }
}

/// Takes an event that comes right behind the one before it in its trace, when none waits. Returns the number of its
/// conversation; `None`, and nothing done, for all others.
#[inline(always)]
pub(super) fn accept_in_order(
    trace: Option<&mut StreamState>,
    peek: &EventHeader<'_>,
    arrived: u64,
) -> Option<u32> {
    let is_complete = !peek.needs_next() && !peek.is_ending();
    if is_complete { trace?.accept_in_order(peek, arrived) } else { None }
}

#[cfg(test)]
mod tests;
