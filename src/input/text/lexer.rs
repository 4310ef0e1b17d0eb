//! The tokens of protobuf's text format. <https://protobuf.dev/reference/protobuf/textformat-spec/>
//!
//! ```text
//! socket_streamed_trace_segment {     # a message: `name {` or `name: {`, or with < > for the braces
//!   trace_id: 104                     # a scalar: `name: value`, perhaps followed by `,` or `;`
//!   event { read { data { as_bytes: "GET / HTTP/1.1\r\n\000" '\x00' } } }   # adjacent literals are one
//! }
//! ```
//!
//! The lexer works on a record where it lies; only [`Lexer::string`] copies, what it unescapes.

use memchr::memchr;

use crate::input::literal;

/// Why a record cannot be read on, and where in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextError {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

impl TextError {
    /// Whether it is that the record ends too early.
    pub(super) fn is_end(self) -> bool {
        self.what == CUT
    }
}

/// What the record ends with, where it ends too early.
const CUT: &str = "it ends in the middle of a message";

#[derive(Clone, Debug)]
pub(super) struct Lexer {
    pub(super) at: usize,
}

/// A field's value, with the lexer standing at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The fields of a message follow.
    Message,
    /// A string, number or name follows.
    Scalar,
}

impl Lexer {
    /// The name of the next field of a message, and what kind of value it has; `None` behind the message's closing
    /// brace, or at the end of the record where `is_top` says that no brace closes it.
    pub(super) fn field<'a>(
        &mut self,
        record: &'a [u8],
        is_top: bool,
    ) -> Result<Option<(&'a [u8], Value)>, TextError> {
        self.skip_separators(record);
        let start = self.at;
        match record.get(start) {
            None if is_top => return Ok(None),
            None => return Err(self.fail(CUT)),
            Some(b'}' | b'>') if !is_top => {
                self.at += 1;
                return Ok(None);
            }
            Some(b'[') => {
                let length = memchr(b']', &record[start..]).ok_or_else(|| self.fail(CUT))?;
                self.at += length + 1;
            }
            Some(byte) if is_name(*byte) => self.skip_name(record),
            Some(_) => return Err(self.fail("there is no field name here")),
        }
        let name = &record[start..self.at];
        self.skip_space(record);
        let has_colon = record.get(self.at) == Some(&b':');
        if has_colon {
            self.at += 1;
            self.skip_space(record);
        }
        match record.get(self.at) {
            None => Err(self.fail(CUT)),
            Some(b'{' | b'<') => {
                self.at += 1;
                Ok(Some((name, Value::Message)))
            }
            Some(_) if has_colon => Ok(Some((name, Value::Scalar))),
            Some(_) => Err(self.fail("a field has neither a value nor a message")),
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, record: &[u8], value: Value) -> Result<(), TextError> {
        match value {
            Value::Message => self.skip_message(record),
            Value::Scalar => self.skip_scalar(record),
        }
    }

    /// Passes over the rest of a message, however deep it is nested, without recursion.
    fn skip_message(&mut self, record: &[u8]) -> Result<(), TextError> {
        let mut depth = 1usize;
        while depth > 0 {
            match record.get(self.at) {
                None => return Err(self.fail(CUT)),
                Some(b'{' | b'<') => depth += 1,
                Some(b'}' | b'>') => depth -= 1,
                Some(b'"' | b'\'') => {
                    self.skip_literal(record)?;
                    continue;
                }
                Some(b'#') => {
                    self.skip_space(record);
                    continue;
                }
                Some(_) => {}
            }
            self.at += 1;
        }
        Ok(())
    }

    fn skip_scalar(&mut self, record: &[u8]) -> Result<(), TextError> {
        match record.get(self.at) {
            Some(b'"' | b'\'') => {
                while matches!(record.get(self.at), Some(b'"' | b'\'')) {
                    self.skip_literal(record)?;
                    self.skip_space(record);
                }
                Ok(())
            }
            Some(b'[') => self.skip_list(record),
            _ => self.word(record).map(drop),
        }
    }

    fn skip_list(&mut self, record: &[u8]) -> Result<(), TextError> {
        let mut depth = 0usize;
        loop {
            match record.get(self.at) {
                None => return Err(self.fail(CUT)),
                Some(b'[' | b'{' | b'<') => depth += 1,
                Some(b']' | b'}' | b'>') => depth -= 1,
                Some(b'"' | b'\'') => {
                    self.skip_literal(record)?;
                    continue;
                }
                Some(_) => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A number or a name.
    pub(super) fn word<'a>(&mut self, record: &'a [u8]) -> Result<&'a [u8], TextError> {
        let start = self.at;
        while record.get(self.at).is_some_and(|&byte| is_name(byte) || matches!(byte, b'-' | b'+')) {
            self.at += 1;
        }
        match self.at {
            end if end == record.len() => Err(self.fail(CUT)),
            end if end == start => Err(self.fail("there is no value here")),
            end => Ok(&record[start..end]),
        }
    }

    /// An unsigned integer, decimal, octal or hexadecimal.
    pub(super) fn unsigned(&mut self, record: &[u8]) -> Result<u64, TextError> {
        let at = self.at;
        u64::try_from(self.integer(record)?).map_err(|_| TextError { at, what: NOT_A_NUMBER })
    }

    /// An integer.
    pub(super) fn integer(&mut self, record: &[u8]) -> Result<i128, TextError> {
        let at = self.at;
        let word = self.word(record)?;
        let (sign, digits) = word.strip_prefix(b"-").map_or((1, word), |digits| (-1, digits));
        let (radix, digits) = match digits {
            [b'0', b'x' | b'X', hex @ ..] => (16, hex),
            [b'0', octal @ ..] if !octal.is_empty() => (8, octal),
            decimal => (10, decimal),
        };
        str::from_utf8(digits)
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, radix).ok())
            .map(|number| sign * i128::from(number))
            .ok_or(TextError { at, what: NOT_A_NUMBER })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, record: &[u8]) -> Result<bool, TextError> {
        let at = self.at;
        match self.word(record)? {
            b"true" | b"True" | b"t" | b"1" => Ok(true),
            b"false" | b"False" | b"f" | b"0" => Ok(false),
            _ => Err(TextError { at, what: "there is neither true nor false here" }),
        }
    }

    /// A string, unescaped into `out`, which is emptied first. Adjacent literals are one string.
    pub(super) fn string(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
        out.clear();
        self.append_string(record, out)
    }

    /// The same behind what is in `out` already.
    pub(super) fn append_string(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
        if !matches!(record.get(self.at), Some(b'"' | b'\'')) {
            return Err(self.fail("there is no string here"));
        }
        while matches!(record.get(self.at), Some(b'"' | b'\'')) {
            self.literal(record, out)?;
            self.skip_space(record);
        }
        Ok(())
    }

    fn literal(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
        let start = self.at;
        if let Err(error) = self.skip_literal(record) {
            unescape(whole_escapes(&record[start + 1..]), out);
            return Err(error);
        }
        let content = &record[start + 1..self.at];
        // At the end of a line the string ends without a quote, or with one that is escaped.
        let is_whole = content.split_last().is_some_and(|(quote, content)| {
            let escapes = content.iter().rev().take_while(|&&byte| byte == b'\\').count();
            *quote == record[start] && escapes.is_multiple_of(2)
        });
        if is_whole {
            unescape(&content[..content.len() - 1], out);
            return Ok(());
        }
        if record[self.at..].trim_ascii().is_empty() {
            unescape(whole_escapes(content), out);
            return Err(self.fail(CUT));
        }
        Err(self.fail(OPEN_STRING))
    }

    fn skip_literal(&mut self, record: &[u8]) -> Result<(), TextError> {
        let quote = record[self.at];
        self.at = literal::end(record, self.at + 1, quote).ok_or_else(|| self.fail(CUT))?;
        Ok(())
    }

    fn skip_name(&mut self, record: &[u8]) {
        while record.get(self.at).is_some_and(|&byte| is_name(byte)) {
            self.at += 1;
        }
    }

    /// White space and comments.
    fn skip_space(&mut self, record: &[u8]) {
        while let Some(&byte) = record.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'#' => self.at += memchr(b'\n', &record[self.at..]).unwrap_or(record.len() - self.at),
                _ => return,
            }
        }
    }

    fn skip_separators(&mut self, record: &[u8]) {
        self.skip_space(record);
        while matches!(record.get(self.at), Some(b',' | b';')) {
            self.at += 1;
            self.skip_space(record);
        }
    }

    fn fail(&self, what: &'static str) -> TextError {
        TextError { at: self.at, what }
    }
}

const NOT_A_NUMBER: &str = "there is no number here, or one that is too large";
const OPEN_STRING: &str = "unterminated string";

/// Names, numbers and dots.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// Appends what a string stands for.
fn unescape(string: &[u8], out: &mut Vec<u8>) {
    // No escape stands for more bytes than it has. Bytes are put into room that is there already, as half of the bytes of
    // a binary body are escapes, and a call for each would take longer than the rest.
    let mut end = out.len();
    out.resize(end + string.len(), 0);
    let mut at = 0;
    while at < string.len() {
        let byte = string[at];
        if byte != b'\\' {
            out[end] = byte;
            (at, end) = (at + 1, end + 1);
            continue;
        }
        if let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] =
            string[at + 1..].first_chunk().copied().unwrap_or_default()
        {
            out[end] = (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0');
            (at, end) = (at + 4, end + 1);
            continue;
        }
        let (length, character) = escape(&string[at + 1..]);
        match character {
            Escape::Byte(byte) => {
                out[end] = byte;
                end += 1;
            }
            Escape::Character(character) => {
                end += character.encode_utf8(&mut out[end..]).len();
            }
        }
        at += 1 + length;
    }
    out.truncate(end);
}

/// A string that is cut, without an escape at its end that is.
fn whole_escapes(string: &[u8]) -> &[u8] {
    /// `\\U0001f600`
    const LONGEST: usize = 10;
    let from = string.len().saturating_sub(LONGEST);
    let is_escape = |at: &usize| {
        let escapes = string[..=*at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        !escapes.is_multiple_of(2)
    };
    let Some(at) = (from..string.len()).rev().find(is_escape) else { return string };
    let digits = |length: usize, radix| {
        let rest = &string[(at + length).min(string.len())..];
        rest.iter().take_while(|&&byte| char::from(byte).is_digit(radix)).count()
    };
    let is_cut = match string.get(at + 1) {
        None => true,
        Some(b'0'..=b'7') => digits(1, 8) < 3 && at + 1 + digits(1, 8) == string.len(),
        Some(b'x' | b'X') => digits(2, 16) < 2 && at + 2 + digits(2, 16) == string.len(),
        Some(b'u') => digits(2, 16) < 4,
        Some(b'U') => digits(2, 16) < 8,
        Some(_) => false,
    };
    if is_cut { &string[..at] } else { string }
}

enum Escape {
    Byte(u8),
    Character(char),
}

/// What stands behind a backslash: its length, and what it means. Nothing there means the backslash itself.
fn escape(text: &[u8]) -> (usize, Escape) {
    let Some(&first) = text.first() else { return (0, Escape::Byte(b'\\')) };
    let byte = match first {
        b'0'..=b'7' => {
            let (length, number) = number(text, 3, 8);
            return (length, Escape::Byte(number as u8));
        }
        b'x' | b'X' => {
            let (length, number) = number(&text[1..], 2, 16);
            return (1 + length, Escape::Byte(number as u8));
        }
        b'u' | b'U' => {
            let (length, number) = number(&text[1..], if first == b'u' { 4 } else { 8 }, 16);
            // The replacement is no longer in UTF-8 than the shortest escape that needs it.
            let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
            return (1 + length, Escape::Character(character));
        }
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        other => other,
    };
    (1, Escape::Byte(byte))
}

/// The number that up to `most` digits at the beginning of `text` make, and how many they are.
fn number(text: &[u8], most: usize, radix: u32) -> (usize, u32) {
    let digits = text.iter().take(most).map_while(|&byte| char::from(byte).to_digit(radix));
    digits.fold((0, 0), |(length, number), digit| (length + 1, number * radix + digit))
}
