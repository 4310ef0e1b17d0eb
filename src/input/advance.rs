//! Goes from event to event: from record to record, and within one.

use super::{Current, Input, InputError, Step, file_name};
use crate::envoy::{Begun, Decoded, DecodedWhat, Head, Parts};
use crate::protobuf::Damage;
use crate::record::{Next, RecordError};
use crate::trace::{Kind, TraceId};

impl Input {
    /// Goes on to the next event.
    ///
    /// # Errors
    /// The input is damaged here. What can be read behind the damage comes with the next calls.
    pub fn advance(&mut self) -> Result<Step, InputError> {
        self.step().inspect_err(|_| self.has_failed = true)
    }

    fn step(&mut self) -> Result<Step, InputError> {
        if self.hubble.is_some() {
            return self.next_flow();
        }
        loop {
            if let Some(parts) = &mut self.parts {
                self.part = parts.next(self.records.record(), &self.scratch);
                if self.part.is_some() {
                    return Ok(Step::Part);
                }
                let damage = parts.damage();
                self.parts = None;
                if let Err(damage) = damage.map_or_else(|| self.end_of_record(), Err)
                    && !self.is_explained()
                {
                    return Err(self.error(damage));
                }
            }
            if std::mem::take(&mut self.is_ended) {
                self.current = Current::Ended;
                return Ok(Step::Event);
            }
            let found = if self.is_in_record {
                self.next_in_record()
            } else {
                match self.records.next() {
                    Ok(Next::Record) => match self.lone() {
                        Some(current) => Ok(Some(current)),
                        None => self.begin_record(),
                    },
                    Ok(Next::Idle) => return Ok(Step::Idle),
                    Ok(Next::End) => return Ok(Step::End),
                    Err(error) => return Err(self.record_error(error)),
                }
            };
            match found {
                Ok(Some(current)) => {
                    self.current = current;
                    return Ok(Step::Event);
                }
                Ok(None) => {}
                Err(_) if self.is_explained() => {}
                Err(damage) => return Err(self.error(damage)),
            }
        }
    }

    /// The record's event or opening, if it is canonical and there is nothing else in the record. The general way takes twice as
    /// long.
    #[inline]
    fn lone(&mut self) -> Option<Current> {
        if self.sample_rate.is_some() || self.records.truncation().is_some() {
            return None;
        }
        let record = self.records.record();
        let (id, current) = match self.cursor.lone_event(record) {
            Some((id, decoded)) => (id, Current::Decoded(decoded)),
            None => {
                let (id, connection) = self.cursor.lone_opening(record)?;
                (id, Current::Opened(Some(Box::new(connection))))
            }
        };
        self.enter(TraceId { kind: Kind::SocketStreamed, id });
        Some(current)
    }

    /// Goes on to a record of this trace.
    fn enter(&mut self, trace: TraceId) {
        if trace != self.trace {
            self.sample_rate = None;
        }
        self.trace = trace;
        self.traces += 1;
    }

    fn begin_record(&mut self) -> Result<Option<Current>, Damage> {
        let record = self.records.record();
        let is_cut = self.records.truncation().is_some();
        let begun = self.cursor.begin(record, is_cut, &mut self.scratch);
        match begun {
            Ok(Begun::Trace(Head { trace, opens, ends, mut connection, sample_rate })) => {
                self.enter(trace);
                self.is_in_record = true;
                self.ends_with_record = ends;
                if sample_rate.is_some() {
                    connection.get_or_insert_default().sample_rate = sample_rate;
                }
                Ok(opens.then_some(Current::Opened(connection)))
            }
            Ok(Begun::Http(record)) => {
                self.http_records += 1;
                self.parts = Some(Parts::new(*record, self.records.number(), file_name::id(&self.name)));
                Ok(None)
            }
            Ok(Begun::SampleRate(rate)) => {
                self.sample_rate = Some(rate);
                Ok(None)
            }
            Ok(Begun::Nothing) => Ok(None),
            Err(damage) => {
                self.end_of_record()?;
                Err(damage)
            }
        }
    }

    fn next_in_record(&mut self) -> Result<Option<Current>, Damage> {
        let record = self.records.record();
        let next = self.cursor.next(record, &mut self.scratch);
        match next {
            Ok(Some(Decoded { what: DecodedWhat::Nothing, .. })) => return Ok(None),
            // The sequence number of the next event counts all of it as missing.
            Ok(Some(decoded)) if decoded.is_truncated && self.is_followed() => return Ok(None),
            Ok(Some(mut decoded)) => {
                if let Some(rate) = self.sample_rate.take() {
                    decoded.connection.get_or_insert_default().sample_rate = Some(rate);
                }
                if self.cursor.is_done() && self.records.truncation().is_none() {
                    self.is_in_record = false;
                    self.is_ended = self.ends_with_record;
                }
                return Ok(Some(Current::Decoded(decoded)));
            }
            Err(damage) if damage.is_in_event => return Err(damage),
            Ok(None) | Err(_) => {}
        }
        self.is_in_record = false;
        // The trace has ended, whatever is wrong with the record.
        self.is_ended = self.ends_with_record;
        self.end_of_record()?;
        next.map(|_| None)
    }

    /// Whether an error of the source has said why the record is truncated.
    pub(super) fn is_explained(&self) -> bool {
        self.records.truncation().is_some() && self.records.source().has_failed()
    }

    /// Whether the record is truncated where another one begins.
    fn is_followed(&self) -> bool {
        self.records.truncation().is_some_and(|truncation| !truncation.is_at_end)
    }

    /// Fails where the record is truncated.
    fn end_of_record(&self) -> Result<(), Damage> {
        match self.records.truncation() {
            Some(_) => Err(Damage::end(self.records.record().len(), "the record is truncated")),
            None => Ok(()),
        }
    }

    /// The error that there is no record.
    pub(super) fn record_error(&self, error: RecordError) -> InputError {
        let name = self.name.clone();
        match error {
            RecordError::Io(source) => InputError::Io { name, source },
            RecordError::Broken { offset, what } => {
                let (record, unit) = (self.records.number() + 1, self.records.source().unit());
                InputError::Damaged { name, record, offset, unit, what }
            }
        }
    }

    /// The error for what is wrong with the record.
    pub(super) fn error(&self, damage: Damage) -> InputError {
        let (name, record) = (self.name.clone(), self.records.number());
        let unit = self.records.source().unit();
        match self.records.truncation() {
            Some(truncation) if damage.is_end => {
                let offset = self.records.begin();
                InputError::Truncated { name, record, offset, unit, truncation }
            }
            _ => {
                let offset = self.records.offset(damage.at);
                InputError::Damaged { name, record, offset, unit, what: damage.into_what() }
            }
        }
    }
}
