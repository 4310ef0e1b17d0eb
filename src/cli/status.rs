//! The status line of a live capture on a terminal: what has been written so far, and how fast it comes.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tap2pcap::internal::quantity::counted;
use tap2pcap::internal::report::{Observer, Status};

use super::line;
use super::messages::message;

/// It changes so often.
const PERIOD: Duration = Duration::from_millis(500);

/// Shows the line.
#[derive(Debug)]
pub(super) struct StatusLine {
    shown: Instant,
    latest: Status,
    /// How many read the capture, where it is served.
    readers: Option<Arc<AtomicUsize>>,
}

impl StatusLine {
    pub(super) fn new(readers: Option<Arc<AtomicUsize>>) -> Self {
        let line = ProgressBar::new_spinner();
        line.set_style(
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        line::begin(line);
        Self { shown: Instant::now(), latest: Status::default(), readers }
    }

    fn text(&self, status: &Status, elapsed: Duration) -> String {
        let Status { conversations, packets, bytes, cut, lost_bytes } = *status;
        let rate = bytes.saturating_sub(self.latest.bytes) as f64 / elapsed.as_secs_f64();
        let mut text = format!(
            "{}, {}, {}, {}/s",
            counted(conversations, "conversation", "conversations"),
            counted(packets, "packet", "packets"),
            HumanBytes(bytes),
            HumanBytes(rate as u64)
        );
        if cut > 0 {
            text += &format!(", {} cut", counted(cut, "body", "bodies"));
        }
        if lost_bytes > 0 {
            text += &format!(", {} lost", HumanBytes(lost_bytes));
        }
        if let Some(readers) = &self.readers {
            let readers = readers.load(Ordering::Relaxed) as u64;
            text += &format!(", {}", counted(readers, "reader", "readers"));
        }
        text
    }
}

impl Observer for StatusLine {
    fn error(&mut self, error: &dyn Display) {
        message("error", error);
    }

    fn progress(&mut self, _bytes: u64) {}

    fn input_done(&mut self) {}

    fn status(&mut self, status: &Status) {
        let elapsed = self.shown.elapsed();
        if elapsed < PERIOD {
            return;
        }
        if let Some(line) = line::get() {
            line.set_message(self.text(status, elapsed));
            line.tick();
        }
        (self.shown, self.latest) = (Instant::now(), *status);
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if let Some(line) = line::get() {
            line.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_there_is_and_what_is_missing() {
        let line = StatusLine {
            shown: Instant::now(),
            latest: Status { bytes: 1024, ..Status::default() },
            readers: None,
        };
        let status = Status { conversations: 1, packets: 1234, bytes: 3072, cut: 0, lost_bytes: 0 };
        let text = line.text(&status, Duration::from_secs(2));
        assert_eq!(text, "1 conversation, 1,234 packets, 3.00 KiB, 1.00 KiB/s");
        let line = StatusLine { readers: Some(Arc::new(AtomicUsize::new(2))), ..line };
        let text = line.text(&Status { cut: 2, lost_bytes: 7, ..status }, Duration::from_secs(2));
        assert!(text.ends_with(", 2 bodies cut, 7 B lost, 2 readers"), "{text}");
    }
}
