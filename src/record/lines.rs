//! Finds the records of JSON that has one on a line, as Hubble's: behind what a log has put before them, printed over several
//! lines, or in arrays, too.
//!
//! A line that ends as an object does is taken for a record, and nobody looks through it twice: whoever reads it says where the
//! object ends, and the rest of the line is looked at again. Only what goes on behind a line is searched for its last brace.

use memchr::{memchr, memmem};

use super::scanned::{MAX_GARBAGE, Scanned};
use crate::protobuf::literal;

/// A line without an end in so many bytes is searched for braces.
const LONG_LINE: usize = 1 << 20;

/// Goes through the bytes of a record that is still being read.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// The record that was found last is a line.
    is_line: bool,
    /// So far no line ends.
    searched: usize,
    /// Braces are counted: the object does not end with its line, or the line not with it.
    by_braces: bool,
    at: usize,
    depth: usize,
    is_in_string: bool,
}

impl Scanner {
    /// Looks for the end of the record that begins with `bytes`. After [`Scanned::Incomplete`] it goes on with more of the same
    /// bytes, after all else with those that follow.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        self.is_line = false;
        let scanned = match bytes.first() {
            None => return Scanned::Incomplete,
            Some(b'{') => self.object(bytes),
            Some(first) if first.is_ascii_whitespace() => {
                let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                self.by_braces &= !bytes[..space].contains(&b'\n');
                Scanned::Separator(space)
            }
            Some(b',' | b']') => Scanned::Separator(1),
            Some(b'[') if matches!(bytes[1..].trim_ascii_start().first(), None | Some(b'{' | b']')) => {
                Scanned::Separator(1)
            }
            Some(_) => self.line(bytes),
        };
        if scanned != Scanned::Incomplete {
            (self.searched, self.at, self.depth, self.is_in_string) = (0, 0, 0, false);
        }
        scanned
    }

    /// Whether the record that was found last is a line, without its end.
    pub(crate) fn is_line(&self) -> bool {
        self.is_line
    }

    /// Counts braces from here on, as the line does not end or holds more than a record. Whether it did not before.
    pub(crate) fn count_braces(&mut self) -> bool {
        !std::mem::replace(&mut self.by_braces, true)
    }

    /// A record that begins with a brace.
    fn object(&mut self, bytes: &[u8]) -> Scanned {
        if !self.by_braces {
            let Some(length) = memchr(b'\n', &bytes[self.searched..]) else {
                self.searched = bytes.len();
                self.by_braces = bytes.len() > LONG_LINE;
                return Scanned::Incomplete;
            };
            let line = bytes[..self.searched + length].trim_ascii_end();
            let line = line.strip_suffix(b",").unwrap_or(line);
            if line.ends_with(b"}") {
                self.is_line = true;
                return Scanned::Record(line.len());
            }
            self.by_braces = true;
        }
        self.braces(bytes)
    }

    fn braces(&mut self, bytes: &[u8]) -> Scanned {
        loop {
            if self.is_in_string {
                let end = literal::end_of_string(bytes, self.at, b'"');
                self.is_in_string = end.is_none();
                self.at = end.unwrap_or(bytes.len());
            }
            let Some(&byte) = bytes.get(self.at) else { return Scanned::Incomplete };
            match byte {
                b'"' => self.is_in_string = true,
                b'{' => self.depth += 1,
                b'}' if self.depth <= 1 => return Scanned::Record(self.at + 1),
                b'}' => self.depth -= 1,
                // A record begins on the next line: this one breaks off.
                b'\n' => match &bytes[self.at + 1..] {
                    [b'{', b'"', ..] => {
                        self.by_braces = false;
                        return Scanned::Truncated(self.at + 1);
                    }
                    [] | [b'{'] => return Scanned::Incomplete,
                    _ => {}
                },
                _ => {}
            }
            self.at += 1;
        }
    }

    /// A line that begins otherwise: a record behind what a log puts before it, a part of one, or none.
    fn line(&mut self, bytes: &[u8]) -> Scanned {
        let most = &bytes[..bytes.len().min(MAX_GARBAGE)];
        let line = memchr(b'\n', most).map_or(most, |length| &most[..=length]);
        let is_whole = line.ends_with(b"\n") || line.len() == MAX_GARBAGE;
        if let Some(begin) = cri_content(line) {
            return match line[begin - 2] {
                b'P' => parts(bytes),
                _ => Scanned::Separator(begin),
            };
        }
        match memmem::find(line, b"{\"") {
            Some(begin) if is_prefix(&line[..begin]) => Scanned::Separator(begin),
            _ if is_whole => Scanned::Garbage(line.len()),
            _ => Scanned::Incomplete,
        }
    }
}

/// Whether these bytes are what a log puts before a record, and no part of one.
fn is_prefix(bytes: &[u8]) -> bool {
    bytes.len() <= 512 && !bytes.iter().any(|byte| matches!(byte, b'"' | b'{' | b'}'))
}

/// Where the content begins of a line of a container runtime's log: `TIME stdout F CONTENT`, or `P` where it is a part of a line.
fn cri_content(line: &[u8]) -> Option<usize> {
    let time = memchr(b' ', line.get(..64).unwrap_or(line))?;
    let rest = &line[time + 1..];
    let stream = rest.strip_prefix(b"stdout ").or_else(|| rest.strip_prefix(b"stderr "))?;
    let is_time = line[..time].contains(&b'T') && line[..time].first().is_some_and(u8::is_ascii_digit);
    match stream {
        [b'F' | b'P', b' ', ..] if is_time => Some(line.len() - stream.len() + 2),
        _ => None,
    }
}

/// A record in several lines of a container runtime's log, of which all but the last are marked `P`.
fn parts(bytes: &[u8]) -> Scanned {
    let mut at = 0;
    loop {
        let Some(length) = memchr(b'\n', &bytes[at..]) else { return Scanned::Incomplete };
        let line = &bytes[at..=at + length];
        match cri_content(line) {
            Some(begin) if line[begin - 2] == b'P' => at += length + 1,
            Some(_) => return Scanned::Record(at + length + 1),
            None if at > 0 => return Scanned::Truncated(at),
            None => return Scanned::Garbage(line.len()),
        }
    }
}

/// Puts what the parts of a record hold together, in place of what `to` has; whether there are parts.
pub(crate) fn join_parts(record: &[u8], to: &mut Vec<u8>) -> bool {
    if record.first() == Some(&b'{') || cri_content(record).is_none() {
        return false;
    }
    to.clear();
    for line in record.split_inclusive(|&byte| byte == b'\n') {
        let content = cri_content(line).map_or(line, |begin| &line[begin..]);
        to.extend_from_slice(content.strip_suffix(b"\n").unwrap_or(content));
    }
    true
}

/// Whether a line that is no record is a fragment of one.
pub(crate) fn is_fragment(line: &[u8]) -> bool {
    const SIGNS: [&[u8]; 4] = [b"\"flow\":", b"\"node_name\":", b"\"verdict\":", b"\"nodeName\":"];
    SIGNS.iter().any(|sign| memmem::find(line, sign).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a scanner finds in `bytes`, which come in pieces of every size.
    fn records(bytes: &str) -> Vec<String> {
        let mut expected = None;
        for step in 1..=bytes.len() {
            let (mut scanner, mut found, mut begin, mut end) = (Scanner::default(), Vec::new(), 0, step);
            loop {
                match scanner.scan(&bytes.as_bytes()[begin..end]) {
                    Scanned::Record(length) => {
                        found.push(bytes[begin..begin + length].to_owned());
                        begin += length;
                    }
                    Scanned::Truncated(length) => {
                        found.push(format!("!{}", &bytes[begin..begin + length]));
                        begin += length;
                    }
                    Scanned::Garbage(length) => {
                        found.push(format!("?{}", &bytes[begin..begin + length]));
                        begin += length;
                    }
                    Scanned::Separator(length) => begin += length,
                    Scanned::Incomplete if end < bytes.len() => end = bytes.len().min(end + step),
                    Scanned::Incomplete if begin < end && scanner.count_braces() => {}
                    Scanned::Incomplete => break,
                }
            }
            let expected = expected.get_or_insert_with(|| found.clone());
            assert_eq!(expected, &found, "in pieces of {step}");
        }
        expected.unwrap_or_default()
    }

    #[test]
    fn records_are_found_in_lines_arrays_and_over_lines() {
        assert_eq!(records("{\"a\":1}\n{\"b\":2}\n"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(records("{\"a\":1}\r\n{\"b\":2}"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(records("[\n  {\"a\":1},\n  {\"b\":2}\n]\n"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(
            records("{\n  \"a\": {\n    \"b\": \"}\"\n  }\n}\n{\n}\n"),
            ["{\n  \"a\": {\n    \"b\": \"}\"\n  }\n}", "{\n}"]
        );
        assert_eq!(records("{\"a\":{\"b\n{\"c\":1}\n"), ["!{\"a\":{\"b\n", "{\"c\":1}"]);
    }

    #[test]
    fn what_logs_put_before_records_is_passed_over() {
        assert_eq!(records("[pod/a/b] {\"a\":1}\n"), ["{\"a\":1}"]);
        assert_eq!(records("2026-11-20T10:58:00Z stdout F {\"a\":1}\n"), ["{\"a\":1}"]);
        assert_eq!(
            records("level=info msg=\"{\\\"a\\\"}\"\n{\"a\":1}\n"),
            ["?level=info msg=\"{\\\"a\\\"}\"\n", "{\"a\":1}"]
        );
        let parts = "2026-11-20T10:58:00Z stdout P {\"a\n2026-11-20T10:58:00Z stdout F \":1}\n";
        assert_eq!(records(parts), [parts]);
        let mut joined = Vec::new();
        assert!(join_parts(parts.as_bytes(), &mut joined));
        assert_eq!(joined, b"{\"a\":1}");
    }
}
