//! A command line that makes no sense is status 2, and nothing is touched.

use super::{run, tap};
use crate::program::Dir;

#[test]
fn options_that_do_not_exist_or_make_no_sense_are_wrong_usage() {
    let wrong: [&[&str]; 15] = [
        &[],
        &["--no-such-option", "tap", "capture"],
        &["-x", "tap", "capture"],
        &["--mss", "0", "tap", "capture"],
        &["--mss", "65536", "tap", "capture"],
        &["--mss", "tap", "capture"],
        &["-F", "cap", "tap", "capture"],
        &["-i", "xml", "tap", "capture"],
        &["--trace-id", "one", "tap", "capture"],
        &["--trace-id", "-1", "tap", "capture"],
        &["--local", "10.0.0.1", "tap", "capture"],
        &["--remote", "example.com:80", "tap", "capture"],
        &["--initiator", "both", "tap", "capture"],
        &["--link-type", "ppp", "tap", "capture"],
        &["-q", "-v", "tap", "capture"],
    ];
    let dir = Dir::new();
    dir.write("tap", &tap());
    for args in wrong {
        let ran = run(&dir, args, 2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{args:?}");
        assert_eq!(dir.names(), ["tap"], "{args:?}");
    }
}

#[test]
fn more_than_one_tap_needs_the_option_that_names_the_capture() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    let ran = run(&dir, &["tap", "tap", "capture"], 2);
    assert!(ran.stderr.contains("-w"), "{}", ran.stderr);
    assert_eq!(dir.names(), ["tap"]);
    run(&dir, &["-w", "capture"], 2);
    assert_eq!(dir.names(), ["tap"]);
}
