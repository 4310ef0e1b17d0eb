//! What is said about a conversation: `key=value` comments in the capture, where its format has comments, and counts and
//! warnings for people.

use std::net::SocketAddr;

use super::InputRef;
use super::address::Addresses;
use super::opening::Opening;
use crate::capture::Capture;
use crate::report::{Report, Warning};
use crate::tcp::Tcp;
use crate::trace::{Data, Endpoint, Kind, Length, Missing, Side, TraceId, Truncation};

/// On the first packet: which trace this is, and what stands in for the addresses that it lacks.
pub(super) fn beginning(
    beginning: &Opening<'_>,
    addresses: &Addresses,
    tcp: &mut Tcp,
    capture: &Capture,
    report: &mut Report,
) {
    let connection = beginning.connection;
    let sides = [
        (Side::Local, &connection.local, addresses.local, addresses.local_stands_in),
        (Side::Remote, &connection.remote, addresses.remote, addresses.remote_stands_in),
    ];
    let stand_ins = || sides.iter().filter(|(.., stands_in)| *stands_in);
    if stand_ins().next().is_some() {
        report.warn(Warning::MadeUpAddress, || {
            let parts: Vec<_> =
                stand_ins().map(|(side, real, address, _)| stand_in(*side, real, *address)).collect();
            format!("{}: {}", place(beginning.trace, beginning.origin), parts.join(", "))
        });
    }
    if !capture.has_comments() {
        return;
    }
    tcp.comment(format!("tap.trace_id={}", beginning.trace.id));
    tcp.comment(format!("tap.kind={}", beginning.trace.kind));
    tcp.comment(format!("tap.file={}", beginning.origin.name));
    if let Some(rate) = connection.sample_rate {
        tcp.comment(format!("tap.sample_rate={rate}"));
    }
    for (side, real, address, _) in stand_ins() {
        let real = real.as_ref().map_or("unknown".to_owned(), Endpoint::to_string);
        tcp.comment(format!("tap.{side}_address={real}"));
        tcp.comment(format!("tap.{side}_stand_in={address}"));
    }
}

/// On a body that is not known to be whole: that it is cut, and from how many bytes.
pub(super) fn data(
    data: &Data<'_>,
    origin: InputRef<'_>,
    trace: TraceId,
    tcp: &mut Tcp,
    capture: &Capture,
    report: &mut Report,
) {
    let captured = data.bytes.len() as u64;
    let is_changed = data.is_text && str::from_utf8(&data.bytes).is_err();
    let (key, original) = match data.length {
        Length::Whole | Length::Unsure if is_changed => {
            report.warn(Warning::LossyText, || place(trace, origin));
            ("tap.lossy_text", None)
        }
        Length::Whole | Length::Unsure => return,
        Length::Lossy(original) => {
            report.warn(Warning::LossyText, || place(trace, origin));
            ("tap.lossy_text", Some(original))
        }
        Length::CutFrom(original) => {
            truncated(data.truncation, Warning::Cut, trace, origin, report);
            ("tap.truncated", Some(original))
        }
        Length::Cut | Length::AtLeast(_) => {
            truncated(data.truncation, Warning::CutUnknown, trace, origin, report);
            ("tap.truncated", None)
        }
    };
    report.missing_bytes =
        report.missing_bytes.saturating_add(original.map_or(0, |original| original - captured));
    if capture.has_comments() {
        tcp.comment(format!("{key}=true"));
        tcp.comment(format!("tap.captured_length={captured}"));
        let original = original.map_or("unknown".to_owned(), |original| original.to_string());
        tcp.comment(format!("tap.original_length={original}"));
    }
}

/// Counts a truncated body by its cause. `by_limit` is the warning for one that the tap's limit has cut.
fn truncated(
    truncation: Truncation,
    by_limit: Warning,
    trace: TraceId,
    origin: InputRef<'_>,
    report: &mut Report,
) {
    match truncation {
        Truncation::None | Truncation::Limit => report.warn(by_limit, || place(trace, origin)),
        Truncation::Removed => report.warn(Warning::RemovedBody, || place(trace, origin)),
        // The error says so.
        Truncation::Input { .. } => report.truncated_bodies.count(by_limit == Warning::CutUnknown),
    }
}

/// On what comes behind a hole: how many bytes are missing.
pub(super) fn missing(
    missing: Missing,
    origin: InputRef<'_>,
    trace: TraceId,
    tcp: &mut Tcp,
    capture: &Capture,
    report: &mut Report,
) {
    if missing.is_lost {
        report.lost_bytes = report.lost_bytes.saturating_add(missing.bytes);
        report.warn(Warning::Lost, || place(trace, origin));
    } else {
        report.missing_bytes = report.missing_bytes.saturating_add(missing.bytes);
    }
    if capture.has_comments() {
        let key = if missing.is_lost { "tap.lost_bytes" } else { "tap.missing_bytes" };
        tcp.comment(format!("{key}={}", missing.bytes));
    }
}

/// Where in the inputs something is, for people.
pub(crate) fn place(trace: TraceId, origin: InputRef<'_>) -> String {
    match trace {
        // Only the name of its file says the id of such a trace, if anything does.
        TraceId { kind: Kind::HttpBuffered, id: 0 } => origin.name.to_owned(),
        TraceId { id, .. } => format!("trace {id} in {}", origin.name),
    }
}

fn stand_in(side: Side, real: &Option<Endpoint>, address: SocketAddr) -> String {
    match real {
        None => format!("{address} for the unknown {side} address"),
        Some(real) => format!("{address} for the {side} address {real}"),
    }
}
