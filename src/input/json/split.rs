//! Finds the records of JSON traces: the objects at the top, whatever stands between them.

use memchr::memchr;

use crate::input::literal;
use crate::input::text::split::{MAX_NOISE, Scanned};

/// The names of the members at the top of a record.
const TRACES: [&[u8]; 10] = [
    b"socket_streamed_trace_segment",
    b"socket_buffered_trace",
    b"http_streamed_trace_segment",
    b"http_buffered_trace",
    b"socketStreamedTraceSegment",
    b"socketBufferedTrace",
    b"httpStreamedTraceSegment",
    b"httpBufferedTrace",
    // What Gloo's `TapRequest` has around a trace.
    b"trace_data",
    b"traceData",
];

/// Goes through the bytes of a record that is still being read, each once.
#[derive(Debug, Default)]
pub(in crate::input) struct Scanner {
    /// How far it has come, from the beginning of the record.
    at: usize,
    depth: usize,
    is_in_string: bool,
}

impl Scanner {
    /// Looks for the end of the record that begins with `bytes`. After [`Scanned::Incomplete`] it goes on with more of
    /// the same bytes, after all else with those that follow.
    pub(in crate::input) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        let scanned = match bytes.first() {
            None => Scanned::Incomplete,
            Some(b'{') => self.find(bytes),
            // The brackets and commas of an array of records.
            Some(b'[' | b']' | b',') => Scanned::Space(1),
            Some(byte) if byte.is_ascii_whitespace() => {
                Scanned::Space(bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
            }
            Some(_) => match memchr(b'\n', bytes) {
                Some(length) => Scanned::Noise(length + 1),
                None if bytes.len() > MAX_NOISE => Scanned::Noise(bytes.len()),
                None => Scanned::Incomplete,
            },
        };
        if scanned != Scanned::Incomplete {
            *self = Self::default();
        }
        scanned
    }

    fn find(&mut self, bytes: &[u8]) -> Scanned {
        loop {
            if self.is_in_string {
                let end = literal::end(bytes, self.at, b'"');
                self.is_in_string = end.is_none();
                self.at = end.unwrap_or(bytes.len());
            }
            let Some(&byte) = bytes.get(self.at) else { return Scanned::Incomplete };
            match byte {
                b'"' => self.is_in_string = true,
                b'{' => self.depth += 1,
                b'}' if self.depth == 1 => return Scanned::Record(self.at + 1),
                b'}' => self.depth -= 1,
                b'\n' => match begins_trace(&bytes[self.at + 1..]) {
                    Some(true) => return Scanned::Broken(self.at + 1),
                    Some(false) => {}
                    None => return Scanned::Incomplete,
                },
                _ => {}
            }
            self.at += 1;
        }
    }
}

/// Whether a record begins at the beginning of `line`, as Envoy prints it: a brace without indentation and the name of
/// a trace. `None` if that cannot be told yet.
fn begins_trace(line: &[u8]) -> Option<bool> {
    let begins = begins_trace_or_may(line);
    // Envoy puts the name on the next line, behind one space.
    if line.len() > 64 { begins.or(Some(false)) } else { begins }
}

fn begins_trace_or_may(line: &[u8]) -> Option<bool> {
    if *line.first()? != b'{' {
        return Some(false);
    }
    let name = line[1..].trim_ascii_start();
    if *name.first()? != b'"' {
        return Some(false);
    }
    let name = &name[1..];
    let mut is_open = false;
    for trace in TRACES {
        let length = trace.len().min(name.len());
        if name[..length] == trace[..length] {
            if length == trace.len() {
                return Some(true);
            }
            is_open = true;
        }
    }
    if is_open { None } else { Some(false) }
}
