//! Real taps, damaged at random: whatever is wrong with them, what comes of them is a sound capture, or none.
//!
//! Each case is made from its number alone, so that one that fails can be run again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tap2pcap::internal::capture::destination::Destination;
use tap2pcap::internal::capture::{Capture, Format};
use tap2pcap::internal::convert::Conversion;
use tap2pcap::internal::input::Input;
use tap2pcap::internal::merge::tap::{Tap, TapState};
use tap2pcap::internal::packet::LinkType;
use tap2pcap::internal::report::Report;

use crate::capture;
use crate::model::Random;
use crate::program::{Dir, testdata};

/// Cases that go through the library: as many as take some seconds.
const CASES: u64 = 10_000;
/// Cases that go through the program.
const RUNS: u64 = 60;

/// Every tap in `testdata/`.
fn seeds() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(testdata("."))
        .expect("testdata")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|ending| ending != "md"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

/// The tap of a case: one of the seeds, changed in up to four places.
fn tap(seeds: &[Vec<u8>], case: u64) -> Vec<u8> {
    let mut random = Random(case);
    let mut tap = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        mutate(&mut tap, seeds, &mut random);
    }
    tap
}

fn mutate(tap: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(tap.len() + 1);
    let end = (at + 1 + random.below_by_size(tap.len())).min(tap.len());
    match random.below(10) {
        0 => tap.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        1 => tap.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next() as u8),
        2 => tap.truncate(at),
        3 => drop(tap.drain(at..end)),
        4 => drop(tap.splice(at..at, random.bytes())),
        5 => {
            let repeated = tap[at..end].repeat(1 + random.below(8));
            tap.splice(at..at, repeated);
        }
        // A length, or some other number, where there may have been one.
        6 => drop(tap.splice(at..end.min(at + 1), random.varint())),
        7 => {
            let digits = tap[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            tap.splice(at..at + digits, random.next().to_string().into_bytes());
        }
        8 => {
            let moved: Vec<u8> = tap.drain(at..end).collect();
            let to = random.below(tap.len() + 1);
            tap.splice(to..to, moved);
        }
        _ => {
            let other = &seeds[random.below(seeds.len())];
            tap.truncate(at);
            tap.extend_from_slice(&other[random.below(other.len())..]);
        }
    }
}

impl Random {
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// As often below 10 as from 10 to 99, and so on.
    fn below_by_size(&mut self, end: usize) -> usize {
        let digits = self.below(end.max(1).ilog10() as usize + 1) as u32;
        self.below(end.min(10usize.pow(digits + 1)))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.below_by_size(1_000);
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn varint(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let bits = self.below(64);
        crate::encode::wire::varint(self.next() >> bits, &mut bytes);
        bytes
    }
}

/// No capture may have more bytes than this. An event of a few bytes is a packet with its headers and, in pcapng,
/// comments; and some 260 packets, which are captured short, are all that one event can say it lacks.
fn most(tap: usize) -> usize {
    64 * 1024 + 8 * tap
}

/// Fails the test unless a file has a sound capture of so many packets, and not too many bytes.
fn assert_is_sound(file: &[u8], packets: u64, tap: usize) {
    assert!(file.len() <= most(tap), "{tap} bytes became {}", file.len());
    assert_eq!(capture::Capture::parse(file).packets.len() as u64, packets);
}

/// Converts a case to a file and looks at that.
fn convert(tap: Vec<u8>, format: Format, path: &Path) {
    let length = tap.len();
    // It may have become what is no tap.
    let Ok(input) = Input::from_bytes("tap".into(), tap, None) else { return };
    let conversion = Conversion {
        http: tap2pcap::internal::http::connections::Options { start_time: Some(0), ..Default::default() },
        ..Conversion::default()
    };
    let destination = Destination::file(path, &[]).expect("a place");
    let capture = Capture::new(destination, format, LinkType::Ethernet, &["tap".into()]).expect("a thread");
    let mut report = Report::default();
    let tap = Tap { name: "tap".into(), path: "tap".into(), state: TapState::Open(Box::new(input)) };
    let written = conversion.run(vec![tap], &[0], capture, &mut report).expect("it can be written");
    let Some(written) = written else { return assert!(report.errors() > 0) };
    assert_is_sound(&std::fs::read(path).expect("it is there"), written.packets, length);
}

/// The cases that fail, all of which the threads share.
fn failing(cases: Range<u64>, convert: impl Fn(u64, &Dir) + Sync) -> Vec<u64> {
    let next = AtomicU64::new(cases.start);
    let work = || {
        let dir = Dir::new();
        let mut failing = Vec::new();
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= cases.end {
                return failing;
            }
            if catch_unwind(AssertUnwindSafe(|| convert(case, &dir))).is_err() {
                failing.push(case);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    })
}

#[test]
fn damage_of_any_kind_is_an_error_and_what_is_left_is_sound() {
    let seeds = seeds();
    let failing = failing(0..CASES, |case, dir| {
        let format = if case % 2 == 0 { Format::PcapNg } else { Format::NsecPcap };
        convert(tap(&seeds, case), format, &dir.path("capture"));
    });
    assert!(failing.is_empty(), "these cases: {failing:?}");
}

/// The status is 0 or 1, and memory is for what is there.
#[test]
fn damage_of_any_kind_does_not_end_the_program_early() {
    let seeds = seeds();
    let failing = failing(CASES..CASES + RUNS, |case, dir| {
        let tap = tap(&seeds, case);
        let length = tap.len();
        dir.write("tap", &tap);
        for input in ["tap", "-"] {
            let ran = dir.tap2pcap_within("-v 65536").arg(input).stdin(tap.clone()).run();
            let is_failure = ran.stderr.contains("tap2pcap: error: ");
            assert_eq!(ran.code, Some(i32::from(is_failure)), "{}", ran.stderr);
            assert!(ran.stdout.len() <= most(length));
        }
    });
    assert!(failing.is_empty(), "these cases: {failing:?}");
}
