//! A progress bar for work that takes longer than a second.

use std::fmt::Display;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tap2pcap::internal::report::Observer;

use super::messages::message;

/// Shorter work shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far the work has come.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    files: u64,
    done: u64,
}

impl Progress {
    /// Work on `files` inputs with so many bytes together. Nothing is shown yet.
    #[must_use]
    pub(crate) fn new(files: u64, bytes: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
        let style =
            ProgressStyle::with_template("{msg}{bytes}/{total_bytes} [{bar:30}] {bytes_per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self { bar, begun: Instant::now(), files, done: 0 }
    }
}

impl Observer for Progress {
    fn error(&mut self, error: &dyn Display) {
        self.bar.suspend(|| message("error", error));
    }

    fn progress(&mut self, bytes: u64) {
        if self.begun.elapsed() < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        if self.files > 1 {
            self.bar.set_message(format!("{}/{} files, ", self.done, self.files));
        }
        self.bar.set_position(bytes);
    }

    fn input_done(&mut self) {
        self.done += 1;
    }
}

/// Prints errors, and nothing else.
#[derive(Debug)]
pub(crate) struct Errors;

impl Observer for Errors {
    fn error(&mut self, error: &dyn Display) {
        message("error", error);
    }

    fn progress(&mut self, _bytes: u64) {}

    fn input_done(&mut self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
