//! Places for a capture that are not just files: links, pipes, devices, and those that are full.

use std::fs::{hard_link, read_link};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::{assert_one_error, run, tap, tap_of};
use crate::model::{Conversation, noise};
use crate::program::Dir;

/// The tap, and what comes of it.
fn setup() -> (Dir, Vec<u8>) {
    let dir = Dir::new();
    dir.write("tap", &tap());
    let capture = run(&dir, &["tap"], 0).stdout;
    (dir, capture)
}

/// A tap that is more than a pipe or a block holds.
fn large() -> Vec<u8> {
    tap_of(&[(1..100).fold(Conversation::new(1), |conversation, _| conversation.write(noise(60_000)))])
}

#[test]
fn a_link_stays_a_link_and_the_capture_behind_it_keeps_its_permissions() {
    let (dir, capture) = setup();
    let target = dir.write("target", b"");
    std::fs::set_permissions(&target, PermissionsExt::from_mode(0o640)).expect("permissions");
    symlink("target", dir.path("link")).expect("a link");
    run(&dir, &["tap", "link"], 0);
    assert!(dir.path("link").is_symlink());
    assert_eq!(dir.read("target"), capture);
    assert_eq!(std::fs::metadata(target).expect("it is there").permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_link_to_what_is_not_there_stays_a_link_and_its_target_is_made() {
    let (dir, capture) = setup();
    std::fs::create_dir(dir.path("sub")).expect("a directory");
    for (target, link) in [("made", "one"), ("one", "two"), ("../two", "sub/three"), ("sub/three", "four")] {
        symlink(target, dir.path(link)).expect("a link");
        run(&dir, &["tap", link], 0);
        assert_eq!(read_link(dir.path(link)).expect("a link"), std::path::Path::new(target));
        assert_eq!(dir.read("made"), capture, "{link}");
        assert!(!dir.path("made").is_symlink());
        std::fs::remove_file(dir.path("made")).expect("it is there");
    }
    symlink("missing/made", dir.path("nowhere")).expect("a link");
    symlink("circle", dir.path("circle")).expect("a link");
    let names = dir.names();
    for link in ["nowhere", "circle"] {
        assert_one_error(&run(&dir, &["tap", link], 1), &[link]);
    }
    assert_eq!(dir.names(), names);
}

#[test]
fn an_input_by_another_name_is_never_replaced() {
    let (dir, capture) = setup();
    symlink("tap", dir.path("link")).expect("a link");
    hard_link(dir.path("tap"), dir.path("hard")).expect("a link");
    for args in [["tap", "link"], ["tap", "hard"], ["link", "tap"], ["hard", "tap"]] {
        assert_one_error(&run(&dir, &args, 1), &[args[1]]);
        assert_eq!(dir.read("tap"), tap(), "{args:?}");
    }
    assert!(dir.path("link").is_symlink());
    // Nor is it through a capture that has two names: only one of them is replaced.
    dir.write("capture", b"");
    hard_link(dir.path("capture"), dir.path("other")).expect("a link");
    run(&dir, &["tap", "capture"], 0);
    assert_eq!([dir.read("capture"), dir.read("other")], [capture, vec![]]);
}

#[test]
fn a_pipe_by_its_name_is_written_to_until_nobody_reads() {
    let (dir, capture) = setup();
    dir.write("large", &large());
    let made = Command::new("mkfifo").arg(dir.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let read = |arguments: &str| {
        let script = format!("\"$0\" {arguments} pipe & head -c 100 pipe; wait $!; echo $?");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_tap2pcap")]).current_dir(dir.path("."));
        let ran = shell.output().expect("sh runs");
        (ran.stdout, String::from_utf8(ran.stderr).expect("messages are UTF-8"))
    };
    let (stdout, stderr) = read("large");
    assert_eq!((&stdout[stdout.len() - 2..], stdout.len(), &stderr[..]), (&b"0\n"[..], 102, ""));
    let (stdout, stderr) = read("--mss 20 tap");
    assert!(stdout.starts_with(&capture[..24]) && stderr.ends_with(" -> pipe\n"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_by_its_name_is_standard_output() {
    let (dir, capture) = setup();
    dir.write("large", &large());
    assert_eq!(run(&dir, &["tap", "/dev/stdout"], 0).stdout, capture);
    let ran = dir.tap2pcap().args(["large", "/dev/stdout"]).run_and_read_only(100).expect(0);
    assert_eq!(ran.stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    let (dir, _) = setup();
    assert_one_error(&run(&dir, &["tap", "/dev/full"], 1), &["/dev/full"]);
    run(&dir, &["tap", "/dev/null"], 0);
    let ran = shell(&dir, "\"$0\" tap >/dev/full");
    assert_eq!(ran.code, Some(1));
    assert_one_error(&ran, &["standard output"]);
}

/// Messages that nobody can be told are no reason to fail.
#[cfg(target_os = "linux")]
#[test]
fn standard_error_that_is_full_or_closed_changes_nothing() {
    let (dir, capture) = setup();
    for to in ["2>/dev/full", "2>&-"] {
        assert_eq!(shell(&dir, &format!("\"$0\" tap capture {to}")).code, Some(0), "{to}");
        assert_eq!(dir.read("capture"), capture, "{to}");
        assert_eq!(shell(&dir, &format!("\"$0\" missing other {to}")).code, Some(1), "{to}");
        std::fs::remove_file(dir.path("capture")).expect("it is there");
    }
}

/// Runs a script that has the program as its name.
#[cfg(target_os = "linux")]
fn shell(dir: &Dir, script: &str) -> crate::program::Ran {
    let script = format!("cd \"$1\" && {script}");
    let (program, place) = (env!("CARGO_BIN_EXE_tap2pcap"), dir.path("."));
    crate::program::TestCommand::new("sh").args(["-c", &script, program]).arg(place).run()
}

/// Where there is no room left, the earlier capture stays, and nothing else.
#[test]
fn a_full_disk_is_an_error_and_leaves_no_part_of_a_capture() {
    let (dir, earlier) = setup();
    dir.write("capture", &earlier);
    dir.write("large", &large());
    let small = "-f 64";
    let ran = dir.tap2pcap_within(small).args(["large", "capture"]).run().expect(1);
    assert_one_error(&ran, &["capture: "]);
    assert_eq!(dir.read("capture"), earlier);
    assert_eq!(dir.names(), ["capture", "large", "tap"]);
    // What is small enough has room.
    dir.tap2pcap_within(small).args(["tap", "capture"]).run().expect(0);

    let ran = dir.tap2pcap_within(small).args(["--split", "captures", "large", "tap"]).run().expect(1);
    assert_one_error(&ran, &["captures: "]);
    let left = std::fs::read_dir(dir.path("captures")).expect("a directory");
    let left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(left.iter().all(|name| name == "tap_1.pcap"), "{left:?}");
}

/// Even root makes no file there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_an_error() {
    let (dir, _) = setup();
    for place in ["/proc/capture.pcap", "/sys/capture.pcap"] {
        assert_one_error(&run(&dir, &["tap", place], 1), &[place]);
    }
    assert_one_error(&run(&dir, &["--split", "/proc/captures", "tap"], 1), &["/proc/captures"]);
}
