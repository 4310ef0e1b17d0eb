//! Files that are still written, and directories in which new ones appear.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::frames;

/// Time in which the files are looked at some times, on a busy machine too.
const LOOKS: Duration = Duration::from_millis(500);

/// The program while it follows, and what it has written.
struct Following {
    child: Child,
    /// All of the capture so far, again and again.
    captures: Receiver<Vec<u8>>,
    latest: Vec<u8>,
}

impl Following {
    fn new(dir: &Dir, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tap2pcap"))
            .arg("live")
            .args(args)
            .current_dir(dir.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = child.stdout.take().expect("a pipe");
        let (sender, captures) = channel();
        thread::spawn(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 65_536]);
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                all.extend_from_slice(&buffer[..count]);
                if sender.send(all.clone()).is_err() {
                    return;
                }
            }
        });
        let latest = captures.recv_timeout(Duration::from_secs(30)).expect("there is a capture at once");
        Self { child, captures, latest }
    }

    /// Waits until there are so many packets with bytes, and returns the bytes of each.
    fn wait_for(&mut self, count: usize) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let payloads = payloads(&self.latest);
            if payloads.len() >= count {
                return payloads;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.captures.recv_timeout(rest) {
                Ok(latest) => self.latest = latest,
                Err(error) => panic!("{error}: {} of {count} packets", payloads.len()),
            }
        }
    }

    /// Stops it as Ctrl-C does, and returns the capture and what it has said.
    fn stop(mut self, signal: &str, code: i32) -> (Vec<u8>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
        let output = self.child.wait_with_output().expect("a child");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{said}");
        while let Ok(latest) = self.captures.recv() {
            self.latest = latest;
        }
        (self.latest, said)
    }
}

/// The blocks that are whole so far.
fn blocks(capture: &[u8]) -> frames::Blocks {
    let mut whole = 0;
    while let Some(length) = capture.get(whole + 4..whole + 8) {
        let next = whole + u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        if next > capture.len() {
            break;
        }
        whole = next;
    }
    frames::parse(&capture[..whole])
}

/// The bytes of TCP over IPv4 that there are, by packets.
fn payloads(capture: &[u8]) -> Vec<Vec<u8>> {
    let parts = blocks(capture).frames.into_iter();
    let payloads = parts.map(|frame| frame.after(34 + usize::from(frame.bytes[46] >> 4) * 4).to_vec());
    payloads.filter(|payload| !payload.is_empty()).collect()
}

/// What a conversion of these taps shows.
fn shown(taps: &[&[u8]]) -> Vec<Vec<u8>> {
    let dir = Dir::new();
    taps.iter()
        .flat_map(|tap| converted(&dir, tap))
        .map(|packet| packet.3)
        .filter(|p| !p.is_empty())
        .collect()
}

fn append(dir: &Dir, name: &str, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).create(true).open(dir.path(name)).expect("a file");
    file.write_all(bytes).expect("it can be written");
}

#[test]
fn a_file_is_followed_in_all_formats() {
    for name in [
        "post-streamed.pb_length_delimited",
        "post-streamed-as-bytes.json",
        "post-streamed.pb_text",
        "post-streamed.pb",
    ] {
        let tap = sample(name);
        let expected = shown(&[&tap]);
        let dir = Dir::new();
        dir.write("tap", &tap[..100]);
        let mut following = Following::new(&dir, &["tap"]);
        for piece in tap[100..].chunks(tap.len().div_ceil(3)) {
            append(&dir, "tap", piece);
            thread::sleep(Duration::from_millis(60));
        }
        assert_eq!(following.wait_for(expected.len()), expected, "{name}");
        let (capture, said) = following.stop("-INT", 0);
        assert_eq!(payloads(&capture), expected, "{name}: {said}");
        assert_eq!(said.matches("blocks of 4 KiB").count(), 1, "{said}");
    }
}

#[test]
fn a_directory_is_followed() {
    let (first, second) = (sample("post-streamed.pb"), sample("http-mixed_1.pb"));
    let third = sample("admin-interleaved-as-bytes.json");
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("taps/below")).expect("a directory");
    dir.write("taps/a.pb", &first);
    dir.write("taps/README", b"This is no tap.\n");
    dir.write("taps/empty.pb", b"");
    let mut following = Following::new(&dir, &["taps"]);
    let before = shown(&[&first]).len();
    following.wait_for(before);
    dir.write("taps/below/b_1.pb", &second);
    let with_second = before + shown(&[&second]).len();
    following.wait_for(with_second);
    append(&dir, "taps/empty.pb", &third);
    let all = shown(&[&first, &second, &third]);
    let mut found = following.wait_for(all.len());
    let (capture, said) = following.stop("-TERM", 0);
    assert_eq!(payloads(&capture), found);
    assert!(!said.contains("error"), "{said}");
    let mut all = all;
    found.sort();
    all.sort();
    assert_eq!(found, all);
    let interfaces = blocks(&capture).interfaces;
    assert!(interfaces.contains(&"taps/below/b_1.pb".to_owned()), "{interfaces:?}");
}

#[test]
fn a_file_that_is_cut_or_replaced_is_read_anew() {
    let tap = sample("post-streamed.pb_length_delimited");
    let once = shown(&[&tap]);
    let dir = Dir::new();
    dir.write("tap", &tap);
    let mut following = Following::new(&dir, &["tap"]);
    following.wait_for(once.len());
    std::fs::write(dir.path("tap"), b"").expect("it is cut");
    thread::sleep(LOOKS);
    append(&dir, "tap", &tap);
    following.wait_for(2 * once.len());
    dir.write("new", &tap);
    std::fs::rename(dir.path("new"), dir.path("tap")).expect("it is replaced");
    let all = following.wait_for(3 * once.len());
    assert_eq!(all, [once.clone(), once.clone(), once].concat());
    let (_, said) = following.stop("-INT", 0);
    assert!(said.contains("tap has been cut: it is read from its beginning"), "{said}");
    assert!(said.contains("tap has been replaced: the new file is read"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_is_rotated_is_read_once() {
    let frames = |capture: &[u8]| frames::parse(capture).frames.len();
    let flows = sample("hubble/conversation.json");
    let dir = Dir::new();
    dir.write("all.json", &flows);
    dir.tap2pcap().args(["all.json", "all.pcapng"]).run().expect(0);
    let all = frames(&dir.read("all.pcapng"));
    let half = flows.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(3).expect("lines").0 + 1;
    std::fs::create_dir(dir.path("logs")).expect("a directory");
    dir.write("logs/events.log", &flows[..half]);
    let following = Following::new(&dir, &["logs"]);
    thread::sleep(LOOKS);
    let rotated = dir.path("logs/events-2026-11-27T10-58-10.123.log");
    std::fs::rename(dir.path("logs/events.log"), &rotated).expect("it has another name");
    append(&dir, "logs/events.log", &flows[half..]);
    thread::sleep(LOOKS);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&flows[..half]).and_then(|()| gzip.flush()).expect("memory");
    dir.write("logs/events-2026-11-27T10-58-10.123.log.gz", &gzip.finish().expect("memory"));
    thread::sleep(LOOKS);
    std::fs::remove_file(rotated).expect("it is removed");
    thread::sleep(LOOKS);
    let (capture, said) = following.stop("-INT", 0);
    assert_eq!(frames(&capture), all, "{said}");
}

#[test]
fn a_file_with_two_names_is_read_once() {
    let tap = sample("post-streamed.pb");
    let once = shown(&[&tap]);
    let dir = Dir::new();
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    dir.write("taps/a.pb", &tap);
    std::fs::hard_link(dir.path("taps/a.pb"), dir.path("taps/b.pb")).expect("another name");
    let mut following = Following::new(&dir, &["taps", "taps/a.pb", "./taps/b.pb"]);
    following.wait_for(once.len());
    std::fs::hard_link(dir.path("taps/a.pb"), dir.path("taps/c.pb")).expect("another name");
    thread::sleep(LOOKS);
    let (capture, said) = following.stop("-INT", 0);
    assert_eq!(payloads(&capture), once, "{said}");
}

#[test]
fn files_that_come_all_the_time_hold_nothing_up() {
    let tap = sample("post-streamed.pb");
    let once = shown(&[&tap]).len();
    let dir = Dir::new();
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    let mut following = Following::new(&dir, &["taps"]);
    for number in 0..150 {
        dir.write(&format!("taps/{number}.pb"), &tap);
        thread::sleep(Duration::from_millis(10));
        if number == 100 {
            // A hundred files a second come, and those of the first half second are shown.
            following.wait_for(50 * once);
        }
    }
    let (capture, said) = following.stop("-INT", 0);
    // All but what came with the end.
    let found = payloads(&capture).len();
    assert!(found >= 120 * once, "{found}: {said}");
}

#[test]
fn what_is_not_there_is_told() {
    let dir = Dir::new();
    let ran = dir.tap2pcap().args(["live", "nothing", "-w", "out.pcapng"]).run().expect(1);
    assert!(ran.stderr.contains("nothing: ") && ran.stderr.contains("No such file"), "{}", ran.stderr);
    let ran = dir.tap2pcap().args(["live", "127.0.0.1:9901", "-w", "out.pcapng"]).run().expect(2);
    assert!(ran.stderr.contains("http://127.0.0.1:9901"), "{}", ran.stderr);
}
