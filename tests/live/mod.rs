//! Live sources, with stand-ins for Envoy's admin interface and its UDP sink.

/// Datagrams in packet captures.
mod captured;
/// Interfaces of Wireshark.
mod extcap;
/// Files that are followed.
mod follow;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::capture::Capture;
use crate::program::{Dir, Ran, testdata};

/// What an admin interface says to a request for a tap.
#[derive(Clone)]
enum Answer {
    /// A tap, a message a chunk, that ends well or breaks off.
    Tap {
        messages: Vec<u8>,
        breaks_off: bool,
    },
    Refusal(&'static str, &'static str),
}

/// An admin interface with these answers, one after the other; and what it has been asked.
fn admin(dump: Value, answers: Vec<Answer>) -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let (sender, asked) = channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter();
        for stream in listener.incoming().flatten() {
            let mut writer = stream.try_clone().expect("a stream");
            let (line, body) = request(&mut BufReader::new(stream)).expect("a request");
            if line.starts_with("GET /config_dump ") {
                let dump = dump.to_string();
                let _ = write!(writer, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{dump}", dump.len());
                continue;
            }
            assert!(line.starts_with("POST /tap "), "{line}");
            let _ = sender.send(serde_json::from_slice(&body).expect("JSON"));
            // Where nobody expects one, the connection is closed.
            let _ = answers.next().map(|answer| answer_with(&mut writer, &answer));
        }
    });
    (address, asked)
}

fn request(reader: &mut impl BufRead) -> io::Result<(String, Vec<u8>)> {
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().to_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((first, body))
}

fn answer_with(writer: &mut impl Write, answer: &Answer) -> io::Result<()> {
    match answer {
        Answer::Refusal(status, words) => {
            write!(writer, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{words}", words.len())
        }
        Answer::Tap { messages, breaks_off } => {
            write!(writer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            for message in messages.chunks(1000) {
                write!(writer, "{:x}\r\n", message.len())?;
                writer.write_all(message)?;
                writer.write_all(b"\r\n")?;
            }
            if *breaks_off { writer.write_all(b"10\r\n{") } else { writer.write_all(b"0\r\n\r\n") }
        }
    }
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(testdata(name)).expect("a file")
}

/// An HTTP tap and one of transport sockets.
fn dump() -> Value {
    let tap = |kind: &str, id: &str| {
        json!({
            "@type": format!("type.googleapis.com/envoy.extensions.{kind}.tap.v3.Tap"),
            "common_config": { "admin_config": { "config_id": id } },
        })
    };
    json!({ "configs": [tap("filters.http", "requests"), tap("transport_sockets", "sockets")] })
}

fn live(dir: &Dir, address: SocketAddr, args: &[&str]) -> Ran {
    dir.tap2pcap().args(["live", &format!("http://{address}")]).args(args).args(["-w", "out.pcapng"]).run()
}

/// Times, ends and payloads.
fn packets(dir: &Dir) -> Vec<(u64, SocketAddr, SocketAddr, Vec<u8>)> {
    let capture = Capture::parse(&dir.read("out.pcapng"));
    let parts = capture.packets.into_iter();
    parts.map(|packet| (packet.time, packet.source, packet.destination, packet.payload)).collect()
}

fn converted(dir: &Dir, tap: &[u8]) -> Vec<(u64, SocketAddr, SocketAddr, Vec<u8>)> {
    dir.tap2pcap().args(["-", "out.pcapng"]).stdin(tap).run().expect(0);
    packets(dir)
}

#[test]
fn a_tap_is_switched_on_and_read() {
    let dir = Dir::new();
    let messages = sample("admin-interleaved-as-bytes.json");
    let expected = converted(&dir, &messages);
    let (address, asked) = admin(dump(), vec![Answer::Tap { messages, breaks_off: false }]);
    let ran = live(&dir, address, &["--config-id", "sockets", "--max-body", "1000"]).expect(1);
    assert!(ran.stderr.contains("Envoy has ended the tap"), "{}", ran.stderr);
    assert_eq!(packets(&dir), expected);
    let sinks = json!([{ "format": "JSON_BODY_AS_BYTES", "streaming_admin": {} }]);
    let output = json!({
        "streaming": true, "max_buffered_rx_bytes": 1000, "max_buffered_tx_bytes": 1000, "sinks": sinks,
    });
    let config = json!({ "match": { "any_match": true }, "output_config": output });
    assert_eq!(asked.recv(), Ok(json!({ "config_id": "sockets", "tap_config": config })));
}

#[test]
fn filters_become_a_predicate() {
    let dir = Dir::new();
    let predicate = dir.write("match.json", br#"{"not_match": {"any_match": true}}"#);
    let (address, asked) = admin(dump(), vec![Answer::Refusal("400 Bad Request", "enough")]);
    let path = predicate.display().to_string();
    let ran = live(
        &dir,
        address,
        &["--config-id", "requests", "--header", "X-User=a=b", "--status", "503", "--match", &path],
    );
    assert!(ran.expect(1).stderr.contains("Envoy refuses: enough\n"));
    let asked = asked.recv().expect("a request");
    // Buffered: streamed traces of HTTP taps have neither times nor addresses.
    assert_eq!(asked["tap_config"]["output_config"]["streaming"], false);
    let header = |name: &str, value: &str| json!({ "headers": [{ "name": name, "string_match": { "exact": value } }] });
    let rules = json!([
        { "not_match": { "any_match": true } },
        { "http_request_headers_match": header("x-user", "a=b") },
        { "http_response_headers_match": header(":status", "503") },
    ]);
    assert_eq!(asked["tap_config"]["match"], json!({ "and_match": { "rules": rules } }));
}

#[test]
fn refusals_say_what_to_do() {
    let dir = Dir::new();
    let unknown = "Unknown config id 'nope'. No extension has registered with this id.";
    let exists = "An attached /tap admin stream already exists. Detach it.";
    for (answer, args, words) in [
        (
            unknown,
            &["--config-id", "nope"][..],
            "Unknown config id 'nope'. No extension has registered with this id. It has: requests, sockets.",
        ),
        (exists, &["--config-id", "sockets"], "Detach it. An Envoy has one tap switched on at a time"),
        (
            "",
            &["--config-id", "sockets", "--status", "503"],
            "sockets is the tap of a transport socket, which knows no requests",
        ),
    ] {
        let (address, _asked) = admin(dump(), vec![Answer::Refusal("400 Bad Request", answer)]);
        let ran = live(&dir, address, args).expect(1);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert!(dir.names().is_empty(), "no capture: {:?}", dir.names());
    }
    let (address, _asked) = admin(json!({}), vec![Answer::Refusal("400 Bad Request", unknown)]);
    assert!(
        live(&dir, address, &["--config-id", "nope"])
            .expect(1)
            .stderr
            .contains("no tap with an admin_config at all")
    );
    let nobody =
        TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    let ran = live(&dir, nobody, &["--config-id", "nope"]).expect(1);
    assert!(
        ran.stderr.contains("is Envoy running, and is this the address of its admin interface?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = Dir::new();
    for (args, words) in [
        (&["live", "http://127.0.0.1:1"][..], "an admin interface needs --config-id"),
        (&["live", "udp://127.0.0.1:0", "--config-id", "a"], "files and UDP sinks have none"),
        (
            &["live", "https://127.0.0.1:1", "--config-id", "a"],
            "neither http://HOST:PORT nor unix:PATH, nor udp://ADDR:PORT",
        ),
        (
            &["live", "http://a:1", "--config-id", "a", "--config-id", "b"],
            "one --config-id for all admin interfaces",
        ),
        (&["live", "udp://127.0.0.1", "--config-id", "a"], "such as udp://127.0.0.1:5000"),
    ] {
        let ran = dir.tap2pcap().args(args).run().expect(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn an_envoy_that_dies_leaves_a_whole_capture_and_retry_goes_on() {
    let dir = Dir::new();
    let messages = sample("post-streamed-as-bytes.json");
    let expected = converted(&dir, &messages);
    let whole = Answer::Tap { messages: messages.clone(), breaks_off: false };
    let half = Answer::Tap { messages, breaks_off: true };
    let (address, _asked) = admin(dump(), vec![half.clone()]);
    let ran = live(&dir, address, &["--config-id", "sockets"]).expect(1);
    assert!(ran.stderr.contains("Envoy has ended the tap: it has gone, drains, or"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--retry waits"), "{}", ran.stderr);
    assert_eq!(packets(&dir), expected);
    // The same again, after a refusal, and then enough.
    let answers = vec![half, Answer::Refusal("503 Service Unavailable", "draining"), whole];
    let (address, _asked) = admin(dump(), answers);
    let count = (2 * expected.len()).to_string();
    let ran = live(&dir, address, &["--config-id", "sockets", "--retry", "--count", &count]);
    assert!(ran.stderr.contains("Envoy refuses: draining; trying again\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the tap is on\n"), "{}", ran.stderr);
    let payloads = packets(&dir).into_iter().map(|packet| packet.3).filter(|payload| !payload.is_empty());
    let once: Vec<_> =
        expected.into_iter().map(|packet| packet.3).filter(|payload| !payload.is_empty()).collect();
    assert_eq!(payloads.collect::<Vec<_>>(), [once.clone(), once].concat());
}

#[test]
fn a_reader_that_stalls_holds_nothing_up_and_what_it_has_not_got_is_counted() {
    let dir = Dir::new();
    let body = "QUJD".repeat(16 * 1024);
    let message = |n: usize| {
        let data = json!({ "as_bytes": body });
        let event = json!({ "timestamp": "2026-11-20T10:58:36Z", "read": { "data": data }, "seq_num": (n * 49_152).to_string() });
        json!({ "socket_streamed_trace_segment": { "trace_id": "1", "event": event } }).to_string()
    };
    let messages = (0..900).map(message).collect::<String>().into_bytes();
    let (address, _asked) = admin(dump(), vec![Answer::Tap { messages, breaks_off: false }]);
    let url = format!("http://{address}");
    // Nobody reads before it has ended.
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_tap2pcap"))
        .args(["live", &url, "--config-id", "sockets"])
        .current_dir(dir.path("."))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    assert_eq!(process.wait().expect("a child").code(), Some(1));
    let output = process.wait_with_output().expect("a child");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains(" packets are not in the capture: whatever reads it did not keep up"), "{said}");
    assert!(said.contains("standard output: the reader does not take the rest of the capture"), "{said}");
}

#[test]
fn a_capture_goes_on_in_other_files() {
    let messages = sample("admin-interleaved-as-bytes.json");
    let whole = Dir::new();
    let expected = converted(&whole, &messages);
    let written = |dir: &Dir, args: &[&str]| {
        let (address, _asked) =
            admin(dump(), vec![Answer::Tap { messages: messages.clone(), breaks_off: false }]);
        live(dir, address, &[&["--config-id", "sockets", "-b", "filesize:1"], args].concat()).expect(1);
        let names = dir.names();
        let read = |name: &String| Capture::parse(&dir.read(name)).packets;
        let packets: Vec<_> = names.iter().map(read).collect();
        (names, packets)
    };
    let all = Dir::new();
    let (names, files) = written(&all, &[]);
    assert!(files.len() > 3, "{names:?}");
    assert!(names[0].starts_with("out_00001_20") && names[0].ends_with(".pcapng"), "{names:?}");
    let payloads = files.iter().flatten().map(|packet| packet.payload.clone());
    assert_eq!(payloads.collect::<Vec<_>>(), expected.into_iter().map(|packet| packet.3).collect::<Vec<_>>());
    let ring = Dir::new();
    let (kept, last) = written(&ring, &["-b", "files:2"]);
    assert_eq!(kept.len(), 2);
    assert!(kept[0].starts_with(&format!("out_{:05}_", files.len() - 1)), "{kept:?}");
    let payloads = |files: &[Vec<_>]| {
        files.concat().into_iter().map(|packet: crate::capture::Packet| packet.payload).collect::<Vec<_>>()
    };
    assert_eq!(payloads(&last), payloads(&files[files.len() - 2..]));
    let wrong =
        ring.tap2pcap().args(["live", "udp://127.0.0.1:0", "-w", "a.pcap", "-b", "size:1"]).run().expect(2);
    assert!(wrong.stderr.contains("filesize:KB, duration:SECONDS or files:N"), "{}", wrong.stderr);
}

#[test]
fn the_duration_ends_it() {
    let dir = Dir::new();
    let begun = Instant::now();
    dir.tap2pcap().args(["live", "udp://127.0.0.1:0", "--duration", "1", "-w", "out.pcapng"]).run().expect(0);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(Capture::parse(&dir.read("out.pcapng")).packets.is_empty());
}

#[cfg(unix)]
#[test]
fn an_admin_interface_may_be_a_unix_socket() {
    use std::os::unix::net::UnixListener;

    let dir = Dir::new();
    let messages = sample("post-streamed-as-bytes.json");
    let expected = converted(&dir, &messages);
    let listener = UnixListener::bind(dir.path("admin.sock")).expect("a socket");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut writer = stream.try_clone().expect("a stream");
            let (line, _) = request(&mut BufReader::new(stream)).expect("a request");
            let messages = messages.clone();
            let answer = match line.starts_with("POST /tap ") {
                true => Answer::Tap { messages, breaks_off: false },
                // Who may not see the configuration can tap all the same.
                false => Answer::Refusal("403 Forbidden", ""),
            };
            answer_with(&mut writer, &answer).expect("it is read");
        }
    });
    dir.tap2pcap()
        .args(["live", "unix:admin.sock", "--config-id", "sockets", "-w", "out.pcapng"])
        .run()
        .expect(1);
    assert_eq!(packets(&dir), expected);
}

#[test]
fn datagrams_are_messages() {
    for name in ["post-streamed-as-bytes.json", "post-streamed.pb_length_delimited", "post-streamed.pb_text"]
    {
        let dir = Dir::new();
        let tap = sample(name);
        let expected = converted(&dir, &tap);
        let messages = messages(name, &tap);
        assert!(messages.len() > 1, "{name}");
        let to = UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("a port");
        let count = expected.len().to_string();
        let stop = thread::spawn({
            let messages = messages.clone();
            move || {
                let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
                // Until somebody listens, each is refused: nothing is lost on loopback.
                while socket.connect(to).and_then(|()| socket.send(&messages[0])).is_err()
                    || socket.send(&[]).is_err()
                {
                    thread::sleep(Duration::from_millis(10));
                }
                messages[1..].iter().for_each(|message| drop(socket.send(message)));
            }
        });
        let address = format!("udp://{to}");
        let ran =
            dir.tap2pcap().args(["live", &address, "--count", &count, "-w", "out.pcapng"]).run().expect(0);
        stop.join().expect("all is sent");
        assert_eq!(packets(&dir), expected, "{name}: {}", ran.stderr);
    }
}

/// The messages of a streamed tap, as the UDP sink sends them.
fn messages(name: &str, tap: &[u8]) -> Vec<Vec<u8>> {
    if name.ends_with("json") {
        let values = serde_json::Deserializer::from_slice(tap).into_iter::<Value>();
        return values.map(|value| value.expect("JSON").to_string().into_bytes()).collect();
    }
    if name.ends_with("text") {
        let text = String::from_utf8(tap.to_vec()).expect("UTF-8");
        let begin = "socket_streamed_trace_segment";
        return text.split(begin).skip(1).map(|rest| format!("{begin}{rest}").into_bytes()).collect();
    }
    let (mut rest, mut found) = (tap, Vec::new());
    while !rest.is_empty() {
        let length = prost::decode_length_delimiter(&mut rest).expect("a length");
        found.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    found
}
