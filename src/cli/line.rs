//! The line on a terminal that changes while other messages come: it is the last one, and they stand above it.

use std::sync::OnceLock;

use indicatif::ProgressBar;

static LINE: OnceLock<ProgressBar> = OnceLock::new();

/// There is a line from now on.
pub(super) fn begin(line: ProgressBar) {
    let _ = LINE.set(line);
}

/// The line, if there is one.
pub(super) fn get() -> Option<&'static ProgressBar> {
    LINE.get()
}

/// Prints with the line out of the way.
pub(super) fn above(print: impl FnOnce()) {
    match LINE.get() {
        Some(line) => line.suspend(print),
        None => print(),
    }
}
