//! A file that another program still writes: it has no end until somebody who watches it says so, and its name may change.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::retry;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// Its device, and its number there; zeros where the system has none. The number of a file that is removed goes to another one.
    number: (u64, u64),
    /// When it was made, where the system knows.
    created: Option<SystemTime>,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let number = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let number = (0, 0);
        Self { number, created: metadata.created().ok() }
    }

    /// Whether no other file can have it.
    pub(crate) fn is_certain(&self) -> bool {
        self.number != (0, 0) && self.created.is_some()
    }
}

/// What is known of the file, for whoever reads it and whoever watches it.
#[derive(Debug)]
pub(crate) struct Growth {
    path: Mutex<PathBuf>,
    identity: Identity,
    /// It is one of many, and open only while it is read.
    is_one_of_many: bool,
    /// Bytes that are there.
    length: AtomicU64,
    /// There will be no more of them.
    is_over: AtomicBool,
    /// Where the reader has stopped, because nothing more was expected; `u64::MAX` while it reads.
    left_at: AtomicU64,
}

impl Growth {
    pub(crate) fn new(path: PathBuf, metadata: &Metadata, is_one_of_many: bool) -> Self {
        Self {
            path: Mutex::new(path),
            identity: Identity::of(metadata),
            is_one_of_many,
            length: AtomicU64::new(metadata.len()),
            is_over: AtomicBool::new(false),
            left_at: AtomicU64::new(u64::MAX),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn is_one_of_many(&self) -> bool {
        self.is_one_of_many
    }

    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    /// It has so many bytes now.
    pub(crate) fn grow(&self, length: u64) {
        self.length.store(length, Ordering::Release);
    }

    /// It has another name now.
    pub(crate) fn rename(&self, path: PathBuf) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    /// There is no more than is known.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// The reader has done with what there was up to this offset.
    pub(crate) fn leave(&self, offset: u64) {
        self.left_at.store(offset, Ordering::Release);
        self.end();
    }

    /// Where the reader has left it, if it has.
    pub(crate) fn left_at(&self) -> Option<u64> {
        Some(self.left_at.load(Ordering::Acquire)).filter(|&offset| offset != u64::MAX)
    }

    /// Whether there is something behind this offset, or nothing is to come.
    pub(super) fn has_news(&self, offset: u64) -> bool {
        self.is_over.load(Ordering::Acquire) || offset < self.length()
    }

    /// The file, if it still is this one.
    fn open(&self) -> io::Result<File> {
        let path = self.path.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let file = File::open(path)?;
        if Identity::of(&file.metadata()?) != self.identity {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another file has its name"));
        }
        Ok(file)
    }

    /// When it was last written.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.open().and_then(|file| file.metadata()?.modified()).ok()
    }
}

/// Reads such a file, and has it open, or opens it each time.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) growth: Arc<Growth>,
    /// What has been written to it before it got another name is read all the same.
    file: Option<File>,
}

impl Growing {
    pub(super) fn new(growth: Arc<Growth>) -> Self {
        let file = if growth.is_one_of_many { None } else { growth.open().ok() };
        Self { growth, file }
    }

    /// Fills `bytes` from this offset on: they have been read before.
    pub(super) fn read_again(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.at(offset, |mut file| file.read_exact(bytes))
    }

    /// Reads at this offset: `None` where there is nothing yet, and 0 at the end.
    pub(super) fn read(&mut self, offset: u64, room: &mut [u8]) -> io::Result<Option<usize>> {
        // In this order: what came before the end is known then.
        let is_over = self.growth.is_over.load(Ordering::Acquire);
        let rest = self.growth.length().saturating_sub(offset);
        let most = usize::try_from(rest).unwrap_or(usize::MAX).min(room.len());
        let count = if most == 0 {
            0
        } else {
            match self.at(offset, |mut file| retry(|| file.read(&mut room[..most]))) {
                // It has been removed or replaced: whoever watches it will see it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                read => read?,
            }
        };
        Ok((count > 0 || is_over).then_some(count))
    }

    /// Does something with the file at this offset.
    fn at<T>(&self, offset: u64, mut act: impl FnMut(&File) -> io::Result<T>) -> io::Result<T> {
        let mut act = |mut file: &File| file.seek(SeekFrom::Start(offset)).and_then(|_| act(file));
        match &self.file {
            Some(file) => act(file),
            None => act(&self.growth.open()?),
        }
    }
}
