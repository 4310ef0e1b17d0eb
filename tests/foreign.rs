//! What a person is told of an input that is no tap: how it begins, what it looks like, and what to do.

use crate::program::{Dir, testdata};

/// Bytes, and what has to be said of them.
const FOREIGN: [(&[u8], &[&str]); 27] = [
    (b"\xfd7zXZ\0\0\x04", &["xz", "xz -d"]),
    (b"BZh91AY&SY\0\0", &["bzip2", "bunzip2"]),
    (b"\x04\x22\x4d\x18\x64\x40", &["lz4", "lz4 -d"]),
    (b"\x5d\0\0\x80\0\xff", &["lzma", "xz -d"]),
    (b"\x1f\x9d\x90abc", &["uncompress"]),
    (b"PK\x03\x04\x14\0", &["a zip archive", "unzip"]),
    (b"7z\xbc\xaf\x27\x1c\0", &["a 7z archive", "7z x"]),
    (
        b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0",
        &["a packet capture without datagrams of Envoy's UDP tap sink", "open it in Wireshark"],
    ),
    (
        b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
        &["a packet capture without datagrams of Envoy's UDP tap sink"],
    ),
    (b"\x7fELF\x02\x01\x01", &["core dump"]),
    (b"\x89PNG\r\n\x1a\n", &["an image"]),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", &["an image"]),
    (b"<!DOCTYPE html>\n<title>503</title>", &["HTML (\"<!DOCTYPE html>\")"]),
    (b"<html><body>login</body></html>", &["HTML (\"<html><body>login</body></html>\")"]),
    (
        b"An attached /tap admin stream already exists. Detach it.",
        &["Envoy's admin port", "one runs at a time"],
    ),
    (b"error: unable to upgrade connection", &["an error message (\"error: unable"]),
    (b"curl: (7) Failed to connect to localhost port 9901", &["curl", "(\"curl: (7) Failed"]),
    (b"sh: tap: command not found\n", &["a shell"]),
    (b"upstream connect error or disconnect/reset before headers. retried", &["a proxy", "…\")"]),
    (b"{\"name\": \"x\", \"version\": 1}\n", &["JSON without a trace", "path_prefix"]),
    (b"{\"configs\": [{}]}\n", &["a configuration dump of Envoy"]),
    (b"static_resources:\n  listeners: []\n", &["a configuration of Envoy", "(\"static_resources:\")"]),
    (b"[2026-11-20T10:58:36.880Z] \"GET / HTTP/1.1\" 200 - 0 2\n", &["an access log"]),
    (b"socket buffers are small\n", &["text (\"socket buffers are small\")"]),
    (b" \n\n", &["white space only"]),
    (b"\0\0\0\0\0\0", &["zeros only"]),
    (b"\xc3\x28\x80\x81\x82", &["binary data (it begins with the bytes c3 28 80 81 82)"]),
];

#[test]
fn an_error_says_what_the_input_looks_like_and_what_to_do() {
    for (bytes, words) in FOREIGN {
        let dir = Dir::new();
        dir.write("tap", bytes);
        let file = dir.tap2pcap().arg("tap").run().expect(1);
        let pipe = dir.tap2pcap().arg("-").stdin(bytes).run().expect(1);
        for (name, ran) in [("tap", file), ("-", pipe)] {
            let start =
                format!("tap2pcap: error: {name}: this is neither an Envoy tap nor Hubble flows, but ");
            assert!(ran.stderr.starts_with(&start), "{}", ran.stderr);
            assert!(words.iter().all(|words| ran.stderr.contains(words)), "{words:?} {}", ran.stderr);
            assert!(ran.stderr.contains("; ") && ran.stderr.len() < 400, "{}", ran.stderr);
            assert_eq!(ran.stderr.matches(char::is_control).count(), 1, "{}", ran.stderr);
            assert!(ran.stdout.is_empty());
        }
    }
}

#[test]
fn the_words_of_envoy_and_kubectl_are_quoted() {
    let quotes = [
        (
            "error-admin.txt",
            "(\"Unknown config id 'nope'. No extension has registered with t…\"); ask for the config_id",
        ),
        (
            "error-kubectl.txt",
            "of kubectl (\"Error from server (NotFound): pods \\\"app-0\\\" not found\"); ",
        ),
    ];
    for (name, quote) in quotes {
        let dir = Dir::new();
        let ran = dir.tap2pcap().arg(testdata(name)).run().expect(1);
        assert!(ran.stderr.contains(quote), "{}", ran.stderr);
        let bytes = std::fs::read(testdata(name)).expect("a text");
        let ran = dir.tap2pcap().arg("-").stdin(bytes).run().expect(1);
        assert!(ran.stderr.contains(quote), "{}", ran.stderr);
        let info = dir.tap2pcap().arg("info").arg(testdata(name)).run().expect(1);
        assert!(info.stderr.contains(quote), "{}", info.stderr);
    }
}

#[test]
fn an_archive_is_named_where_it_is_compressed_too() {
    let mut tar = vec![0; 1024];
    tar[..6].copy_from_slice(b"tap.pb");
    tar[257..262].copy_from_slice(b"ustar");
    let tar_zst = ruzstd::encoding::compress_to_vec(&tar[..], ruzstd::encoding::CompressionLevel::Fastest);
    for bytes in [tar, tar_zst] {
        let dir = Dir::new();
        let ran = dir.tap2pcap().arg("-").stdin(bytes).run().expect(1);
        assert!(ran.stderr.contains("a tar archive; unpack it first, with tar -xf"), "{}", ran.stderr);
    }
}

#[test]
fn lines_before_a_binary_tap_are_named() {
    let tap = std::fs::read(testdata("post-streamed.pb")).expect("a tap");
    let dir = Dir::new();
    let stdin = [&b"Defaulted container \"a\" out of: a, b\n"[..], &tap].concat();
    let ran = dir.tap2pcap().arg("-").stdin(stdin).run().expect(1);
    let says = "text, with binary data after it (\"Defaulted container \\\"a\\\" out of: a, b\"); ";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}

#[test]
fn an_empty_file_says_when_envoy_writes_it() {
    let dir = Dir::new();
    dir.write("tap_1.pb", b"");
    let ran = dir.tap2pcap().arg("tap_1.pb").run().expect(1);
    let says = "tap_1.pb: the file is empty: Envoy writes it when the connection closes";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    let ran = dir.tap2pcap().arg("-").run().expect(1);
    assert!(ran.stderr.contains("-: the input is empty: "), "{}", ran.stderr);
}

#[test]
fn empty_files_in_a_directory_are_counted_apart() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("taps/only")).expect("directories");
    dir.write("taps/only/tap_1.pb", b"");
    let ran = dir.tap2pcap().args(["-w", "a.pcap", "taps"]).run().expect(1);
    let says = "taps: there is no tap trace below this directory, only 1 empty file (Envoy writes it when the \
                connection closes)";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    dir.write("taps/tap_2.pb", b"");
    std::fs::copy(testdata("post-streamed.pb"), dir.path("taps/tap_3.pb")).expect("a copy");
    dir.write("taps/notes", b"notes\n");
    let ran = dir.tap2pcap().args(["-w", "a.pcap", "taps"]).run().expect(0);
    let says = ", 1 file skipped that no tap wrote, 2 empty files (Envoy writes them when the connection closes) -> ";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}

#[test]
fn spans_in_a_directory_are_no_taps() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("mixed")).expect("a directory");
    for name in
        ["otlp.pb", "otlp.jsonl", "opencensus.pb_length_delimited", "opencensus.jsonl", "zipkin-v2.json"]
    {
        let spans = std::fs::read(testdata(&format!("spans/{name}"))).expect("a file");
        dir.write(&format!("mixed/{name}"), &spans);
    }
    dir.write("mixed/tap.pb", &std::fs::read(testdata("post-streamed.pb")).expect("a file"));
    let ran = dir.tap2pcap().args(["-w", "out.pcapng", "mixed"]).run().expect(0);
    assert!(ran.stderr.contains("1 trace, ") && ran.stderr.contains("5 files skipped"), "{}", ran.stderr);
}
