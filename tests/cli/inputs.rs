//! Inputs that cannot be read, or not to their end, are status 1; what could be read is converted all the same.

use std::io::{Seek, SeekFrom};
use std::process::Command;

use super::{JPEG, assert_one_error, run, tap, tap_of};
use crate::capture::Capture;
use crate::damage::assert_begins;
use crate::encode::{Format, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, START, noise};
use crate::program::Dir;

#[test]
fn what_is_no_tap_is_an_error_and_leaves_no_capture() {
    let dir = Dir::new();
    dir.write("empty", b"");
    dir.write("photo.pb", JPEG);
    dir.write("noise.pb", &noise(10_000));
    dir.write("zeros.pb", &[0; 10_000]);
    dir.write("notes.pb_text", b"socket buffers are small\n");
    dir.write("other.json", b"{\"name\": \"x\", \"version\": 1}\n");
    std::fs::create_dir(dir.path("directory")).expect("a directory");
    let names = dir.names();
    let taps =
        ["missing", "empty", "directory", "photo.pb", "noise.pb", "zeros.pb", "notes.pb_text", "other.json"];
    for tap in taps {
        for args in [&[tap, "capture.pcap"][..], &[tap], &["-w", "capture.pcapng", tap]] {
            let ran = run(&dir, args, 1);
            assert_one_error(&ran, &[tap]);
            assert_eq!(dir.names(), names, "{args:?}");
        }
    }
}

#[test]
fn nothing_on_standard_input_is_an_error() {
    let dir = Dir::new();
    let ran = run(&dir, &["-", "capture.pcap"], 1);
    assert_one_error(&ran, &["empty"]);
    assert!(dir.names().is_empty());
}

#[test]
fn what_can_be_read_is_converted_beside_what_cannot() {
    let dir = Dir::new();
    dir.write("good", &tap());
    dir.write("photo", JPEG);
    let ran = run(&dir, &["-w", "capture.pcapng", "missing", "good", "photo"], 1);
    for name in ["missing", "photo"] {
        let lines =
            ran.stderr.lines().filter(|line| line.starts_with("tap2pcap: error: ") && line.contains(name));
        assert_eq!(lines.count(), 1, "{}", ran.stderr);
    }
    let capture = Capture::parse(&dir.read("capture.pcapng"));
    assert_eq!((capture.packets.len(), &capture.interfaces[..]), (4, &["good".to_owned()][..]));
}

#[test]
fn a_directory_is_all_the_taps_below_it() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("taps/sub")).expect("directories");
    let conversations = [1, 2, 3].map(|id| Conversation::new(id).at(START + id).read("GET /").closed());
    for ((name, format), conversation) in
        [("b.pb", Format::Binary), ("a.json", Format::JsonBytes), ("sub/c", Format::Text)]
            .into_iter()
            .zip(&conversations)
    {
        dir.write(&format!("taps/{name}"), &Tap::streamed(format).write(std::slice::from_ref(conversation)));
    }
    dir.write("taps/photo.jpg", JPEG);
    dir.write("taps/empty.pb", b"");
    // An earlier capture in there is no tap.
    for capture in ["taps/all.pcapng", "taps/all.pcapng", "all.pcapng"] {
        run(&dir, &["-w", capture, "taps"], 0);
        let capture = Capture::parse(&dir.read(capture));
        assert_eq!(capture.interfaces, ["taps/a.json", "taps/b.pb", "taps/sub/c"]);
        for conversation in &conversations {
            assert_shows(&capture, conversation, &Tap::streamed(Format::Binary));
        }
    }
}

/// Links to files that are gone, as log rotation leaves them, and links back up are no taps; others lead to some.
#[cfg(unix)]
#[test]
fn links_in_a_directory_that_lead_nowhere_are_skipped() {
    use std::os::unix::fs::symlink;
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("taps/sub")).expect("directories");
    dir.write("taps/tap", &tap());
    dir.write("elsewhere", &tap_of(&[Conversation::new(2).at(START + 1).read("GET /2")]));
    let links = [("gone", "a"), ("..", "sub/up"), ("../../taps", "sub/back"), ("../elsewhere", "z")];
    for (target, link) in links {
        symlink(target, dir.path("taps").join(link)).expect("a link");
    }
    let ran = run(&dir, &["-w", "all.pcapng", "taps"], 0);
    assert!(ran.stderr.contains(", 3 files skipped that no tap wrote "), "{}", ran.stderr);
    assert_eq!(Capture::parse(&dir.read("all.pcapng")).interfaces, ["taps/tap", "taps/z"]);
    // One that is named is missed.
    assert_one_error(&run(&dir, &["-w", "all.pcapng", "taps/a"], 1), &["taps/a"]);
}

/// Envoy buffers what it writes, and dies.
#[test]
fn a_tap_that_breaks_off_is_converted_up_to_there() {
    let conversation = Conversation::new(1).read("GET /").write(noise(2_000)).read("GET /2").closed();
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format);
        let whole = tap.write(std::slice::from_ref(&conversation));
        let expected = {
            let dir = Dir::new();
            dir.write("tap", &whole);
            Capture::parse(&run(&dir, &["tap"], 0).stdout).packets
        };
        let records = tap.records(std::slice::from_ref(&conversation));
        let boundary = format.print(&records[..2]).len();
        for end in [boundary + 10, boundary + 1_000, whole.len() - 3] {
            let dir = Dir::new();
            dir.write("tap", &whole[..end]);
            let ran = run(&dir, &["tap", "capture.pcap"], 1);
            assert!(ran.stderr.contains("tap2pcap: error: tap: record "), "{}", ran.stderr);
            let packets = Capture::parse(&dir.read("capture.pcap")).packets;
            if end == whole.len() - 3 {
                // The close may be missing: its two packets.
                assert!(packets.len() >= 3, "{format:?}");
            } else {
                // And the beginning of the next event, if it is in there.
                assert!(matches!(packets.len(), 1 | 2), "{format:?} {end}");
            }
            assert_begins(&packets, &expected, &format!("{format:?} {end}"));
        }
    }
}

#[test]
fn a_tap_that_breaks_off_between_two_records_is_whole() {
    let conversation = Conversation::new(1).read("GET /").write("ok").read("GET /2").closed();
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format);
        let dir = Dir::new();
        dir.write("tap", &format.print(&tap.records(std::slice::from_ref(&conversation))[..3]));
        let capture = Capture::parse(&run(&dir, &["tap"], 0).stdout);
        assert_eq!(capture.packets.len(), 2, "{format:?}");
    }
}

#[test]
fn many_interleaved_conversations_are_all_there() {
    let conversations: Vec<Conversation> = (1..=3_000)
        .map(|id| Conversation::new(id).at(START + id).read("GET /").write(noise(50)).closed())
        .collect();
    let dir = Dir::new();
    dir.write("tap", &tap_of(&conversations));
    let ran = run(&dir, &["tap"], 0);
    let capture = Capture::parse(&ran.stdout);
    assert_eq!((capture.packets.len(), capture.streams().len()), (12_000, 3_000));
    assert!(ran.stderr.contains("3,000 traces, 12,000 packets, 165,000 bytes"), "{}", ran.stderr);
}

/// A shell's `<` gives a file as standard input: it is read from where it stands.
#[test]
fn a_file_on_standard_input_is_read_from_where_it_stands() {
    let dir = Dir::new();
    dir.write("tap", &[JPEG, &tap()].concat());
    let mut file = std::fs::File::open(dir.path("tap")).expect("a file");
    file.seek(SeekFrom::Start(JPEG.len() as u64)).expect("a place in it");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tap2pcap"));
    let output = command.arg("-").stdin(file).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, dir.tap2pcap().arg("-").stdin(tap()).run().expect(0).stdout);
}
