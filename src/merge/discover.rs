//! Which inputs there are: the files that were named, and the tap files in the directories that were.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use walkdir::WalkDir;

use crate::input::{Beginning, Input, InputError, Opening, Step, file_name};
use crate::quantity::counted;
use crate::record::Format;
use crate::report::Report;
use crate::source::{Growth, nanoseconds};
use crate::trace::{HeaderKind, Kind};

/// The first event is looked for in this many bytes before the file is read as a whole.
const FIRST_LOOK: u64 = 4096;

/// The first exchange is looked for among this many parts.
const FIRST_PARTS: u64 = 1000;

/// An input, not yet opened unless it has to be.
#[derive(Debug)]
pub struct Tap {
    /// Its name in messages and in the capture.
    pub name: String,
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// How to get at it.
    pub state: TapState,
}

/// How to get at an input.
#[derive(Debug)]
pub enum TapState {
    /// It is open.
    Open(Box<Input>),
    /// One of many, read as it comes.
    Opening(Box<Opening>),
    /// A file that is still written, and followed.
    Followed {
        /// Its beginning.
        opening: Box<Opening>,
        /// It holds Hubble's flows.
        is_hubble: bool,
        /// When its first event was, in nanoseconds since the Unix epoch; 0 if it has none yet.
        first: u64,
    },
    /// One of many files.
    File {
        /// Its format.
        format: Format,
        /// It holds Hubble's flows.
        is_hubble: bool,
        /// When its first event was, in nanoseconds since the Unix epoch; 0 if it has none.
        first: u64,
    },
}

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

/// Past this many inputs, those whose names differ only in the id share an interface.
const MAX_INTERFACES: usize = 1000;

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

    /// The names of the capture's interfaces, and for each input the number of its one: one an input, or, where that is
    /// too many, one for all files of a directory that have the same prefix before the trace's id.
    #[must_use]
    pub fn interfaces(&self) -> (Vec<String>, Vec<u32>) {
        let is_many = self.taps.len() > MAX_INTERFACES;
        let mut names = Vec::new();
        let mut numbers = HashMap::new();
        let mut of_taps = Vec::new();
        for tap in &self.taps {
            if tap.is_hubble() {
                // It has one for each node and point, as they come.
                of_taps.push(0);
                continue;
            }
            let name = if is_many { shared(&tap.name) } else { &tap.name };
            let number = if is_many { numbers.get(name).copied() } else { None };
            of_taps.push(number.unwrap_or_else(|| {
                let number = names.len() as u32;
                names.push(name.to_owned());
                numbers.insert(name.to_owned(), number);
                number
            }));
        }
        (names, of_taps)
    }
}

/// The name of an interface that inputs share where they are many.
fn shared(input: &str) -> &str {
    file_name::split(input).map_or(input, |(prefix, _)| prefix)
}

/// The interfaces of inputs that come one by one.
#[derive(Debug, Default)]
pub struct Interfaces(HashMap<String, u32>);

impl Interfaces {
    /// The input with this name has this interface.
    pub fn know(&mut self, input: &str, number: u32) {
        self.0.insert(input.to_owned(), number);
    }

    /// The interface of an input with this name; `add` adds one to the capture and returns its number.
    pub fn number(&mut self, input: &str, add: impl FnOnce(&str) -> u32) -> u32 {
        if let Some(&number) = self.0.get(input) {
            return number;
        }
        let name = if self.0.len() < MAX_INTERFACES { input } else { shared(input) };
        *self.0.entry(name.to_owned()).or_insert_with(|| add(name))
    }
}

impl Tap {
    /// An input of whole messages that is read as they come, and has a name in messages and in the capture.
    ///
    /// # Errors
    /// The thread that reads cannot be started.
    pub fn live(
        name: String,
        reader: impl Read + Send + 'static,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        let opening = Opening::of_reader(name.clone(), reader, format)?;
        Ok(Self { path: PathBuf::from(&name), name, state: TapState::Opening(Box::new(opening)) })
    }

    /// Opens the input, if it is not open yet.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(self) -> Result<Input, InputError> {
        match self.state {
            TapState::Open(input) => Ok(*input),
            TapState::Opening(mut opening) | TapState::Followed { mut opening, .. } => loop {
                if let Some(input) = opening.poll()? {
                    return Ok(input);
                }
            },
            TapState::File { format, .. } => Input::open_lazily(&self.path, Some(format)),
        }
    }

    /// Opens a file of which the beginning has been read.
    ///
    /// # Errors
    /// The file could not be read.
    pub(super) fn open_with(self, beginning: io::Result<Beginning>) -> Result<Input, InputError> {
        match beginning {
            Ok(beginning) => Input::open_begun(&self.path, self.format(), beginning),
            Err(source) => Err(InputError::Io { name: self.name, source }),
        }
    }

    /// Whether it is known to hold Hubble's flows.
    #[must_use]
    pub fn is_hubble(&self) -> bool {
        match &self.state {
            TapState::Open(input) => input.is_hubble(),
            TapState::Opening(_) => false,
            TapState::Followed { is_hubble, .. } | TapState::File { is_hubble, .. } => *is_hubble,
        }
    }

    /// Whether it is a file that holds Hubble's flows, and is not read as it comes.
    #[must_use]
    pub fn is_file_of_flows(&self) -> bool {
        match &self.state {
            TapState::Open(input) => input.is_hubble() && !input.is_live(),
            TapState::Opening(_) | TapState::Followed { .. } => false,
            TapState::File { is_hubble, .. } => *is_hubble,
        }
    }

    /// Its format, if that is known yet.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match &self.state {
            TapState::Open(input) => Some(input.format()),
            TapState::Opening(_) | TapState::Followed { .. } => None,
            TapState::File { format, .. } => Some(*format),
        }
    }
}

fn open(path: &Path, format: Option<Format>) -> Result<Tap, InputError> {
    let input = Input::open(path, format)?;
    let name = input.name().to_owned();
    Ok(Tap { name, path: path.to_owned(), state: TapState::Open(Box::new(input)) })
}

/// Opens what is read as it comes, without waiting for what it says: the others are not to wait for it.
pub(super) fn open_later(path: &Path, format: Option<Format>) -> Result<Tap, InputError> {
    let opening = Opening::open(path, format)?;
    let name = opening.name().to_owned();
    Ok(Tap { name, path: path.to_owned(), state: TapState::Opening(Box::new(opening)) })
}

/// Follows a file that is still written, from this offset on. `is_here` says that it has been there from the beginning: it is
/// merged with the others by time.
pub(super) fn follow(
    path: &Path,
    growth: Arc<Growth>,
    offset: u64,
    format: Option<Format>,
    start_time: Option<u64>,
    is_here: bool,
) -> Tap {
    let (mut known, mut hubble, mut begins) = (format, false, 0);
    // What is wrong with it is told when it is opened.
    if is_here
        && let Ok(Tap { state: TapState::File { format, is_hubble, first }, .. }) =
            look(path, format, start_time)
    {
        (known, hubble, begins) = (Some(format), is_hubble, first);
    }
    let name = path.display().to_string();
    let opening = Box::new(Opening::growing(name.clone(), growth, offset, known));
    let state = if is_here {
        TapState::Followed { opening, is_hubble: hubble, first: begins }
    } else {
        TapState::Opening(opening)
    };
    Tap { name, path: path.to_owned(), state }
}

/// Whether this is a copy of a log that its rotation makes, where the log itself [is read](leave_out_rotated).
pub(super) fn is_rotated_copy(path: &Path, is_read: impl Fn(&Path) -> bool) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    name.ends_with(b".log.gz.tmp") || name.ends_with(b".log.gz") && is_read(&path.with_extension(""))
}

/// Tells the format of a regular file and when its first event was, from its first bytes if they suffice.
fn look(path: &Path, format: Option<Format>, start_time: Option<u64>) -> Result<Tap, InputError> {
    let name = path.display().to_string();
    let mut bytes = Vec::with_capacity(FIRST_LOOK as usize);
    let read = File::open(path).and_then(|file| file.take(FIRST_LOOK).read_to_end(&mut bytes));
    read.map_err(|source| InputError::Io { name: name.clone(), source })?;
    let stand_in = || start_time.or_else(|| modified(path));
    let found = match Input::from_bytes(name.clone(), bytes, format) {
        Ok(mut input) => {
            first_time(&mut input, false, stand_in).map(|first| (input.format(), input.is_hubble(), first))
        }
        Err(_) => None,
    };
    let (format, is_hubble, first) = match found {
        Some(found) => found,
        None => {
            let mut input = Input::open_lazily(path, format)?;
            let first = first_time(&mut input, true, stand_in);
            if let (None, Some(error)) = (first, input.not_a_tap()) {
                return Err(error);
            }
            (input.format(), input.is_hubble(), first.unwrap_or_default())
        }
    };
    Ok(Tap { name, path: path.to_owned(), state: TapState::File { format, is_hubble, first } })
}

/// When the first event that has a time was. Exchanges of the HTTP tap stand in the order in which they ended, so that the
/// first is looked for among many; `is_all` says that the input is not just the beginning of one. Without times they are at
/// the one that stands in. Damage is passed over: it is told when the input is converted.
fn first_time(input: &mut Input, is_all: bool, stand_in: impl Fn() -> Option<u64>) -> Option<u64> {
    let mut first = None::<u64>;
    let mut parts = 0;
    while parts < FIRST_PARTS {
        match input.advance() {
            Ok(Step::Event) => {
                let peek = input.peek();
                if matches!(peek.what, HeaderKind::Data { .. } | HeaderKind::Closed) {
                    return Some(first.map_or(peek.time, |first| first.min(peek.time)));
                }
            }
            Ok(Step::Part) => {
                let Some(part) = input.part() else { continue };
                match part.trace.kind {
                    Kind::HttpBuffered if is_all => {}
                    Kind::HttpBuffered => return None,
                    _ => return stand_in(),
                }
                first = part.time.map(|time| first.map_or(time, |first| first.min(time))).or(first);
                parts += 1;
            }
            Ok(Step::Flow) => {
                if let Some(time) = input.flow().and_then(|flow| flow.time) {
                    return Some(time);
                }
            }
            Ok(Step::Idle) => {}
            Ok(Step::End) | Err(InputError::Io { .. }) => break,
            Err(_) => {}
        }
    }
    first.or_else(|| if parts > 0 { stand_in() } else { None })
}

fn modified(path: &Path) -> Option<u64> {
    path.metadata().ok()?.modified().ok().map(nanoseconds)
}
