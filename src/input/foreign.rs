//! What an input that is no tap looks like, for the message about it: what it is, how it begins, and what to do.

use std::fmt;

use crate::record::stray::quoted;

/// A description of an input that is no tap trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    what: &'static str,
    /// How it begins, where that helps.
    beginning: Option<String>,
    advice: &'static str,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if let Some(beginning) = &self.beginning {
            write!(f, " ({beginning})")?;
        }
        write!(f, "; {}", self.advice)
    }
}

/// Bytes at a place in a file, and what they show.
struct Magic {
    at: usize,
    bytes: &'static [u8],
    what: &'static str,
    advice: &'static str,
}

const fn magic(bytes: &'static [u8], what: &'static str, advice: &'static str) -> Magic {
    Magic { at: 0, bytes, what, advice }
}

const IMAGE: &str = "an image";
const NO_TRACE: &str =
    "give what the tap has written: a file that its path_prefix names, or an answer of /tap";

/// Files in binary. What comes first counts.
const MAGICS: [Magic; 26] = [
    magic(b"\xfd7zXZ\0", "data compressed with xz", "decompress it first, with xz -d"),
    magic(b"BZh", "data compressed with bzip2", "decompress it first, with bunzip2"),
    magic(b"\x04\x22\x4d\x18", "data compressed with lz4", "decompress it first, with lz4 -d"),
    magic(b"LZIP", "data compressed with lzip", "decompress it first, with lzip -d"),
    magic(b"\x5d\0\0", "data compressed with lzma", "decompress it first, with xz -d --format=lzma"),
    magic(b"\xff\x06\0\0sNaPpY", "data compressed with snappy", "decompress it first, with snzip -d"),
    magic(b"\x1f\x9d", "data compressed with compress", "decompress it first, with uncompress"),
    magic(b"\x1f\x8b", "gzip data that is damaged", "copy it anew"),
    magic(b"PK\x03\x04", "a zip archive", "unpack it first, with unzip"),
    magic(b"PK\x05\x06", "an empty zip archive", NO_TRACE),
    magic(b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first, with 7z x"),
    magic(b"Rar!", "a rar archive", "unpack it first, with unrar x"),
    Magic { at: 257, bytes: b"ustar", what: "a tar archive", advice: "unpack it first, with tar -xf" },
    magic(b"\x7fELF", "a program or a core dump", NO_TRACE),
    magic(b"MZ", "a program for Windows", NO_TRACE),
    magic(b"\xcf\xfa\xed\xfe", "a program for macOS", NO_TRACE),
    magic(b"\xca\xfe\xba\xbe", "a program", NO_TRACE),
    magic(b"\0asm", "a WebAssembly module", NO_TRACE),
    magic(b"\x89PNG", IMAGE, NO_TRACE),
    magic(b"\xff\xd8\xff", IMAGE, NO_TRACE),
    magic(b"GIF8", IMAGE, NO_TRACE),
    magic(b"%PDF", "a PDF document", NO_TRACE),
    magic(b"SQLite format 3\0", "a database", NO_TRACE),
    magic(b"-----BEGIN PGP", "encrypted data", "decrypt it first, with gpg -d"),
    magic(b"-----BEGIN", "a certificate or a key", NO_TRACE),
    magic(b"\xff\xfe\0\0", "text in UTF-32", "convert it first, with iconv -f UTF-32 -t UTF-8"),
];

/// Where words have to be found in the beginning of a text.
enum Place {
    /// At the beginning, in either case.
    First,
    /// In the first line.
    Line,
    /// Anywhere.
    Anywhere,
}
use Place::{Anywhere, First, Line};

const ADMIN: &str = "an error message of Envoy's admin port";
const KUBECTL: &str = "an error message of kubectl";
const PROXY: &str = "an error message of a proxy";
const RUN_ALONE: &str = "run the command that wrote it alone, and convert when it writes a trace";
const TAP_REQUEST: &str = "tap2pcap live sends the right request for a live tap";

/// Texts. What comes first counts.
const TEXTS: [(Place, &str, &str, &str); 31] = [
    (
        First,
        "<!doctype html",
        "HTML",
        "it is a page of a server, often an error or a login: ask for the trace again",
    ),
    (First, "<html", "HTML", "it is a page of a server, often an error or a login: ask for the trace again"),
    (First, "<", "XML", NO_TRACE),
    (First, "unknown config id", ADMIN, "ask for the config_id that the tap's admin_config has"),
    (First, "an attached /tap admin stream", ADMIN, "end the other request to /tap: one runs at a time"),
    (First, "/tap requires", ADMIN, TAP_REQUEST),
    (First, "invalid path", ADMIN, TAP_REQUEST),
    (First, "error from server", KUBECTL, RUN_ALONE),
    (First, "unable to connect to the server", KUBECTL, RUN_ALONE),
    (First, "the connection to the server", KUBECTL, RUN_ALONE),
    (First, "error: ", "an error message", RUN_ALONE),
    (First, "curl: (", "an error message of curl", RUN_ALONE),
    (First, "upstream connect error", PROXY, RUN_ALONE),
    (First, "no healthy upstream", PROXY, RUN_ALONE),
    (First, "rbac: access denied", PROXY, RUN_ALONE),
    (Line, "command not found", "an error message of a shell", RUN_ALONE),
    (Line, "permission denied", "an error message", RUN_ALONE),
    (Line, "no such file or directory", "an error message", RUN_ALONE),
    (Line, "connection refused", "an error message", RUN_ALONE),
    (First, "http/", "an HTTP response without a trace", RUN_ALONE),
    (First, "version https://git-lfs", "a pointer of Git LFS", "fetch the file, with git lfs pull"),
    (Anywhere, "\"resourceSpans\"", "OpenTelemetry spans", "give them beside a trace, with --spans"),
    (Anywhere, "\"configs\"", "a configuration dump of Envoy", NO_TRACE),
    (Anywhere, "\"response_code\"", "an access log in JSON", NO_TRACE),
    (Anywhere, "\"apiVersion\"", "a resource of Kubernetes in JSON", NO_TRACE),
    (Anywhere, "static_resources:", "a configuration of Envoy", NO_TRACE),
    (Anywhere, "apiVersion:", "a resource of Kubernetes", NO_TRACE),
    (Line, "] \"", "an access log", NO_TRACE),
    (Line, "][info]", "a log of Envoy", NO_TRACE),
    (First, "{", "JSON without a trace", NO_TRACE),
    (First, "[{", "JSON without a trace", NO_TRACE),
];

impl Foreign {
    /// A packet capture that holds nothing of a tap.
    pub(crate) fn capture() -> Self {
        Self {
            what: "a packet capture without datagrams of Envoy's UDP tap sink",
            beginning: None,
            advice: "open it in Wireshark as it is",
        }
    }

    /// Describes an input that begins with `prefix`.
    pub(crate) fn new(prefix: &[u8]) -> Self {
        /// Texts are looked through up to here.
        const LOOK: usize = 4096;
        /// Fewer characters may be text by chance.
        const WORDS: usize = 8;
        let is_there = |magic: &&Magic| prefix.get(magic.at..).is_some_and(|at| at.starts_with(magic.bytes));
        if let Some(Magic { what, advice, .. }) = MAGICS.iter().find(is_there) {
            return Self { what, beginning: None, advice };
        }
        if prefix.iter().all(|&byte| byte == 0) {
            let advice = "a file system leaves zeros after a crash: the trace is lost";
            return Self { what: "zeros only", beginning: None, advice };
        }
        let start = &prefix[..prefix.len().min(LOOK)];
        let Some(text) = text(start) else {
            let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
            if let Some(line) = text(line).filter(|line| line.len() >= WORDS && line.len() < start.len()) {
                let advice =
                    "a binary trace is read from the file's beginning: take the lines before it away";
                return Self {
                    what: "text, with binary data after it",
                    beginning: Some(quoted(line.trim())),
                    advice,
                };
            }
            let beginning = Some(format!("it begins with the bytes {}", hex(prefix)));
            let advice = "-i tells the format of a trace whose beginning is damaged";
            return Self { what: "binary data", beginning, advice };
        };
        let text = text.trim();
        let Some(line) = text.lines().next() else {
            let advice = "ask for the trace again";
            return Self { what: "white space only", beginning: None, advice };
        };
        let lower = line.to_ascii_lowercase();
        let is_there = |&&(ref place, words, ..): &&(Place, &str, &str, &str)| match place {
            First => lower.starts_with(words),
            Line => lower.contains(words),
            Anywhere => text.contains(words),
        };
        let (what, advice) = match TEXTS.iter().find(is_there) {
            Some(&(_, _, what, advice)) => (what, advice),
            None => ("text", "if it is an error message, run the command that wrote it alone"),
        };
        Self { what, beginning: Some(quoted(line)), advice }
    }
}

/// The text that these bytes are, which may end within a character.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_control = |char: char| char.is_control() && !char.is_ascii_whitespace() && char != '\u{1b}';
    (!text.is_empty() && !text.contains(is_control)).then_some(text)
}

/// The first bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let first: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    first.join(" ")
}
