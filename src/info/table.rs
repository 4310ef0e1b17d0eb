//! Shows people what is in a trace file, in at most 100 columns.

use std::fmt::{self, Write};

use super::{InputInfo, TraceInfo};
use crate::report::{counted, grouped};

/// The widest that a table may be, in columns.
const WIDTH: usize = 100;

const HEADINGS: [&str; 10] =
    ["TRACE", "LOCAL", "REMOTE", "PROTOCOL", "START", "SECS", "EVENTS", "READ", "WRITTEN", "NOTES"];
/// The columns that hold numbers stand to the right.
const IS_NUMBER: [bool; 10] = [true, false, false, false, false, true, true, true, true, false];
/// The columns with addresses give way where a table would be too wide.
const ADDRESSES: [usize; 2] = [1, 2];
/// What is still too wide is cut from the notes, which the warnings below say too.
const NOTES: usize = 9;
const NARROWEST_ADDRESS: usize = 6;
const GAP: &str = "  ";

/// Writes what is in an input.
///
/// # Errors
/// As `out` says.
pub fn write(info: &InputInfo, out: &mut impl Write) -> fmt::Result {
    let traces = info.traces.len();
    write!(out, "{}: {}, {}", info.name, info.format, info.envoy)?;
    if let Some(rate) = &info.sample_rate {
        write!(out, ", sampled {rate}")?;
    }
    writeln!(out, ", {}", counted(traces as u64, "trace", "traces"))?;
    if traces > 0 {
        write_traces(&info.traces, out)?;
    }
    for (what, lines) in [("error", &info.errors), ("warning", &info.warnings)] {
        for line in lines {
            writeln!(out, "  {what}: {line}")?;
        }
    }
    if !info.tshark.is_empty() {
        writeln!(out, "  tshark: -r CAPTURE {}", info.tshark.join(" "))?;
    }
    for port in
        info.tshark.iter().filter_map(|option| option.strip_prefix("-d tcp.port==")?.strip_suffix(",http2"))
    {
        writeln!(out, "  Wireshark: Analyze > Decode As... > TCP port {port} > HTTP2")?;
    }
    Ok(())
}

fn write_traces(traces: &[TraceInfo], out: &mut impl Write) -> fmt::Result {
    let rows: Vec<[String; 10]> = traces.iter().map(row).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let total =
        |widths: &[usize; 10]| widths.iter().map(|width| width + GAP.len()).sum::<usize>() - GAP.len();
    while total(&widths) > WIDTH {
        let widest = if widths[ADDRESSES[0]] > widths[ADDRESSES[1]] { ADDRESSES[0] } else { ADDRESSES[1] };
        if widths[widest] <= NARROWEST_ADDRESS {
            break;
        }
        widths[widest] -= 1;
    }
    widths[NOTES] -= total(&widths).saturating_sub(WIDTH).min(widths[NOTES] - HEADINGS[NOTES].len());
    write_row(&HEADINGS.map(str::to_owned), &widths, out)?;
    rows.iter().try_for_each(|row| write_row(row, &widths, out))
}

fn write_row(cells: &[String; 10], widths: &[usize; 10], out: &mut impl Write) -> fmt::Result {
    let mut line = String::new();
    for (column, cell) in cells.iter().enumerate() {
        let width = widths[column];
        let cell = if column == NOTES { cell.chars().take(width).collect() } else { elided(cell, width) };
        let gap = if column > 0 { GAP } else { "" };
        if IS_NUMBER[column] {
            write!(line, "{gap}{cell:>width$}")?;
        } else {
            write!(line, "{gap}{cell:<width$}")?;
        }
    }
    writeln!(out, "{}", line.trim_end())
}

/// The end of a text that is too long says more than its beginning: it is where an address has its port.
fn elided(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(length + 1 - width).collect();
    format!("…{end}")
}

fn row(trace: &TraceInfo) -> [String; 10] {
    let address = |address: &Option<String>| address.clone().unwrap_or_else(|| "?".to_owned());
    // 2026-11-20T10:58:36.880974Z
    let start = trace.first.as_deref().map_or("", |first| first.get(11..19).unwrap_or(first));
    let seconds = match trace.first_ns {
        Some(first) => seconds(trace.last_ns as f64 - first as f64),
        None => String::new(),
    };
    [
        trace.trace_id.clone(),
        address(&trace.local),
        address(&trace.remote),
        trace.protocol.name().to_owned(),
        start.to_owned(),
        seconds,
        grouped(trace.events),
        grouped(trace.read.bytes),
        grouped(trace.written.bytes),
        notes(trace),
    ]
}

/// To the millisecond, unless there are many.
fn seconds(nanoseconds: f64) -> String {
    let seconds = nanoseconds / 1e9;
    if seconds.abs() < 1000.0 { format!("{seconds:.3}") } else { format!("{seconds:.0}") }
}

fn notes(trace: &TraceInfo) -> String {
    let mut notes = Vec::new();
    let cut = trace.read.cut + trace.written.cut;
    if cut > 0 {
        notes.push(format!("cut {}", grouped(cut)));
    }
    if trace.lost_bytes > 0 {
        notes.push(format!("lost {}", grouped(trace.lost_bytes)));
    }
    if trace.kind == "socket_streamed" && !trace.closed {
        notes.push("open".to_owned());
    }
    notes.join(", ")
}
