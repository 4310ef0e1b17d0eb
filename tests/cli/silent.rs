//! Several inputs of which some are pipes that have nothing to say: they do not stop the others.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::capture::{Capture, Packet};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, START};
use crate::program::Dir;

/// Far more than any step takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program, and what it has written to standard output.
struct Running {
    child: Child,
    chunks: Receiver<Vec<u8>>,
    written: Vec<u8>,
}

impl Running {
    fn start(dir: &Dir, taps: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tap2pcap"))
            .args(["-w", "-"])
            .args(taps.iter().map(|tap| dir.path(tap)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let mut stdout = child.stdout.take().expect("a pipe");
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 65_536];
            while let Ok(length @ 1..) = stdout.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, chunks, written: Vec::new() }
    }

    /// Fails the test unless packets with these payloads, and no others, have come out so far or do so soon.
    #[track_caller]
    fn assert_payloads(&mut self, expected: &[&str]) {
        loop {
            let whole = &self.written[..whole_packets(&self.written)];
            let packets = if whole.is_empty() { Vec::new() } else { Capture::parse(whole).packets };
            let text = |packet: &Packet| String::from_utf8_lossy(&packet.payload).into_owned();
            let seen: Vec<String> = packets.iter().map(text).collect();
            if seen.len() >= expected.len() {
                assert_eq!(seen, expected);
                return;
            }
            let chunk = self.chunks.recv_timeout(DEADLINE);
            self.written.extend(chunk.unwrap_or_else(|_| panic!("only {seen:?}")));
        }
    }

    #[track_caller]
    fn assert_ends(mut self) {
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }
}

/// How much of a capture there is up to the end of a packet.
fn whole_packets(capture: &[u8]) -> usize {
    const HEADER: usize = 24;
    let mut end = if capture.len() < HEADER { 0 } else { HEADER };
    while let Some(record) = capture.get(end..end + 16).filter(|_| end > 0) {
        let length = u32::from_le_bytes(record[8..12].try_into().expect("four bytes")) as usize;
        if end + 16 + length > capture.len() {
            break;
        }
        end += 16 + length;
    }
    end
}

fn pipe(dir: &Dir, name: &str) {
    let made = Command::new("mkfifo").arg(dir.path(name)).status().expect("mkfifo runs");
    assert!(made.success());
}

/// Opens a pipe for writing; for reading too, so that it does not have to be open yet.
fn writer(dir: &Dir, name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(dir.path(name)).expect("a pipe")
}

/// The records of a conversation of one read a record, the first with its connection.
fn records(id: u64, reads: &[&str]) -> Vec<Vec<u8>> {
    let conversation = reads.iter().fold(Conversation::new(id).at(START + id), |talk, read| talk.read(*read));
    let tap = Tap::streamed(Format::Delimited);
    let mut records: Vec<Vec<u8>> =
        tap.records(&[conversation]).into_iter().map(|record| tap.format.print(&[record])).collect();
    let opening = records.remove(0);
    records[0].splice(0..0, opening);
    records
}

#[test]
fn a_pipe_that_has_said_nothing_stops_nobody() {
    let dir = Dir::new();
    pipe(&dir, "silent");
    pipe(&dir, "speaking");
    let (mut silent, mut speaking) = (writer(&dir, "silent"), writer(&dir, "speaking"));
    let mut running = Running::start(&dir, &["silent", "speaking"]);
    let [one, two] = <[_; 2]>::try_from(records(1, &["one", "two"])).expect("two records");
    speaking.write_all(&one).expect("written");
    running.assert_payloads(&["one"]);
    speaking.write_all(&two).expect("written");
    running.assert_payloads(&["one", "two"]);
    // And then it speaks.
    silent.write_all(&records(2, &["three"])[0]).expect("written");
    running.assert_payloads(&["one", "two", "three"]);
    drop((silent, speaking));
    running.assert_ends();
}

#[test]
fn a_pipe_that_falls_silent_stops_nobody() {
    let dir = Dir::new();
    pipe(&dir, "silent");
    pipe(&dir, "speaking");
    let (mut silent, mut speaking) = (writer(&dir, "silent"), writer(&dir, "speaking"));
    let mut running = Running::start(&dir, &["silent", "speaking"]);
    silent.write_all(&records(1, &["first"])[0]).expect("written");
    running.assert_payloads(&["first"]);
    for (number, record) in records(2, &["a", "b", "c"]).iter().enumerate() {
        speaking.write_all(record).expect("written");
        running.assert_payloads(&["first", "a", "b", "c"][..number + 2]);
    }
    drop((silent, speaking));
    running.assert_ends();
}

/// Nobody ever opens it for writing.
#[test]
fn a_pipe_without_a_writer_stops_no_file_and_no_interrupt() {
    let dir = Dir::new();
    pipe(&dir, "pipe");
    dir.write("file", &records(1, &["a", "b"]).concat());
    let mut running = Running::start(&dir, &["pipe", "file"]);
    running.assert_payloads(&["a", "b"]);
    let killed = Command::new("kill").args(["-INT", &running.child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
    running.assert_ends();
}

#[test]
fn pipes_that_speak_at_once_are_in_order_of_time() {
    let dir = Dir::new();
    pipe(&dir, "later");
    pipe(&dir, "earlier");
    let (mut later, mut earlier) = (writer(&dir, "later"), writer(&dir, "earlier"));
    later.write_all(&records(9, &["late"])[0]).expect("written");
    earlier.write_all(&records(1, &["early"])[0]).expect("written");
    let mut running = Running::start(&dir, &["later", "earlier"]);
    running.assert_payloads(&["early", "late"]);
    drop((later, earlier));
    running.assert_ends();
}

#[test]
fn a_pipe_that_is_no_tap_is_an_error_when_it_shows() {
    let dir = Dir::new();
    pipe(&dir, "noise");
    dir.write("file", &records(1, &["a"]).concat());
    let mut noise = writer(&dir, "noise");
    let path = dir.path("noise");
    let speaker = std::thread::spawn(move || {
        // Once the program has opened it, the end comes when this one is closed.
        noise.write_all(b"no tap, but a text\n").expect("written");
        let _reader = File::open(path);
        std::thread::sleep(Duration::from_millis(300));
    });
    let ran = dir.tap2pcap().args(["-w", "capture.pcap", "noise", "file"]).run().expect(1);
    speaker.join().expect("it has spoken");
    assert!(
        ran.stderr.contains("error: noise: this is neither an Envoy tap nor Hubble flows"),
        "{}",
        ran.stderr
    );
    assert_eq!(Capture::parse(&dir.read("capture.pcap")).packets.len(), 1);
}

/// The bytes of a name are the file's, not those of what is shown of it.
#[test]
fn a_name_that_is_no_utf8_is_found() {
    use std::os::unix::ffi::OsStrExt;
    let dir = Dir::new();
    let name = std::ffi::OsStr::from_bytes(b"tap_\xff\xfe_1.pb");
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    std::fs::write(dir.path("taps").join(name), records(1, &["a"]).concat()).expect("a tap");
    dir.write("other", &records(2, &["b"]).concat());
    let path = std::path::Path::new("taps").join(name);
    for inputs in [&[path.as_os_str()][..], &["taps".as_ref()], &["other".as_ref(), path.as_os_str()]] {
        let ran = dir.tap2pcap().args(["-w", "capture.pcap"]).args(inputs).run().expect(0);
        assert_eq!(Capture::parse(&dir.read("capture.pcap")).packets.len(), inputs.len(), "{}", ran.stderr);
        dir.tap2pcap().arg("info").args(inputs).run().expect(0);
    }
    // It is an input, and never written over.
    let before = std::fs::read(dir.path("taps").join(name)).expect("a tap");
    dir.tap2pcap().arg(&path).arg(&path).run().expect(1);
    assert_eq!(std::fs::read(dir.path("taps").join(name)).expect("a tap"), before);
}
