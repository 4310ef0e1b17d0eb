//! `tap2pcap live`: what a running Envoy sends, as a capture that grows.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tap2pcap::internal::capture::destination::Destination;
use tap2pcap::internal::capture::queued::Queued;
use tap2pcap::internal::capture::rotate::{Rotated, Rotation};
use tap2pcap::internal::capture::serve::Server;
use tap2pcap::internal::capture::{Capture, Format};
use tap2pcap::internal::convert::Conversion;
use tap2pcap::internal::filter::TimeBound;
use tap2pcap::internal::input::Format as InputFormat;
use tap2pcap::internal::live::admin::{self, Matches};
use tap2pcap::internal::live::udp::Datagrams;
use tap2pcap::internal::merge::discover::Discovered;
use tap2pcap::internal::merge::follow::{self, Arrivals};
use tap2pcap::internal::merge::tap::Tap;
use tap2pcap::internal::quantity::counted;
use tap2pcap::internal::report::Report;

use super::arguments::{Limit, Live, LiveSource};
use super::messages::{message, print_more_errors, print_summary, print_warnings};
use super::progress::Errors;
use super::status::StatusLine;
use super::{FAILURE, SUCCESS, USAGE, convert, signals};

/// Converts until all sources have ended. Returns the exit status.
pub(super) fn run(command: &Live) -> anyhow::Result<u8> {
    let admins = command.sources.iter().filter(|source| matches!(source, LiveSource::Admin(_))).count();
    let wrong = match (admins, command.config_id.len()) {
        (0, 1..) => Some("--config-id is for an admin interface; files and UDP sinks have none"),
        (1.., 0) => Some("an admin interface needs --config-id: the config_id of a tap's admin_config"),
        (_, ids) if ids > 1 && ids != admins => {
            Some("there is either one --config-id for all admin interfaces, or one for each of them")
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        message("error", &wrong);
        return Ok(USAGE);
    }
    let is_pcap = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pcap");
    let format = match command.format {
        Some(format) => format.into(),
        None if command.write.as_ref().is_some_and(is_pcap) => Format::NsecPcap,
        None => Format::PcapNg,
    };
    // From here on a signal ends it in good order, however many files there are to look at.
    let stop = signals::stop().context("signals")?;
    let Output { destination, name, dropped, readers } = output(command, format)?;
    let mut report = Report::default();
    let (taps, arrivals) = taps(command)?;
    // What reads standard output may print on the same terminal.
    let is_elsewhere = command.serve.is_some() || command.write.is_some();
    if is_elsewhere && !command.quiet && std::io::stderr().is_terminal() {
        report.observe(Box::new(StatusLine::new(readers)));
    } else {
        report.observe(Box::new(Errors));
    }
    if let Some(seconds) = command.duration {
        end_after(Duration::from_secs(seconds), Arc::clone(&stop));
    }
    let conversion = Conversion {
        options: convert::packet_options(&command.packets),
        http: convert::http_options(&command.http, &command.packets),
        redaction: convert::redaction(&command.redact),
        most_packets: command.count,
        is_live: true,
        arrivals,
        stop,
        ..Conversion::default()
    };
    let discovered = Discovered { taps, ..Discovered::default() };
    let (names, interfaces) = discovered.interfaces();
    let link_type = conversion.options.link_type;
    let written = Capture::new(destination, format, link_type, &names).and_then(|mut capture| {
        // Whoever reads sees at once that there is a capture.
        capture.flush()?;
        conversion.run(discovered.taps, &interfaces, capture, &mut report)
    });
    report.stop_observing();
    let dropped = dropped.load(Ordering::Relaxed);
    if dropped > 0 {
        message(
            "error",
            &format!(
                "{} not in the capture: whatever reads it did not keep up",
                counted(dropped, "packet is", "packets are")
            ),
        );
    }
    let written = match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(SUCCESS),
        written => written.with_context(|| name.clone())?,
    };
    print_more_errors(&report);
    if !command.quiet {
        print_warnings(&report);
        if let Some(written) = written {
            print_summary(&report, &written, 0, 0, &name);
        }
    }
    Ok(if report.errors() > 0 || dropped > 0 { FAILURE } else { SUCCESS })
}

/// Where the capture goes.
struct Output {
    destination: Destination,
    name: String,
    /// Packets that its reader has not got.
    dropped: Arc<AtomicU64>,
    /// How many read it, where it is served.
    readers: Option<Arc<AtomicUsize>>,
}

fn output(command: &Live, format: Format) -> anyhow::Result<Output> {
    let to = |destination, name| Output { destination, name, dropped: Arc::default(), readers: None };
    if let Some(address) = command.serve {
        let name = format!("TCP@{address}");
        let (server, address) =
            Server::start(address, command.backlog, Box::new(tell(name.clone(), command.quiet)))
                .with_context(|| name)?;
        let name = format!("TCP@{address}");
        tell(name.clone(), command.quiet)(&format!("the capture is served: wireshark -k -i {name}"));
        let readers = Some(server.readers());
        return Ok(Output { readers, ..to(Destination::writer(server), name) });
    }
    if let (Some(path), false) = (&command.write, command.limits.is_empty()) {
        let rotation = command.limits.iter().fold(Rotation::default(), |rotation, limit| match *limit {
            Limit::Size(bytes) => Rotation { bytes: Some(bytes), ..rotation },
            Limit::Age(age) => Rotation { age: Some(age), ..rotation },
            Limit::Files(files) => Rotation { files: Some(files), ..rotation },
        });
        let name = path.display().to_string();
        return Ok(to(Destination::writer(Rotated::new(path, format, rotation)), name));
    }
    let (destination, name) = match command.write.as_deref() {
        Some(path) if path != Path::new("-") => (Destination::file(path, &[])?, path.display().to_string()),
        _ => (Destination::stdout()?, "standard output".to_owned()),
    };
    if !destination.is_live() {
        return Ok(to(destination, name));
    }
    let (queued, dropped) = Queued::new(format, destination)?;
    Ok(Output { dropped, ..to(Destination::writer(queued), name) })
}

/// Says what a source or a server has to say, unless nobody wants to hear it.
fn tell(name: String, is_quiet: bool) -> impl FnMut(&str) + Send + 'static {
    let mut say = says(is_quiet);
    move |text| say(&format!("{name}: {text}"))
}

fn says(is_quiet: bool) -> impl FnMut(&str) + Send + 'static {
    move |text| {
        if !is_quiet {
            message("info", &text);
        }
    }
}

/// Opens all sources: what is wrong with one is told before anything begins.
fn taps(command: &Live) -> anyhow::Result<(Vec<Tap>, Option<Arrivals>)> {
    let predicate = match &command.predicate {
        Some(path) => {
            let text = std::fs::read(path).with_context(|| path.display().to_string())?;
            Some(serde_json::from_slice(&text).with_context(|| format!("{}: no JSON", path.display()))?)
        }
        None => None,
    };
    let matches = Matches { predicate, headers: command.header.clone(), status: command.status };
    let (mut taps, mut ids, mut paths) = (Vec::new(), command.config_id.iter(), Vec::new());
    for source in &command.sources {
        match source {
            LiveSource::Admin(address) => {
                let config_id = ids.next().unwrap_or(&command.config_id[0]);
                let name = format!("{address} {config_id}");
                let request = admin::Request {
                    address: address.clone(),
                    config_id: config_id.clone(),
                    matches: matches.clone(),
                    max_body: command.max_body,
                };
                let retry = command.retry.then(|| Box::new(tell(name.clone(), command.quiet)) as Box<_>);
                let tap = admin::Tap::open(request, retry).with_context(|| name.clone())?;
                taps.push(Tap::live(name, tap, Some(InputFormat::Json))?);
            }
            LiveSource::Udp(address) => {
                let name = format!("udp://{address}");
                let datagrams = Datagrams::listen(*address, Box::new(tell(name.clone(), command.quiet)))
                    .with_context(|| name.clone())?;
                if address.port() == 0 {
                    tell(name.clone(), command.quiet)(&format!("listening at {}", datagrams.address()?));
                }
                taps.push(Tap::live(name, datagrams, None)?);
            }
            LiveSource::Path(path) => paths.push(path.clone()),
        }
    }
    let mut arrivals = None;
    if !paths.is_empty() {
        let tell = Box::new(says(command.quiet));
        let (followed, more) = follow::start(
            &paths,
            command.input_format.into(),
            command.http.start_time.map(TimeBound::nanoseconds),
            tell,
        )
        // Its own words say all of it.
        .map_err(|error| anyhow::anyhow!("{error}"))?;
        taps.extend(followed);
        arrivals = Some(more);
        says(command.quiet)(
            "Envoy writes its files in blocks of 4 KiB: a short exchange comes when the block is full or the connection closes",
        );
    }
    // A script may wait for it before it sends anything.
    says(command.quiet)("waiting for traffic; Ctrl-C ends the capture");
    Ok((taps, arrivals))
}

fn end_after(time: Duration, stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
}
