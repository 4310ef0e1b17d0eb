//! `tap2pcap info --spans`: the requests in traces, each with its spans, and how their times differ; as a table or JSON. Each is
//! written as it comes, in the order in which a capture has them.

use std::cell::RefCell;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use serde_json::json;
use tap2pcap::internal::convert::Conversion;
use tap2pcap::internal::info::SCHEMA_VERSION;
use tap2pcap::internal::merge::discover::Discovered;
use tap2pcap::internal::quantity::{counted, grouped};
use tap2pcap::internal::report::Report;
use tap2pcap::internal::spans::{Listener, Seen, Spans, Wanted};

use super::arguments::Info;
use super::convert::into_nothing;
use super::messages::{message, print_more_errors};
use super::progress::Errors;
use super::{FAILURE, SUCCESS, signals};

/// Writes to standard output. Returns the exit status.
pub(super) fn run(command: &Info) -> anyhow::Result<u8> {
    let mut report = Report::default();
    report.observe(Box::new(Errors));
    let taps = Discovered::find(&command.files, command.input_format.into(), None, &mut report);
    let spans = Spans::read(&command.spans, &Wanted::None, &mut report);
    let stop = signals::stop().context("signals")?;
    let list = Rc::new(RefCell::new(List {
        is_json: command.json,
        out: BufWriter::new(io::stdout().lock()),
        error: None,
        stop: Arc::clone(&stop),
        requests: 0,
        with_spans: 0,
        differences: [f64::INFINITY, f64::NEG_INFINITY],
    }));
    let conversion = Conversion {
        spans: Some(spans),
        listener: Some(Box::new(Shared(Rc::clone(&list)))),
        stop,
        ..Conversion::default()
    };
    into_nothing(conversion, taps, &mut report)?;
    print_more_errors(&report);
    match list.borrow_mut().finish() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(SUCCESS),
        written => written.context("standard output")?,
    }
    if list.borrow().requests == 0 {
        message("warning", &"there is no HTTP request that could be read in these traces");
    }
    Ok(if report.errors() > 0 { FAILURE } else { SUCCESS })
}

/// The requests, as they are written.
#[derive(Debug)]
struct List {
    is_json: bool,
    out: BufWriter<StdoutLock<'static>>,
    /// Why no more can be written.
    error: Option<io::Error>,
    /// Ends the conversion.
    stop: Arc<AtomicBool>,
    requests: u64,
    with_spans: u64,
    /// The least and the greatest one, in ms.
    differences: [f64; 2],
}

#[derive(Debug)]
struct Shared(Rc<RefCell<List>>);

impl Listener for Shared {
    fn request(&mut self, request: &Seen) {
        self.0.borrow_mut().request(request);
    }
}

impl List {
    fn request(&mut self, request: &Seen) {
        if self.error.is_some() {
            return;
        }
        let written = if self.is_json { self.json(request) } else { self.row(request) };
        self.requests += 1;
        self.with_spans += u64::from(!request.spans.is_empty());
        if let Err(error) = written {
            self.error = Some(error);
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn row(&mut self, request: &Seen) -> io::Result<()> {
        if self.requests == 0 {
            writeln!(
                self.out,
                "{:<27}  {:<15}  {:<15}  {:>13}  span",
                "Envoy got it", "span began", "span ended", "difference"
            )?;
        }
        let what = request.what.escape_debug();
        writeln!(self.out, "{}  {what}  ({})", time(request.time), request.input)?;
        for span in &request.spans {
            let difference = (span.times[0] as f64 - request.time as f64) / 1e6;
            let [least, greatest] = self.differences;
            self.differences = [least.min(difference), greatest.max(difference)];
            let [began, ended] = span.times.map(|ns| time(ns).get(11..26).unwrap_or_default().to_owned());
            let colon = if span.service.is_empty() { "" } else { ": " };
            writeln!(
                self.out,
                "{:<27}  {began:<15}  {ended:<15}  {difference:>+10.3} ms  {}{colon}{} {}, by {}, {:032x}/{:016x}",
                "",
                span.service.escape_debug(),
                span.name.escape_debug(),
                span.kind.name(),
                span.rule.name(),
                span.trace,
                span.id,
            )?;
        }
        Ok(())
    }

    fn json(&mut self, request: &Seen) -> io::Result<()> {
        let spans: Vec<_> = request
            .spans
            .iter()
            .map(|span| {
                json!({
                    "trace_id": format!("{:032x}", span.trace),
                    "span_id": format!("{:016x}", span.id),
                    "service": span.service,
                    "name": span.name,
                    "kind": span.kind.name(),
                    "start": time(span.times[0]),
                    "end": time(span.times[1]),
                    "match": span.rule.name(),
                })
            })
            .collect();
        let request = json!({
            "schema_version": SCHEMA_VERSION,
            "time": time(request.time),
            "request": request.what,
            "input": request.input,
            "spans": spans,
        });
        self.out.write_all(if self.requests == 0 { b"[\n" } else { b",\n" })?;
        serde_json::to_writer(&mut self.out, &request)?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Self { requests, with_spans, differences: [least, greatest], .. } = *self;
        if self.is_json {
            self.out.write_all(if requests == 0 { b"[" } else { b"\n" })?;
            writeln!(self.out, "]")?;
        } else if requests > 0 {
            write!(
                self.out,
                "{}, {} with spans",
                counted(requests, "request", "requests"),
                grouped(with_spans)
            )?;
            if with_spans > 0 {
                write!(self.out, ", which began {least:+.3} ms to {greatest:+.3} ms after Envoy got them")?;
            }
            writeln!(self.out)?;
        }
        self.out.flush()
    }
}

/// RFC 3339, in microseconds, or the nanoseconds where that has no such time.
fn time(ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |time| format!("{time:.6}"))
}
