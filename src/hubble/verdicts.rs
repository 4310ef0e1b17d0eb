//! A policy verdict is no packet of its own: it joins the drop or trace of its packet, which the same node tells of within
//! microseconds, mostly after it.
//!
//! A verdict waits for its packet, and a packet that a policy dropped for its verdict: while few other flows come, for 10 ms of their
//! time, and no longer than there is something to read. A verdict alone, as in audit mode, is a packet.

use std::collections::VecDeque;

use super::flow::{Flow, event_type};

/// Flows that may come in between.
const WAIT: u64 = 256;
/// How far apart the times of a verdict and its packet may be, in nanoseconds.
const APART: u64 = 10_000_000;
/// Flows that wait at most.
pub(super) const MAX_WAITING: usize = 256;

/// Flows that wait for another one.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    waiting: VecDeque<Waiting>,
    /// Flows that have come.
    arrived: u64,
    /// To use again.
    spare: Vec<Flow>,
}

#[derive(Debug)]
struct Waiting {
    /// Of node, addresses, ports, protocol and flags.
    key: u64,
    /// Of the node, whose clock the flow's time is of.
    node: u64,
    arrived: u64,
    input: u32,
    flow: Flow,
}

/// What becomes of a flow.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the largest is rare, and goes on at once")]
pub(super) enum Fate {
    /// It waits.
    Waits,
    /// It is a packet, with these verdicts on it.
    Packet(Vec<Flow>),
    /// It is the verdict on this packet, of the input with this number.
    VerdictOn(u32, Flow),
}

impl Verdicts {
    /// What becomes of a flow of the input with this number. `keys` are hashes of its node, and of that and what its packet looks like.
    pub(super) fn take(&mut self, input: u32, [node, key]: [u64; 2], flow: &Flow) -> Fate {
        self.arrived += 1;
        if flow.is_policy_verdict() {
            if let Some(packet) = self.remove(key, flow, |waiting| !waiting.is_policy_verdict()) {
                return Fate::VerdictOn(packet.input, packet.flow);
            }
            self.wait(input, [node, key], flow);
            return Fate::Waits;
        }
        let mut verdicts = Vec::new();
        if !self.waiting.is_empty() {
            while let Some(verdict) = self.remove(key, flow, Flow::is_policy_verdict) {
                verdicts.push(verdict.flow);
            }
        }
        if verdicts.is_empty() && flow.event_type[0] == event_type::DROP && flow.is_denied() {
            self.wait(input, [node, key], flow);
            return Fate::Waits;
        }
        Fate::Packet(verdicts)
    }

    fn wait(&mut self, input: u32, [node, key]: [u64; 2], flow: &Flow) {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clone_from(flow);
        self.waiting.push_back(Waiting { key, node, arrived: self.arrived, input, flow: copy });
    }

    fn remove(&mut self, key: u64, flow: &Flow, is_wanted: impl Fn(&Flow) -> bool) -> Option<Waiting> {
        let time = flow.time.unwrap_or_default();
        let at = self.waiting.iter().position(|waiting| {
            waiting.key == key
                && waiting.flow.time.unwrap_or_default().abs_diff(time) <= APART
                && is_wanted(&waiting.flow)
        });
        at.and_then(|at| self.waiting.remove(at))
    }

    /// The next flow that has waited long enough, with the number of its input, where a node says a time; all have without one.
    pub(super) fn pop(&mut self, now: Option<(u64, u64)>) -> Option<(u32, Flow)> {
        let first = self.waiting.front()?;
        let is_due = now.is_none_or(|(node, time)| {
            first.node == node && first.flow.time.unwrap_or_default().abs_diff(time) > APART
        }) || self.waiting.len() > MAX_WAITING
            || self.arrived - first.arrived > WAIT;
        if !is_due {
            return None;
        }
        self.waiting.pop_front().map(|waiting| (waiting.input, waiting.flow))
    }

    /// Takes a flow that is done with.
    pub(super) fn recycle(&mut self, flow: Flow) {
        if self.spare.len() < MAX_WAITING {
            self.spare.push(flow);
        }
    }
}
