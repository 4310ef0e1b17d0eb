//! `tap2pcap open`: converts traces into a temporary capture, and shows it in Wireshark with the options that it wants. The capture is
//! removed when the viewer has ended; where there is no viewer, or it fails, the capture stays, and the command to run is printed.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::Context;
use tap2pcap::internal::info::{Advice, inspect};
use tap2pcap::internal::merge::discover::Discovered;
use tap2pcap::internal::report::Report;
use tempfile::TempPath;

use super::arguments::Open;
use super::messages::message;
use super::wireshark::{PROFILE, is_profile_installed};
use super::{FAILURE, convert};

/// Names another viewer.
const VIEWER: &str = "TAP2PCAP_VIEWER";

/// Wireshark, and where it is if it is not on the PATH.
const WIRESHARK: [&str; 3] = [
    "wireshark",
    "/Applications/Wireshark.app/Contents/MacOS/Wireshark",
    r"C:\Program Files\Wireshark\Wireshark.exe",
];

/// Converts, and waits for the viewer to end. Returns the exit status.
pub(super) fn run(command: Open) -> anyhow::Result<u8> {
    let prefix = format!("tap2pcap-{}-", name(&command.files));
    let capture = tempfile::Builder::new().prefix(&prefix).suffix(".pcapng").tempfile();
    let capture = capture.context("a temporary file")?.into_temp_path();
    let mut args = Vec::<OsString>::new();
    if is_profile_installed() {
        args.extend(["-C", PROFILE].map(Into::into));
    }
    for option in decode_as(&command.files) {
        args.extend(option.split(' ').map(Into::into));
    }
    args.extend(["-r".into(), capture.as_os_str().to_owned()]);

    let is_kept = command.keep;
    let status = convert::run(&command.into_conversion(capture.to_path_buf()))?;
    if fs::metadata(&capture).is_ok_and(|file| file.len() == 0) {
        return Ok(status);
    }
    let viewers = viewers();
    if let Err(why) = view(&viewers, &args) {
        message("error", &format!("{why}; the capture stays, to be shown with:"));
        keep(capture)?;
        let line: Vec<_> = viewers[0].iter().chain(&args).map(|word| quoted(word)).collect();
        writeln!(io::stdout(), "{}", line.join(" ")).context("standard output")?;
        return Ok(FAILURE);
    }
    if is_kept {
        keep(capture)?;
    }
    Ok(status)
}

fn keep(capture: TempPath) -> anyhow::Result<PathBuf> {
    capture.keep().context("the capture")
}

/// What the capture is named after: the first trace.
fn name(files: &[PathBuf]) -> String {
    let first = files.first().filter(|path| path.as_path() != Path::new("-"));
    let path = first.map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
    let stem = path.as_deref().and_then(Path::file_stem).map_or("stdin".into(), OsStr::to_string_lossy);
    let is_plain = |char: &char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.');
    stem.chars().filter(is_plain).take(64).collect()
}

/// The `-d` options for what can be read twice.
fn decode_as(files: &[PathBuf]) -> Vec<String> {
    let files: Vec<_> = files.iter().filter(|path| !convert::is_pipe(path)).cloned().collect();
    let mut advice = Advice::default();
    // What there is to say of the traces, the conversion says.
    let taps = Discovered::find(&files, None, None, &mut Report::default());
    for input in taps.taps.into_iter().filter_map(|tap| tap.open().ok()) {
        advice.add(&inspect(input));
    }
    advice.decode_as()
}

/// The viewers to try, each with the arguments that it has.
fn viewers() -> Vec<Vec<OsString>> {
    match env::var_os(VIEWER).filter(|viewer| !viewer.to_string_lossy().trim().is_empty()) {
        None => WIRESHARK.map(|program| vec![program.into()]).into(),
        // A program, or a program with arguments.
        Some(viewer) if Path::new(&viewer).is_file() => vec![vec![viewer]],
        Some(viewer) => {
            vec![viewer.to_string_lossy().split_whitespace().map(Into::into).collect()]
        }
    }
}

/// Waits for the first viewer that there is. An error says why none has shown the capture.
fn view(viewers: &[Vec<OsString>], args: &[OsString]) -> Result<(), String> {
    // A viewer that somebody has named may want no display.
    let needs_display =
        env::var_os(VIEWER).is_none_or(|viewer| viewer.to_string_lossy().trim().is_empty()) && cfg!(unix);
    let has_display =
        ["DISPLAY", "WAYLAND_DISPLAY"].map(env::var_os).iter().flatten().any(|name| !name.is_empty());
    if needs_display && !has_display && !cfg!(target_os = "macos") {
        return Err("there is no display (DISPLAY and WAYLAND_DISPLAY are not set)".to_owned());
    }
    for viewer in viewers {
        let name = Path::new(&viewer[0]).display();
        match Command::new(&viewer[0]).args(&viewer[1..]).args(args).status() {
            Ok(status) if has_ended_well(status) => return Ok(()),
            Ok(status) => return Err(format!("{name} failed ({status})")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
    Err(format!("{} is not found (install it, or name another viewer in {VIEWER})", quoted(&viewers[0][0])))
}

/// Whether the viewer ended by itself, or because somebody wanted it to.
fn has_ended_well(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use std::os::unix::process::ExitStatusExt;
        if status.signal().is_some_and(|signal| [SIGHUP, SIGINT, SIGTERM].contains(&signal)) {
            return true;
        }
    }
    status.success()
}

/// A word as a shell takes it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=,:@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
