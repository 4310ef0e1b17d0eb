//! Redacts one direction of HTTP/1 (RFC 9112) as its bytes come: where each byte stands in its message, across events, decides
//! whether it is of a redacted value. Whatever is not as the standard has it ends this: better too much hidden than a value shown.

use super::Lost;
use super::exchanges::Exchanges;
use super::head::{Follows, Framing, Head};
use super::names::MAX_NAME;
use super::rules::Redaction;
use super::values::{Kind, Values, X};
use crate::protocol::http1::{is_method_begun, is_registered, is_token_char, is_version};
use crate::report::RedactionCounts;
use crate::trace::Direction;

/// Bytes of what is kept of a line at most: a value by which the message is framed, or the length of a chunk.
const MAX_KEPT: usize = 1024;
const STATUS: usize = 3;
/// More than any method has.
const LONGEST_METHOD: usize = 32;

/// Where in its messages a direction is.
#[derive(Debug)]
pub(super) struct Http1 {
    direction: Direction,
    state: State,
    /// A method, a version, a status, a header's name in lower case, or the length of a chunk, as far as it has come.
    word: Vec<u8>,
    /// The value that is gone through.
    values: Values,
    /// Nothing but white space has come of the line that it is in.
    is_blank: bool,
    /// What is kept of it, if the message is framed by it.
    framing: Option<(Framing, Vec<u8>)>,
    head: Head,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A message begins.
    Start,
    /// In a method, or in the version of a response.
    Method,
    /// In a request's target; whether that begins.
    Target(bool),
    /// In the version of a request.
    Version,
    /// In a status, or in its reason.
    Status,
    /// A line begins, in a head or in trailers.
    Line,
    /// In the name of a header.
    Name,
    /// In the value of a header.
    Value,
    /// After the CR of a line.
    Cr(After),
    /// So many bytes of a body follow.
    Body(u64),
    /// In the length of a chunk.
    Chunk,
    /// So many bytes of a chunk follow.
    ChunkData(u64),
    /// A chunk has come, but for the end of its line.
    ChunkEnd,
    /// The body ends with the connection.
    Rest,
    /// What follows is no HTTP/1, or nobody knows what it is.
    Over,
}

/// What ends with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Line,
    Head,
    ChunkLength,
    ChunkData,
}

impl Http1 {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            state: State::Start,
            word: Vec::new(),
            values: Values::default(),
            is_blank: false,
            framing: None,
            head: Head::default(),
        }
    }

    /// Redacts what comes next. `is_text` means that bytes may have been lost from bodies, nobody knows where. Where it cannot be
    /// followed any more, the place from which on.
    pub(super) fn bytes(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        is_text: bool,
        exchanges: &mut Exchanges,
        counts: &mut RedactionCounts,
    ) -> Result<(), usize> {
        let (mut at, mut start) = (0, 0);
        while at < bytes.len() {
            if self.state == State::Start {
                start = at;
            }
            let here = &mut bytes[at..];
            let step = match self.state {
                State::Body(_) | State::ChunkData(_) | State::Rest => self.body(rules, here, is_text, counts),
                State::Target(_) => self.target(rules, here, counts),
                State::Value => self.value(rules, here, exchanges, counts),
                _ => self.byte(rules, here, exchanges, counts).map(|()| 1),
            };
            match step {
                Ok(taken) => at += taken,
                // What seemed to be a method may be anything.
                Err(Lost) if matches!(self.state, State::Start | State::Method) => return Err(start),
                Err(Lost) => return Err(at),
            }
        }
        Ok(())
    }

    /// So many bytes are missing. Whether it is known where in a message it goes on.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Lost> {
        match &mut self.state {
            State::Body(rest) if *rest == count => self.state = State::Start,
            State::ChunkData(rest) if *rest == count => self.state = State::ChunkEnd,
            State::Body(rest) | State::ChunkData(rest) if *rest > count => *rest -= count,
            State::Rest => {}
            _ => return Err(Lost),
        }
        Ok(())
    }

    /// Takes as much of a body as there is.
    fn body(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        is_text: bool,
        counts: &mut RedactionCounts,
    ) -> Result<usize, Lost> {
        let rest = match self.state {
            State::Body(rest) | State::ChunkData(rest) => rest,
            _ => u64::MAX,
        };
        // Fits: it is at most the length of what is in memory.
        let here = rest.min(bytes.len() as u64) as usize;
        // A body that has lost bytes would take those of the next message for its own.
        let is_certain = match self.state {
            State::Body(_) => rest == bytes.len() as u64,
            State::ChunkData(_) => rest == here as u64 && bytes[here..].starts_with(b"\r\n"),
            _ => true,
        };
        if is_text && !is_certain {
            return Err(Lost);
        }
        if rules.bodies {
            counts.body_bytes += here as u64;
            bytes[..here].fill(X);
        }
        self.state = match self.state {
            State::Body(_) if rest == here as u64 => State::Start,
            State::Body(_) => State::Body(rest - here as u64),
            State::ChunkData(_) if rest == here as u64 => State::ChunkEnd,
            State::ChunkData(_) => State::ChunkData(rest - here as u64),
            state => state,
        };
        Ok(here)
    }

    /// Takes as much of a target as there is.
    fn target(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        counts: &mut RedactionCounts,
    ) -> Result<usize, Lost> {
        let is_form = |byte: u8| match byte {
            b'/' | b'*' | b'h' | b'H' => true,
            _ => self.head.request.is_connect && byte.is_ascii_graphic(),
        };
        if self.state == State::Target(true) && !is_form(bytes[0]) {
            return Err(Lost);
        }
        let end = bytes.iter().position(|&byte| byte <= b' ' || byte == 0x7f).unwrap_or(bytes.len());
        counts.values += self.values.bytes(&rules.names, &mut bytes[..end]);
        match bytes.get(end) {
            None => self.state = State::Target(false),
            Some(b' ') => {
                self.begin_word(State::Version);
                return Ok(end + 1);
            }
            Some(_) if end == 0 => return Err(Lost),
            Some(_) => self.state = State::Target(false),
        }
        Ok(end)
    }

    /// Takes as much of a header's value as there is.
    fn value(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        exchanges: &mut Exchanges,
        counts: &mut RedactionCounts,
    ) -> Result<usize, Lost> {
        let ends = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        let end = bytes.iter().position(ends).unwrap_or(bytes.len());
        if end == 0 {
            return self.line_ends(bytes[0], After::Line, exchanges).map(|()| 1);
        }
        let value = &mut bytes[..end];
        if let Some((_, kept)) = &mut self.framing {
            if kept.len() + value.len() > MAX_KEPT {
                return Err(Lost);
            }
            kept.extend_from_slice(value);
        }
        // White space before a value, and before what goes on with it in the next line, is no part of it.
        let is_white = |byte: &u8| matches!(byte, b' ' | b'\t');
        let blank = if self.is_blank { value.iter().take_while(|byte| is_white(byte)).count() } else { 0 };
        self.is_blank &= blank == value.len();
        counts.values += self.values.bytes(&rules.names, &mut value[blank..]);
        Ok(end)
    }

    /// Takes the first of some bytes.
    fn byte(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        exchanges: &mut Exchanges,
        counts: &mut RedactionCounts,
    ) -> Result<(), Lost> {
        let byte = bytes[0];
        let is_end = matches!(byte, b'\r' | b'\n');
        match self.state {
            State::Start if is_end => {}
            State::Start => {
                if exchanges.may_tunnel(self.direction) {
                    return Err(Lost);
                }
                self.head = Head::default();
                self.begin_word(State::Method);
                self.method(bytes, exchanges)?;
            }
            State::Method => self.method(bytes, exchanges)?,
            State::Version if is_end && is_version(&self.word) => {
                self.line_ends(byte, After::Line, exchanges)?;
            }
            State::Version if !is_end => {
                self.word.push(byte);
                // Anything else behind a space may be of the target.
                if ![&b"HTTP/1.1"[..], b"HTTP/1.0"].iter().any(|version| version.starts_with(&self.word)) {
                    return Err(Lost);
                }
            }
            State::Status => self.status(rules, bytes, exchanges, counts)?,
            State::Line => self.line(rules, byte, exchanges)?,
            State::Name => self.name(rules, byte)?,
            State::Cr(after) if byte == b'\n' => self.line_ended(after, exchanges)?,
            State::Chunk if is_end => self.line_ends(byte, After::ChunkLength, exchanges)?,
            State::Chunk if !byte.is_ascii_control() && self.word.len() < MAX_KEPT => {
                self.word.push(byte);
                counts.values += self.values.bytes(&rules.names, &mut bytes[..1]);
            }
            State::ChunkEnd => self.line_ends(byte, After::ChunkData, exchanges)?,
            _ => return Err(Lost),
        }
        Ok(())
    }

    fn begin_word(&mut self, state: State) {
        self.word.clear();
        self.state = state;
    }

    /// Takes a byte of a method, or of the version of a response. What follows may only be shown if it is HTTP: a line that is whole
    /// has to have a version, and one that breaks off a method that is known.
    fn method(&mut self, bytes: &[u8], exchanges: &mut Exchanges) -> Result<(), Lost> {
        let (byte, rest) = (bytes[0], &bytes[1..]);
        if byte != b' ' {
            if !is_token_char(&byte) && byte != b'/' || self.word.len() == LONGEST_METHOD {
                return Err(Lost);
            }
            self.word.push(byte);
            let is_begun = is_method_begun(&self.word)
                || [&b"HTTP/1.1"[..], b"HTTP/1.0"].iter().any(|version| version.starts_with(&self.word));
            return if rest.is_empty() && !is_begun { Err(Lost) } else { Ok(()) };
        }
        let is_response = is_version(&self.word);
        exchanges.sends(self.direction, is_response)?;
        self.head.is_response = is_response;
        self.values = Values::new(Kind::Parameters);
        if is_response {
            self.begin_word(State::Status);
            return Ok(());
        }
        let is_request = match memchr::memchr(b'\n', rest) {
            Some(end) => {
                let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
                let version = line.rsplit(|&byte| byte == b' ').next();
                !self.word.contains(&b'/') && version.is_some_and(is_version)
            }
            None => is_registered(&self.word),
        };
        if !is_request {
            return Err(Lost);
        }
        self.head.request.is_head = self.word == b"HEAD";
        self.head.request.is_connect = self.word == b"CONNECT";
        self.state = State::Target(true);
        Ok(())
    }

    /// Takes a byte of a status, or of its reason.
    fn status(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        exchanges: &mut Exchanges,
        counts: &mut RedactionCounts,
    ) -> Result<(), Lost> {
        let byte = bytes[0];
        match byte {
            b'\r' | b'\n' => {
                let code = self.word.get(..STATUS).and_then(|code| str::from_utf8(code).ok());
                self.head.code = code.and_then(|code| code.parse().ok()).ok_or(Lost)?;
                self.line_ends(byte, After::Line, exchanges)
            }
            byte if self.word.len() < STATUS && byte.is_ascii_digit()
                || self.word.len() == STATUS && byte == b' ' =>
            {
                self.word.push(byte);
                Ok(())
            }
            byte if self.word.len() > STATUS && (!byte.is_ascii_control() || byte == b'\t') => {
                counts.values += self.values.bytes(&rules.names, &mut bytes[..1]);
                Ok(())
            }
            _ => Err(Lost),
        }
    }

    /// Takes the first byte of a line of a head.
    fn line(&mut self, rules: &Redaction, byte: u8, exchanges: &mut Exchanges) -> Result<(), Lost> {
        if matches!(byte, b' ' | b'\t') {
            if !self.head.has_header {
                return Err(Lost);
            }
            // The value goes on (RFC 9112 section 5.2).
            self.values.bytes(&rules.names, &mut [b' ']);
            (self.is_blank, self.state) = (true, State::Value);
            return Ok(());
        }
        self.framed()?;
        if matches!(byte, b'\r' | b'\n') {
            return self.line_ends(byte, After::Head, exchanges);
        }
        self.begin_word(State::Name);
        self.name(rules, byte)
    }

    /// Takes a byte of a header's name.
    fn name(&mut self, rules: &Redaction, byte: u8) -> Result<(), Lost> {
        if byte == b':' && !self.word.is_empty() {
            let framing = Framing::of(&self.word).filter(|_| !self.head.is_trailers);
            self.framing = framing.map(|framing| (framing, Vec::new()));
            self.head.request.is_upgrade |= self.word == b"upgrade";
            self.head.has_header = true;
            self.values = Values::new(rules.kind(&self.word));
            (self.is_blank, self.state) = (true, State::Value);
            return Ok(());
        }
        if !is_token_char(&byte) {
            return Err(Lost);
        }
        // One more than any name has, so that none fits.
        if self.word.len() <= MAX_NAME {
            self.word.push(byte.to_ascii_lowercase());
        }
        Ok(())
    }

    /// Takes in a header by which the message is framed, which is whole.
    fn framed(&mut self) -> Result<(), Lost> {
        match self.framing.take() {
            Some((framing, value)) => self.head.framed(framing, value.trim_ascii()),
            None => Ok(()),
        }
    }

    /// Takes a byte that has to end a line, or to begin its end.
    fn line_ends(&mut self, byte: u8, after: After, exchanges: &mut Exchanges) -> Result<(), Lost> {
        match byte {
            b'\r' => self.state = State::Cr(after),
            b'\n' => self.line_ended(after, exchanges)?,
            _ => return Err(Lost),
        }
        Ok(())
    }

    fn line_ended(&mut self, after: After, exchanges: &mut Exchanges) -> Result<(), Lost> {
        match after {
            After::Line => self.state = State::Line,
            After::Head if self.head.is_trailers => self.state = State::Start,
            After::Head => {
                self.state = match self.head.follows(exchanges)? {
                    Follows::Message => State::Start,
                    Follows::Body(length) => State::Body(length),
                    Follows::Chunks => State::Chunk,
                    Follows::Rest => State::Rest,
                    Follows::Unknown => State::Over,
                };
                self.word.clear();
                self.values = Values::new(Kind::Parameters);
            }
            After::ChunkData => {
                self.begin_word(State::Chunk);
                self.values = Values::new(Kind::Parameters);
            }
            After::ChunkLength => {
                let digits = self.word.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
                let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
                let length = str::from_utf8(digits).ok().filter(|_| is_number);
                let length = length.and_then(|length| u64::from_str_radix(length, 16).ok());
                self.state = match length.ok_or(Lost)? {
                    0 => {
                        (self.head.is_trailers, self.head.has_header) = (true, false);
                        State::Line
                    }
                    length => State::ChunkData(length),
                };
            }
        }
        Ok(())
    }
}
