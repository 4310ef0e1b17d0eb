//! Many inputs in one capture: directories with taps of every format beside files that are none, merged in order of
//! time, in little memory and with few files open.

mod bounds;
mod order;

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::capture::Capture;
use crate::encode::{Format, Tap};
use crate::expected::sent;
use crate::model::{Conversation, Direction, START, What, noise_from, text};
use crate::program::{Dir, Ran};

/// Files as they lie about beside taps.
const FOREIGN: [(&str, &[u8]); 6] = [
    ("README.md", b"# Taps\n\nOf the gateway, by listener.\n"),
    ("access.log", b"[2026-11-20T10:58:36.880Z] \"GET / HTTP/1.1\" 200 - 0 2 1 0 \"-\" \"curl/8\"\n"),
    ("config.yaml", b"static_resources:\n  listeners:\n  - name: gateway\n"),
    ("core", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0"),
    ("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x00\x00"),
    ("taps.tar.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x49\x2c\x28\xd6\x67\x30\x00\x02\x73\x53\x53\x00\xb5\x46\x6f\x50\x0d\x00\x00\x00"),
];

/// A conversation and how it is tapped.
type Tapped = (Conversation, Tap);

fn write_in(dir: &Dir, name: &str, bytes: &[u8]) {
    let path = dir.path(name);
    let parent = path.parent().expect("a directory");
    std::fs::create_dir_all(parent).expect("directories");
    std::fs::write(&path, bytes).expect("a file");
}

fn write_tap(dir: &Dir, name: &str, (conversation, tap): &Tapped) {
    write_in(dir, name, &tap.write(std::slice::from_ref(conversation)));
}

#[track_caller]
fn run(dir: &Dir, args: &[&str], status: i32) -> Ran {
    dir.tap2pcap().args(args).run().expect(status)
}

/// A conversation whose events come every `step` nanoseconds, each with as many bytes.
fn steady(id: u64, start: u64, step: u64, events: u64, length: usize) -> Conversation {
    let conversation = Conversation::new(id);
    (0..events).fold(conversation, |conversation, number| {
        let bytes = noise_from(id << 32 | number, length);
        let conversation = conversation.at(start + number * step);
        if number % 2 == 0 { conversation.read(bytes) } else { conversation.write(bytes) }
    })
}

/// Fails the test unless the capture has these conversations and nothing else, every byte at its time, and all in strict
/// order of time.
#[track_caller]
fn assert_shows_all(capture: &Capture, tapped: &[Tapped]) {
    assert!(capture.packets.is_sorted_by_key(|packet| packet.time), "in order of time");
    let streams = capture.streams();
    let mut of_remote = HashMap::new();
    for stream in &streams {
        let mut addresses = stream.addresses();
        addresses.sort();
        assert!(of_remote.insert(addresses, stream).is_none(), "{addresses:?} come twice");
    }
    assert_eq!(streams.len(), tapped.len());
    for (conversation, tap) in tapped {
        let [local, remote] = conversation.addresses();
        let mut addresses = [local, remote];
        addresses.sort();
        let stream =
            of_remote.get(&addresses).unwrap_or_else(|| panic!("{local} and {remote} are not there"));
        for (address, direction) in [(local, Direction::Write), (remote, Direction::Read)] {
            assert_eq!(*stream.sent_by(address), sent(conversation, tap, direction), "{remote}");
        }
    }
}

/// Fails the test unless the packets with bytes are those of the events, sorted by time.
#[track_caller]
fn assert_merged(capture: &Capture, tapped: &[Tapped]) {
    let mut expected: Vec<(u64, SocketAddr, usize)> = Vec::new();
    for (conversation, _) in tapped {
        let [local, remote] = conversation.addresses();
        for event in &conversation.events {
            if let What::Data(data) = &event.what {
                let source = if data.direction == Direction::Read { remote } else { local };
                expected.push((event.time, source, data.bytes.len()));
            }
        }
    }
    expected.sort_by_key(|&(time, ..)| time);
    assert!(expected.windows(2).all(|pair| pair[0].0 < pair[1].0), "the test has no two events at one time");
    let packets = capture.packets.iter().filter(|packet| packet.length > 0);
    let found: Vec<_> = packets.map(|packet| (packet.time, packet.source, packet.length)).collect();
    assert_eq!(found.len(), expected.len());
    let difference = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    assert_eq!(difference, None);
}

/// Taps of every format and kind, interleaved.
fn every_format() -> Vec<(String, Tapped)> {
    let mut taps = Vec::new();
    for format in Format::ALL {
        for tap in [Tap::buffered(format), Tap::streamed(format)] {
            if !tap.tells_addresses() {
                continue;
            }
            let id = taps.len() as u64 + 1;
            let conversation = Conversation::new(id)
                .at(START + id)
                .read(format!("GET /{id}"))
                .write(text(3_000))
                .at(START + 9_000_000_000 - id)
                .read(text(id as usize))
                .closed();
            // The name says nothing: the bytes tell the format.
            let name = if id.is_multiple_of(2) { format!("deep/{id}/tap") } else { format!("tap-{id}.pb") };
            taps.push((name, (conversation, tap)));
        }
    }
    taps
}

#[test]
fn a_tree_of_every_format_is_one_capture_and_foreign_files_are_counted() {
    let dir = Dir::new();
    let taps = every_format();
    for (name, tapped) in &taps {
        write_tap(&dir, &format!("taps/{name}"), tapped);
    }
    for (name, bytes) in FOREIGN {
        write_in(&dir, &format!("taps/{name}"), bytes);
        write_in(&dir, &format!("taps/deep/more/{name}"), bytes);
    }
    let beside =
        [101, 102, 103].map(|id| (steady(id, START + id, 7_777_777, 20, 99), Tap::streamed(Format::Text)));
    write_tap(&dir, "one.txt", &beside[0]);
    write_tap(&dir, "two/b.txt", &beside[1]);
    let stdin = beside[2].1.write(std::slice::from_ref(&beside[2].0));
    let args = ["-w", "all.pcapng", "one.txt", "taps", "-", "two"];
    let ran = dir.tap2pcap().args(args).stdin(stdin).run().expect(0);

    let capture = Capture::parse(&dir.read("all.pcapng"));
    let mut tapped: Vec<Tapped> = taps.iter().map(|(_, tapped)| tapped.clone()).collect();
    tapped.extend(beside);
    assert_shows_all(&capture, &tapped);
    assert_merged(&capture, &tapped);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let skipped = format!(", {} files skipped that no tap wrote -> all.pcapng\n", 2 * FOREIGN.len());
    assert!(ran.stderr.ends_with(&skipped), "{}", ran.stderr);
    assert!(ran.stderr.starts_with(&format!("{} traces, ", tapped.len())), "{}", ran.stderr);

    let mut names: Vec<String> = taps.iter().map(|(name, _)| format!("taps/{name}")).collect();
    names.sort_by_key(|name| name.split('/').map(str::to_owned).collect::<Vec<_>>());
    names.insert(0, "one.txt".to_owned());
    names.extend(["-".to_owned(), "two/b.txt".to_owned()]);
    assert_eq!(capture.interfaces, names);
    for packet in &capture.packets {
        let name = &capture.interfaces[packet.interface];
        let of_file = capture.packets.iter().find(|first| first.interface == packet.interface);
        let comments = of_file.map(|first| &first.comments);
        let file = format!("tap.file={name}");
        assert!(comments.is_some_and(|comments| comments.contains(&file)), "{comments:?} {file}");
    }
}

#[test]
fn a_directory_without_taps_is_an_error_and_the_others_are_converted() {
    let dir = Dir::new();
    for (name, bytes) in FOREIGN {
        write_in(&dir, &format!("none/{name}"), bytes);
    }
    let tapped = (steady(1, START, 1_000, 3, 10), Tap::buffered(Format::Binary));
    write_tap(&dir, "taps/tap", &tapped);
    let ran = run(&dir, &["-w", "none.pcap", "none"], 1);
    assert!(
        ran.stderr.starts_with("tap2pcap: error: none: ") && ran.stderr.lines().count() == 1,
        "{}",
        ran.stderr
    );
    assert!(!dir.path("none.pcap").exists());
    let ran = run(&dir, &["-w", "some.pcap", "none", "taps"], 1);
    assert!(ran.stderr.contains("error: none: "), "{}", ran.stderr);
    assert_shows_all(&Capture::parse(&dir.read("some.pcap")), &[tapped]);
}

/// JSON that no tap wrote is one of the files that lie about, whatever its members are.
#[test]
fn foreign_json_and_blank_files_are_skipped_too() {
    let tapped = (steady(1, START, 1_000, 3, 10), Tap::streamed(Format::JsonBytes));
    let foreign: [&[u8]; 5] = [
        b"{\"stats\": [{\"name\": \"a\", \"value\": 1}]}\n",
        b"{\"name\": \"x\", \"version\": 1}\n",
        b"{}\n",
        b"[1, 2]\n",
        b"\n",
    ];
    for bytes in foreign {
        let dir = Dir::new();
        write_tap(&dir, "taps/tap_1.json", &tapped);
        write_in(&dir, "taps/other.json", bytes);
        let ran = dir.tap2pcap().args(["-w", "all.pcap", "taps"]).run();
        assert_eq!(ran.code, Some(0), "{} {}", bytes.escape_ascii(), ran.stderr);
        assert!(ran.stderr.contains(", 1 file skipped that no tap wrote"), "{}", ran.stderr);
        assert_shows_all(&Capture::parse(&dir.read("all.pcap")), std::slice::from_ref(&tapped));
    }
}

#[test]
fn a_damaged_file_costs_only_itself() {
    let dir = Dir::new();
    let mut tapped: Vec<Tapped> = Vec::new();
    for id in 1..=20 {
        let format = Format::LOSSLESS[id as usize % 4];
        tapped.push((steady(id, START + id, 1_000_003, 30, 400), Tap::streamed(format)));
        write_tap(&dir, &format!("taps/{id:02}.tap"), &tapped[id as usize - 1]);
    }
    // One breaks off in the middle of a record, one has noise in its middle, of one only a length is left.
    let (first, second, third) = (3, 6, 9);
    for (number, keep) in [(first, 7_001), (third, 1)] {
        let name = format!("taps/{number:02}.tap");
        let bytes = dir.read(&name);
        write_in(&dir, &name, &bytes[..keep]);
    }
    let mut bytes = dir.read("taps/06.tap");
    bytes[6_000..6_300].copy_from_slice(&noise_from(6, 300));
    write_in(&dir, "taps/06.tap", &bytes);

    let ran = run(&dir, &["-w", "all.pcapng", "taps"], 1);
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("tap2pcap: error: ")).collect();
    for number in [first, second] {
        let named = format!("tap2pcap: error: taps/{number:02}.tap: record ");
        assert!(errors.iter().any(|error| error.starts_with(&named)), "{}", ran.stderr);
    }
    let is_of_damaged =
        |error: &&str| ["03", "06", "09"].iter().any(|name| error.contains(&format!("taps/{name}.tap: ")));
    assert!(errors.iter().all(is_of_damaged), "{}", ran.stderr);

    let mut capture = Capture::parse(&dir.read("all.pcapng"));
    assert!(capture.packets.is_sorted_by_key(|packet| packet.time));
    let is_damaged = |number: u64| [first, second, third].contains(&number);
    let start = capture.packets.iter().filter(|packet| capture.interfaces[packet.interface] == "taps/03.tap");
    assert!(start.count() > 5, "what stands before the damage is there");
    let interfaces = capture.interfaces.clone();
    capture.packets.retain(|packet| {
        !["03", "06", "09"].iter().any(|name| interfaces[packet.interface] == format!("taps/{name}.tap"))
    });
    tapped.retain(|(conversation, _)| !is_damaged(conversation.id));
    assert_shows_all(&capture, &tapped);
}

/// Envoy writes `PREFIX_ID.ENDING`.
#[test]
fn past_a_thousand_inputs_those_of_a_prefix_share_an_interface() {
    let dir = Dir::new();
    let mut tapped = Vec::new();
    for id in 1..=1_001_u64 {
        let name = match id % 4 {
            0 => format!("taps/a/down_{id}.pb"),
            1 => format!("taps/b/down_{id}.pb"),
            2 => format!("taps/b/up_stream_{id}.pb_text"),
            _ if id == 3 => "taps/c/alone.pb".to_owned(),
            _ => format!("taps/c_1/up_{id}.json"),
        };
        tapped.push((steady(id, START + id, 1_000_000, 2, 5), Tap::buffered(Format::Binary)));
        write_tap(&dir, &name, &tapped[id as usize - 1]);
    }
    run(&dir, &["-w", "many.pcapng", "taps"], 0);
    let capture = Capture::parse(&dir.read("many.pcapng"));
    assert_eq!(
        capture.interfaces,
        ["taps/a/down", "taps/b/down", "taps/b/up_stream", "taps/c/alone.pb", "taps/c_1/up"]
    );
    assert_shows_all(&capture, &tapped);
    for packet in &capture.packets {
        let [.., high, low] = match (packet.source.port(), packet.source.ip(), packet.destination.ip()) {
            (40_000, std::net::IpAddr::V4(remote), _) | (_, _, std::net::IpAddr::V4(remote)) => {
                remote.octets()
            }
            other => panic!("{other:?} are not of the test"),
        };
        let expected = match u64::from(u16::from_be_bytes([high, low])) {
            3 => 3,
            id => [0, 1, 2, 4][id as usize % 4],
        };
        assert_eq!(packet.interface, expected, "{packet:?}");
    }

    std::fs::remove_file(dir.path("taps/c/alone.pb")).expect("it is there");
    run(&dir, &["-w", "fewer.pcapng", "taps"], 0);
    let capture = Capture::parse(&dir.read("fewer.pcapng"));
    assert_eq!(capture.interfaces.len(), 1_000);
    assert!(capture.interfaces.contains(&"taps/a/down_4.pb".to_owned()));
    tapped.retain(|(conversation, _)| conversation.id != 3);
    assert_shows_all(&capture, &tapped);
}

#[test]
fn captures_of_earlier_runs_are_skipped_and_every_run_gives_the_same_bytes() {
    let dir = Dir::new();
    let tapped: Vec<Tapped> = (1..=30)
        .map(|id| (steady(id, START + id, 999_983, 12, 300), Tap::streamed(Format::Delimited)))
        .collect();
    for tapped in &tapped {
        write_tap(&dir, &format!("taps/tap_{}", tapped.0.id), tapped);
    }
    let captures = [("nsecpcap", "a.pcap"), ("pcap", "b"), ("pcapng", "c.pcapng")];
    for (earlier, (format, name)) in captures.into_iter().enumerate() {
        let path = format!("taps/{name}");
        let args = ["-F", format, "-w", &path, "taps"];
        let first = run(&dir, &args, 0);
        let bytes = dir.read(&path);
        let second = run(&dir, &args, 0);
        assert!(dir.read(&path) == bytes, "{format}");
        assert_shows_all_times(&bytes, &tapped, format == "pcap");
        for (ran, captures) in [(first, earlier), (second, earlier + 1)] {
            let skipped = match captures {
                0 => " of payload -> ".to_owned(),
                1 => ", 1 file skipped that no tap wrote -> ".to_owned(),
                more => format!(", {more} files skipped that no tap wrote -> "),
            };
            assert!(ran.stderr.contains(&skipped), "{skipped:?} is not in {}", ran.stderr);
        }
    }
    let stdout = run(&dir, &["-F", "pcapng", "-w", "-", "taps"], 0).stdout;
    assert!(stdout == dir.read("taps/c.pcapng"));
}

/// Microseconds leave too little of the times to compare.
#[track_caller]
fn assert_shows_all_times(file: &[u8], tapped: &[Tapped], has_microseconds: bool) {
    let capture = Capture::parse(file);
    if has_microseconds {
        assert!(capture.packets.is_sorted_by_key(|packet| packet.time));
        assert_eq!(
            capture.packets.len(),
            tapped.iter().map(|(conversation, _)| conversation.events.len()).sum::<usize>()
        );
    } else {
        assert_shows_all(&capture, tapped);
    }
}
