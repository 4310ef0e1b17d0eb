//! Converts taps that a test has just written, and reads the captures.

use crate::capture::Capture;
use crate::program::Dir;

/// A capture and what was said of it.
pub(crate) struct Converted {
    pub(crate) capture: Capture,
    /// The capture as it was written.
    pub(crate) file: Vec<u8>,
    /// What went to standard error.
    pub(crate) messages: String,
}

/// Converts one tap to pcapng, with these options. It has to end well.
#[track_caller]
pub(crate) fn convert(options: &[&str], tap: &[u8]) -> Converted {
    convert_to("capture.pcapng", options, tap, 0)
}

/// Converts one tap to a file of this name, and the status has to be this one.
#[track_caller]
pub(crate) fn convert_to(name: &str, options: &[&str], tap: &[u8], status: i32) -> Converted {
    convert_many(name, options, &[("tap", tap)], status)
}

/// Converts taps of these names into one capture.
#[track_caller]
pub(crate) fn convert_many(name: &str, options: &[&str], taps: &[(&str, &[u8])], status: i32) -> Converted {
    let dir = Dir::new();
    for (name, tap) in taps {
        dir.write(name, tap);
    }
    let names = taps.iter().map(|(name, _)| name);
    let ran = dir.tap2pcap().args(options).args(["-w", name]).args(names).run().expect(status);
    let file = dir.read(name);
    Converted { capture: Capture::parse(&file), file, messages: ran.stderr }
}
