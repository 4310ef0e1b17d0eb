//! What kubectl, curl, a shell or a log has put around the records: the traces are converted, and one warning counts the
//! lines.

use crate::capture::{Capture, Packet};
use crate::encode::{Format, Tap};
use crate::model::{Conversation, START, noise};
use crate::program::{Dir, Ran, testdata};

const FORMATS: [Format; 2] = [Format::Text, Format::JsonBytes];

/// Lines that stand around taps, and how many of them are not empty.
const LINES: [(&str, usize); 18] = [
    ("Defaulted container \"istio-proxy\" out of: istio-proxy, app, istio-init (init)\n", 1),
    ("Unable to use a TTY - input is not a terminal or the right kind of file\r\n", 1),
    ("Forwarding from 127.0.0.1:15000 -> 15000\nHandling connection for 15000\n", 2),
    ("error: lost connection to pod\n", 1),
    ("E1120 10:58:36.880 1 memcache.go:265] Get \"https://10.0.0.1/api\": dial tcp: i/o timeout\n", 1),
    ("HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=UTF-8\r\nserver: envoy\r\n\r\n", 3),
    ("* Connected to 127.0.0.1 (127.0.0.1) port 29000 (#0)\n> POST /tap HTTP/1.1\n> Host: [::1]:1\n> \n", 4),
    (
        "} [164 bytes data]\n< HTTP/1.1 200 OK\n< date: Thu, 26 Nov 2026 11:42:20 GMT\n< \n{ [894 bytes data]\n",
        5,
    ),
    ("100  3208    0  3044  100   164   1680     90  0:00:01  0:00:01 --:--:--  1771\n", 1),
    ("curl: (18) transfer closed with outstanding read data remaining\n", 1),
    ("[2026-11-20 10:58:36.880][1][info][main] [source/server/server.cc:1] starting \"main\"\n", 1),
    ("{\"level\": \"info\"}\n", 0),
    ("\u{1b}[32mok\u{1b}[0m caf\u{e9} \u{2014} it's done\n", 1),
    ("---\n===== pod a =====\n...\n", 3),
    ("$ kubectl logs app-0 | tee tap\n", 1),
    ("time=\"2026-11-20T10:58:36Z\" level=warning msg=\"slow: 5s\"\n", 1),
    ("tap 7 of 9\n\n\n  done.\n", 2),
    ("warning: path: /tmp/tap is old\n", 1),
];

/// Every event is a read, so that a lost one shows.
fn records(format: Format) -> Vec<Vec<u8>> {
    let conversation = (0..4).fold(Conversation::new(5), |it, number| it.read(noise(10 + number)));
    let records = Tap::streamed(format).records(&[conversation.closed()]);
    records.into_iter().map(|record| format.print(&[record])).collect()
}

fn run(dir: &Dir, args: &[&str], code: i32) -> Ran {
    dir.tap2pcap().args(args).run().expect(code)
}

fn packets(capture: &[u8]) -> Vec<Packet> {
    Capture::parse(capture).packets
}

/// Fails the test unless the tap has these packets and so many lines around them.
#[track_caller]
fn assert_stray(what: &str, tap: &[u8], expected: &[Packet], lines: usize) {
    let dir = Dir::new();
    dir.write("tap", tap);
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    dir.write("taps/tap", tap);
    let ran = [
        run(&dir, &["tap"], 0),
        run(&dir, &["-w", "-", "-F", "nsecpcap", "taps"], 0),
        dir.tap2pcap().arg("-").stdin(tap).run().expect(0),
    ];
    let count = match lines {
        0 => String::new(),
        1 => "warning: 1 line around the records is no part of a trace and skipped (".to_owned(),
        lines => format!("warning: {lines} lines around the records are no part of a trace and skipped ("),
    };
    for ran in ran {
        assert_eq!(packets(&ran.stdout), expected, "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains(&count), "{what}: {lines} in {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1 + usize::from(lines > 0), "{what}: {}", ran.stderr);
    }
}

#[test]
fn the_files_of_real_programs_are_read() {
    let whole = ["stray-curl-headers.json", "stray-curl-verbose.json", "stray-kubectl.json"];
    for (name, lines, traces) in [(whole[0], 7, 3), (whole[1], 23, 2), (whole[2], 1, 3)] {
        let dir = Dir::new();
        let ran = dir.tap2pcap().arg(testdata(name)).run().expect(0);
        assert!(ran.stderr.contains(&format!("warning: {lines} line")), "{name} {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("\n{traces} traces, ")), "{name} {}", ran.stderr);
        let info = dir.tap2pcap().arg("info").arg(testdata(name)).run().expect(0);
        let info = String::from_utf8(info.stdout).expect("UTF-8");
        assert!(info.contains(&format!("warning: {lines} line")), "{info}");
        dir.tap2pcap().arg("--strict").arg(testdata(name)).run().expect(1);
    }
}

#[test]
fn lines_may_stand_anywhere_between_records() {
    for format in FORMATS {
        let records = records(format);
        let expected = packets(&run_on(&records.concat()).stdout);
        for (line, count) in LINES {
            for place in 0..=records.len() {
                // JSON that is no trace is told from one only if one has come.
                if count == 0 && (place == 0 || format == Format::Text) {
                    continue;
                }
                let mut records = records.clone();
                records.insert(place, line.as_bytes().to_vec());
                assert_stray(
                    &format!("{line:?} at {place} in {format:?}"),
                    &records.concat(),
                    &expected,
                    count,
                );
            }
        }
    }
}

fn run_on(tap: &[u8]) -> Ran {
    let dir = Dir::new();
    dir.write("tap", tap);
    run(&dir, &["tap"], 0)
}

#[test]
fn a_last_line_may_have_no_end() {
    for format in FORMATS {
        let tap = records(format).concat();
        let expected = packets(&run_on(&tap).stdout);
        for line in ["^C", "Killed", "100  3208    0  3044", "command terminated with exit code 137"] {
            assert_stray(line, &[&tap[..], line.as_bytes()].concat(), &expected, 1);
        }
    }
}

/// curl's progress meter ends its line only in the end.
#[test]
fn a_record_may_begin_in_the_middle_of_a_line() {
    let meter = "  % Total    % Received % Xferd  Average Speed\n                                 Dload  Upload\n\r  0     0";
    for format in FORMATS {
        let records = records(format);
        let expected = packets(&run_on(&records.concat()).stdout);
        let tap = [meter.as_bytes(), &records.concat()].concat();
        assert_stray(&format!("{format:?}"), &tap, &expected, 3);
        let prefixed: Vec<u8> = match format {
            // As `kubectl logs --timestamps` has it, with each record on a line.
            Format::JsonBytes => records
                .iter()
                .flat_map(|record| {
                    let text = String::from_utf8_lossy(record).replace('\n', "");
                    format!("2026-11-20T10:58:36.880Z stdout F {text}\n").into_bytes()
                })
                .collect(),
            _ => continue,
        };
        assert_stray("each on a line", &prefixed, &expected, records.len());
    }
}

#[test]
fn http_headers_may_stand_before_a_binary_tap() {
    let headers =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\r\n";
    for format in [Format::Binary, Format::Delimited] {
        let tap = records(format).concat();
        let expected = packets(&run_on(&tap).stdout);
        assert_stray(&format!("{format:?}"), &[headers.as_bytes(), &tap].concat(), &expected, 3);
    }
}

/// What may be left of a record shows that one is lost.
#[test]
fn a_fragment_of_a_record_is_an_error() {
    let fragments = [
        "}\n",
        "\"seq_num\": \"7\"\n",
        " },\n",
        "R0VUIC8=\",\n",
        "null\n",
        "12,\n",
        "{\n",
        "\"GET / HTTP/1.1\n",
        "x\": {\n",
        "\0\0\0\0\n",
        "\u{1}\u{2}\u{3}\n",
    ];
    let of_text = ["seq_num: 7\n", "as_bytes: \"x\"\n", "  trace_id: 5 }\n", "port_value: 80\n"];
    for format in FORMATS {
        let records = records(format);
        let expected = packets(&run_on(&records.concat()).stdout).len();
        for fragment in fragments.iter().chain(of_text.iter().filter(|_| format == Format::Text)) {
            let mut records = records.clone();
            records.insert(2, fragment.as_bytes().to_vec());
            let dir = Dir::new();
            dir.write("tap", &records.concat());
            let ran = run(&dir, &["tap"], 1);
            assert!(ran.stderr.contains("error: tap: record "), "{fragment:?} {}", ran.stderr);
            let found = packets(&ran.stdout).len();
            assert!(found + 1 >= expected, "{format:?} {fragment:?} {found} {}", ran.stderr);
        }
    }
}

/// Documents, programs and settings that show a trace, or words of one.
#[test]
fn what_only_speaks_of_traces_is_no_tap() {
    let record = String::from_utf8(records(Format::JsonBytes).concat()).expect("ASCII");
    let text = String::from_utf8(records(Format::Text).concat()).expect("ASCII");
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let others = [
        format!("# Taps\n\nA trace:\n\n```json\n{record}```\n"),
        format!("# Taps\n\nA trace:\n\n```\n{text}```\n"),
        format!("fn main() {{\n    let tap = r#\"\n{record}\"#;\n}}\n"),
        "message TraceWrapper {\n  SocketBufferedTrace socket_buffered_trace = 3;\n}\n".to_owned(),
        "socket_buffered_trace:\n  trace_id: 5\n".to_owned(),
        "static_resources:\n  listeners:\n  - name: socket_buffered_trace {\n".to_owned(),
        "[2026-11-20T10:58:36.880Z] \"GET / HTTP/1.1\" 200 - 0 2 1 0 \"-\" \"curl/8\"\n".to_owned(),
        "the socket_streamed_trace_segment of a tap\nis a record\n".to_owned(),
        "Error\n{\"error\": \"no trace\"}\n".to_owned(),
        format!(".. code-block::\n\n{}", indented("{ \"name\": {} }")),
    ];
    for other in others {
        let dir = Dir::new();
        std::fs::create_dir(dir.path("taps")).expect("a directory");
        dir.write("taps/tap", record.as_bytes());
        dir.write("taps/other", other.as_bytes());
        dir.write("other", other.as_bytes());
        let ran = run(&dir, &["-w", "a.pcap", "taps"], 0);
        assert!(ran.stderr.contains(", 1 file skipped that no tap wrote"), "{other} {}", ran.stderr);
        let ran = run(&dir, &["other"], 1);
        assert!(
            ran.stderr.contains("this is neither an Envoy tap nor Hubble flows, but "),
            "{other} {}",
            ran.stderr
        );
    }
}

/// A live tap behind a line shows its packets while the pipe is open.
#[test]
fn a_line_before_a_live_tap_holds_nothing_up() {
    let dir = Dir::new();
    let conversation = Conversation::new(1).at(START).read("GET /").write("ok");
    let tap = Tap { seq_num: false, ..Tap::streamed(Format::JsonBytes) }.write(&[conversation]);
    let stdin = [&b"Defaulted container \"a\" out of: a, b\n"[..], &tap].concat();
    let length = dir.tap2pcap().arg("-").stdin(stdin.clone()).run().expect(0).stdout.len();
    dir.tap2pcap().arg("-").stdin(stdin).run_and_read_while_open(length).expect(0);
}

/// A file is read 256 KiB at a time: what stands at the end of a piece is judged by what follows it.
#[test]
fn a_bracket_at_the_end_of_a_piece_is_judged_by_what_follows() {
    const PIECE: usize = 256 * 1024;
    let record = records(Format::JsonBytes).concat();
    for (behind, is_damage) in [("\n  }\n }\n}\n", true), ("\n", false), ("\n,[", false)] {
        let mut tap = b"[".to_vec();
        tap.extend_from_slice(&record);
        tap.resize(PIECE - 1, b'\n');
        tap.extend_from_slice(b"]");
        tap.extend_from_slice(behind.as_bytes());
        tap.extend_from_slice(&record);
        let dir = Dir::new();
        dir.write("tap", &tap);
        let ran = run(&dir, &["tap"], i32::from(is_damage));
        let says_bracket = ran.stderr.contains("or no record at all: \"]\"");
        assert_eq!(says_bracket, is_damage, "{behind:?}: {}", ran.stderr);
    }
}
