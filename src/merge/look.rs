//! Looks at a file before it is opened: which format it has, and when its first event was.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::tap::{Tap, TapState};
use crate::input::{Input, InputError, Opening, Step};
use crate::record::Format;
use crate::source::{Growth, nanoseconds};
use crate::trace::{HeaderKind, Kind};

/// The first event is looked for in this many bytes before the file is read as a whole.
const FIRST_LOOK: u64 = 4096;

/// The first exchange is looked for among this many parts.
const FIRST_PARTS: u64 = 1000;

/// Opens the only input.
pub(super) fn open(path: &Path, format: Option<Format>) -> Result<Tap, InputError> {
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

/// Tells the format of a regular file and when its first event was, from its first bytes if they suffice.
pub(super) fn look(path: &Path, format: Option<Format>, start_time: Option<u64>) -> Result<Tap, InputError> {
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
