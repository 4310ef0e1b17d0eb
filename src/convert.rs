//! The whole way: inputs in, a capture out.
//!
//! One input streams straight through. Several are merged by time: of each the next event is held, and the oldest goes
//! first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::io;
use std::net::SocketAddr;

use crate::conversation::{Conversations, Options, Origin};
use crate::input::Input;
use crate::output::{Capture, Written};
use crate::report::{Report, Warning};
use crate::sequence::{Pulled, Sequencer};
use crate::trace::{Event, Side, What};

/// What to convert.
#[derive(Debug)]
pub struct Conversion {
    /// How the conversations are to look.
    pub options: Options,
    /// Only traces with these ids, unless it is empty.
    pub trace_ids: HashSet<u64>,
    /// Whether somebody reads the capture while it is written.
    pub is_live: bool,
}

impl Conversion {
    /// Converts all of `inputs` into `capture` and finishes it. What is wrong with an input goes to `report`; where that
    /// leaves nothing to write, there is no capture.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn run(
        &self,
        inputs: Vec<Input>,
        mut capture: Capture,
        report: &mut Report,
    ) -> io::Result<Option<Written>> {
        let mut conversations = Conversations::new(self.options);
        let mut inputs: Vec<Sequencer> = inputs.into_iter().map(Sequencer::new).collect();
        match &mut inputs[..] {
            [input] => self.stream(input, &mut conversations, &mut capture, report)?,
            inputs => self.merge(inputs, &mut conversations, &mut capture, report)?,
        }
        for input in &inputs {
            summarize(input, report);
        }
        self.warn_unused(Side::Local, self.options.local, &conversations, report);
        self.warn_unused(Side::Remote, self.options.remote, &conversations, report);
        if report.traces == 0 && report.errors() > 0 {
            return Ok(None);
        }
        let written = capture.finish()?;
        report.warn_many(Warning::Late, written.late, String::new);
        Ok(Some(written))
    }

    fn warn_unused(
        &self,
        side: Side,
        address: Option<SocketAddr>,
        conversations: &Conversations,
        report: &mut Report,
    ) {
        if address.is_some() && !conversations.has_used(side) && report.traces > 0 {
            report.warn(Warning::UnusedAddress, || format!("--{side}"));
        }
    }

    fn stream(
        &self,
        input: &mut Sequencer,
        conversations: &mut Conversations,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<()> {
        let name = input.input().name().to_owned();
        let origin = Origin { number: 0, name: &name };
        loop {
            match input.pull() {
                Ok(Pulled::Event(event)) if self.is_wanted(&event) => {
                    conversations.event(origin, event, capture, report)?;
                }
                Ok(Pulled::Event(_)) => {}
                Ok(Pulled::Idle) if self.is_live => capture.flush()?,
                Ok(Pulled::Idle) => {}
                Ok(Pulled::End) => return Ok(()),
                Err(error) => report.error(&error),
            }
        }
    }

    fn merge(
        &self,
        inputs: &mut [Sequencer],
        conversations: &mut Conversations,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<()> {
        let names: Vec<String> = inputs.iter().map(|input| input.input().name().to_owned()).collect();
        // The event that each input has next, by its time: never before that of the input's last one, whose order stands.
        let mut next: Vec<Option<Event<'static>>> = Vec::new();
        let mut order = BinaryHeap::new();
        for (number, input) in inputs.iter_mut().enumerate() {
            let event = self.pull_owned(input, capture, report)?;
            if let Some(event) = &event {
                order.push(Reverse((time(event).unwrap_or(0), number)));
            }
            next.push(event);
        }
        while let Some(Reverse((last, number))) = order.pop() {
            let origin = Origin { number: number as u32, name: &names[number] };
            if let Some(event) = next[number].take() {
                conversations.event(origin, event, capture, report)?;
            }
            next[number] = self.pull_owned(&mut inputs[number], capture, report)?;
            if let Some(event) = &next[number] {
                order.push(Reverse((time(event).map_or(last, |time| time.max(last)), number)));
            }
        }
        Ok(())
    }

    /// The next wanted event, copied out of the input's buffer: it waits there for those of other inputs.
    fn pull_owned(
        &self,
        input: &mut Sequencer,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<Option<Event<'static>>> {
        loop {
            match input.pull() {
                Ok(Pulled::Event(event)) if self.is_wanted(&event) => return Ok(Some(event.into_owned())),
                Ok(Pulled::Event(_)) => {}
                Ok(Pulled::Idle) if self.is_live => capture.flush()?,
                Ok(Pulled::Idle) => {}
                Ok(Pulled::End) => return Ok(None),
                Err(error) => report.error(&error),
            }
        }
    }

    fn is_wanted(&self, event: &Event<'_>) -> bool {
        self.trace_ids.is_empty() || self.trace_ids.contains(&event.trace.id)
    }
}

/// Tells what an input lacked as a whole.
fn summarize(input: &Sequencer, report: &mut Report) {
    let duplicates = input.duplicates();
    let input = input.input();
    let name = || input.name().to_owned();
    report.warn_many(Warning::Duplicate, duplicates, name);
    report.warn_many(Warning::FailedMessage, input.failed_messages(), name);
    let loss = input.text_loss();
    report.lose_messages(loss.connections + loss.batches, name);
    if !input.has_trace() && !input.has_failed() {
        report.error(&format!("{}: there is no trace in it", input.name()));
    }
    if input.http_records() > 0 {
        report.error(&format!(
            "{}: the HTTP tap wrote this ({} of its messages); only traces of the transport socket tap can be converted",
            input.name(),
            input.http_records()
        ));
    }
}

/// An event's time, where it has one.
fn time(event: &Event<'_>) -> Option<u64> {
    match event.what {
        What::Opened | What::Ended => None,
        What::Data(_) | What::Closed => Some(event.time),
    }
}
