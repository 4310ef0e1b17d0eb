//! What people who run Envoy have in their hands, as in public reports: each with a file in `testdata/`, and its siblings.

mod decode_as;
mod inside;

use crate::program::{Dir, testdata};

/// What a command writes to standard output.
#[track_caller]
fn stdout(dir: &Dir, args: &[&str], status: i32) -> String {
    let ran = dir.tap2pcap().args(args).run().expect(status);
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// The path of a tap in `testdata/`.
fn path(tap: &str) -> String {
    testdata(tap).to_str().expect("UTF-8").to_owned()
}
