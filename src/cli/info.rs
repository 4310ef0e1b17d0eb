//! `tap2pcap info`: what is in traces, as tables or JSON.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use tap2pcap::internal::info::{Advice, InputInfo, inspect, table};
use tap2pcap::internal::merge::discover::Discovered;
use tap2pcap::internal::report::Report;

use super::arguments::Info;
use super::messages::message;
use super::progress::Errors;
use super::{FAILURE, SUCCESS};

/// Writes to standard output. Returns the exit status.
pub(crate) fn run(command: &Info) -> anyhow::Result<u8> {
    let mut report = Report::default();
    report.observe(Box::new(Errors));
    let taps = Discovered::find(&command.files, command.input_format.into(), None, &mut report);
    let mut has_errors = report.errors() > 0;
    let count = taps.taps.len();
    let infos = taps.taps.into_iter().filter_map(|tap| {
        let info = match tap.open() {
            Ok(input) => inspect(input),
            Err(error) => {
                has_errors = true;
                message("error", &error);
                return None;
            }
        };
        has_errors |= !info.errors.is_empty();
        Some(info)
    });
    // Standard output by itself writes line by line, and JSON has many.
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if command.json {
        write_json(infos.collect(), &mut out)
    } else if command.decode_as {
        write_decode_as(infos, &mut out)
    } else {
        write_tables(infos, count > 1, &mut out)
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(SUCCESS),
        written => written.context("standard output")?,
    }
    Ok(if has_errors { FAILURE } else { SUCCESS })
}

/// A table for each input. What readers have to be told counts for a capture of all of them, and comes last.
fn write_tables(
    infos: impl Iterator<Item = InputInfo>,
    is_many: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut advice = Advice::default();
    for (number, info) in infos.enumerate() {
        let mut text = String::from(if number > 0 { "\n" } else { "" });
        advice.add(&info);
        table::write(&info, &mut text).map_err(io::Error::other)?;
        out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    }
    let mut text = String::new();
    table::write_advice(&advice, &mut text).map_err(io::Error::other)?;
    if is_many && !text.is_empty() {
        writeln!(out, "\nall in one capture:")?;
    }
    out.write_all(text.as_bytes())
}

/// An array with an element for each input.
fn write_json(mut infos: Vec<InputInfo>, out: &mut impl Write) -> io::Result<()> {
    let mut advice = Advice::default();
    infos.iter().for_each(|info| advice.add(info));
    infos.iter_mut().for_each(|info| info.tshark = advice.options_for(info));
    serde_json::to_writer_pretty(&mut *out, &infos)?;
    writeln!(out)
}

/// The options alone, in one line, for `$(...)`; what could not be read goes to standard error.
fn write_decode_as(infos: impl Iterator<Item = InputInfo>, out: &mut impl Write) -> io::Result<()> {
    let mut advice = Advice::default();
    for info in infos {
        info.errors.iter().for_each(|error| message("error", error));
        advice.add(&info);
    }
    match &advice.decode_as()[..] {
        [] => Ok(()),
        options => writeln!(out, "{}", options.join(" ")),
    }
}
