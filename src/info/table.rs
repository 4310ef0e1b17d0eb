//! Shows people what is in a trace file, in at most 100 columns.

use std::fmt::{self, Write};

use super::columns::{Columns, seconds, time_of_day};
use super::{Advice, InputInfo, TraceInfo, flow_table, http_table};
use crate::protocol::wireshark_name;
use crate::quantity::{counted, grouped};
use crate::trace::Kind;

/// Of the traces of sockets.
const TRACES: Columns<10> = Columns {
    headings: ["TRACE", "LOCAL", "REMOTE", "PROTOCOL", "START", "SECS", "EVENTS", "READ", "WRITTEN", "NOTES"],
    numbers: &[0, 5, 6, 7, 8],
    yielding: &[1, 2],
};
/// Writes what is in an input.
///
/// # Errors
/// As `out` says.
pub fn write(info: &InputInfo, out: &mut impl Write) -> fmt::Result {
    if let Some(flows) = &info.flows {
        let count = counted(flows.flows, "flow", "flows");
        writeln!(out, "{}: {}, Hubble, {count}", info.name, info.format)?;
        flow_table::write(flows, out)?;
        return write_problems(info, out);
    }
    write!(out, "{}: {}, {}", info.name, info.format, info.envoy)?;
    if let Some(rate) = &info.sample_rate {
        write!(out, ", sampled {rate}")?;
    }
    let (traces, exchanges) = (info.traces.len(), info.exchanges.len());
    if traces > 0 || exchanges == 0 {
        write!(out, ", {}", counted(traces as u64, "trace", "traces"))?;
    }
    if exchanges > 0 {
        write!(out, ", {}", counted(exchanges as u64, "HTTP exchange", "HTTP exchanges"))?;
    }
    writeln!(out)?;
    if traces > 0 {
        TRACES.write(&info.traces.iter().map(trace_row).collect::<Vec<_>>(), out)?;
    }
    if exchanges > 0 {
        http_table::write(&info.exchanges, out)?;
    }
    if info.more > 0 {
        writeln!(out, "  {}", counted(info.more, "more, which is not shown", "more, which are not shown"))?;
    }
    write_problems(info, out)
}

fn write_problems(info: &InputInfo, out: &mut impl Write) -> fmt::Result {
    for (what, lines) in [("error", &info.errors), ("warning", &info.warnings)] {
        for line in lines {
            writeln!(out, "  {what}: {line}")?;
        }
    }
    Ok(())
}

/// Writes what readers have to be told of one input, or of all.
///
/// # Errors
/// As `out` says.
pub fn write_advice(advice: &Advice, out: &mut impl Write) -> fmt::Result {
    let options = advice.options();
    if !options.is_empty() {
        writeln!(out, "  tshark: -r CAPTURE {}", options.join(" "))?;
    }
    let ports = options.iter().filter_map(|option| option.strip_prefix("-d tcp.port==")?.split_once(','));
    for (port, decoder) in ports {
        let decoder = wireshark_name(decoder);
        writeln!(out, "  Wireshark: Analyze > Decode As... > TCP port {port} > {decoder}")?;
    }
    Ok(())
}

fn trace_row(trace: &TraceInfo) -> [String; 10] {
    let address = |address: &Option<String>| address.clone().unwrap_or_else(|| "?".to_owned());
    [
        trace.trace_id.clone(),
        address(&trace.local),
        address(&trace.remote),
        trace.protocol.name().to_owned(),
        time_of_day(trace.first.as_deref()),
        seconds(trace.first_ns, trace.last_ns),
        grouped(trace.events),
        grouped(trace.read.bytes),
        grouped(trace.written.bytes),
        trace_notes(trace),
    ]
}

fn trace_notes(trace: &TraceInfo) -> String {
    let mut notes = Vec::new();
    let cut = trace.read.cut + trace.written.cut;
    if cut > 0 {
        notes.push(format!("cut {}", grouped(cut)));
    }
    if trace.is_truncated {
        notes.push("truncated".to_owned());
    }
    if trace.lost_bytes > 0 {
        notes.push(format!("lost {}", grouped(trace.lost_bytes)));
    }
    if trace.kind == Kind::SocketStreamed && !trace.closed {
        notes.push("open".to_owned());
    }
    notes.join(", ")
}
