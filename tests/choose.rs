//! Only some of what is in a tap: by address, port, time and id.

use crate::capture::Capture;
use crate::encode::{Format, Kind, Tap};
use crate::model::{Conversation, START, STEP, ip};
use crate::program::{Dir, Ran};

/// Where the test's connections are, local and remote, by id from 1.
const ADDRESSES: [[&str; 2]; 5] = [
    ["10.1.0.1:8080", "10.2.0.1:40000"],
    ["192.168.7.7:443", "10.3.0.5:50000"],
    ["[fd00::1]:80", "[fd00:1::9]:51000"],
    ["[::ffff:10.9.9.9]:8443", "[::ffff:172.16.0.1]:52000"],
    ["127.0.0.1:8080", "127.0.0.1:443"],
];

/// From the beginning of one connection to that of the next.
const SECOND: u64 = 1_000_000_000;

fn between(id: u64) -> Conversation {
    let [local, remote] = ADDRESSES[id as usize - 1];
    Conversation::new(id).between(ip(local), ip(remote))
}

/// All of them, one after the other, each closed before the next begins.
fn conversations() -> Vec<Conversation> {
    (1..=ADDRESSES.len() as u64)
        .map(|id| {
            between(id).at(START + id * SECOND).read(format!("GET /{id}")).write("ok").read("more").closed()
        })
        .collect()
}

/// The test's connections as one tap, as several, and as a tap in which they go on at the same time.
fn inputs() -> Vec<(&'static str, Dir)> {
    let mut inputs = Vec::new();
    for (what, kind) in
        [("streamed", Kind::Streamed), ("buffered", Kind::Buffered), ("batched", Kind::Batched(2))]
    {
        let tap = Tap { kind, ..Tap::streamed(Format::Delimited) };
        let dir = Dir::new();
        std::fs::create_dir(dir.path("taps")).expect("a directory");
        dir.write("taps/all", &tap.write(&conversations()));
        inputs.push((what, dir));
    }
    let tap = Tap::streamed(Format::Text);
    let dir = Dir::new();
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    for conversation in conversations() {
        dir.write(&format!("taps/tap_{}", conversation.id), &tap.write(&[conversation]));
    }
    inputs.push(("in files of their own", dir));

    let at_once: Vec<_> = conversations()
        .into_iter()
        .map(|mut conversation| {
            conversation.events.last_mut().expect("the close").time += 10 * SECOND;
            conversation
        })
        .collect();
    let dir = Dir::new();
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    dir.write("taps/all", &tap.write(&at_once));
    inputs.push(("at the same time", dir));
    inputs
}

#[track_caller]
fn run(dir: &Dir, args: &[&str], status: i32) -> Ran {
    dir.tap2pcap().args(args).run().expect(status)
}

/// Fails the test unless these options leave whole the connections with these ids, and no other.
#[track_caller]
fn assert_chosen(inputs: &[(&str, Dir)], options: &[&str], ids: &[u64]) {
    for (what, dir) in inputs {
        let all = Capture::parse(&run(dir, &["-F", "pcapng", "-w", "-", "taps"], 0).stdout);
        let ran = run(dir, &[&["-F", "pcapng", "-w", "-", "taps"], options].concat(), 0);
        let capture = Capture::parse(&ran.stdout);
        let mut expected = all.packets;
        expected.retain(|packet| {
            let is_between = |id: &u64| {
                let [local, remote] = ADDRESSES[*id as usize - 1].map(crate::model::address);
                let [local, remote] = [local, remote]
                    .map(|side| std::net::SocketAddr::new(side.ip().to_canonical(), side.port()));
                let sides = [packet.source, packet.destination]
                    .map(|side| std::net::SocketAddr::new(side.ip().to_canonical(), side.port()));
                sides == [local, remote] || sides == [remote, local]
            };
            ids.iter().any(is_between)
        });
        assert_eq!(capture.packets, expected, "{options:?} {what}");
        let counted = format!(
            "{} trace{}, {} packets",
            ids.len(),
            if ids.len() == 1 { "" } else { "s" },
            expected.len()
        );
        assert!(ran.stderr.contains(&counted), "{counted:?} is not in {}", ran.stderr);
    }
}

#[test]
fn addresses_and_networks_choose_connections() {
    let inputs = inputs();
    let cases: [(&[&str], &[u64]); 14] = [
        (&["--address", "10.1.0.1"], &[1]),
        (&["--address", "10.3.0.5"], &[2]),
        (&["--address", "10.0.0.0/8"], &[1, 2, 4]),
        (&["--address", "10.2.0.0/15"], &[1, 2]),
        (&["--address", "0.0.0.0/0"], &[1, 2, 4, 5]),
        (&["--address", "10.3.0.5:50000"], &[2]),
        (&["--address", "10.0.0.0/8:8080"], &[1]),
        (&["--address", "127.0.0.1:443"], &[5]),
        (&["--address", "fd00::1"], &[3]),
        (&["--address", "fd00:1::/32"], &[3]),
        (&["--address", "[fd00::/16]:51000"], &[3]),
        (&["--address", "::ffff:10.9.9.9"], &[4]),
        (&["--address", "172.16.0.1:52000"], &[4]),
        (&["--address", "10.1.0.1", "--address", "[fd00::1]:80", "--address", "192.0.2.0/24"], &[1, 3]),
    ];
    for (options, ids) in cases {
        assert_chosen(&inputs, options, ids);
    }
}

#[test]
fn ports_and_ids_choose_connections() {
    let inputs = inputs();
    let cases: [(&[&str], &[u64]); 7] = [
        (&["--port", "8080"], &[1, 5]),
        (&["--port", "443"], &[2, 5]),
        (&["--port", "51000", "--port", "40000"], &[1, 3]),
        (&["--trace-id", "4"], &[4]),
        (&["--trace-id", "2", "--trace-id", "3", "--trace-id", "99"], &[2, 3]),
        (&["--trace-id", "1", "--trace-id", "2", "--port", "443"], &[2]),
        (&["--address", "10.0.0.0/8", "--port", "8080", "--port", "443"], &[1, 2]),
    ];
    for (options, ids) in cases {
        assert_chosen(&inputs, options, ids);
    }
}

/// `START` is 2023-11-14T22:13:20.123456789Z.
#[test]
fn times_choose_in_either_notation_and_both_bounds_count() {
    let mut inputs = inputs();
    inputs.retain(|(what, _)| *what != "at the same time");
    let cases: [(&[&str], &[u64]); 10] = [
        (&["--since", "1700000003.123456789"], &[3, 4, 5]),
        (&["--since", "2023-11-14T22:13:23.123456789Z"], &[3, 4, 5]),
        (&["--since", "2023-11-15T00:13:23.123456789+02:00"], &[3, 4, 5]),
        (&["--since", "0"], &[1, 2, 3, 4, 5]),
        (&["--until", "1700000002.2"], &[1, 2]),
        (&["--until", "2023-11-14T22:13:22.2Z"], &[1, 2]),
        (&["--until", "2023-11-14T17:13:22.2-05:00"], &[1, 2]),
        (&["--since", "1700000002", "--until", "1700000004"], &[2, 3]),
        (&["--since", "2023-11-14T22:13:22Z", "--until", "1700000005", "--port", "443"], &[2]),
        (&["--since=1700000002", "--until=1700000005", "--address=10.0.0.0/8", "--trace-id=4"], &[4]),
    ];
    for (options, ids) in cases {
        assert_chosen(&inputs, options, ids);
    }
}

/// A decimal number of seconds.
fn seconds(time: u64) -> String {
    format!("{}.{:09}", time / SECOND, time % SECOND)
}

#[test]
fn times_cut_a_connection_to_the_nanosecond() {
    let dir = Dir::new();
    let conversation = between(1).at(START).read("one").write("two").read("three").write("four").closed();
    let times: Vec<u64> = conversation.events.iter().map(|event| event.time).collect();
    for tap in [Tap::streamed(Format::Binary), Tap::buffered(Format::JsonBytes)] {
        dir.write("tap", &tap.write(std::slice::from_ref(&conversation)));
        let shown = |since: u64, until: u64| -> Vec<u64> {
            let args = ["--since", &seconds(since), "--until", &seconds(until), "tap"];
            let capture = Capture::parse(&run(&dir, &args, 0).stdout);
            // Its own checks are that the sequence numbers go on without a gap.
            assert_eq!(capture.streams().len(), 1);
            capture.packets.iter().filter(|packet| packet.length > 0).map(|packet| packet.time).collect()
        };
        assert_eq!(shown(times[1], times[2]), times[1..3]);
        assert_eq!(shown(times[1] + 1, times[3] - 1), times[2..3]);
        assert_eq!(shown(times[2], times[2]), times[2..3]);
        assert_eq!(shown(0, times[0]), times[..1]);
        assert_eq!(shown(times[3], u64::MAX), times[3..4]);
    }
}

/// Inside a connection the trace's order stands, whatever the times are.
#[test]
fn sequence_numbers_go_on_behind_what_is_left_out_in_the_middle() {
    let late = START + 60 * SECOND;
    let conversation = between(1)
        .at(START)
        .read("first")
        .write("answer")
        .at(late)
        .read([7; 1_000])
        .cut_write([8; 2_000], 10)
        .write([9; 300])
        .at(START + STEP * 5)
        .read("last")
        .write("end")
        .closed();
    for format in Format::LOSSLESS {
        let dir = Dir::new();
        dir.write("tap", &Tap::streamed(format).write(std::slice::from_ref(&conversation)));
        let all = Capture::parse(&run(&dir, &["tap"], 0).stdout).packets;
        let until = seconds(START + SECOND);
        let kept = Capture::parse(&run(&dir, &["--until", &until, "tap"], 0).stdout).packets;
        let sequences = |packets: &[crate::capture::Packet]| -> Vec<_> {
            let packets =
                packets.iter().filter(|packet| packet.payload.first().is_none_or(u8::is_ascii_lowercase));
            packets.map(|packet| (packet.sequence, packet.acknowledgment, packet.payload.clone())).collect()
        };
        assert_eq!(sequences(&kept), sequences(&all), "{format:?}");
        assert_eq!(kept.len(), 6, "{format:?}");
        assert_eq!(kept[2].sequence.wrapping_sub(kept[0].sequence), 5 + 1_000);
        assert_eq!(kept[3].sequence.wrapping_sub(kept[1].sequence), 6 + 2_000 + 300);
    }
}

/// Files of many times, joined: what is left out of one says nothing of the next.
#[test]
fn a_close_that_is_left_out_ends_the_connection_all_the_same() {
    let first = between(1).at(START).read("first").at(START + 60 * SECOND).closed();
    let second = between(2).at(START + SECOND).read("second").write("ok").closed();
    let again = between(1).at(START + 2 * SECOND).read("again").closed();
    for format in [Format::Delimited, Format::Text, Format::JsonBytes] {
        let tap = Tap::streamed(format);
        let joined = |conversations: &[&Conversation]| -> Vec<u8> {
            conversations
                .iter()
                .flat_map(|&conversation| tap.write(std::slice::from_ref(conversation)))
                .collect()
        };
        let dir = Dir::new();
        let until = seconds(START + 10 * SECOND);
        dir.write("tap", &joined(&[&first, &second]));
        let ran = run(&dir, &["--until", &until, "-F", "pcapng", "tap"], 0);
        let capture = Capture::parse(&ran.stdout);
        let ports: Vec<u16> = capture.packets.iter().map(|packet| packet.source.port()).collect();
        assert_eq!(ports[..3], [40_000, 50_000, 443], "{format:?}");
        assert_eq!(capture.streams().len(), 2, "{format:?}");
        assert!(ran.stderr.starts_with("2 traces, "), "{}", ran.stderr);

        // The same addresses come back: nothing overlaps, because the first one has closed.
        let mut last = again.clone();
        last.id = 9;
        dir.write("tap", &joined(&[&first, &last]));
        let ran = run(&dir, &["--strict", "--until", &until, "-F", "pcapng", "tap"], 0);
        assert_eq!(Capture::parse(&ran.stdout).streams().len(), 2, "{format:?}");
    }
}

#[test]
fn a_handshake_stands_at_the_first_event_that_is_left() {
    let dir = Dir::new();
    let conversation = between(1).at(START).read("one").write("two").read("three");
    dir.write("tap", &Tap::streamed(Format::Binary).write(&[conversation]));
    let since = seconds(START + STEP);
    let packets = Capture::parse(&run(&dir, &["--handshake", "--since", &since, "tap"], 0).stdout).packets;
    let seen: Vec<(&str, u64)> = packets.iter().map(|packet| (&*packet.flags, packet.time)).collect();
    let (second, third) = (START + STEP, START + 2 * STEP);
    assert_eq!(seen, [("S", second), ("SA", second), ("A", second), ("PA", second), ("PA", third)]);
}

#[test]
fn where_nothing_is_left_there_is_an_error_and_no_capture() {
    let options: [&[&str]; 7] = [
        &["--address", "192.0.2.0/24"],
        &["--address", "10.1.0.1:40000"],
        &["--port", "9"],
        &["--trace-id", "77"],
        &["--since", "1800000000"],
        &["--until", "2001-01-01T00:00:00Z"],
        &["--trace-id", "1", "--port", "443"],
    ];
    for (what, dir) in inputs() {
        if what == "at the same time" {
            continue;
        }
        for options in options {
            for place in [
                &["-w", "capture.pcapng", "taps"][..],
                &["-w", "-", "taps"],
                &["--split", "captures", "taps"],
            ] {
                let ran = run(&dir, &[options, place].concat(), 1);
                assert!(ran.stdout.is_empty(), "{options:?} {what}");
                assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
                assert!(
                    ran.stderr.starts_with("tap2pcap: error: ") && ran.stderr.contains(options[0]),
                    "{}",
                    ran.stderr
                );
                assert!(!dir.path("capture.pcapng").exists(), "{options:?} {what}");
                let split = std::fs::read_dir(dir.path("captures"));
                assert!(
                    split.is_err() || split.is_ok_and(|entries| entries.count() == 0),
                    "{options:?} {what}"
                );
            }
        }
    }
    let (_, dir) = inputs().remove(0);
    run(&dir, &["-w", "capture.pcapng", "taps"], 0);
    let earlier = dir.read("capture.pcapng");
    run(&dir, &["-w", "capture.pcapng", "--port", "9", "taps"], 1);
    assert!(dir.read("capture.pcapng") == earlier, "an earlier capture stays");
}

#[test]
fn values_that_make_no_sense_are_wrong_usage_and_the_message_names_them() {
    let cases = [
        ("--address", "example.com", "IP address or CIDR"),
        ("--address", "10.0.0.256", "IP address or CIDR"),
        ("--address", "", "IP address or CIDR"),
        ("--address", "10.0.0.0/33", "from 0 to 32"),
        ("--address", "fd00::/129", "from 0 to 128"),
        ("--address", "10.0.0.1:http", "port"),
        ("--address", "10.0.0.1:65536", "port"),
        ("--address", "[fd00::1", "IP address or CIDR"),
        ("--address", "[fd00::1]80", "port"),
        ("--port", "65536", "65536"),
        ("--port", "-1", "-1"),
        ("--port", "http", "http"),
        ("--trace-id", "0x10", "0x10"),
        ("--since", "yesterday", "RFC 3339"),
        ("--since", "2026-11-20", "RFC 3339"),
        ("--since", "2026-11-20T10:58:36", "RFC 3339"),
        ("--until", "1795172319.0123456789", "decimals"),
        ("--until", "-5", "1970"),
        ("--until", "1795172319500", "1970"),
        ("--until", "", "RFC 3339"),
    ];
    let dir = Dir::new();
    dir.write("tap", &Tap::streamed(Format::Binary).write(&conversations()));
    for (option, value, words) in cases {
        let ran = run(&dir, &[&format!("{option}={value}"), "tap", "capture"], 2);
        assert!(ran.stdout.is_empty(), "{option}={value}");
        for words in [option, words] {
            assert!(ran.stderr.contains(words), "{words:?} is not in {}", ran.stderr);
        }
        assert_eq!(dir.names(), ["tap"], "{option}={value}");
    }
}
