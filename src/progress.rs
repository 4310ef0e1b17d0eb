//! A progress bar for work that takes longer than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter work shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// The clock is looked at once in so many events.
const EVENTS: u32 = 1024;

/// How far the work has come.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    events: u32,
    files: u64,
    done: u64,
}

impl Progress {
    /// Work on `files` inputs with so many bytes together. Nothing is shown yet.
    #[must_use]
    pub fn new(files: u64, bytes: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
        let style =
            ProgressStyle::with_template("{msg}{bytes}/{total_bytes} [{bar:30}] {bytes_per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self { bar, begun: Instant::now(), events: 0, files, done: 0 }
    }

    /// The work has come to so many bytes.
    #[inline]
    pub fn come_to(&mut self, bytes: impl FnOnce() -> u64) {
        self.events = self.events.wrapping_add(1);
        if self.events.is_multiple_of(EVENTS) {
            self.show(bytes());
        }
    }

    /// An input is done.
    pub fn end_file(&mut self) {
        self.done += 1;
    }

    /// Has something else printed.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    fn show(&mut self, bytes: u64) {
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
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
