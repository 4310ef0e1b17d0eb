//! A capture for each connection.

use std::collections::BTreeMap;

use crate::capture::{Capture, Kind, Packet};
use crate::encode::{Format, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, START, STEP, noise_from};
use crate::program::{Dir, Ran};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x00\x00";

#[track_caller]
fn run(dir: &Dir, args: &[&str], status: i32) -> Ran {
    dir.tap2pcap().args(args).run().expect(status)
}

fn write_tap(dir: &Dir, name: &str, conversations: &[Conversation]) {
    let path = dir.path(name);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
    std::fs::write(path, Tap::streamed(Format::Delimited).write(conversations)).expect("a file");
}

fn conversation(id: u64) -> Conversation {
    Conversation::new(id).at(START + id).read(format!("GET /{id}")).write(noise_from(id, 900)).closed()
}

/// The captures in a directory by name; there has to be nothing else in it.
#[track_caller]
fn captures(dir: &Dir, directory: &str) -> BTreeMap<String, Capture> {
    let entries = std::fs::read_dir(dir.path(directory)).expect("the directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.map(|name| (name.clone(), Capture::parse(&dir.read(&format!("{directory}/{name}"))))).collect()
}

fn names(captures: &BTreeMap<String, Capture>) -> Vec<&str> {
    captures.keys().map(String::as_str).collect()
}

#[test]
fn a_capture_is_named_after_its_trace() {
    let dir = Dir::new();
    write_tap(&dir, "taps/listener_1.pb", &[conversation(1)]);
    write_tap(&dir, "taps/listener_12.pb_length_delimited", &[conversation(12)]);
    write_tap(&dir, "taps/no-ending_3", &[conversation(3)]);
    write_tap(&dir, "taps/two.pb", &[conversation(4), conversation(5)]);
    // Another trace's id is none of this one's.
    write_tap(&dir, "taps/listener_7.pb", &[conversation(17)]);
    write_tap(&dir, "taps/x8.pb", &[conversation(8)]);
    write_tap(&dir, "taps/sub/listener_1.json", &[conversation(1).at(START)]);
    let ran = run(&dir, &["--split", "captures", "taps"], 0);
    assert!(ran.stderr.starts_with("8 traces, ") && ran.stderr.ends_with(" -> captures\n"), "{}", ran.stderr);
    let captures = captures(&dir, "captures");
    assert_eq!(
        names(&captures),
        [
            "listener_12.pcap",
            "listener_7_17.pcap",
            "no-ending_3.pcap",
            "sub-listener_1.pcap",
            "taps-listener_1.pcap",
            "two_4.pcap",
            "two_5.pcap",
            "x8_8.pcap"
        ]
    );
    assert!(captures.values().all(|capture| capture.kind == Kind::Nanoseconds));
    for (name, id) in
        [("listener_12.pcap", 12), ("listener_7_17.pcap", 17), ("two_4.pcap", 4), ("two_5.pcap", 5)]
    {
        let capture = &captures[name];
        assert_eq!((capture.packets.len(), capture.streams().len()), (4, 1), "{name}");
        assert_shows(capture, &conversation(id), &Tap::streamed(Format::Delimited));
    }
}

#[test]
fn what_comes_from_standard_input_is_named_so() {
    let dir = Dir::new();
    let tap = Tap::streamed(Format::JsonBytes).write(&[conversation(1), conversation(2)]);
    dir.tap2pcap().args(["--split", "a/b/c", "-"]).stdin(tap).run().expect(0);
    assert_eq!(names(&captures(&dir, "a/b/c")), ["stdin_1.pcap", "stdin_2.pcap"]);
}

#[test]
fn an_id_that_comes_again_gets_a_number() {
    let dir = Dir::new();
    let mut again = conversation(1);
    again.events.iter_mut().for_each(|event| event.time += 1_000_000_000);
    for name in ["taps/a/tap_1.pb", "taps/b/tap_1.pb", "taps/c/tap_1.pb"] {
        write_tap(&dir, name, &[conversation(1)]);
    }
    write_tap(&dir, "taps/one", &[conversation(1), again.clone()]);
    run(&dir, &["-F", "pcapng", "--split", "captures", "taps"], 0);
    let captures = captures(&dir, "captures");
    assert_eq!(
        names(&captures),
        ["a-tap_1.pcapng", "b-tap_1.pcapng", "c-tap_1.pcapng", "one_1-2.pcapng", "one_1.pcapng"]
    );
    assert_shows(&captures["one_1.pcapng"], &conversation(1), &Tap::streamed(Format::Delimited));
    assert_shows(&captures["one_1-2.pcapng"], &again, &Tap::streamed(Format::Delimited));
    assert_eq!(captures["a-tap_1.pcapng"].interfaces, ["taps/a/tap_1.pb"]);
    assert_eq!(captures["b-tap_1.pcapng"].interfaces, ["taps/b/tap_1.pb"]);
    assert_eq!(captures["c-tap_1.pcapng"].interfaces, ["taps/c/tap_1.pb"]);
}

/// Each is what the capture of all of them has of it, in each format.
#[test]
fn each_capture_has_its_own_packets_only() {
    let conversations: Vec<Conversation> = (1..=40)
        .map(|id| {
            let open = conversation(id);
            // More than is kept in memory for one, less, and one that never closes.
            let open = (0..id % 7).fold(open.at(START + id * STEP), |open, number| {
                open.write(noise_from(id << 8 | number, 30_000))
            });
            if id % 5 == 0 { open } else { open.closed() }
        })
        .map(|mut conversation| {
            let is_close = |event: &crate::model::Event| matches!(event.what, crate::model::What::Closed);
            let last = conversation.events.len() - 1;
            let mut number = 0;
            conversation.events.retain(|event| {
                number += 1;
                !is_close(event) || number - 1 == last && conversation.id % 5 != 0
            });
            conversation
        })
        .collect();
    let dir = Dir::new();
    write_tap(&dir, "taps/all", &conversations[..30]);
    for conversation in &conversations[30..] {
        write_tap(&dir, &format!("taps/tap_{}", conversation.id), std::slice::from_ref(conversation));
    }
    for (format, ending) in [("pcapng", "pcapng"), ("pcap", "pcap"), ("nsecpcap", "pcap")] {
        let all = Capture::parse(&run(&dir, &["-F", format, "-w", "-", "taps"], 0).stdout);
        let directory = format!("split-{format}");
        let ran = run(&dir, &["-F", format, "--split", &directory, "taps"], 0);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        let captures = captures(&dir, &directory);
        assert_eq!(captures.len(), conversations.len());
        for conversation in &conversations {
            let stem = if conversation.id <= 30 { "all" } else { "tap" };
            let capture = &captures[&format!("{stem}_{}.{ending}", conversation.id)];
            assert_eq!(capture.kind, all.kind);
            let [_, remote] = conversation.addresses();
            let is_its = |packet: &&Packet| [packet.source, packet.destination].contains(&remote);
            let expected = all.packets.iter().filter(is_its);
            let expected: Vec<Packet> =
                expected.map(|packet| Packet { interface: 0, ..packet.clone() }).collect();
            assert_eq!(capture.packets, expected, "{} {format}", conversation.id);
            if format == "pcapng" {
                let name =
                    if conversation.id <= 30 { "all".to_owned() } else { format!("tap_{}", conversation.id) };
                assert_eq!(capture.interfaces, [format!("taps/{name}")]);
            }
        }
    }
}

/// What waits in memory for all of them together is more than 32 MiB, though none has 64 KiB.
#[test]
fn many_that_go_on_at_the_same_time_are_whole() {
    let (count, length) = (560, 62_000);
    let conversations: Vec<Conversation> = (1..=count)
        .map(|id| {
            Conversation::new(id)
                .at(START + id)
                .read(noise_from(id, length))
                .at(START + 10 * STEP + id)
                .closed()
        })
        .collect();
    let dir = Dir::new();
    write_tap(&dir, "tap", &conversations);
    run(&dir, &["--split", "captures", "tap"], 0);
    let captures = captures(&dir, "captures");
    assert_eq!(captures.len(), count as usize);
    for conversation in &conversations {
        let capture = &captures[&format!("tap_{}.pcap", conversation.id)];
        assert_eq!(capture.packets.len(), 3);
        assert!(capture.packets[0].payload == noise_from(conversation.id, length), "{}", conversation.id);
    }
}

#[test]
fn addresses_that_come_back_need_no_syn_there() {
    let addresses = conversation(1);
    let again = |id: u64| {
        let conversation = conversation(id).between(addresses.local.clone(), addresses.remote.clone());
        let start = START + id * 1_000_000_000;
        conversation.at(start)
    };
    let conversations = [1, 2, 3].map(|id| {
        let mut conversation = again(id);
        conversation.events.iter_mut().for_each(|event| event.time += id * 1_000_000_000);
        conversation
    });
    let dir = Dir::new();
    write_tap(&dir, "tap", &conversations);
    let all = Capture::parse(&run(&dir, &["tap"], 0).stdout);
    assert_eq!(all.packets.iter().filter(|packet| packet.flags == "S").count(), 2);
    run(&dir, &["--split", "captures", "tap"], 0);
    let captures = captures(&dir, "captures");
    assert_eq!(names(&captures), ["tap_1.pcap", "tap_2.pcap", "tap_3.pcap"]);
    for (capture, conversation) in captures.values().zip(&conversations) {
        assert!(capture.packets.iter().all(|packet| !packet.flags.contains('S')), "{:?}", capture.packets);
        assert_shows(capture, conversation, &Tap::streamed(Format::Delimited));
    }
    run(&dir, &["--split", "handshakes", "--handshake", "tap"], 0);
    for capture in self::captures(&dir, "handshakes").values() {
        let flags: Vec<&str> = capture.packets.iter().take(3).map(|packet| &*packet.flags).collect();
        assert_eq!(flags, ["S", "SA", "A"]);
    }
}

#[test]
fn captures_of_an_earlier_run_are_replaced_and_the_same() {
    let dir = Dir::new();
    write_tap(&dir, "tap", &[1, 2, 3].map(conversation));
    run(&dir, &["--split", "captures", "tap"], 0);
    let bytes = [1, 2, 3].map(|id| dir.read(&format!("captures/tap_{id}.pcap")));
    std::fs::write(dir.path("captures/tap_1.pcap"), b"").expect("a file");
    // Of another format: pcapng's first bytes.
    std::fs::write(dir.path("captures/tap_2.pcap"), b"\x0a\x0d\x0d\x0aand so on").expect("a file");
    run(&dir, &["--split", "captures", "tap"], 0);
    assert_eq!(names(&captures(&dir, "captures")), ["tap_1.pcap", "tap_2.pcap", "tap_3.pcap"]);
    assert!([1, 2, 3].map(|id| dir.read(&format!("captures/tap_{id}.pcap"))) == bytes);
}

/// Captures beside their traces are none.
#[test]
fn the_directory_may_be_that_of_the_traces() {
    let dir = Dir::new();
    for id in [1, 2] {
        write_tap(&dir, &format!("taps/tap_{id}.pb"), &[conversation(id)]);
    }
    for run_number in 0..2 {
        let ran = run(&dir, &["--split", "taps", "taps"], 0);
        assert!(ran.stderr.starts_with("2 traces, 8 packets, "), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("2 files skipped"), run_number > 0, "{}", ran.stderr);
        let entries = std::fs::read_dir(dir.path("taps")).expect("the directory");
        assert_eq!(entries.count(), 4);
    }
}

#[test]
fn a_file_of_that_name_that_is_no_capture_is_never_replaced() {
    for foreign in [JPEG, b"notes", b"\n"] {
        let dir = Dir::new();
        write_tap(&dir, "tap", &[1, 2, 3].map(conversation));
        std::fs::create_dir(dir.path("captures")).expect("a directory");
        dir.write("captures/tap_2.pcap", foreign);
        let ran = run(&dir, &["--split", "captures", "tap"], 1);
        assert!(ran.stderr.contains("captures/tap_2.pcap"), "{}", ran.stderr);
        assert!(ran.stderr.lines().all(|line| line.starts_with("tap2pcap: error: ")), "{}", ran.stderr);
        assert_eq!(dir.read("captures/tap_2.pcap"), foreign);
        let entries = std::fs::read_dir(dir.path("captures")).expect("the directory");
        let temporary = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
        assert!(entries.into_iter().all(|entry| !temporary(&entry.expect("an entry").file_name())));
    }
}

#[test]
fn a_damaged_trace_costs_only_its_own_capture_and_leaves_nothing_else() {
    let dir = Dir::new();
    for id in [1, 2, 3] {
        write_tap(&dir, &format!("taps/tap_{id}"), &[conversation(id)]);
    }
    let bytes = dir.read("taps/tap_2");
    dir.write("taps/tap_2", &bytes[..200]);
    let ran = run(&dir, &["--split", "captures", "taps", "missing"], 1);
    for name in ["taps/tap_2: record ", "missing: "] {
        assert!(ran.stderr.contains(&format!("tap2pcap: error: {name}")), "{}", ran.stderr);
    }
    let captures = captures(&dir, "captures");
    assert_eq!(names(&captures), ["tap_1.pcap", "tap_2.pcap", "tap_3.pcap"]);
    // The second is the beginning of an event.
    assert_eq!(captures["tap_2.pcap"].packets.len(), 2);
    for id in [1, 3] {
        let capture = &captures[&format!("tap_{id}.pcap")];
        assert_shows(capture, &conversation(id), &Tap::streamed(Format::Delimited));
    }
}

#[test]
fn only_what_is_chosen_gets_a_capture() {
    let dir = Dir::new();
    let mut conversations = [1, 2, 3, 4].map(conversation);
    for conversation in &mut conversations {
        // One after the other, so that one takes the other's place in the program.
        let later = conversation.id * 1_000_000_000;
        conversation.events.iter_mut().for_each(|event| event.time += later);
    }
    write_tap(&dir, "tap", &conversations);
    for (place, options, ids) in [
        ("address", ["--address", "10.2.0.3"], vec![3]),
        ("id", ["--trace-id", "2"], vec![2]),
        ("time", ["--since", "1700000003"], vec![3, 4]),
        ("port", ["--port", "8080"], vec![1, 2, 3, 4]),
    ] {
        run(&dir, &[&["--split", place, "tap"], &options[..]].concat(), 0);
        let captures = captures(&dir, place);
        let expected: Vec<String> = ids.iter().map(|id| format!("tap_{id}.pcap")).collect();
        assert_eq!(names(&captures), expected, "{options:?}");
        for (capture, id) in captures.values().zip(ids) {
            assert_shows(capture, &conversations[id as usize - 1], &Tap::streamed(Format::Delimited));
        }
    }
}

#[test]
fn one_capture_and_one_a_connection_exclude_each_other() {
    let dir = Dir::new();
    write_tap(&dir, "tap", &[conversation(1)]);
    let ran = run(&dir, &["--split", "captures", "-w", "capture", "tap"], 2);
    assert!(ran.stderr.contains("--split") && ran.stderr.contains("--write"), "{}", ran.stderr);
    run(&dir, &["--split", "captures"], 2);
    assert_eq!(dir.names(), ["tap"]);
    // Every file that is named is a trace, the last one too.
    write_tap(&dir, "tap2", &[conversation(2)]);
    let before = dir.read("tap2");
    run(&dir, &["--split", "captures", "tap", "tap2"], 0);
    assert_eq!(names(&captures(&dir, "captures")), ["tap2_2.pcap", "tap_1.pcap"]);
    assert_eq!(dir.read("tap2"), before);
}

#[test]
fn a_place_that_cannot_be_a_directory_is_an_error() {
    let dir = Dir::new();
    write_tap(&dir, "tap", &[conversation(1)]);
    dir.write("file", b"text");
    for place in ["file", "file/captures"] {
        let ran = run(&dir, &["--split", place, "tap"], 1);
        assert!(ran.stderr.starts_with(&format!("tap2pcap: error: {place}: ")), "{}", ran.stderr);
        assert_eq!(
            (dir.names(), dir.read("file")),
            (vec!["file".to_owned(), "tap".to_owned()], b"text".to_vec())
        );
    }
}
