//! The whole way: inputs in, a capture out.
//!
//! Inputs are [merged](crate::merge) by time; plain events of one pass straight through as long as nothing of another is due.

mod ahead;
mod inputs;

use std::collections::HashSet;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capture::{Capture, Written};
use crate::conversation::{Conversations, InputRef, Options};
use crate::filter::Filter;
use crate::http::Exchange;
use crate::http::connections::{self, HttpConnections};
use crate::hubble::{self, Flow, Flows};
use crate::input::general;
use crate::merge::follow::Arrivals;
use crate::merge::tap::Tap;
use crate::merge::{Merge, Next};
use crate::reassembly::Reassembler;
use crate::redact::Redaction;
use crate::report::{Report, Warning};
use crate::spans::{Annotator, Listener, Selections, Spans};
use crate::trace::{Event, Plain, Side};
use ahead::Item;
use inputs::Inputs;

/// What to convert.
#[derive(Debug, Default)]
pub struct Conversion {
    /// How the conversations are to look.
    pub options: Options,
    /// Only traces with these ids, unless it is empty.
    pub trace_ids: HashSet<u64>,
    /// Only connections and times that it wants.
    pub filter: Filter,
    /// How exchanges of the HTTP tap are to look.
    pub http: connections::Options,
    /// Spans to put on packets.
    pub spans: Option<Spans>,
    /// Which conversations are written.
    pub selections: Selections,
    /// Who is told of the requests with their spans.
    pub listener: Option<Box<dyn Listener>>,
    /// How Hubble's flows are to look.
    pub flows: hubble::Options,
    /// What is redacted.
    pub redaction: Option<Arc<Redaction>>,
    /// Ends when there are so many packets, after the message that has the last one.
    pub most_packets: Option<u64>,
    /// Whether somebody reads the capture while it is written.
    pub is_live: bool,
    /// Inputs that come while others are converted; it goes on until it is stopped.
    pub arrivals: Option<Arrivals>,
    /// Set from elsewhere when the conversion is to stop: what has been read so far is then all there is.
    pub stop: Arc<AtomicBool>,
}

impl Conversion {
    /// Converts all of `taps` into `capture` and finishes it. `interfaces` has the number of the capture's interface
    /// for each. What is wrong with an input goes to `report`; where that leaves nothing to write, there is no capture.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn run(
        self,
        taps: Vec<Tap>,
        interfaces: &[u32],
        capture: Capture,
        report: &mut Report,
    ) -> io::Result<Option<Written>> {
        self.run_and_find(taps, interfaces, capture, report).map(|(written, _)| written)
    }

    /// The same, with the conversations that have spans, if those are looked for.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn run_and_find(
        mut self,
        taps: Vec<Tap>,
        interfaces: &[u32],
        capture: Capture,
        report: &mut Report,
    ) -> io::Result<(Option<Written>, Selections)> {
        let mut conversations = Conversations::new(self.options, self.filter.clone());
        let mut annotator = self.spans.take().map(|spans| Box::new(Annotator::new(spans)));
        if let Some(annotator) = &mut annotator {
            annotator.tell(self.listener.take());
            annotator.redact(self.redaction.clone());
        }
        let takes_plain = self.trace_ids.is_empty() && annotator.is_none() && self.redaction.is_none();
        conversations.annotate(annotator);
        conversations.redact(self.redaction.clone());
        conversations.select(mem::take(&mut self.selections.taps));
        let mut inputs = Inputs::new(&taps, interfaces, self.arrivals.is_some());
        let mut http = HttpConnections::new(self.http, inputs.http());
        http.redact(self.redaction.clone());
        let Options { link_type, mss, snap_length, .. } = self.options;
        let mut flows = Flows::new(self.flows.clone(), link_type, self.filter.clone(), mss, snap_length);
        flows.redact(self.redaction.clone());
        flows.select(mem::take(&mut self.selections.flows));
        let arrivals = self.arrivals.take();
        let mut run = Run { conversion: &self, takes_plain, conversations, http, flows, capture, report };
        if arrivals.is_none() && taps.iter().all(Tap::is_file_of_flows) {
            run.flows(taps, &inputs)?;
        } else {
            run.merge(taps, arrivals, &mut inputs)?;
        }
        run.finish(&inputs)
    }
}

/// A conversion that is going on.
struct Run<'a> {
    conversion: &'a Conversion,
    /// Nothing has to look at plain events but what makes packets of them.
    takes_plain: bool,
    conversations: Conversations,
    http: HttpConnections,
    flows: Flows,
    capture: Capture,
    report: &'a mut Report,
}

impl Run<'_> {
    fn merge(&mut self, taps: Vec<Tap>, arrivals: Option<Arrivals>, inputs: &mut Inputs) -> io::Result<()> {
        let mut merge = Merge::new(taps, self.conversion.http.start_time);
        if let Some(arrivals) = arrivals {
            merge.receive(arrivals);
        }
        let mut bytes = 0;
        let mut has_stopped = false;
        loop {
            if self.is_stopped() && !std::mem::replace(&mut has_stopped, true) {
                merge.stop();
            }
            let is_heard = self.report.progress(|| bytes + merge.offset());
            if is_heard && self.conversion.is_live {
                self.report.status(self.capture.packets());
            }
            if self.conversion.most_packets.is_some_and(|most| self.capture.packets() >= most) {
                self.conversion.stop.store(true, Ordering::Relaxed);
            }
            match merge.alone() {
                Some(number) => self.each_in_order_alone(&mut merge, inputs.origin(number))?,
                None => merge.each_in_order(|number, plain| self.plain(inputs.origin(number), plain))?,
            }
            match merge.advance() {
                Ok(Next::InOrder) => {}
                Ok(Next::Event(number)) => {
                    if let Some(mut event) = merge.event(number) {
                        self.event(inputs.origin(number), &mut event)?;
                    }
                }
                Ok(Next::Exchange(number)) => {
                    if let Some(exchange) = merge.exchange(number) {
                        self.exchange(inputs.origin(number), exchange)?;
                    }
                }
                Ok(Next::Flow(number)) => {
                    if let Some(flow) = merge.flow(number) {
                        self.flow(number, flow, inputs)?;
                    }
                }
                Ok(Next::Arrived(names)) => {
                    names.into_iter().for_each(|name| inputs.add(name, &mut self.capture));
                }
                Ok(Next::Ended(number, input)) => {
                    bytes += input.input().offset();
                    self.end(number, &input, inputs);
                }
                Ok(Next::Idle) => self.idle(inputs)?,
                Ok(Next::End) => break,
                Err(error) => self.report.input_error(error.name(), &error),
            }
        }
        Ok(())
    }

    /// Converts files that hold nothing but flows.
    fn flows(&mut self, taps: Vec<Tap>, inputs: &Inputs) -> io::Result<()> {
        let (start_time, stop) = (self.conversion.http.start_time, &self.conversion.stop);
        let mut bytes = 0;
        ahead::read(taps, start_time, stop, |item| {
            match item {
                Item::Flows(batch, offset) => {
                    self.report.progress(|| bytes + offset);
                    return batch
                        .flows()
                        .iter()
                        .try_for_each(|(number, flow)| self.flow(*number, flow, inputs));
                }
                Item::Ended(number, input) => {
                    bytes += input.input().offset();
                    self.end(*number, input, inputs);
                }
                Item::Error(error) => self.report.input_error(error.name(), error),
            }
            Ok(())
        })
    }

    /// An input has been read to its end.
    fn end(&mut self, number: u32, input: &Reassembler, inputs: &Inputs) {
        self.report.input_done();
        self.conversations.forget(inputs.beyond_http(number));
        self.summarize(input);
    }

    /// A function of its own: in that of the loop the compiler has too few registers for it.
    #[inline(never)]
    fn each_in_order_alone(&mut self, merge: &mut Merge, origin: InputRef<'_>) -> io::Result<()> {
        merge.each_in_order_alone(|plain| self.plain(origin, plain))
    }

    fn is_stopped(&self) -> bool {
        self.conversion.stop.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn plain(&mut self, origin: InputRef<'_>, plain: Plain<'_>) -> io::Result<()> {
        if self.takes_plain && self.conversations.plain(origin, plain, &mut self.capture, self.report)? {
            return Ok(());
        }
        self.looked_at(origin, plain)
    }

    /// Takes a plain event that something else than TCP has to look at.
    fn looked_at(&mut self, origin: InputRef<'_>, plain: Plain<'_>) -> io::Result<()> {
        if self.conversion.trace_ids.is_empty()
            && self.conversations.annotated_plain(origin, plain, &mut self.capture, self.report)?
        {
            return Ok(());
        }
        self.event(origin, &mut general(plain))
    }

    fn event(&mut self, origin: InputRef<'_>, event: &mut Event<'_>) -> io::Result<()> {
        let ids = &self.conversion.trace_ids;
        if !ids.is_empty() && !ids.contains(&event.trace.id) {
            return Ok(());
        }
        self.conversations.event(origin, event, &mut self.capture, self.report)
    }

    fn exchange(&mut self, origin: InputRef<'_>, exchange: &mut Exchange) -> io::Result<()> {
        let ids = &self.conversion.trace_ids;
        if !ids.is_empty() && !ids.contains(&exchange.trace().id) {
            exchange.pass_over();
            return Ok(());
        }
        let Self { conversations, capture, report, .. } = self;
        self.http.write(exchange, connections::Sinks { origin, conversations, capture, report })
    }

    fn flow(&mut self, number: u32, flow: &Flow, inputs: &Inputs) -> io::Result<()> {
        if !self.conversion.trace_ids.is_empty() {
            return Ok(());
        }
        let Self { flows, capture, report, conversations, .. } = self;
        let (names, annotator) = (inputs.names(), conversations.annotator());
        flows.write(number, flow, &mut hubble::Sinks { capture, report, names, annotator })
    }

    fn flush_flows(&mut self, inputs: &Inputs) -> io::Result<()> {
        let Self { flows, capture, report, conversations, .. } = self;
        let (names, annotator) = (inputs.names(), conversations.annotator());
        flows.flush(&mut hubble::Sinks { capture, report, names, annotator })
    }

    /// Nothing comes at the moment: whoever reads the capture gets all there is.
    fn idle(&mut self, inputs: &Inputs) -> io::Result<()> {
        self.flush_flows(inputs)?;
        if !self.conversion.is_live {
            return Ok(());
        }
        self.report.status(self.capture.packets());
        self.capture.flush()
    }

    fn finish(mut self, inputs: &Inputs) -> io::Result<(Option<Written>, Selections)> {
        self.flush_flows(inputs)?;
        let Options { local, remote, .. } = self.conversion.options;
        self.warn_unused(Side::Local, local);
        self.warn_unused(Side::Remote, remote);
        let report = self.report;
        let selections =
            Selections { taps: self.conversations.take_selection(), flows: self.flows.take_selection() };
        if let Some(annotator) = self.conversations.annotator() {
            report.spans.unmatched = annotator.unmatched();
            let packets = report.spans.packets;
            if !self.capture.has_comments() {
                report.warn_many(Warning::NoSpans, packets, String::new);
            }
        }
        let is_filtered = !self.conversion.trace_ids.is_empty() || self.conversion.filter.is_set();
        let has_none = report.traces == 0 && report.flows.packets == 0;
        if has_none && report.errors() == 0 && is_filtered {
            report.fail_filters();
        }
        if has_none && report.errors() > 0 {
            return Ok((None, selections));
        }
        let written = self.capture.finish()?;
        report.warn_many(Warning::OutOfOrder, written.late, String::new);
        report.warn_many(Warning::TimeOutOfRange, written.after_2106, String::new);
        Ok((Some(written), selections))
    }

    /// Tells what an input lacked as a whole.
    fn summarize(&mut self, input: &Reassembler) {
        let report = &mut *self.report;
        let (duplicates, evicted) = (input.duplicates(), input.evicted());
        let input = input.input();
        let name = || input.name().to_owned();
        report.warn_many(Warning::Duplicate, duplicates, name);
        report.warn_many(Warning::Evicted, evicted, name);
        report.warn_many(Warning::FailedMessage, input.failed_messages(), name);
        let (stray, example) = input.stray_lines();
        report.warn_many(Warning::Stray, stray, || format!("{}: {example}", input.name()));
        let loss = input.text_loss();
        report.lose_messages(loss.connections + loss.batches, name);
        report.warn_many(Warning::RoundedId, loss.rounded_ids, name);
        if let Some(error) = input.not_a_tap() {
            report.error(&error);
        }
    }

    fn warn_unused(&mut self, side: Side, address: Option<SocketAddr>) {
        if address.is_some() && !self.conversations.has_used(side) && self.report.traces > 0 {
            self.report.warn(Warning::UnusedAddress, || side.to_string());
        }
    }
}
