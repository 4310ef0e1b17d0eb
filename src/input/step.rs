//! Goes from event to event: from record to record, and within one.

use std::borrow::Cow;

use super::binary::usual;
use super::records::{Next, RecordError};
use super::{
    Begun, Current, Cursor, Damage, Decoded, DecodedWhat, Head, Input, InputError, Step, file_name, http,
};
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
                    return Err(self.damaged_record(damage));
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
                    Ok(Next::Record) if self.is_usual() => return Ok(Step::Event),
                    Ok(Next::Record) => self.begin_record(),
                    Ok(Next::Idle) => return Ok(Step::Idle),
                    Ok(Next::End) => return Ok(Step::End),
                    Err(RecordError::Io(source)) => {
                        return Err(InputError::Io { name: self.name.clone(), source });
                    }
                    Err(RecordError::Broken { offset, what }) => {
                        return Err(self.damaged(self.records.number() + 1, offset, what));
                    }
                }
            };
            match found {
                Ok(Some(current)) => {
                    self.current = current;
                    return Ok(Step::Event);
                }
                Ok(None) => {}
                Err(_) if self.is_explained() => {}
                Err(damage) => return Err(self.damaged_record(damage)),
            }
        }
    }

    /// Takes the record's event, or the trace's beginning, if the record is nothing else and of the usual shape.
    fn is_usual(&mut self) -> bool {
        let Cursor::Binary(cursor) = &mut self.cursor else { return false };
        if self.records.is_cut() {
            return false;
        }
        let (bytes, end) = self.records.record_and_behind();
        let event = usual::event_segment(bytes, 0, end);
        let event = event.and_then(|segment| Some((segment.id, usual::event(bytes, segment.event)?)));
        let (id, current) = if let Some((id, event)) = event {
            (id, Current::Decoded(event.into()))
        } else if let Some((id, connection)) = usual::opening(bytes, end) {
            cursor.has_opened();
            (id, Current::Opened(Some(Box::new(connection))))
        } else {
            return false;
        };
        self.enter(TraceId { kind: Kind::SocketStreamed, id });
        self.current = current;
        if let Current::Decoded(decoded) = &mut self.current
            && let Some(rate) = self.sample_rate.take()
        {
            decoded.connection.get_or_insert_default().sample_rate = Some(rate);
        }
        true
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
        let is_cut = self.records.is_cut();
        let begun = match &mut self.cursor {
            Cursor::Binary(cursor) => cursor.begin(record, is_cut),
            Cursor::Text(cursor) => cursor.begin(record, &mut self.scratch),
            Cursor::Json(cursor) => cursor.begin(record, &mut self.scratch),
        };
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
                self.parts =
                    Some(http::Parts::new(*record, self.records.number(), file_name::id(&self.name)));
                Ok(None)
            }
            Ok(Begun::SampleRate(rate)) => {
                self.sample_rate = Some(rate);
                Ok(None)
            }
            Ok(Begun::Nothing) => self.end_of_record().map(|()| None),
            Ok(Begun::Blank) => Ok(None),
            Err(damage) => {
                self.end_of_record()?;
                Err(damage)
            }
        }
    }

    fn next_in_record(&mut self) -> Result<Option<Current>, Damage> {
        let record = self.records.record();
        let next = match &mut self.cursor {
            Cursor::Binary(cursor) => cursor.next(record),
            Cursor::Text(cursor) => cursor.next(record, &mut self.scratch),
            Cursor::Json(cursor) => cursor.next(record, &mut self.scratch),
        };
        match next {
            Ok(Some(Decoded { what: DecodedWhat::Nothing, .. })) => return Ok(None),
            Ok(Some(mut decoded)) => {
                if let Some(rate) = self.sample_rate.take() {
                    decoded.connection.get_or_insert_default().sample_rate = Some(rate);
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
    fn is_explained(&self) -> bool {
        self.records.is_cut() && self.records.source().has_failed()
    }

    /// Reports that the record is truncated, if it is.
    fn end_of_record(&self) -> Result<(), Damage> {
        if self.records.is_cut() {
            let what = self.records.truncation().to_string();
            return Err(Damage { is_truncation: true, ..Damage::new(0, what) });
        }
        Ok(())
    }

    fn damaged_record(&self, damage: Damage) -> InputError {
        let offset = if damage.is_truncation { self.records.begin() } else { self.records.offset(damage.at) };
        self.damaged(self.records.number(), offset, damage.what)
    }

    fn damaged(&self, record: u64, offset: u64, what: Cow<'static, str>) -> InputError {
        InputError::Damaged {
            name: self.name.clone(),
            record,
            offset,
            unit: self.records.source().unit(),
            what,
        }
    }
}
