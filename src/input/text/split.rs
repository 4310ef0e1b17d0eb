//! Finds the records of text traces: from a field name at the top to the brace that closes its message.

use memchr::memchr;

use crate::input::literal;

/// The names of the messages at the top of a trace.
const TRACES: [&[u8]; 5] = [
    b"socket_streamed_trace_segment",
    b"socket_buffered_trace",
    b"http_streamed_trace_segment",
    b"http_buffered_trace",
    TRACE_DATA,
];

/// What Gloo's `TapRequest` has around a trace.
pub(in crate::input) const TRACE_DATA: &[u8] = b"trace_data";

/// A line that is no part of a record is passed over in pieces if it is longer than this many bytes.
pub(in crate::input) const MAX_NOISE: usize = 64 * 1024;

/// Goes through the bytes of a record that is still being read, each once.
#[derive(Debug, Default)]
pub(in crate::input) struct Scanner {
    /// How far it has come, from the beginning of the record.
    at: usize,
    depth: usize,
    /// The quote of the string in which it is.
    string: Option<u8>,
    is_in_comment: bool,
}

/// How far a record reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::input) enum Scanned {
    /// The record has this many bytes.
    Record(usize),
    /// These bytes part one record from the next.
    Space(usize),
    /// These bytes are no record, and not the beginning of one.
    Noise(usize),
    /// The record goes on behind what there is.
    Incomplete,
    /// The record breaks off after this many bytes, where another one begins.
    Broken(usize),
}

impl Scanner {
    /// Looks for the end of the record that begins with `bytes`. After [`Scanned::Incomplete`] it goes on with more of
    /// the same bytes, after all else with those that follow.
    pub(in crate::input) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        if self.at == 0 {
            let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if space > 0 {
                return Scanned::Space(space);
            }
        }
        let scanned = self.find(bytes);
        if scanned != Scanned::Incomplete {
            *self = Self::default();
        }
        scanned
    }

    fn find(&mut self, bytes: &[u8]) -> Scanned {
        loop {
            if let Some(quote) = self.string {
                let end = literal::end(bytes, self.at, quote);
                self.string = if end.is_none() { Some(quote) } else { None };
                self.at = end.unwrap_or(bytes.len());
            }
            if self.is_in_comment {
                let end = memchr(b'\n', &bytes[self.at..]);
                self.is_in_comment = end.is_none();
                self.at = end.map_or(bytes.len(), |length| self.at + length);
            }
            let Some(&byte) = bytes.get(self.at) else { return Scanned::Incomplete };
            match byte {
                b'{' | b'<' => self.depth += 1,
                b'}' | b'>' if self.depth <= 1 => {
                    let end = self.at + 1;
                    return if self.depth == 1 { Scanned::Record(end) } else { Scanned::Noise(end) };
                }
                b'}' | b'>' => self.depth -= 1,
                b'"' | b'\'' if self.at > 0 => self.string = Some(byte),
                b'#' => self.is_in_comment = true,
                b'\n' => match begins_trace(&bytes[self.at + 1..]) {
                    Some(true) if self.depth > 0 => return Scanned::Broken(self.at + 1),
                    Some(true) if is_between(&bytes[..self.at]) => return Scanned::Space(self.at + 1),
                    Some(true) => return Scanned::Noise(self.at + 1),
                    Some(false) => {}
                    None => return Scanned::Incomplete,
                },
                // At the top there is nothing but white space, and a name and a colon before the brace.
                _ if self.depth == 0 && !is_top(byte) => {
                    let rest = &bytes[self.at..];
                    return match memchr(b'\n', rest) {
                        Some(length) => Scanned::Noise(self.at + length + 1),
                        None if rest.len() > MAX_NOISE => Scanned::Noise(bytes.len()),
                        None => Scanned::Incomplete,
                    };
                }
                _ => {}
            }
            self.at += 1;
        }
    }
}

fn is_top(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || matches!(byte, b'_' | b':' | b',' | b';')
}

/// Whether these lines may stand between two traces: comments, and fields with a name and a value, which no Envoy has put
/// at the top yet.
fn is_between(lines: &[u8]) -> bool {
    lines.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).all(|line| {
        let name = line.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
        match line.first() {
            None | Some(b'#') => true,
            Some(_) => name > 0 && line[name..].trim_ascii_start().starts_with(b":"),
        }
    })
}

/// Whether a trace begins at the beginning of `line`; `None` if that cannot be told yet.
fn begins_trace(line: &[u8]) -> Option<bool> {
    if !matches!(line.first()?, b's' | b'h' | b't') {
        return Some(false);
    }
    for trace in TRACES {
        let length = trace.len().min(line.len());
        if line[..length] == trace[..length] {
            return (length == trace.len()).then_some(true);
        }
    }
    Some(false)
}

/// Whether an input that begins like this is text: the beginning of a trace, behind nothing but white space and comments.
pub(in crate::input) fn is_text(prefix: &[u8]) -> bool {
    let mut rest = prefix.trim_ascii_start();
    while rest.starts_with(b"#") {
        rest = memchr(b'\n', rest).map_or(&[][..], |end| &rest[end..]).trim_ascii_start();
    }
    let name = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
    let (name, behind) = rest.split_at(name);
    let behind = behind.trim_ascii_start();
    let behind = behind.strip_prefix(b":").unwrap_or(behind).trim_ascii_start();
    match behind.first() {
        // The input ends in the name.
        None => !name.is_empty() && TRACES.iter().any(|trace| trace.starts_with(name)),
        Some(b'{' | b'<') => {
            [&TRACES[..], &[b"connection", b"configured_sample_rate"]].concat().contains(&name)
        }
        Some(_) => false,
    }
}
