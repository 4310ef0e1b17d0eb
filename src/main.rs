//! The program: command line in, exit status out. What it does is in the library.

mod cli;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tap2pcap::conversation::Options;
use tap2pcap::convert::Conversion;
use tap2pcap::frame::LinkType;
use tap2pcap::input::Input;
use tap2pcap::input::format::Format as InputFormat;
use tap2pcap::output::destination::{Destination, DestinationError};
use tap2pcap::output::{Capture, Format, Written};
use tap2pcap::report::{Report, Warning, grouped, message};
use tap2pcap::trace::Side;

use cli::Cli;

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
    let Some((taps, capture)) = files(cli) else {
        message("error", &"more than one trace needs -w: tap2pcap -w CAPTURE TAP... (try --help)");
        return Ok(USAGE);
    };
    let destination = match capture {
        Some(path) => Destination::file(path, taps)?,
        None => Destination::stdout()?,
    };
    let mut report = Report::default();
    let inputs = open(cli, taps, &mut report);
    if inputs.is_empty() {
        return Ok(FAILURE);
    }
    let format = match (cli.output.format, capture) {
        (Some(cli::CaptureFormat::Pcapng), _) => Format::PcapNg,
        (Some(cli::CaptureFormat::Pcap), _) => Format::Pcap,
        (Some(cli::CaptureFormat::Nsecpcap), _) => Format::NsecPcap,
        (None, Some(path)) if path.extension().is_some_and(|ending| ending == "pcapng") => Format::PcapNg,
        (None, _) => Format::NsecPcap,
    };
    let conversion = conversion(cli, destination.is_live());
    let names: Vec<String> = inputs.iter().map(|input| input.name().to_owned()).collect();
    let capture_name = capture.map_or("standard output".to_owned(), |path| path.display().to_string());
    let written = Capture::new(destination, format, conversion.options.link_type, &names)
        .and_then(|capture| conversion.run(inputs, capture, &mut report));
    let written = match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && capture.is_none() => return Ok(SUCCESS),
        written => written.with_context(|| capture_name.clone())?,
    };
    if !cli.quiet {
        report.print_warnings();
        if let Some(written) = written {
            summary(&report, &written, &capture_name);
        }
    }
    let is_failure = report.errors() > 0 || cli.strict && report.has_warnings();
    Ok(if is_failure { FAILURE } else { SUCCESS })
}

/// The traces, and the capture if it is a file; `None` if the command line names more than that.
fn files(cli: &Cli) -> Option<(&[PathBuf], Option<&Path>)> {
    let (taps, capture) = match (&cli.output.write, &cli.files[..]) {
        (Some(capture), taps) => (taps, Some(capture)),
        (None, [tap, capture]) => (std::slice::from_ref(tap), Some(capture)),
        (None, taps @ [_]) => (taps, None),
        (None, _) => return None,
    };
    let capture = capture.map(PathBuf::as_path).filter(|&capture| capture != Path::new("-"));
    Some((taps, capture))
}

fn open(cli: &Cli, taps: &[PathBuf], report: &mut Report) -> Vec<Input> {
    let format = match cli.input.input_format {
        cli::InputFormat::Auto => None,
        cli::InputFormat::Binary => Some(InputFormat::Binary),
        cli::InputFormat::Delimited => Some(InputFormat::Delimited),
        cli::InputFormat::Text => Some(InputFormat::Text),
        cli::InputFormat::Json => Some(InputFormat::Json),
    };
    let mut inputs = Vec::new();
    for tap in taps {
        match Input::open(tap, format) {
            Ok(input) => {
                if cli.verbose {
                    message("info", &format!("{}: {:?}", input.name(), input.format()));
                }
                inputs.push(input);
            }
            Err(error) => report.error(&error),
        }
    }
    inputs
}

fn conversion(cli: &Cli, is_live: bool) -> Conversion {
    let packets = &cli.packets;
    Conversion {
        options: Options {
            link_type: match packets.link_type {
                cli::LinkType::Ethernet => LinkType::Ethernet,
                cli::LinkType::Raw => LinkType::Raw,
            },
            mss: packets.mss.map(usize::from),
            handshake: packets.handshake,
            local: packets.local,
            remote: packets.remote,
            initiator: packets.initiator.map(|initiator| match initiator {
                cli::Initiator::Local => Side::Local,
                cli::Initiator::Remote => Side::Remote,
            }),
        },
        trace_ids: cli.input.trace_id.iter().copied().collect::<HashSet<_>>(),
        is_live,
    }
}

fn summary(report: &Report, written: &Written, capture: &str) {
    let count = |number: u64, one: &str, more: &str| {
        format!("{} {}", grouped(number), if number == 1 { one } else { more })
    };
    let mut text = format!(
        "{}, {}, {} of payload",
        count(report.traces, "trace", "traces"),
        count(written.packets, "packet", "packets"),
        count(report.bytes, "byte", "bytes"),
    );
    let cut = report.count(Warning::Cut) + report.count(Warning::CutUnknown);
    if cut > 0 {
        text += &format!(
            ", {} cut ({} missing{})",
            count(cut, "body", "bodies"),
            count(report.missing_bytes, "byte", "bytes"),
            if report.count(Warning::CutUnknown) > 0 { " or more" } else { "" },
        );
    }
    let (lost, duplicates) = (report.count(Warning::Lost), report.count(Warning::Duplicate));
    if lost > 0 {
        text += &format!(", {lost} lost ({})", count(report.lost_bytes, "byte", "bytes"));
    }
    if duplicates > 0 {
        text += &format!(", {}", count(duplicates, "duplicate", "duplicates"));
    }
    eprintln!("{text} -> {capture}");
}
