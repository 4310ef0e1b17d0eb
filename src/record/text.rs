//! Finds the records of text traces: from a field name at the top to the brace that closes its message.

use memchr::{memchr, memmem};

use super::scanned::{MAX_GARBAGE, Scanned, garbage};
use crate::proto::envoy::data::tap::v2alpha::Trace;
use crate::proto::envoy::data::tap::v3::TraceWrapper;
use crate::proto::gloo::TapRequest;
use crate::proto::text_name;
use crate::protobuf::literal;

/// The names of the messages at the top of a trace, and of what Gloo's `TapRequest` has around them.
const TRACES: [&[u8]; 5] = [
    wrapper_name(TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT),
    wrapper_name(TraceWrapper::SOCKET_BUFFERED_TRACE),
    wrapper_name(TraceWrapper::HTTP_STREAMED_TRACE_SEGMENT),
    wrapper_name(TraceWrapper::HTTP_BUFFERED_TRACE),
    text_name(TapRequest::NAMES, TapRequest::TRACE_DATA),
];

/// Others, of early Envoys and of those since 1.39. With an event nothing begins.
const ALONE: [&[u8]; 3] = [
    text_name(Trace::NAMES, Trace::EVENTS),
    text_name(Trace::NAMES, Trace::CONNECTION),
    wrapper_name(TraceWrapper::CONFIGURED_SAMPLE_RATE),
];

const fn wrapper_name(number: u32) -> &'static [u8] {
    text_name(TraceWrapper::NAMES, number)
}

/// Goes through the bytes of a record that is still being read, each once.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// How far it has come, from the beginning of the record.
    at: usize,
    depth: usize,
    /// The quote of the string in which it is.
    string: Option<u8>,
    is_in_comment: bool,
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
        let separators =
            bytes.iter().take_while(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b';')).count();
        if separators > 0 {
            return Scanned::Separator(separators);
        }
        match first(bytes) {
            First::Message(brace) => {
                self.at = brace + 1;
                self.depth = 1;
                self.find(bytes)
            }
            First::Comment => match memchr(b'\n', bytes) {
                Some(length) => Scanned::Separator(length),
                None if bytes.len() > MAX_GARBAGE => Scanned::Garbage(bytes.len()),
                None => Scanned::Incomplete,
            },
            First::Incomplete if bytes.len() <= MAX_GARBAGE => Scanned::Incomplete,
            First::Incomplete | First::Else => garbage(bytes, places, |at| match first(&bytes[at..]) {
                First::Message(_) => Some(true),
                First::Incomplete => None,
                First::Comment | First::Else => Some(false),
            }),
        }
    }

    fn find(&mut self, bytes: &[u8]) -> Scanned {
        loop {
            if let Some(quote) = self.string {
                let end = literal::end_of_string(bytes, self.at, quote);
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
                b'}' | b'>' if self.depth == 1 => return Scanned::Record(self.at + 1),
                b'}' | b'>' => self.depth -= 1,
                b'"' | b'\'' => self.string = Some(byte),
                b'#' => self.is_in_comment = true,
                b'\n' => match begins_trace(&bytes[self.at + 1..]) {
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

/// Where the names of traces stand in a line, behind the numbers of curl's progress meter.
fn places(line: &[u8]) -> impl Iterator<Item = usize> {
    let places = TRACES.iter().flat_map(|trace| memmem::find_iter(line, trace));
    places.filter(|&at| at > 0 && line[at - 1].is_ascii_digit())
}

/// What stands first in some bytes.
enum First {
    /// A name, and the brace that opens a message: here.
    Message(usize),
    Comment,
    /// What may become a message.
    Incomplete,
    Else,
}

fn first(bytes: &[u8]) -> First {
    if bytes.first() == Some(&b'#') {
        return First::Comment;
    }
    let name = bytes.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
    let skip = |at: usize| at + bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut at = skip(name);
    if bytes.get(at) == Some(&b':') {
        at = skip(at + 1);
    }
    match bytes.get(at) {
        Some(b'{' | b'<') if name > 0 => First::Message(at),
        None if name > 0 || bytes.is_empty() => First::Incomplete,
        _ => First::Else,
    }
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

/// Whether a record begins here, with the name of a trace.
pub(crate) fn begins_record(bytes: &[u8]) -> bool {
    begins_trace(bytes) == Some(true) && matches!(first(bytes), First::Message(_))
}

/// Whether the input ends within the name of a trace, or behind it.
pub(crate) fn may_begin_trace(rest: &[u8]) -> bool {
    let name = rest.trim_ascii_end();
    let name = name.strip_suffix(b":").unwrap_or(name).trim_ascii_end();
    !name.is_empty() && [&TRACES[..], &ALONE].concat().iter().any(|trace| trace.starts_with(name))
}

/// Whether an input that begins like this is text: the beginning of a trace, behind nothing but white space and comments.
pub(crate) fn is_text(prefix: &[u8]) -> bool {
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
        Some(b'{' | b'<') => [&TRACES[..], &ALONE[1..]].concat().contains(&name),
        Some(_) => false,
    }
}
