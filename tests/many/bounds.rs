//! Many inputs with few files open, and in little memory.

use super::{Tapped, assert_merged, assert_shows_all, run, steady, write_tap};
use crate::capture::Capture;
use crate::encode::{Format, Tap};
use crate::model::START;
use crate::program::{Dir, TestCommand};

#[cfg(unix)]
#[test]
fn more_files_at_a_time_than_may_be_open_are_converted() {
    let dir = Dir::new();
    let tapped: Vec<Tapped> = (1..=1_500)
        .map(|id| {
            (steady(id, START + id, 1_000_003, 4, 40), Tap::buffered(Format::LOSSLESS[id as usize % 4]))
        })
        .collect();
    for tapped in &tapped {
        write_tap(&dir, &format!("taps/tap_{}", tapped.0.id), tapped);
    }
    let ran = TestCommand::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tap2pcap"), "-w"])
        .arg(dir.path("all.pcapng"))
        .arg(dir.path("taps"))
        .run()
        .expect(0);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let capture = Capture::parse(&dir.read("all.pcapng"));
    assert_shows_all(&capture, &tapped);
    assert_merged(&capture, &tapped);
}

/// Buffers of 256 KiB, and those of records of 1 MiB: together more than the 32 MiB that the program gives them.
#[test]
fn more_than_goes_into_memory_at_a_time_is_merged_all_the_same() {
    let dir = Dir::new();
    let mut tapped: Vec<Tapped> = Vec::new();
    for id in 1..=142 {
        let (tap, length) = match id {
            1..=16 => (Tap::buffered(Format::LOSSLESS[id as usize % 2]), 60_000),
            _ if id % 20 == 0 => (Tap::streamed(Format::JsonBytes), 16_000),
            _ => (Tap::streamed(Format::LOSSLESS[id as usize % 2]), 17_000),
        };
        // Each has a pace of its own, so that now this one is furthest away, now that one.
        tapped.push((steady(id, START + id, 1_000_000 + 1_009 * (id % 7), 16, length), tap));
        write_tap(&dir, &format!("taps/tap_{id}"), &tapped[id as usize - 1]);
    }
    let ran = run(&dir, &["-w", "all.pcap", "taps"], 0);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let capture = Capture::parse(&dir.read("all.pcap"));
    assert_shows_all(&capture, &tapped);
    assert_merged(&capture, &tapped);
}
