//! Shows people the exchanges that HTTP taps recorded.

use std::fmt::{self, Write};

use super::DirectionInfo;
use super::columns::{Columns, seconds, time_of_day};
use super::http::ExchangeInfo;
use crate::protocol::Protocol;
use crate::quantity::{counted, grouped};

const EXCHANGES: Columns<9> = Columns {
    headings: ["TRACE", "START", "SECS", "METHOD", "URL", "STATUS", "REQUEST", "RESPONSE", "NOTES"],
    numbers: &[0, 2, 5, 6, 7],
    yielding: &[3, 4],
};
/// Connections below the table at most.
const MAX_CONNECTIONS: usize = 10;

/// Writes a line for each exchange, and below them the connections, for which there is no room beside.
pub(super) fn write(exchanges: &[ExchangeInfo], out: &mut impl Write) -> fmt::Result {
    EXCHANGES.write(&exchanges.iter().map(row).collect::<Vec<_>>(), out)?;
    let ends = |exchange: &ExchangeInfo| {
        let sides = &exchange.downstream;
        Some(format!("{} > {}", sides.remote.as_ref()?, sides.local.as_ref()?))
    };
    let mut connections: Vec<(String, u64)> = Vec::new();
    let mut more = 0;
    for ends in exchanges.iter().filter_map(ends) {
        let is_full = connections.len() == MAX_CONNECTIONS;
        match connections.iter_mut().find(|(known, _)| *known == ends) {
            Some((_, count)) => *count += 1,
            None if is_full => more += 1,
            None => connections.push((ends, 1)),
        }
    }
    for (ends, count) in connections {
        writeln!(out, "  downstream: {ends}, {}", counted(count, "exchange", "exchanges"))?;
    }
    if more > 0 {
        writeln!(out, "  downstream: {} on other connections", counted(more, "exchange", "exchanges"))?;
    }
    Ok(())
}

fn row(exchange: &ExchangeInfo) -> [String; 9] {
    let unknown = || "?".to_owned();
    let url = match (&exchange.authority, &exchange.path) {
        (None, None) => unknown(),
        (authority, path) => authority.iter().chain(path).map(String::as_str).collect(),
    };
    [
        exchange.trace_id.clone().unwrap_or_else(unknown),
        time_of_day(exchange.first.as_deref()),
        seconds(exchange.first_ns, exchange.last_ns),
        exchange.method.clone().unwrap_or_else(unknown),
        url,
        exchange.status.map_or_else(unknown, |status| status.to_string()),
        grouped(exchange.request.bytes),
        grouped(exchange.response.bytes),
        notes(exchange),
    ]
}

fn notes(exchange: &ExchangeInfo) -> String {
    let mut notes = Vec::new();
    match (exchange.protocol, exchange.grpc_status) {
        (Protocol::Grpc, Some(status)) => notes.push(format!("gRPC {status}")),
        (Protocol::Http1, _) => {}
        (protocol, _) => notes.push(protocol.name().to_owned()),
    }
    let count = |of: fn(&DirectionInfo) -> u64| of(&exchange.request).saturating_add(of(&exchange.response));
    let cut = count(|body| body.cut);
    if cut > 0 {
        notes.push(format!("cut {}", grouped(cut)));
    } else if count(|body| body.missing_bytes) > 0 {
        notes.push(format!("lacks {}", grouped(count(|body| body.missing_bytes))));
    }
    notes.join(", ")
}
