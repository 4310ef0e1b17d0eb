//! Which inputs there are: the files that were named, and the tap files in the directories that were.

use std::collections::HashSet;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use walkdir::WalkDir;

use super::interfaces;
use super::look::{look, open, open_later};
use super::tap::Tap;
use crate::input::InputError;
use crate::quantity::counted;
use crate::record::Format;
use crate::report::Report;

/// The inputs that were found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The inputs, in the order in which they were named; those of a directory by name.
    pub taps: Vec<Tap>,
    /// Files in directories that are no tap traces.
    pub skipped: u64,
    /// Files in directories that are empty: Envoy writes them when the connection closes.
    pub empty: u64,
}

impl Discovered {
    /// Finds the inputs at `paths`, all of them in `format` if that is given. `start_time` is that of exchanges without
    /// times, as for [`Reassembler::new`](crate::reassembly::Reassembler::new). What is wrong with one goes to `report`.
    #[must_use]
    pub fn find(
        paths: &[PathBuf],
        format: Option<Format>,
        start_time: Option<u64>,
        report: &mut Report,
    ) -> Self {
        let mut taps = Self::default();
        let is_one = matches!(paths, [path] if !path.is_dir());
        for path in paths {
            if path.is_dir() {
                let (before, empty, errors) = (taps.taps.len(), taps.empty, report.errors());
                taps.walk(path, format, start_time, report);
                if taps.taps.len() == before && report.errors() == errors {
                    report.error(&format!("{}: {}", path.display(), none(taps.empty - empty)));
                }
                continue;
            }
            let tap = match (is_one, path.is_file()) {
                (true, _) => open(path, format),
                (false, true) => look(path, format, start_time),
                (false, false) => open_later(path, format),
            };
            match tap {
                Ok(tap) => taps.taps.push(tap),
                Err(error) => report.error(&error),
            }
        }
        taps
    }

    fn walk(
        &mut self,
        directory: &Path,
        format: Option<Format>,
        start_time: Option<u64>,
        report: &mut Report,
    ) {
        let mut paths = Vec::new();
        for entry in WalkDir::new(directory).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() => paths.push(entry.into_path()),
                Ok(_) => {}
                Err(error) if leads_nowhere(&error) => self.skipped += 1,
                Err(error) => report.error(&error),
            }
        }
        let all = paths.len();
        leave_out_rotated(&mut paths);
        self.skipped += (all - paths.len()) as u64;
        for tap in look_at_all(&paths, format, start_time) {
            match tap {
                Ok(tap) => self.taps.push(tap),
                Err(InputError::NotATap { .. }) => self.skipped += 1,
                Err(InputError::Empty { .. }) => self.empty += 1,
                Err(error) => report.error(&error),
            }
        }
    }
}

/// Leaves out what a log's rotation has in two files while it compresses one (lumberjack, as Hubble's exporter uses it): a
/// `.log.gz.tmp`, which is not whole, and a `.log` with its `.log.gz`. The paths are sorted.
fn leave_out_rotated(paths: &mut Vec<PathBuf>) {
    let is = |path: &Path, ending: &str| path.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes());
    let compressed: HashSet<PathBuf> = paths.iter().filter(|path| is(path, ".log.gz")).cloned().collect();
    paths.retain(|path| {
        let is_twice = is(path, ".log") && {
            let mut name = path.clone().into_os_string();
            name.push(".gz");
            compressed.contains(Path::new(&name))
        };
        !is_twice && !is(path, ".log.gz.tmp")
    });
}

/// Whether this is a copy of a file that its rotation makes, where the file itself is read, or a copy that is not whole yet.
pub(super) fn is_rotated_copy(path: &Path, is_read: impl Fn(&Path) -> bool) -> bool {
    let is_compressed = path.extension().is_some_and(|ending| ending == "gz" || ending == "zst");
    path.as_os_str().as_encoded_bytes().ends_with(b".log.gz.tmp")
        || is_compressed && is_read(&path.with_extension(""))
}

/// [Looks](look) at files, in several threads where they are many: most of the time goes to open them.
fn look_at_all(
    paths: &[PathBuf],
    format: Option<Format>,
    start_time: Option<u64>,
) -> Vec<Result<Tap, InputError>> {
    /// It takes about as long to start a thread.
    const FILES_PER_THREAD: usize = 64;
    const MOST_THREADS: usize = 8;
    let look_at =
        &|paths: &[PathBuf]| -> Vec<_> { paths.iter().map(|path| look(path, format, start_time)).collect() };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let threads = cores.min(paths.len() / FILES_PER_THREAD);
    if threads < 2 {
        return look_at(paths);
    }
    thread::scope(|scope| {
        let chunks = paths.chunks(paths.len().div_ceil(threads));
        let running: Vec<_> = chunks.map(|chunk| scope.spawn(move || look_at(chunk))).collect();
        let looked_at = running.into_iter().flat_map(|thread| match thread.join() {
            Ok(taps) => taps,
            Err(panic) => resume_unwind(panic),
        });
        looked_at.collect()
    })
}

/// The error that there is no trace in a directory, with so many files that are empty.
fn none(empty: u64) -> String {
    let none = "there is no tap trace below this directory";
    match empty {
        0 => none.to_owned(),
        empty => format!("{none}, only {}", empty_files(empty)),
    }
}

/// The number of empty files, and why they are empty.
#[must_use]
pub fn empty_files(count: u64) -> String {
    let them = if count == 1 { "it" } else { "them" };
    format!(
        "{} (Envoy writes {them} when the connection closes)",
        counted(count, "empty file", "empty files")
    )
}

/// Whether this is a link to a file that is not there, or to a directory that it is in.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let is_link = error.path().is_some_and(Path::is_symlink);
    let is_missing = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    is_link && (is_missing || error.loop_ancestor().is_some())
}

impl Discovered {
    /// The files among the inputs.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.taps.iter().map(|tap| tap.path.clone()).collect()
    }

    /// How many bytes the files among the inputs have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.taps.iter().filter_map(|tap| tap.path.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// The names of the capture's interfaces, and for each input the number of its one.
    #[must_use]
    pub fn interfaces(&self) -> (Vec<String>, Vec<u32>) {
        interfaces::of(&self.taps)
    }
}
