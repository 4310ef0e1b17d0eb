//! The command without a name: traces in, a capture out.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tap2pcap::internal::capture::destination::Destination;
use tap2pcap::internal::capture::{Capture, Format};
use tap2pcap::internal::conversation::Options;
use tap2pcap::internal::convert::Conversion;
use tap2pcap::internal::filter::{Filter, TimeBound};
use tap2pcap::internal::http::{self, connections};
use tap2pcap::internal::hubble::{self, Points};
use tap2pcap::internal::merge::discover::Discovered;
use tap2pcap::internal::packet::LinkType;
use tap2pcap::internal::redact::Redaction;
use tap2pcap::internal::report::Report;
use tap2pcap::internal::spans::{Selections, Spans, Wanted};
use tap2pcap::internal::trace::Side;

use super::arguments::{self, Cli, HttpOptions, InputOptions, Packets, RedactOptions};
use super::messages::{message, print_more_errors, print_summary, print_warnings};
use super::progress::{Errors, Progress};
use super::{FAILURE, SUCCESS, USAGE, signals};

/// Converts traces to a capture. Returns the exit status.
pub(crate) fn run(cli: &Cli) -> anyhow::Result<u8> {
    let Some((paths, capture)) = files(cli) else {
        message("error", &"more than one trace needs -w: tap2pcap -w CAPTURE TAP... (try --help)");
        return Ok(USAGE);
    };
    if cli.spans.spans_only && paths.iter().any(|path| is_pipe(path)) {
        message("error", &"--spans-only reads the traces twice: they have to be files, not a pipe");
        return Ok(USAGE);
    }
    let of_spans = redaction(&cli.redact).and_then(|redaction| redaction.name_of_spans());
    if let (Some(name), false) = (of_spans, cli.spans.spans.is_empty()) {
        let text =
            format!("--redact {name} and --spans exclude each other: spans on packets say what is in it");
        message("error", &text);
        return Ok(USAGE);
    }
    let mut report = Report::default();
    report.observe(Box::new(Errors));
    let start_time = cli.http.start_time.map(TimeBound::nanoseconds);
    let taps = Discovered::find(paths, cli.input.input_format.into(), start_time, &mut report);
    // Looked for after the traces, so that it is not found among them.
    let place = match (&cli.output.split, capture) {
        (Some(directory), _) => Place::Directory(directory),
        (None, Some(path)) => {
            // Those that are no taps are inputs too.
            let inputs: Vec<PathBuf> = paths.iter().cloned().chain(taps.paths()).collect();
            Place::One(Destination::file(path, &inputs)?)
        }
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
        (Some(format), _) => format.into(),
        (None, Some(path)) if path.extension().is_some_and(|ending| ending == "pcapng") => Format::PcapNg,
        (None, _) => Format::NsecPcap,
    };
    let is_live = matches!(&place, Place::One(destination) if destination.is_live());
    let mut conversion = conversion(cli, is_live)?;
    if !cli.spans.spans.is_empty() {
        let wanted = match &cli.spans.span_attributes[..] {
            [] => Wanted::None,
            [all] if all == "all" => Wanted::All,
            names => Wanted::Names(names.to_vec()),
        };
        let spans = Spans::read(&cli.spans.spans, &wanted, &mut report);
        if cli.spans.spans_only {
            conversion.selections = with_spans(cli, paths, &spans)?;
        }
        conversion.spans = Some(spans);
    }
    if !cli.quiet && io::stderr().is_terminal() {
        report.observe(Box::new(Progress::new(taps.taps.len() as u64, taps.bytes())));
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
    report.stop_observing();
    let written = match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(SUCCESS),
        written => written.with_context(|| capture_name.clone())?,
    };
    if report.nothing_passes {
        message("error", &format!("no trace passes {}", filters(&cli.input).join(", ")));
    }
    print_more_errors(&report);
    if !cli.quiet {
        print_warnings(&report);
        if let Some(written) = written {
            print_summary(&report, &written, skipped, empty, &capture_name);
        }
    }
    let is_strict_failure = cli.strict && report.has_warnings();
    if is_strict_failure {
        message("error", &"there were warnings, which --strict takes for failures");
    }
    let is_failure = report.errors() > 0 || is_strict_failure;
    Ok(if is_failure { FAILURE } else { SUCCESS })
}

/// The conversations that have spans: all is converted once, into nothing.
fn with_spans(cli: &Cli, paths: &[PathBuf], spans: &Spans) -> anyhow::Result<Selections> {
    let mut conversion = conversion(cli, false)?;
    conversion.spans = Some(spans.clone());
    conversion.selections = Selections::finding();
    // What there is to say of the traces, the second conversion says.
    let mut report = Report::default();
    let taps =
        Discovered::find(paths, cli.input.input_format.into(), conversion.http.start_time, &mut report);
    Ok(into_nothing(conversion, taps, &mut report)?.only_found())
}

/// Converts traces without writing a capture, for what is found of spans.
pub(super) fn into_nothing(
    conversion: Conversion,
    taps: Discovered,
    report: &mut Report,
) -> io::Result<Selections> {
    let (names, interfaces) = taps.interfaces();
    let link_type = conversion.options.link_type;
    let capture = Capture::new(Destination::writer(io::sink()), Format::PcapNg, link_type, &names)?;
    Ok(conversion.run_and_find(taps.taps, &interfaces, capture, report)?.1)
}

/// The traces, and the capture if it is a file; `None` if the command line names more than that.
pub(super) fn files(cli: &Cli) -> Option<(&[PathBuf], Option<&Path>)> {
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

/// Whether it can be read only once.
pub(super) fn is_pipe(path: &Path) -> bool {
    path == Path::new("-") || path.metadata().is_ok_and(|file| !file.is_file() && !file.is_dir())
}

/// Where the packets go.
enum Place<'a> {
    One(Destination),
    /// A capture for each conversation.
    Directory(&'a Path),
}

fn conversion(cli: &Cli, is_live: bool) -> anyhow::Result<Conversion> {
    Ok(Conversion {
        options: packet_options(&cli.packets),
        trace_ids: cli.input.trace_id.iter().copied().collect::<HashSet<_>>(),
        filter: Filter {
            since: cli.input.since,
            until: cli.input.until,
            addresses: cli.input.address.clone(),
            ports: cli.input.port.clone(),
        },
        http: http_options(&cli.http, &cli.packets),
        flows: hubble::Options {
            points: match &cli.hubble.point[..] {
                "first" => Points::First,
                "all" => Points::All,
                name => Points::Named(name.to_owned()),
            },
            verdicts: cli.hubble.verdict.clone(),
            is_overlay: cli.hubble.overlay,
            has_sockets: cli.hubble.hubble_sock,
            is_http2: cli.http.http == arguments::HttpVersion::Http2,
        },
        redaction: redaction(&cli.redact),
        is_live,
        stop: signals::stop().context("signals")?,
        ..Conversion::default()
    })
}

/// How the packets are to look.
pub(super) fn packet_options(packets: &Packets) -> Options {
    Options {
        link_type: match packets.link_type {
            arguments::LinkType::Ethernet => LinkType::Ethernet,
            arguments::LinkType::Raw => LinkType::Raw,
        },
        mss: packets.mss.map(usize::from),
        snap_length: packets.snaplen.map(|length| length as usize),
        handshake: packets.handshake,
        local: packets.local,
        remote: packets.remote,
        initiator: packets.initiator.map(|initiator| match initiator {
            arguments::Initiator::Local => Side::Local,
            arguments::Initiator::Remote => Side::Remote,
        }),
    }
}

/// The options that let only some traces through, as far as they are given.
fn filters(input: &InputOptions) -> Vec<&'static str> {
    let given = [
        ("--trace-id", !input.trace_id.is_empty()),
        ("--address", !input.address.is_empty()),
        ("--port", !input.port.is_empty()),
        ("--since", input.since.is_some()),
        ("--until", input.until.is_some()),
    ];
    given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
}

/// What is redacted.
pub(super) fn redaction(options: &RedactOptions) -> Option<Arc<Redaction>> {
    let is_wanted = options.redact_bodies || !options.redact.is_empty();
    is_wanted.then(|| Arc::new(Redaction::new(options.redact.iter().cloned(), options.redact_bodies)))
}

/// How the exchanges of HTTP taps are to look.
pub(super) fn http_options(options: &HttpOptions, packets: &Packets) -> connections::Options {
    connections::Options {
        version: match options.http {
            arguments::HttpVersion::Auto => None,
            arguments::HttpVersion::Http1 => Some(http::Version::Http1),
            arguments::HttpVersion::Http2 => Some(http::Version::Http2),
        },
        side: match options.http_side {
            arguments::HttpSide::Downstream => http::Side::Downstream,
            arguments::HttpSide::Upstream => http::Side::Upstream,
        },
        mss: packets.mss.map(usize::from),
        start_time: options.start_time.map(TimeBound::nanoseconds),
    }
}
