//! A capture appears in one step and replaces nothing but a capture.

use super::{JPEG, assert_one_error, run, tap, tap_of};
use crate::capture::{Capture, Kind};
use crate::model::{Conversation, noise};
use crate::program::Dir;

#[test]
fn two_taps_are_a_slip_and_the_second_stays_as_it_is() {
    let dir = Dir::new();
    dir.write("a.pb", &tap());
    dir.write("b.pb", &tap());
    let ran = run(&dir, &["a.pb", "b.pb"], 1);
    assert_one_error(&ran, &["b.pb", "-w"]);
    assert_eq!(dir.read("b.pb"), tap());
    assert_eq!(dir.names(), ["a.pb", "b.pb"]);
}

#[test]
fn a_file_that_is_no_capture_is_never_replaced() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    for (name, bytes) in [("photo", JPEG), ("notes.pcap", b"note"), ("byte", b"\n")] {
        dir.write(name, bytes);
        for args in [["tap", name].as_slice(), &["-w", name, "tap"]] {
            assert_one_error(&run(&dir, args, 1), &[name]);
            assert_eq!(dir.read(name), bytes);
        }
    }
    assert_eq!(dir.names(), ["byte", "notes.pcap", "photo", "tap"]);
}

#[test]
fn an_input_is_never_replaced() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("sub")).expect("a directory");
    dir.write("tap", &tap());
    dir.write("other", &tap());
    for args in [["tap", "tap"].as_slice(), &["-w", "tap", "other", "tap"], &["tap", "./sub/../tap"]] {
        assert_one_error(&run(&dir, args, 1), &["input"]);
        assert_eq!(dir.read("tap"), tap());
    }
    assert_eq!(dir.names(), ["other", "sub", "tap"]);
}

#[test]
fn an_earlier_capture_is_replaced() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    let big_endian = b"\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\x01";
    let mut larger = big_endian.to_vec();
    larger.extend(noise(100_000));
    for earlier in [b"".as_slice(), big_endian, &larger, &run(&dir, &["-F", "pcapng", "tap"], 0).stdout] {
        dir.write("capture", earlier);
        run(&dir, &["tap", "capture"], 0);
        assert_eq!(dir.read("capture"), run(&dir, &["tap"], 0).stdout);
        assert_eq!(dir.names(), ["capture", "tap"]);
    }
}

#[test]
fn an_earlier_capture_stays_where_there_is_nothing_to_replace_it() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    run(&dir, &["tap", "capture"], 0);
    let earlier = dir.read("capture");
    dir.write("photo", JPEG);
    for args in
        [["missing", "capture"].as_slice(), &["photo", "capture"], &["-w", "capture", "photo", "missing"]]
    {
        run(&dir, args, 1);
        assert_eq!(dir.read("capture"), earlier, "{args:?}");
        assert_eq!(dir.names(), ["capture", "photo", "tap"]);
    }
}

#[test]
fn the_option_and_the_ending_choose_the_format() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    let cases: [(&[&str], &str, Kind); 8] = [
        (&[], "a.pcapng", Kind::PcapNg),
        (&[], "a.pcap", Kind::Nanoseconds),
        (&[], "a", Kind::Nanoseconds),
        (&[], "pcapng", Kind::Nanoseconds),
        (&["-F", "pcap"], "a.pcapng", Kind::Microseconds),
        (&["-F", "nsecpcap"], "b.pcapng", Kind::Nanoseconds),
        (&["-F", "pcapng"], "b.pcap", Kind::PcapNg),
        (&["--format=pcap"], "c", Kind::Microseconds),
    ];
    for (options, name, kind) in cases {
        run(&dir, &[options, &["tap", name]].concat(), 0);
        assert_eq!(Capture::parse(&dir.read(name)).kind, kind, "{options:?} {name}");
        std::fs::remove_file(dir.path(name)).expect("it is there");
        run(&dir, &[options, &["-w", name, "tap"]].concat(), 0);
        assert_eq!(Capture::parse(&dir.read(name)).kind, kind, "{options:?} -w {name}");
        std::fs::remove_file(dir.path(name)).expect("it is there");
    }
}

#[test]
fn a_dash_is_standard_input_and_standard_output() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    run(&dir, &["tap", "capture"], 0);
    let expected = dir.read("capture");
    for args in [["tap"].as_slice(), &["tap", "-"], &["-w", "-", "tap"]] {
        assert_eq!(run(&dir, args, 0).stdout, expected, "{args:?}");
    }
    for args in [["-"].as_slice(), &["-", "-"], &["-w", "-", "-"]] {
        assert_eq!(dir.tap2pcap().args(args).stdin(tap()).run().expect(0).stdout, expected, "{args:?}");
    }
    let ran = dir.tap2pcap().args(["-", "capture.pcap"]).stdin(tap()).run().expect(0);
    assert_eq!((ran.stdout, dir.read("capture.pcap")), (vec![], expected));
}

#[test]
fn whoever_reads_may_stop_and_that_is_no_error() {
    let dir = Dir::new();
    let large = (1..200).fold(Conversation::new(1), |conversation, _| conversation.write(noise(60_000)));
    dir.write("large", &tap_of(&[large]));
    dir.write("small", &tap());
    for (tap, bytes) in [("large", 0), ("large", 1), ("large", 100_000), ("small", 0)] {
        for options in [&["-F", "pcap"][..], &["-F", "pcapng"], &["--strict"]] {
            let ran = dir.tap2pcap().args(options).arg(tap).run_and_read_only(bytes).expect(0);
            // What is small may all be in the pipe before it breaks.
            if tap == "large" {
                assert_eq!(ran.stderr, "");
            }
        }
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_an_error() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    std::fs::create_dir(dir.path("sub")).expect("a directory");
    for place in ["missing/capture", "sub", "tap/capture"] {
        assert_one_error(&run(&dir, &["tap", place], 1), &[place]);
    }
    assert_eq!(dir.names(), ["sub", "tap"]);
}
