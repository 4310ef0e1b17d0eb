//! Reads the beginnings of the files that come next, in a thread, while others are converted: to open very many files takes about
//! as long as to convert them.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::input::Beginning;

/// Fewer files are not worth a thread.
const LEAST: usize = 64;
/// Bytes of a file that are read ahead: small files as a whole.
const BYTES: u64 = 64 * 1024;
/// Files that are read ahead.
const FILES: usize = 32;

/// The beginnings of files, in their order.
#[derive(Debug)]
pub(super) struct Prefetch(Receiver<io::Result<Beginning>>);

impl Prefetch {
    /// Reads ahead in these files. `None` where they are few, or there is no thread.
    pub(super) fn new(paths: Vec<PathBuf>) -> Option<Self> {
        if paths.len() < LEAST {
            return None;
        }
        let (beginnings, receiver) = sync_channel(FILES);
        let read_all = move || {
            for path in paths {
                // Where nobody wants them any more, the conversion has ended.
                if beginnings.send(read(&path)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("prefetch".into()).spawn(read_all).ok()?;
        Some(Self(receiver))
    }

    /// The beginning of the next file.
    pub(super) fn next(&self) -> Option<io::Result<Beginning>> {
        self.0.recv().ok()
    }
}

fn read(path: &PathBuf) -> io::Result<Beginning> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(length.min(BYTES) as usize);
    file.take(length.min(BYTES)).read_to_end(&mut bytes)?;
    Ok(Beginning { length, bytes })
}
