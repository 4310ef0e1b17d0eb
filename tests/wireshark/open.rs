//! `tap2pcap open`: the capture goes to the viewer with the options that it wants, and is gone afterwards.

use std::os::unix::fs::PermissionsExt;

use crate::program::{Dir, Ran, TestCommand, testdata};

/// A directory with a viewer of this name in bin/, which keeps its arguments, the capture and its permissions.
fn with_viewer(name: &str, status: u32) -> Dir {
    let dir = Dir::new();
    for folder in ["bin", "tmp", "home"] {
        std::fs::create_dir(dir.path(folder)).expect("a directory");
    }
    let script = format!(
        "#!/bin/sh\nfor last; do :; done\nfor arg; do echo \"$arg\"; done > seen-args\n\
         cp \"$last\" seen-capture\nls -l \"$last\" > seen-mode\nexit {status}\n"
    );
    let path = dir.write(&format!("bin/{name}"), script.as_bytes());
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("permissions");
    dir
}

/// With a display, and nothing of whoever runs the test.
fn open(dir: &Dir) -> TestCommand {
    let [bin, home, tmp] = ["bin", "home", "tmp"].map(|name| dir.path(name).display().to_string());
    dir.tap2pcap()
        .env("PATH", &format!("{bin}:/bin"))
        .env("HOME", &home)
        .env("TMPDIR", &tmp)
        .env("DISPLAY", ":0")
        .env("WAYLAND_DISPLAY", "")
        .env("TAP2PCAP_VIEWER", "")
        .env_remove("XDG_CONFIG_HOME")
        .arg("open")
}

fn left(dir: &Dir) -> Vec<String> {
    let left = std::fs::read_dir(dir.path("tmp")).expect("a directory");
    left.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

fn args(dir: &Dir) -> Vec<String> {
    String::from_utf8(dir.read("seen-args")).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_stays(dir: &Dir, ran: Ran, why: &str, viewer: &str) {
    let ran = ran.expect(1);
    assert!(ran.stderr.contains(why) && ran.stderr.contains("the capture stays"), "{}", ran.stderr);
    let [capture] = &left(dir)[..] else { panic!("{:?}", left(dir)) };
    let path = dir.path("tmp").join(capture).display().to_string();
    let line = String::from_utf8(ran.stdout).expect("UTF-8");
    assert_eq!(line, format!("{viewer} -d tcp.port==10000,http2 -r {path}\n"));
    assert_eq!(std::fs::read(&path).expect("a capture")[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
}

const TAP: &str = "tap2pcap_h2_ipv4.pb_text";

#[test]
fn the_viewer_gets_the_capture_which_is_gone_afterwards() {
    let dir = with_viewer("wireshark", 0);
    let ran = open(&dir).arg(testdata(TAP)).args(["--mss", "1000"]).run().expect(0);
    assert!(ran.stderr.starts_with("1 trace, "), "{}", ran.stderr);
    let seen = args(&dir);
    assert_eq!(&seen[..3], ["-d", "tcp.port==10000,http2", "-r"]);
    let name = seen[3].strip_prefix(&dir.path("tmp/tap2pcap-tap2pcap_h2_ipv4-").display().to_string());
    assert!(name.is_some_and(|rest| rest.ends_with(".pcapng")) && seen.len() == 4, "{seen:?}");
    dir.tap2pcap().args(["-q", "--mss", "1000", "-w", "same.pcapng"]).arg(testdata(TAP)).run().expect(0);
    assert!(dir.read("seen-capture") == dir.read("same.pcapng"));
    assert!(dir.read("seen-mode").starts_with(b"-rw-------"));
    assert!(left(&dir).is_empty());
}

#[test]
fn the_profile_is_named_if_it_is_installed() {
    let dir = with_viewer("wireshark", 0);
    let profile = dir.path("home/.config/wireshark/profiles/tap2pcap");
    std::fs::create_dir_all(&profile).expect("a directory");
    std::fs::write(profile.join("preferences"), "").expect("a file");
    // This tshark names no folders.
    dir.write("bin/tshark", b"");
    let tap = std::fs::read(testdata("hubble/denied.json")).expect("flows");
    open(&dir).args(["-q", "-"]).stdin(tap).run().expect(0);
    let seen = args(&dir);
    assert_eq!(&seen[..3], ["-C", "tap2pcap", "-r"]);
    assert!(seen[3].contains("/tap2pcap-stdin-"), "{seen:?}");
}

#[test]
fn it_can_be_another_viewer_with_arguments() {
    let dir = with_viewer("my viewer", 0);
    let path = dir.path("bin/my viewer").display().to_string();
    for (viewer, first) in [("sh -- ./view --big", "--big"), (&path[..], "-d")] {
        std::fs::copy(dir.path("bin/my viewer"), dir.path("view")).expect("a copy");
        open(&dir).env("DISPLAY", "").env("TAP2PCAP_VIEWER", viewer).arg(testdata(TAP)).run().expect(0);
        assert_eq!(args(&dir)[0], first);
    }
    assert!(left(&dir).is_empty());
}

#[cfg(all(unix, not(target_os = "macos")))]
#[test]
fn without_a_display_it_says_what_to_run() {
    let dir = with_viewer("wireshark", 0);
    let ran = open(&dir).env("DISPLAY", "").args(["-q"]).arg(testdata(TAP)).run();
    assert_stays(&dir, ran, "there is no display", "wireshark");
    assert!(!dir.path("seen-args").exists());
}

#[test]
fn a_viewer_that_is_missing_or_fails_leaves_the_capture() {
    let dir = with_viewer("wireshark", 2);
    assert_stays(&dir, open(&dir).arg(testdata(TAP)).run(), "wireshark failed (exit status: 2)", "wireshark");
    // Nothing failed where somebody has ended it.
    dir.write("bin/ended", b"#!/bin/sh\nkill -TERM $$\n");
    std::fs::set_permissions(dir.path("bin/ended"), PermissionsExt::from_mode(0o755)).expect("permissions");
    let kept = left(&dir);
    open(&dir).env("TAP2PCAP_VIEWER", "ended").arg(testdata(TAP)).run().expect(0);
    assert_eq!(left(&dir), kept);
    let dir = with_viewer("other", 0);
    let ran = open(&dir).env("TAP2PCAP_VIEWER", "nope --it's").arg(testdata(TAP)).run();
    assert_stays(&dir, ran, "nope is not found", r"nope '--it'\''s'");
}

#[test]
fn keep_keeps_it_and_what_is_no_trace_opens_nothing() {
    let dir = with_viewer("wireshark", 0);
    open(&dir).args(["--keep", "-q"]).arg(testdata(TAP)).run().expect(0);
    assert_eq!(left(&dir).len(), 1);
    std::fs::remove_file(dir.path("seen-args")).expect("it was seen");
    dir.write("tmp/none", b"no trace");
    open(&dir).args(["tmp/none", "missing"]).run().expect(1);
    assert!(!dir.path("seen-args").exists() && left(&dir).len() == 2);
    // What can be converted is shown, and the status says that there was more.
    open(&dir).arg(testdata(TAP)).arg("missing").run().expect(1);
    assert!(dir.path("seen-args").exists());
    open(&dir).run().expect(2);
}
