//! Shows people what Hubble's flows say as a whole: first what was denied, and by which policy.

use std::fmt::{self, Write};

use super::columns::{Columns, seconds, time_of_day};
use super::trace::time;
use crate::hubble::{Denied, Failed, Summary};
use crate::quantity::{counted, grouped};

const DENIED: Columns<8> = Columns {
    headings: ["DENIED", "TO", "PORT", "REASON", "POLICY", "PACKETS", "FIRST", "LAST"],
    numbers: &[5],
    yielding: &[0, 1, 3, 4],
};
const FAILED: Columns<3> = Columns { headings: ["COUNT", "CLIENT", "WHAT"], numbers: &[0], yielding: &[1] };
/// Rows that are shown of each table; the JSON has all.
const SHOWN: usize = 50;

/// Writes what is in an input, below the line that names it.
pub(super) fn write(summary: &Summary, out: &mut impl Write) -> fmt::Result {
    let list = |counts: &std::collections::BTreeMap<String, u64>| {
        let shown: Vec<String> =
            counts.iter().take(8).map(|(name, count)| format!("{name} ({})", grouped(*count))).collect();
        let more = counts.len().saturating_sub(8);
        if more > 0 { format!("{}, and {more} more", shown.join(", ")) } else { shown.join(", ") }
    };
    if let Some(first) = summary.first_ns {
        let span = seconds(Some(first), summary.last_ns);
        write!(out, "  from {} to {}, {span} s", time(first), time(summary.last_ns))?;
        if summary.goes_back_ns > 0 {
            write!(out, "; times go back by up to {} s", seconds(Some(0), summary.goes_back_ns))?;
        }
        writeln!(out)?;
    }
    for (what, counts) in [("by", &summary.emitters), ("nodes", &summary.nodes), ("flows", &summary.verdicts)]
    {
        if !counts.is_empty() {
            writeln!(out, "  {what}: {}", list(counts))?;
        }
    }
    if !summary.denied.is_empty() {
        let rows: Vec<_> = summary.denied.iter().take(SHOWN).map(denied_row).collect();
        DENIED.write(&rows, out)?;
        more(summary.denied.len(), out)?;
    }
    for (title, failed) in [("HTTP 500 and above", &summary.http_errors), ("NXDOMAIN", &summary.nxdomain)] {
        if !failed.is_empty() {
            writeln!(out, "  {title}:")?;
            FAILED.write(&failed.iter().take(SHOWN).map(failed_row).collect::<Vec<_>>(), out)?;
            more(failed.len(), out)?;
        }
    }
    for (source, count) in &summary.lost {
        writeln!(out, "  lost: {} in {source}", counted(*count, "event", "events"))?;
    }
    for (kind, count) in &summary.events {
        writeln!(out, "  no packets: {} of {kind}", grouped(*count))?;
    }
    if summary.more > 0 {
        writeln!(
            out,
            "  {}",
            counted(summary.more, "more, which is not shown", "more, which are not shown")
        )?;
    }
    summary.hints.iter().try_for_each(|hint| writeln!(out, "  hint: {hint}"))
}

fn more(all: usize, out: &mut impl Write) -> fmt::Result {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => {
            writeln!(out, "  {}", counted(more as u64, "more: --json shows it", "more: --json shows them"))
        }
    }
}

fn denied_row(denied: &Denied) -> [String; 8] {
    let port = denied.port.map_or(denied.protocol.to_owned(), |port| format!("{port}/{}", denied.protocol));
    [
        denied.source.clone(),
        denied.destination.clone(),
        port,
        denied.reason.clone(),
        denied.policies.join(", "),
        grouped(denied.packets),
        time_of_day(Some(&time(denied.first_ns))),
        time_of_day(Some(&time(denied.last_ns))),
    ]
}

fn failed_row(failed: &Failed) -> [String; 3] {
    [grouped(failed.count), failed.client.clone(), failed.what.clone()]
}
