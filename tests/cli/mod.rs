//! The program at its edges: the command line, files that are not what they should be, exit statuses and messages.

mod generate;
mod help;
mod inputs;
mod live;
mod messages;
mod outputs;
#[cfg(unix)]
mod places;
#[cfg(unix)]
mod silent;
mod usage;

use crate::encode::{Format, Tap};
use crate::model::Conversation;
use crate::program::{Dir, Ran};

/// A tap of one conversation that gives no warnings.
fn tap() -> Vec<u8> {
    tap_of(&[Conversation::new(1).read("GET /").write("ok").closed()])
}

fn tap_of(conversations: &[Conversation]) -> Vec<u8> {
    Tap::streamed(Format::Binary).write(conversations)
}

/// The beginning of a JPEG file.
const JPEG: &[u8] =
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x00\x00\xff\xdb\x00\x43\x00";

/// Runs the program in the directory.
#[track_caller]
fn run(dir: &Dir, args: &[&str], status: i32) -> Ran {
    dir.tap2pcap().args(args).run().expect(status)
}

/// Fails the test unless the program said one thing only, an error, with each of these in it.
#[track_caller]
fn assert_one_error(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("tap2pcap: error: "), "{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{part:?} is not in {}", ran.stderr);
    }
}
