//! Finds the records of JSON traces: the objects at the top, whatever stands between them.

use memchr::memchr_iter;

use super::scanned::{MAX_GARBAGE, Scanned, garbage};
use crate::proto::envoy::data::tap::v3::TraceWrapper;
use crate::proto::gloo::TapRequest;
use crate::proto::{json_name, text_name};
use crate::protobuf::literal;

/// The names of the members at the top of a record, each in both spellings.
const MEMBERS: [&[u8]; 12] = [
    text_name(TraceWrapper::NAMES, TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT),
    text_name(TraceWrapper::NAMES, TraceWrapper::SOCKET_BUFFERED_TRACE),
    text_name(TraceWrapper::NAMES, TraceWrapper::HTTP_STREAMED_TRACE_SEGMENT),
    text_name(TraceWrapper::NAMES, TraceWrapper::HTTP_BUFFERED_TRACE),
    text_name(TraceWrapper::NAMES, TraceWrapper::CONFIGURED_SAMPLE_RATE),
    text_name(TapRequest::NAMES, TapRequest::TRACE_DATA),
    json_name(TraceWrapper::NAMES, TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT),
    json_name(TraceWrapper::NAMES, TraceWrapper::SOCKET_BUFFERED_TRACE),
    json_name(TraceWrapper::NAMES, TraceWrapper::HTTP_STREAMED_TRACE_SEGMENT),
    json_name(TraceWrapper::NAMES, TraceWrapper::HTTP_BUFFERED_TRACE),
    json_name(TraceWrapper::NAMES, TraceWrapper::CONFIGURED_SAMPLE_RATE),
    json_name(TapRequest::NAMES, TapRequest::TRACE_DATA),
];

/// Goes through the bytes of a record that is still being read, each once.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// How far it has come, from the beginning of the record.
    at: usize,
    depth: usize,
    is_in_string: bool,
}

impl Scanner {
    /// Looks for the end of the record that begins with `bytes`. After [`Scanned::Incomplete`] it goes on with more of
    /// the same bytes, after all else with those that follow.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        let scanned = if self.at > 0 { self.find(bytes) } else { self.begin(bytes) };
        if scanned != Scanned::Incomplete {
            *self = Self::default();
        }
        scanned
    }

    fn begin(&mut self, bytes: &[u8]) -> Scanned {
        let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(&first) = bytes.first().filter(|_| space == 0) else {
            return if space > 0 { Scanned::Separator(space) } else { Scanned::Incomplete };
        };
        let behind = bytes[1..].trim_ascii_start().first();
        match (first, behind) {
            (b'{', Some(b'"' | b'}')) => self.find(bytes),
            (b'{' | b'[' | b']', None) if bytes.len() <= MAX_GARBAGE => Scanned::Incomplete,
            // The brackets and commas of an array of records.
            (b'[', Some(b'{' | b']')) | (b']', Some(b'{' | b'[' | b',' | b']')) | (b',', _) => {
                Scanned::Separator(1)
            }
            _ => garbage(bytes, |line| memchr_iter(b'{', line), |at| begins_record(&bytes[at..])),
        }
    }

    fn find(&mut self, bytes: &[u8]) -> Scanned {
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
                b'}' if self.depth == 1 => return Scanned::Record(self.at + 1),
                b'}' => self.depth -= 1,
                b'\n' => match begins_record(&bytes[self.at + 1..]) {
                    Some(true) => return Scanned::Truncated(self.at + 1),
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
pub(crate) fn begins_record(line: &[u8]) -> Option<bool> {
    let begins = begins_record_or_may(line);
    // Envoy puts the name on the next line, behind one space.
    if line.len() > 64 { begins.or(Some(false)) } else { begins }
}

fn begins_record_or_may(line: &[u8]) -> Option<bool> {
    if *line.first()? != b'{' {
        return Some(false);
    }
    let name = line[1..].trim_ascii_start();
    if *name.first()? != b'"' {
        return Some(false);
    }
    let name = &name[1..];
    let mut is_open = false;
    for member in MEMBERS {
        let length = member.len().min(name.len());
        if name[..length] == member[..length] {
            if length == member.len() {
                return Some(true);
            }
            is_open = true;
        }
    }
    if is_open { None } else { Some(false) }
}
