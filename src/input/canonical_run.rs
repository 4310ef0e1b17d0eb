//! The fast lane: records of a delimited trace that are one event in the [canonical] encoding.
//!
//! Borrowed from the read buffer. Call [`Input::pass`] with what was consumed.

use super::Input;
use crate::envoy::canonical::{self, CanonicalEvent, EventSegment};
use crate::trace::{Event, Kind, Plain, TraceId, What};

/// Canonical records, one after another.
#[derive(Debug)]
pub(crate) struct CanonicalRun<'a> {
    bytes: &'a [u8],
    passed: Passed,
}

/// What has been passed of a [`CanonicalRun`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    bytes: usize,
    records: u64,
    /// `trace_id` of the last record.
    id: u64,
}

impl Passed {
    /// Whether a record has been passed.
    pub(crate) fn is_any(&self) -> bool {
        self.records > 0
    }
}

impl CanonicalRun<'_> {
    /// The next record, if it is one of a segment with one event.
    #[inline(always)]
    pub(crate) fn record(&self) -> Option<EventSegment> {
        canonical::record(self.bytes, self.passed.bytes)
    }

    /// Its event, if that has the usual shape.
    #[inline(always)]
    pub(crate) fn event(&self, record: &EventSegment) -> Option<CanonicalEvent> {
        canonical::event(self.bytes, record.event.clone())
    }

    /// The bytes that were read or written.
    #[inline(always)]
    pub(crate) fn body(&self, event: &CanonicalEvent) -> &[u8] {
        &self.bytes[event.body()]
    }

    /// The `Connection` that the event has, as it stands there; empty where it has none.
    #[inline(always)]
    pub(crate) fn connection(&self, event: &CanonicalEvent) -> &[u8] {
        &self.bytes[event.connection()]
    }

    /// Goes on behind a record.
    #[inline(always)]
    pub(crate) fn pass(&mut self, record: &EventSegment) {
        self.passed.bytes = record.event.end;
        self.passed.records += 1;
        self.passed.id = record.id;
    }

    pub(crate) fn passed(&self) -> Passed {
        self.passed
    }
}

impl Input {
    /// What has been read and not looked at, if canonical records may come next.
    #[inline]
    pub(crate) fn canonical_run(&mut self) -> Option<CanonicalRun<'_>> {
        let is_between = !self.is_in_record && !self.is_ended && self.parts.is_none();
        if !is_between || self.sample_rate.is_some() {
            return None;
        }
        let bytes = self.records.behind_last()?;
        Some(CanonicalRun { bytes, passed: Passed::default() })
    }

    /// Goes on behind what has been passed of a [`CanonicalRun`].
    pub(crate) fn pass(&mut self, passed: Passed) {
        if passed.records > 0 {
            self.records.pass(passed.bytes, passed.records);
            self.traces += passed.records;
            self.trace = TraceId { kind: Kind::SocketStreamed, id: passed.id };
        }
    }
}

/// A plain event as the general way has it, with its addresses read.
pub(crate) fn general(plain: Plain<'_>) -> Event<'_> {
    Event {
        trace: plain.trace,
        conversation: plain.conversation,
        time: plain.time,
        seq_num: plain.seq_num,
        missing: None,
        connection: canonical::connection(plain.connection),
        what: What::Data(plain.into()),
    }
}
