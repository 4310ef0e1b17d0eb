//! SIGINT, SIGTERM and SIGHUP stop the reading: what has been read is written, whole. A second one ends the program at once.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::capture::{Capture, Packet};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, START, noise_from};
use crate::program::Dir;

/// Nothing here takes a second.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

/// A run of the program; killed with the test that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(dir: &Dir, args: &[&str]) -> Self {
        Self::start_with(dir, Command::new(env!("CARGO_BIN_EXE_tap2pcap")), args)
    }

    fn start_with(dir: &Dir, mut command: Command, args: &[&str]) -> Self {
        command.current_dir(dir.path(".")).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("the program starts"))
    }

    /// A pipe that gives connections without end, and as fast as they are taken, until the program is gone.
    fn feed(&mut self) -> JoinHandle<()> {
        let mut stdin = self.stdin();
        std::thread::spawn(move || {
            let _ = (1..).try_for_each(|id| stdin.write_all(&tap(id)));
        })
    }

    fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("a pipe")
    }

    fn send(&self, signal: &str) {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status().expect("kill runs");
        assert!(status.success(), "{signal}");
    }

    /// Its status, once it has ended by itself.
    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until(|| {
            status = self.0.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("it has ended")
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut text).expect("messages are UTF-8");
        text
    }
}

/// Waits until this holds, but not for ever.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it takes too long");
        std::thread::sleep(POLL);
    }
}

/// The signals that stop the program. Under `nohup` a hangup is ignored by these tests, and so by what they start.
fn signals() -> Vec<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim();
    let ignores_hangup = u64::from_str_radix(ignored, 16).expect("a number in hexadecimal") & 1 > 0;
    if ignores_hangup { vec!["INT", "TERM"] } else { vec!["INT", "TERM", "HUP"] }
}

/// A connection of so many packets.
const PACKETS: usize = 4;

fn conversation(id: u64) -> Conversation {
    let conversation = Conversation::new(id).at(START + id * 10_000_000);
    conversation.read(format!("GET /{id}")).write(noise_from(id, 3_000)).closed()
}

fn tap(id: u64) -> Vec<u8> {
    Tap::streamed(Format::Delimited).write(&[conversation(id)])
}

/// Bytes in the files of a directory, the temporary one too.
fn written(dir: &Dir, directory: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir.path(directory)) else { return 0 };
    entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len())
        .sum()
}

/// Fails the test unless these are the packets of the first connections, every one up to the last packet whole.
#[track_caller]
fn assert_are_the_first(packets: &[Packet]) {
    assert!(!packets.is_empty());
    for (number, of_one) in packets.chunks(PACKETS).enumerate() {
        let conversation = conversation(number as u64 % 65_536 + 1);
        let whole = [
            format!("GET /{}", number + 1).into_bytes(),
            noise_from(number as u64 + 1, 3_000),
            vec![],
            vec![],
        ];
        for (packet, payload) in of_one.iter().zip(&whole) {
            let [local, remote] = conversation.addresses();
            assert!([packet.source, packet.destination].contains(&local), "{packet:?}");
            assert!([packet.source, packet.destination].contains(&remote), "{packet:?}");
            assert!(packet.payload == *payload, "{packet:?}");
        }
    }
}

#[test]
fn a_signal_stops_an_endless_pipe_and_the_whole_capture_appears() {
    for signal in signals() {
        let dir = Dir::new();
        let mut running = Running::start(&dir, &["-", "capture.pcapng"]);
        let feeder = running.feed();
        until(|| written(&dir, ".") > 0);
        assert!(!dir.path("capture.pcapng").exists(), "it appears when it is whole");
        running.send(signal);
        assert_eq!(running.wait().code(), Some(0), "{signal}");
        feeder.join().expect("the feeder ends");
        assert_eq!(dir.names(), ["capture.pcapng"]);
        let packets = Capture::parse(&dir.read("capture.pcapng")).packets;
        assert_are_the_first(&packets);
        let stderr = running.stderr();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        let payload: usize = packets.iter().map(|packet| packet.length).sum();
        let digits: String = stderr.chars().filter(|&letter| letter != ',').collect();
        let expected = format!(" {} packets {payload} bytes of payload -> capture.pcapng\n", packets.len());
        assert!(digits.ends_with(&expected), "{expected:?} is not in {digits}");
    }
}

/// Nothing comes and the pipe stays open: the program waits for bytes when the signal comes.
#[test]
fn a_signal_stops_a_silent_pipe() {
    for signal in signals() {
        let dir = Dir::new();
        let mut running = Running::start(&dir, &["-w", "capture.pcap", "-"]);
        let mut stdin = running.stdin();
        let count = 1_000;
        (1..=count).for_each(|id| stdin.write_all(&tap(id)).expect("the program reads"));
        until(|| written(&dir, ".") > 0);
        running.send(signal);
        assert_eq!(running.wait().code(), Some(0), "{signal}");
        drop(stdin);
        let packets = Capture::parse(&dir.read("capture.pcap")).packets;
        assert_are_the_first(&packets);
        assert!(running.stderr().ends_with(" -> capture.pcap\n"));
        assert_eq!(dir.names(), ["capture.pcap"]);
    }
}

#[test]
fn a_signal_leaves_whole_packets_on_standard_output() {
    for (signal, format) in signals().into_iter().zip(["nsecpcap", "pcapng", "pcap"]) {
        let dir = Dir::new();
        let mut running = Running::start(&dir, &["-F", format, "-"]);
        let feeder = running.feed();
        let mut stdout = BufReader::new(running.0.stdout.take().expect("a pipe"));
        stdout.fill_buf().expect("packets come");
        running.send(signal);
        let mut capture = Vec::new();
        stdout.read_to_end(&mut capture).expect("a pipe");
        assert_eq!(running.wait().code(), Some(0), "{signal}");
        feeder.join().expect("the feeder ends");
        assert_are_the_first(&Capture::parse(&capture).packets);
        let stderr = running.stderr();
        assert!(stderr.ends_with(" -> standard output\n") && stderr.lines().count() == 1, "{stderr}");
    }
}

/// A reader that has seen all that came so far gets nothing more.
#[test]
fn a_signal_ends_what_is_looked_at_live() {
    let dir = Dir::new();
    let expected = dir.tap2pcap().arg("-").stdin(tap(1)).run().expect(0).stdout;
    let mut running = Running::start(&dir, &["-"]);
    let mut stdin = running.stdin();
    stdin.write_all(&tap(1)).expect("the program reads");
    let mut stdout = running.0.stdout.take().expect("a pipe");
    let mut capture = vec![0; expected.len()];
    stdout.read_exact(&mut capture).expect("so much comes while the pipe is open");
    running.send("INT");
    stdout.read_to_end(&mut capture).expect("a pipe");
    assert_eq!(running.wait().code(), Some(0));
    assert!(capture == expected);
    drop(stdin);
}

#[test]
fn a_signal_leaves_whole_captures_of_each_connection() {
    let dir = Dir::new();
    let mut running = Running::start(&dir, &["--split", "captures", "-"]);
    let feeder = running.feed();
    until(|| dir.path("captures/stdin_3.pcap").exists());
    running.send("TERM");
    assert_eq!(running.wait().code(), Some(0));
    feeder.join().expect("the feeder ends");
    let mut count = 0;
    for entry in std::fs::read_dir(dir.path("captures")).expect("the directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(name.starts_with("stdin_"), "{name}");
        let packets = Capture::parse(&dir.read(&format!("captures/{name}"))).packets;
        assert!(!packets.is_empty() && packets.len() <= PACKETS, "{name}");
        count += 1;
    }
    assert!(count >= 3 && running.stderr().ends_with(" -> captures\n"));
}

/// Nobody reads the capture, so that the first signal waits for ever. Which of the two the program sees first is open.
#[test]
fn a_second_signal_ends_it() {
    for signals in signals().into_iter().map(|first| [first, if first == "INT" { "TERM" } else { "INT" }]) {
        let dir = Dir::new();
        let mut running = Running::start(&dir, &["-"]);
        let feeder = running.feed();
        let mut stdout = running.0.stdout.take().expect("a pipe");
        stdout.read_exact(&mut [0; 24]).expect("the header comes");
        signals.iter().for_each(|signal| running.send(signal));
        let status = running.wait();
        assert!(matches!(status.signal(), Some(1 | 2 | 15)), "{signals:?} {status}");
        feeder.join().expect("the feeder ends");
    }
}

/// As under `nohup`.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_to_be_ignored_is() {
    let dir = Dir::new();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tap2pcap")]);
    let mut running = Running::start_with(&dir, shell, &["-w", "capture.pcap", "-"]);
    let mut stdin = running.stdin();
    (1..=1_000).for_each(|id| stdin.write_all(&tap(id)).expect("the program reads"));
    until(|| written(&dir, ".") > 0);
    running.send("HUP");
    (1_001..=2_000).for_each(|id| stdin.write_all(&tap(id)).expect("the program reads on"));
    drop(stdin);
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(Capture::parse(&dir.read("capture.pcap")).packets.len(), 2_000 * PACKETS);
}

/// Wherever it is when it is killed, the earlier capture is there, or all of the new one.
#[test]
fn a_kill_leaves_the_earlier_capture_or_the_new_one() {
    let dir = Dir::new();
    dir.write("tap", &(1..=400).flat_map(tap).collect::<Vec<u8>>());
    let earlier = dir.tap2pcap().args(["--mss=1000", "tap"]).run().expect(0).stdout;
    let new = dir.tap2pcap().arg("tap").run().expect(0).stdout;
    let mut killed = 0;
    for wait in (0..60).step_by(3).map(Duration::from_millis) {
        dir.write("capture", &earlier);
        let mut running = Running::start(&dir, &["tap", "capture"]);
        std::thread::sleep(wait);
        // It may have ended already.
        let _ = running.0.kill();
        let status = running.0.wait().expect("a child");
        let found = dir.read("capture");
        assert!(found == new || status.signal() == Some(9) && found == earlier, "{wait:?} {status}");
        killed += usize::from(found == earlier);
    }
    assert!(killed > 0, "the first is killed before it can have begun");
    // A run that is killed cannot take its temporary file away; one that ends well has none.
    dir.write("capture", &earlier);
    let names = dir.names();
    assert!(names.len() <= 2 + killed, "{names:?}");
    dir.tap2pcap().args(["tap", "capture"]).run().expect(0);
    assert_eq!(dir.names(), names);
}
