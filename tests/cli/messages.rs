//! What a person is told, and what makes it a failure.

use super::{run, tap, tap_of};
use crate::capture::Capture;
use crate::encode::{Format, Tap};
use crate::model::{Conversation, noise};
use crate::program::Dir;

/// Gives a warning: the length of a cut body is unknown.
fn tap_with_warning() -> Vec<u8> {
    tap_of(&[Conversation::new(1).read("GET /").cut_write(noise(100), 10)])
}

#[test]
fn a_summary_says_what_was_converted() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    assert_eq!(run(&dir, &["tap", "a.pcap"], 0).stderr, "1 trace, 4 packets, 7 bytes of payload -> a.pcap\n");
    let ran = run(&dir, &["tap"], 0);
    assert!(ran.stderr.starts_with("1 trace, 4 packets, 7 bytes of payload"), "{}", ran.stderr);
}

#[test]
fn a_warning_is_said_once_and_is_no_failure() {
    let dir = Dir::new();
    dir.write("tap", &tap_with_warning());
    let ran = run(&dir, &["tap", "a.pcap"], 0);
    let warnings = ran.stderr.lines().filter(|line| line.starts_with("tap2pcap: warning: "));
    assert_eq!(warnings.count(), 1, "{}", ran.stderr);
}

#[test]
fn strictness_makes_a_warning_a_failure_and_the_capture_is_written() {
    let dir = Dir::new();
    dir.write("fine", &tap());
    dir.write("tap", &tap_with_warning());
    run(&dir, &["--strict", "fine", "fine.pcap"], 0);
    for options in [&["--strict"][..], &["--strict", "-q"]] {
        run(&dir, &[options, &["tap", "a.pcap"]].concat(), 1);
        assert_eq!(Capture::parse(&dir.read("a.pcap")).packets.len(), 2);
    }
}

#[test]
fn quiet_is_silent_but_for_errors() {
    let dir = Dir::new();
    dir.write("tap", &tap_with_warning());
    assert_eq!(run(&dir, &["-q", "tap", "a.pcap"], 0).stderr, "");
    let ran = run(&dir, &["-q", "-w", "b.pcap", "tap", "missing"], 1);
    assert!(ran.stderr.starts_with("tap2pcap: error: missing: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn verbose_names_the_format_of_each_input() {
    let dir = Dir::new();
    dir.write("one", &tap());
    let text = Tap::streamed(Format::Text);
    dir.write("two", &text.write(&[Conversation::new(2).read("x")]));
    let ran = run(&dir, &["-v", "-w", "a.pcap", "one", "two"], 0);
    for words in ["one: binary", "two: text"] {
        assert!(ran.stderr.contains(words), "{words} is not in {}", ran.stderr);
    }
}

#[test]
fn an_address_by_hand_that_is_of_no_use_is_a_warning() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    for option in ["--local", "--remote"] {
        let ran = run(&dir, &[option, "10.0.0.1:1", "tap", "a.pcap"], 0);
        assert!(ran.stderr.contains(option), "{}", ran.stderr);
        run(&dir, &[option, "10.0.0.1:1", "--strict", "tap", "a.pcap"], 1);
    }
}
