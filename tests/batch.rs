//! Runs the program on many taps at a time, each an input of its own, which pcapng keeps apart: for tests that would
//! else run it thousands of times.

use crate::capture::{Capture, Packet};
use crate::program::Dir;

/// So many files can be open at a time anywhere.
const RUN: usize = 200;

/// What came of one tap.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) capture: Option<Capture>,
    /// What was said of it, without the name: `record 2 at byte 17: ...`.
    pub(crate) errors: Vec<String>,
}

/// When, whether the proxy read it, and the bytes.
pub(crate) type Payload = (u64, bool, String);

impl Outcome {
    pub(crate) fn packets(&self) -> &[Packet] {
        self.capture.as_ref().map_or(&[], |capture| &capture.packets)
    }

    pub(crate) fn payloads(&self) -> Vec<Payload> {
        let packets = self.packets().iter().filter(|packet| packet.length > 0);
        packets.map(|packet| payload(packet.time, packet.is_inbound == Some(true), &packet.payload)).collect()
    }
}

pub(crate) fn payload(time: u64, is_read: bool, bytes: &[u8]) -> Payload {
    (time, is_read, bytes.escape_ascii().to_string())
}

/// Converts these taps. The status has to be 1 where there are errors, else 0.
#[track_caller]
pub(crate) fn convert_each(taps: &[impl AsRef<[u8]>]) -> Vec<Outcome> {
    taps.chunks(RUN).flat_map(convert).collect()
}

#[track_caller]
fn convert(taps: &[impl AsRef<[u8]>]) -> Vec<Outcome> {
    let dir = Dir::new();
    let names: Vec<String> = (0..taps.len()).map(|number| format!("tap-{number:03}")).collect();
    for (name, tap) in names.iter().zip(taps) {
        dir.write(name, tap.as_ref());
    }
    let ran = dir.tap2pcap().args(["-w", "capture.pcapng"]).args(&names).run();
    let mut outcomes: Vec<Outcome> = names.iter().map(|_| Outcome::default()).collect();
    for line in ran.stderr.lines() {
        let Some(error) = line.strip_prefix("tap2pcap: error: ") else { continue };
        let of = |name: &String| error.strip_prefix(&**name)?.strip_prefix(": ");
        let found = names.iter().enumerate().find_map(|(number, name)| Some((number, of(name)?)));
        let (number, error) = found.unwrap_or_else(|| panic!("of which tap? {line}"));
        outcomes[number].errors.push(error.to_owned());
    }
    let has_errors = outcomes.iter().any(|outcome| !outcome.errors.is_empty());
    assert_eq!(ran.code, Some(i32::from(has_errors)), "{ran:?}");
    if dir.path("capture.pcapng").exists() {
        let capture = Capture::parse(&dir.read("capture.pcapng"));
        for (interface, name) in capture.interfaces.iter().enumerate() {
            let number = names.iter().position(|other| other == name).expect("a name of ours");
            let packets = capture.packets.iter().filter(|packet| packet.interface == interface);
            let packets = packets.cloned().collect();
            let interfaces = vec![name.clone()];
            outcomes[number].capture = Some(Capture { interfaces, packets, about: Vec::new(), ..capture });
        }
    }
    outcomes
}
