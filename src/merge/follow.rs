//! Files that are still written, and directories in which new ones appear: a thread looks at them again and again, says how long
//! they have become, and hands on those that are new as [`Tap`]s.
//!
//! A file that is cut or replaced has ended, and is read anew from its beginning; one that gets another name is read on under it,
//! as a log that is rotated.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use walkdir::WalkDir;

use super::discover::is_rotated_copy;
use super::look::{follow, open_later};
use super::tap::Tap;
use crate::input::InputError;
use crate::record::Format;
use crate::source::{Growth, Identity};

/// Time between two looks.
const PERIOD: Duration = Duration::from_millis(50);
/// A look that takes long is followed by a pause of so many times as long: it takes less than one percent of a processor.
const PAUSES: u32 = 150;
/// So few files are looked at in no time: where a look takes longer, others have the processor.
const FEW: usize = 200;
/// A file that has been left is looked at once in so many looks.
const SELDOM: usize = 16;

/// Inputs that come.
#[derive(Debug)]
pub struct Arrivals {
    taps: Receiver<Tap>,
    /// Files have grown. While somebody has it, they are looked at.
    growth: Arc<AtomicBool>,
    /// There is to be one more look.
    is_ending: Arc<AtomicBool>,
    watcher: Thread,
    /// No more will come.
    is_over: bool,
}

impl Arrivals {
    /// Those that have come since this was asked last.
    pub(super) fn all(&mut self) -> Vec<Tap> {
        let mut all = Vec::new();
        loop {
            match self.taps.try_recv() {
                Ok(tap) => all.push(tap),
                Err(TryRecvError::Empty) => return all,
                Err(TryRecvError::Disconnected) => {
                    self.is_over = true;
                    return all;
                }
            }
        }
    }

    /// Has the files looked at once more, and then no more.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
        self.watcher.unpark();
    }

    /// Whether no more will come.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether files have grown since this was asked last.
    pub(super) fn take_growth(&self) -> bool {
        self.growth.swap(false, Ordering::Acquire)
    }
}

/// Follows the files at `paths`, and those in the directories there, now and later. `format` and `start_time` are as for
/// [`Discovered::find`](super::discover::Discovered::find). `tell` is told of files that are cut or replaced. The thread that calls
/// this is unparked when something has come.
///
/// # Errors
/// One of them cannot be opened, or the thread cannot be started.
pub fn start(
    paths: &[PathBuf],
    format: Option<Format>,
    start_time: Option<u64>,
    tell: Box<dyn FnMut(&str) + Send>,
) -> Result<(Vec<Tap>, Arrivals), InputError> {
    let mut taps = Vec::new();
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for path in paths {
        let failed = |source: io::Error| InputError::Io { name: path.display().to_string(), source };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            std::fs::read_dir(path).map_err(failed)?;
            directories.push(path.clone());
        } else if metadata.is_file() {
            std::fs::File::open(path).map_err(failed)?;
            files.push(path.clone());
        } else {
            taps.push(open_later(path, format)?);
        }
    }
    let (sender, arrivals) = channel();
    let growth = Arc::new(AtomicBool::new(false));
    let is_ending = Arc::default();
    let mut watcher = Watcher {
        files,
        directories,
        format,
        start_time,
        known: HashMap::new(),
        copies: HashSet::new(),
        compressed: HashSet::new(),
        sender,
        growth: Arc::downgrade(&growth),
        is_ending: Arc::clone(&is_ending),
        consumer: thread::current(),
        tell,
        looks: 0,
    };
    taps.extend(watcher.look(true));
    let watching = thread::Builder::new()
        .name("follower".into())
        .spawn(move || watcher.watch())
        .map_err(|source| InputError::Io { name: "a thread".into(), source })?;
    let watcher = watching.thread().clone();
    Ok((taps, Arrivals { taps: arrivals, growth, is_ending, watcher, is_over: false }))
}

struct Watcher {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    format: Option<Format>,
    start_time: Option<u64>,
    known: HashMap<PathBuf, Arc<Growth>>,
    /// Other names of what is read, and its compressed copies: these are not read.
    copies: HashSet<PathBuf>,
    /// The copies, whatever they are called.
    compressed: HashSet<Identity>,
    sender: Sender<Tap>,
    /// To be told that files have grown.
    growth: Weak<AtomicBool>,
    is_ending: Arc<AtomicBool>,
    consumer: Thread,
    tell: Box<dyn FnMut(&str) + Send>,
    /// How often the files have been looked at.
    looks: usize,
}

/// The files that are there. What has been left is seldom looked at: then it is `None`, and taken to be as it was.
type Files = HashMap<PathBuf, Option<Growth>>;

impl Watcher {
    fn watch(mut self) {
        let mut pause = PERIOD;
        loop {
            thread::park_timeout(pause);
            let is_last = self.is_ending.load(Ordering::Acquire);
            if self.growth.strong_count() == 0 {
                return;
            }
            let begun = Instant::now();
            for tap in self.look(false) {
                if self.sender.send(tap).is_err() {
                    return;
                }
                self.consumer.unpark();
            }
            if is_last {
                return self.consumer.unpark();
            }
            let is_quick = self.known.len() < FEW;
            pause = if is_quick { PERIOD } else { PERIOD.max(begun.elapsed() * PAUSES) };
        }
    }

    /// Says that files have grown or ended.
    fn wake(&self) {
        if let Some(growth) = self.growth.upgrade() {
            growth.store(true, Ordering::Release);
        }
        self.consumer.unpark();
    }

    /// Looks at all files. Returns those that are new, or are to be read anew, in the order of their names.
    fn look(&mut self, is_first: bool) -> Vec<Tap> {
        let mut found = self.find(false);
        // A new name may be that of a file that has been left.
        if found.keys().any(|path| !self.known.contains_key(path)) {
            found = self.find(true);
        }
        self.miss(&found);
        let mut new: Vec<(PathBuf, Growth, u64)> = Vec::new();
        for (path, found) in found.drain() {
            let Some(growth) = found else { continue };
            let length = growth.length();
            let Some(known) = self.known.get(&path) else {
                new.push((path, growth, 0));
                continue;
            };
            match known.left_at() {
                Some(offset) if length > offset => new.push((path, growth, offset)),
                Some(offset) if length == offset => {}
                None if length > known.length() => {
                    known.grow(length);
                    self.wake();
                }
                None if length == known.length() => {}
                _ => {
                    known.end();
                    self.wake();
                    (self.tell)(&format!("{} has been cut: it is read from its beginning", path.display()));
                    new.push((path, growth, 0));
                }
            }
        }
        new.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        self.leave_out_other_names(&mut new);
        let taps = new.into_iter().map(|(path, growth, offset)| {
            let growth = Arc::new(growth);
            self.known.insert(path.clone(), Arc::clone(&growth));
            follow(&path, growth, offset, self.format, self.start_time, is_first)
        });
        taps.collect()
    }

    /// Leaves out what is another name of a file that is read.
    fn leave_out_other_names(&mut self, new: &mut Vec<(PathBuf, Growth, u64)>) {
        if new.is_empty() {
            return;
        }
        let mut read: HashSet<Identity> = self.known.values().map(|growth| growth.identity()).collect();
        new.retain(|(path, growth, _)| {
            let identity = growth.identity();
            let is_read = self.known.contains_key(path) || !identity.is_certain() || read.insert(identity);
            if !is_read {
                self.copies.insert(path.clone());
            }
            is_read
        });
    }

    /// All files that are there. Unless `everything` is to be looked at, most of those that have been left are not.
    fn find(&mut self, everything: bool) -> Files {
        let mut found = Files::new();
        self.looks += 1;
        let mut add = |path: PathBuf, is_one_of_many| {
            let is_left = self.known.get(&path).is_some_and(|known| known.left_at().is_some());
            if is_left && !everything && !(found.len() + self.looks).is_multiple_of(SELDOM) {
                found.insert(path, None);
            } else if let Some(metadata) = std::fs::metadata(&path).ok().filter(Metadata::is_file) {
                found.insert(path.clone(), Some(Growth::new(path, &metadata, is_one_of_many)));
            }
        };
        for directory in &self.directories {
            for entry in WalkDir::new(directory).follow_links(true).into_iter().flatten() {
                if entry.file_type().is_file() {
                    add(entry.into_path(), true);
                }
            }
        }
        self.files.iter().for_each(|path| add(path.clone(), false));
        let is_read = |path: &Path| found.contains_key(path) || self.known.contains_key(path);
        let copies = found.iter().filter_map(|(path, found)| {
            let identity = found.as_ref()?.identity();
            let is_copy = !self.known.contains_key(path)
                && (is_rotated_copy(path, is_read) || self.compressed.contains(&identity));
            is_copy.then(|| (path.clone(), identity))
        });
        for (path, identity) in copies.collect::<Vec<_>>() {
            self.copies.insert(path);
            if identity.is_certain() {
                self.compressed.insert(identity);
            }
        }
        self.copies.retain(|path| found.remove(path).is_some());
        found
    }

    /// Finds files that have other names now. Those that are not there any more, or are replaced, have ended.
    fn miss(&mut self, found: &Files) {
        let is_there = |path: &Path, growth: &Growth| {
            let found = found.get(path);
            found
                .is_some_and(|found| found.as_ref().is_none_or(|found| found.identity() == growth.identity()))
        };
        let missed: Vec<PathBuf> = self
            .known
            .iter()
            .filter(|(path, growth)| !is_there(path, growth))
            .map(|(path, _)| path.clone())
            .collect();
        if missed.is_empty() {
            return;
        }
        let others = found.iter().filter_map(|(path, found)| {
            let identity = found.as_ref()?.identity();
            let is_other = !self.known.get(path).is_some_and(|known| is_there(path, known));
            (identity.is_certain() && is_other).then(|| (identity, path.clone()))
        });
        let renamed: HashMap<Identity, PathBuf> = others.collect();
        let gone = missed.into_iter().filter_map(|path| Some((self.known.remove(&path)?, path)));
        for (growth, path) in gone.collect::<Vec<_>>() {
            if let Some(new) = renamed.get(&growth.identity()) {
                growth.rename(new.clone());
                self.known.insert(new.clone(), growth);
                continue;
            }
            // Who has it open reads all that was written before it lost its name.
            growth.grow(u64::MAX);
            growth.end();
            self.wake();
            if found.contains_key(&path) && growth.left_at().is_none() {
                (self.tell)(&format!("{} has been replaced: the new file is read", path.display()));
            }
        }
    }
}
