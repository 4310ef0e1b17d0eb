//! The program: command line in, exit status out. What it does is in the library.

mod cli;
mod signals;

use std::collections::HashSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tap2pcap::capture::destination::{Destination, DestinationError};
use tap2pcap::capture::{Capture, Format, Written};
use tap2pcap::conversation::Options;
use tap2pcap::convert::Conversion;
use tap2pcap::filter::{Filter, TimeBound};
use tap2pcap::http::{self, wire};
use tap2pcap::info::{Advice, InputInfo, inspect, table};
use tap2pcap::packet::LinkType;
use tap2pcap::progress::Progress;
use tap2pcap::report::{Report, Warning, counted, message};
use tap2pcap::taps::{Taps, empty_files};
use tap2pcap::trace::Side;

use cli::{Cli, Command};

/// Everything was read to its end.
const SUCCESS: u8 = 0;
/// Something was damaged, absent, unreadable or unwritable.
const FAILURE: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(status) => status.into(),
        Err(error) => {
            let is_usage = matches!(error.downcast_ref(), Some(DestinationError::Terminal));
            message("error", &format!("{error:#}"));
            if is_usage { USAGE } else { FAILURE }.into()
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    match &cli.command {
        Some(Command::Info(command)) => info(command),
        None => convert(cli),
    }
}

/// `tap2pcap info`: to standard output.
fn info(command: &cli::Info) -> anyhow::Result<u8> {
    let mut report = Report::default();
    let taps = Taps::find(&command.files, command.input_format.into(), None, &mut report);
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

fn convert(cli: &Cli) -> anyhow::Result<u8> {
    let Some((paths, capture)) = files(cli) else {
        message("error", &"more than one trace needs -w: tap2pcap -w CAPTURE TAP... (try --help)");
        return Ok(USAGE);
    };
    let mut report = Report::default();
    let start_time = cli.http.start_time.map(TimeBound::nanoseconds);
    let taps = Taps::find(paths, cli.input.input_format.into(), start_time, &mut report);
    // Looked for after the traces, so that it is not found among them.
    let place = match (&cli.output.split, capture) {
        (Some(directory), _) => Place::Directory(directory),
        (None, Some(path)) => Place::One(Destination::file(path, &taps.paths())?),
        (None, None) => Place::One(Destination::stdout()?),
    };
    if taps.taps.is_empty() {
        return Ok(FAILURE);
    }
    if cli.verbose {
        for tap in &taps.taps {
            let format = tap.format().map_or("read as it comes".to_owned(), |format| format.to_string());
            message("info", &format!("{}: {format}", tap.name));
        }
    }
    let format = match (cli.output.format, capture) {
        (Some(cli::CaptureFormat::Pcapng), _) => Format::PcapNg,
        (Some(cli::CaptureFormat::Pcap), _) => Format::Pcap,
        (Some(cli::CaptureFormat::Nsecpcap), _) => Format::NsecPcap,
        (None, Some(path)) if path.extension().is_some_and(|ending| ending == "pcapng") => Format::PcapNg,
        (None, _) => Format::NsecPcap,
    };
    let is_live = matches!(&place, Place::One(destination) if destination.is_live());
    let conversion = conversion(cli, is_live)?;
    if !cli.quiet && io::stderr().is_terminal() {
        report.bar = Some(Progress::new(taps.taps.len() as u64, taps.bytes()));
    }
    let (skipped, empty) = (taps.skipped, taps.empty);
    let (names, interfaces) = taps.interfaces();
    let named = cli.output.split.as_deref().or(capture);
    let capture_name = named.map_or("standard output".to_owned(), |path| path.display().to_string());
    let link_type = conversion.options.link_type;
    let capture_to = match place {
        Place::One(destination) => Capture::new(destination, format, link_type, &names),
        Place::Directory(directory) => {
            let inputs: Vec<String> = taps.taps.iter().map(|tap| tap.name.clone()).collect();
            Capture::split(directory, format, link_type, &inputs)
        }
    };
    let written = capture_to.and_then(|capture| conversion.run(taps.taps, &interfaces, capture, &mut report));
    report.bar = None;
    let written = match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(SUCCESS),
        written => written.with_context(|| capture_name.clone())?,
    };
    report.print_more_errors();
    if !cli.quiet {
        report.print_warnings();
        if let Some(written) = written {
            summary(&report, &written, skipped, empty, &capture_name);
        }
    }
    let is_strict_failure = cli.strict && report.has_warnings();
    if is_strict_failure {
        message("error", &"there were warnings, which --strict takes for failures");
    }
    let is_failure = report.errors() > 0 || is_strict_failure;
    Ok(if is_failure { FAILURE } else { SUCCESS })
}

/// The traces, and the capture if it is a file; `None` if the command line names more than that.
fn files(cli: &Cli) -> Option<(&[PathBuf], Option<&Path>)> {
    if cli.output.split.is_some() {
        return Some((&cli.files, None));
    }
    let (taps, capture) = match (&cli.output.write, &cli.files[..]) {
        (Some(capture), taps) => (taps, Some(capture)),
        (None, [tap, capture]) => (std::slice::from_ref(tap), Some(capture)),
        (None, taps @ [_]) => (taps, None),
        (None, _) => return None,
    };
    let capture = capture.map(PathBuf::as_path).filter(|&capture| capture != Path::new("-"));
    Some((taps, capture))
}

/// Where the packets go.
enum Place<'a> {
    One(Destination),
    /// A capture for each conversation.
    Directory(&'a Path),
}

fn conversion(cli: &Cli, is_live: bool) -> anyhow::Result<Conversion> {
    let packets = &cli.packets;
    Ok(Conversion {
        options: Options {
            link_type: match packets.link_type {
                cli::LinkType::Ethernet => LinkType::Ethernet,
                cli::LinkType::Raw => LinkType::Raw,
            },
            mss: packets.mss.map(usize::from),
            snap_length: packets.snaplen.map(|length| length as usize),
            handshake: packets.handshake,
            local: packets.local,
            remote: packets.remote,
            initiator: packets.initiator.map(|initiator| match initiator {
                cli::Initiator::Local => Side::Local,
                cli::Initiator::Remote => Side::Remote,
            }),
        },
        trace_ids: cli.input.trace_id.iter().copied().collect::<HashSet<_>>(),
        filter: Filter {
            since: cli.input.since,
            until: cli.input.until,
            addresses: cli.input.address.clone(),
            ports: cli.input.port.clone(),
        },
        http: wire::Options {
            version: match cli.http.http {
                cli::HttpVersion::Auto => None,
                cli::HttpVersion::Http1 => Some(http::Version::Http1),
                cli::HttpVersion::Http2 => Some(http::Version::Http2),
            },
            side: match cli.http.http_side {
                cli::HttpSide::Downstream => http::Side::Downstream,
                cli::HttpSide::Upstream => http::Side::Upstream,
            },
            mss: packets.mss.map(usize::from),
            start_time: cli.http.start_time.map(TimeBound::nanoseconds),
        },
        is_live,
        stop: signals::stop().context("signals")?,
    })
}

fn summary(report: &Report, written: &Written, skipped: u64, empty: u64, capture: &str) {
    // An exchange is a trace of its own, of which one connection can carry many.
    let traces = match report.exchanges {
        0 => counted(report.traces, "trace", "traces"),
        exchanges => format!(
            "{}, {}",
            counted(report.traces, "connection", "connections"),
            counted(exchanges, "HTTP exchange", "HTTP exchanges")
        ),
    };
    let mut text = format!(
        "{traces}, {}, {} of payload",
        counted(written.packets, "packet", "packets"),
        counted(report.bytes, "byte", "bytes"),
    );
    let truncated = report.truncated_bodies;
    let unknown = report.count(Warning::CutUnknown) + report.count(Warning::RemovedBody) + truncated.unknown;
    let cut = report.count(Warning::Cut) + unknown + truncated.all - truncated.unknown;
    if cut > 0 {
        text += &format!(
            ", {} cut ({}{} missing)",
            counted(cut, "body", "bodies"),
            if unknown > 0 { "at least " } else { "" },
            counted(report.missing_bytes.saturating_add(unknown), "byte", "bytes"),
        );
    }
    let (lost, duplicates) = (report.count(Warning::Lost), report.count(Warning::Duplicate));
    if lost > 0 {
        text += &format!(", {lost} lost ({})", counted(report.lost_bytes, "byte", "bytes"));
    }
    if duplicates > 0 {
        text += &format!(", {}", counted(duplicates, "duplicate", "duplicates"));
    }
    if skipped > 0 {
        text += &format!(", {} skipped that no tap wrote", counted(skipped, "file", "files"));
    }
    if empty > 0 {
        text += &format!(", {}", empty_files(empty));
    }
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text} -> {capture}");
}
