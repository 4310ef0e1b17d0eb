//! Goes from flow to flow of Hubble's.

use super::{Input, InputError, Step};
use crate::hubble::Decoded;
use crate::protobuf::Damage;
use crate::quantity::counted;
use crate::record::{Next, lines};

impl Input {
    pub(super) fn next_flow(&mut self) -> Result<Step, InputError> {
        loop {
            match self.records.next() {
                Ok(Next::Record) => {}
                Ok(Next::Idle) => return Ok(Step::Idle),
                Ok(Next::End) => return Ok(Step::End),
                Err(error) => return Err(self.record_error(error)),
            }
            let Some(decoder) = &mut self.hubble else { return Ok(Step::End) };
            let record = self.records.record();
            let is_joined = lines::join_parts(record, &mut self.joined);
            let decoded = decoder.decode(if is_joined { &self.joined } else { record });
            let end = decoder.end();
            if !is_joined && decoded.is_ok() {
                self.records.shorten(end);
            }
            match decoded {
                Ok(Decoded::Flow) => {
                    self.flows += 1;
                    return Ok(Step::Flow);
                }
                Ok(Decoded::Part) => {}
                Ok(Decoded::Nothing) => self.records.pass_as_stray(),
                Err(damage) if damage.is_end && !is_joined && self.records.lengthen() => {}
                Err(_) if self.is_explained() => {}
                Err(damage) => return Err(self.flow_error(damage, is_joined)),
            }
        }
    }

    /// The error for what is wrong with a flow: people look for it by its line.
    fn flow_error(&self, damage: Damage, is_joined: bool) -> InputError {
        let is_cut =
            damage.is_end && self.records.truncation().is_some_and(|truncation| truncation.is_at_end);
        let damage = if is_cut {
            let there = counted(self.records.record().len() as u64, "byte", "bytes");
            Damage::new(0, format!("the input ends after {there} of the flow"))
        } else {
            damage
        };
        let at = if is_joined { 0 } else { damage.at };
        let what = match self.records.line() {
            Some(line) => Damage::new(at, format!("line {line}: {}", damage.into_what())),
            None => Damage::new(at, damage.into_what()),
        };
        self.error(what)
    }
}
