//! `tap2pcap info`: what is in a trace file, from one pass over its events.
//!
//! [`inspect`] reads an input to its end and keeps a few numbers for each trace, no bytes. [`table`] shows them to people,
//! and serde writes them for scripts: the names of the fields are the names in the JSON.

mod advice;
mod columns;
mod flow_table;
pub mod http;
mod http_table;
mod recognizer;
pub mod table;
mod trace;

use serde::Serialize;

use crate::conversation::is_upstream;
use crate::envoy::TextLoss;
use crate::hubble::Summary;
use crate::input::{Generation, Input, Step};
use crate::protocol::Protocol;
use crate::quantity::counted;
use crate::reassembly::Reassembler;
use crate::record::Format;
use crate::report::MAX_ERRORS;
use crate::trace::{Endpoint, Event, What};
pub use advice::Advice;
use http::{ExchangeInfo, Exchanges};
use trace::time;
pub use trace::{DirectionInfo, TraceInfo};

/// Traces of an input that are kept in memory at most, and exchanges.
const MAX_KEPT: usize = 100_000;

/// The version of the JSON, whose fields docs/json.md lists. A new field leaves it as it is; it grows where a field goes or means something else.
pub const SCHEMA_VERSION: u32 = 1;

/// What is in one input.
#[derive(Debug, Serialize)]
pub struct InputInfo {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Its name.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// Which Envoy wrote it, as far as the bytes show.
    pub envoy: Generation,
    /// Of how many connections how many were tapped, where the trace says so.
    pub sample_rate: Option<String>,
    /// The traces, in the order in which they begin.
    pub traces: Vec<TraceInfo>,
    /// What HTTP taps recorded, in the same order.
    pub exchanges: Vec<ExchangeInfo>,
    /// What Hubble's flows say, where it holds these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<Summary>,
    /// Traces and exchanges past the first 100,000 of each, which are not shown.
    pub more: u64,
    /// Messages of the HTTP tap.
    pub http_messages: u64,
    /// Events that came twice or too late.
    pub duplicates: u64,
    /// What is wrong with it, or lost; in plain words.
    pub warnings: Vec<String>,
    /// What could not be read.
    pub errors: Vec<String>,
    /// The options that tshark wants to decode the capture.
    pub tshark: Vec<String>,
}

/// Reads `input` to its end.
#[must_use]
pub fn inspect(input: Input) -> InputInfo {
    let mut info = InputInfo {
        schema_version: SCHEMA_VERSION,
        name: input.name().to_owned(),
        format: input.format(),
        envoy: Generation::Unknown,
        sample_rate: None,
        traces: Vec::new(),
        exchanges: Vec::new(),
        flows: input.is_hubble().then(Summary::default),
        more: 0,
        http_messages: 0,
        duplicates: 0,
        warnings: Vec::new(),
        errors: Vec::new(),
        tshark: Vec::new(),
    };
    let mut events = Reassembler::new(input, None);
    let mut exchanges = Exchanges::default();
    let mut more_errors = 0;
    // By number of the conversation, the place of its trace.
    let mut open: Vec<Option<usize>> = Vec::new();
    loop {
        match events.advance() {
            Ok(Step::Event) => info.event(&events.event(), &mut open),
            Ok(Step::Part) => {
                if let Some(exchange) = events.exchange() {
                    exchanges.see(exchange);
                }
            }
            Ok(Step::Flow) => {
                if let (Some(summary), Some(flow)) = (&mut info.flows, events.flow()) {
                    summary.add(flow);
                }
            }
            Ok(Step::Idle) => {}
            Ok(Step::End) => break,
            Err(error) if info.errors.len() < MAX_ERRORS => info.errors.push(error.to_string()),
            Err(_) => more_errors += 1,
        }
    }
    if more_errors > 0 {
        info.errors.push(counted(more_errors, "more error", "more errors"));
    }
    if let Some(summary) = &mut info.flows {
        summary.finish();
    }
    info.more += exchanges.more();
    info.exchanges = exchanges.finish();
    let input = events.input();
    info.envoy = info.envoy.max(input.generation());
    info.http_messages = input.http_records();
    info.duplicates = events.duplicates();
    info.errors.extend(input.not_a_tap().map(|error| error.to_string()));
    let loss = input.text_loss();
    info.finish(loss, input.failed_messages());
    let (stray, example) = input.stray_lines();
    if stray > 0 {
        let lines = counted(stray, "line is", "lines are");
        info.warnings.push(format!("{lines} no part of a trace: {example}"));
    }
    info
}

impl InputInfo {
    fn event(&mut self, event: &Event<'_>, open: &mut Vec<Option<usize>>) {
        let number = event.conversation as usize;
        if number >= open.len() {
            open.resize(number + 1, None);
        }
        if event.what == What::Ended {
            open[number] = None;
            return;
        }
        let place = *open[number].get_or_insert_with(|| {
            match self.traces.len() < MAX_KEPT {
                true => self.traces.push(TraceInfo::new(event)),
                false => self.more += 1,
            }
            // There is none at the place of one that is not kept.
            if self.more == 0 { self.traces.len() - 1 } else { usize::MAX }
        });
        let Some(trace) = self.traces.get_mut(place) else {
            if event.what == What::Closed {
                open[number] = None;
            }
            return;
        };
        if let Some(connection) = &event.connection {
            if event.what == What::Opened {
                trace.is_upstream = is_upstream(connection);
            }
            let text = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(Endpoint::to_string);
            let is_ip = |endpoint: &Option<Endpoint>| endpoint.as_ref().and_then(Endpoint::ip).is_some();
            trace.has_addresses[0] |= is_ip(&connection.local);
            trace.has_addresses[1] |= is_ip(&connection.remote);
            trace.local = text(&connection.local).or(trace.local.take());
            trace.remote = text(&connection.remote).or(trace.remote.take());
            if let Some(rate) = connection.sample_rate {
                self.sample_rate = Some(rate.to_string());
                self.envoy = self.envoy.max(Generation::From1_39);
            }
            if matches!(event.what, What::Data(_)) && connection.remote.is_some() {
                self.envoy = self.envoy.max(Generation::From1_34);
            }
        }
        if event.seq_num > 0 {
            self.envoy = self.envoy.max(Generation::From1_37);
        }
        match &event.what {
            What::Opened | What::Ended => return,
            What::Data(data) => trace.data(data),
            What::Closed => {
                trace.closed = true;
                open[number] = None;
            }
        }
        let lost = event.missing.filter(|missing| missing.is_lost).map_or(0, |missing| missing.bytes);
        trace.lost_bytes = trace.lost_bytes.saturating_add(lost);
        trace.events += 1;
        trace.first_ns.get_or_insert(event.time);
        trace.last_ns = event.time;
    }

    fn finish(&mut self, loss: TextLoss, failed_messages: u64) {
        self.traces.iter_mut().for_each(TraceInfo::finish);
        let mut advice = Advice::default();
        advice.add(self);
        self.tshark = advice.options();
        if self.exchanges.iter().any(ExchangeInfo::has_connections) {
            self.envoy = self.envoy.max(Generation::From1_28);
        }
        self.warn(loss, failed_messages);
    }

    /// Whether tshark shows a message of HTTP/1.1 only if it does not wait for the rest of the body.
    fn has_cut_http1(&self) -> bool {
        let is_cut = |trace: &TraceInfo| trace.is_truncated || trace.read.cut + trace.written.cut > 0;
        let mut traces = self.traces.iter().filter(|trace| trace.protocol == Protocol::Http1);
        let mut exchanges = self.exchanges.iter().filter(|exchange| exchange.protocol == Protocol::Http1);
        traces.any(is_cut) || exchanges.any(|exchange| exchange.broken_off.0 > 0)
    }

    /// Warns of what the traces lack.
    fn warn(&mut self, loss: TextLoss, failed_messages: u64) {
        let Self { traces, exchanges, warnings, .. } = self;
        let read = traces.iter().map(|trace| &trace.read);
        warn_cut("max_buffered_rx_bytes", read.chain(exchanges.iter().map(|it| &it.request)), warnings);
        let written = traces.iter().map(|trace| &trace.written);
        warn_cut("max_buffered_tx_bytes", written.chain(exchanges.iter().map(|it| &it.response)), warnings);
        let mut warn = |number: u64, one: &str, more: &str, text: &str| {
            if number > 0 {
                warnings.push(format!("{}{text}", counted(number, one, more)));
            }
        };
        let lost = traces.iter().fold(0, |sum: u64, trace| sum.saturating_add(trace.lost_bytes));
        warn(lost, "byte was", "bytes were", " lost with whole messages");
        warn(self.duplicates, "message", "messages", " came twice or too late");
        let lossy = traces.iter().map(|trace| trace.lossy_bodies);
        let lossy = lossy.chain(exchanges.iter().map(|exchange| exchange.lossy_bodies)).sum();
        let text = " not kept whole by JSON_BODY_AS_STRING; tap with JSON_BODY_AS_BYTES";
        warn(lossy, "body was", "bodies were", text);
        let text = " lost in JSON_BODY_AS_STRING; tap with JSON_BODY_AS_BYTES";
        warn(loss.connections + loss.batches, "message was", "messages were", text);
        let text = " through a floating-point number, and its last digits are lost";
        warn(loss.rounded_ids, "trace id has gone", "trace ids have gone", text);
        let removed = traces.iter().map(|trace| trace.removed_bodies);
        let removed = removed.chain(exchanges.iter().map(|exchange| exchange.removed_bodies)).sum();
        let text = " missing: something that is no base64, or no string, is in its place";
        warn(removed, "body is", "bodies are", text);
        warn(failed_messages, "message was", "messages were", " lost: Envoy could not write JSON");
        let broken_off = exchanges.iter().map(|exchange| exchange.broken_off);
        let (messages, bytes) =
            broken_off.fold((0, 0_u64), |sum, it| (sum.0 + it.0, sum.1.saturating_add(it.1)));
        let text =
            format!(" off {} before the end that content-length promised", counted(bytes, "byte", "bytes"));
        warn(messages, "message broke", "messages broke", &text);
        let contradicted = exchanges.iter().map(|exchange| exchange.contradicted_headers).sum();
        warn(
            contradicted,
            "header contradicts",
            "headers contradict",
            " the recorded body, and a conversion leaves it out",
        );
        let nowhere = traces.iter().filter(|trace| trace.has_addresses.contains(&false)).count();
        let text = " an IP address; --local and --remote set it";
        warn(nowhere as u64, "trace lacks", "traces lack", text);
        let nowhere = exchanges.iter().filter(|exchange| !exchange.has_addresses).count();
        let text = " an IP address; --local and --remote set it, and buffered taps can record it";
        warn(nowhere as u64, "exchange lacks", "exchanges lack", text);
        let timeless = exchanges.iter().filter(|exchange| exchange.first.is_none()).count();
        let text = " no times; --start-time sets where they begin, and buffered taps can record them";
        warn(timeless as u64, "exchange has", "exchanges have", text);
    }
}

/// Warns of the bodies that the tap's limit has cut, by the name of its setting.
fn warn_cut<'a>(
    setting: &str,
    bodies: impl Iterator<Item = &'a DirectionInfo> + Clone,
    warnings: &mut Vec<String>,
) {
    let cut = bodies.filter(|info| info.cut > 0);
    let count: u64 = cut.clone().map(|info| info.cut).sum();
    if count == 0 {
        return;
    }
    let missing = cut.clone().fold(0, |sum: u64, info| sum.saturating_add(info.missing_bytes));
    let is_unknown = cut.clone().any(|info| info.missing_unknown);
    let (missing, more) = if is_unknown { (missing.max(1), " or more") } else { (missing, "") };
    let limit = cut.filter_map(|info| info.limit).max().unwrap_or_default();
    warnings.push(format!(
        "{} cut by {}{more}: raise {setting}, now {limit}",
        counted(count, "body is", "bodies are"),
        counted(missing, "byte", "bytes")
    ));
}
