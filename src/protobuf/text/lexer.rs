//! The tokens of protobuf's text format. <https://protobuf.dev/reference/protobuf/textformat-spec/>
//!
//! ```text
//! socket_streamed_trace_segment {     # a message: `name {` or `name: {`, or with < > for the braces
//!   trace_id: 104                     # a scalar: `name: value`, perhaps followed by `,` or `;`
//!   event { read { data { as_bytes: "GET / HTTP/1.1\r\n\000" '\x00' } } }   # adjacent literals are one
//! }
//! ```
//!
//! The lexer works on a record where it lies; only [`Lexer::append_string`] copies, what it unescapes.

use memchr::memchr;

use super::string::{unescape, whole_escapes};
use crate::protobuf::{Damage, literal};

/// The end of a record that ends too early.
const CUT: &str = "unterminated message";

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
    ) -> Result<Option<(&'a [u8], Value)>, Damage> {
        self.skip_separators(record);
        let start = self.at;
        match record.get(start) {
            None if is_top => return Ok(None),
            None => return Err(self.end()),
            Some(b'}' | b'>') if !is_top => {
                self.at += 1;
                return Ok(None);
            }
            Some(b'[') => {
                let length = memchr(b']', &record[start..]).ok_or_else(|| self.end())?;
                self.at += length + 1;
            }
            Some(byte) if is_name(*byte) => self.skip_name(record),
            Some(_) => return Err(self.fail("a field name is expected here")),
        }
        let name = &record[start..self.at];
        self.skip_space(record);
        let has_colon = record.get(self.at) == Some(&b':');
        if has_colon {
            self.at += 1;
            self.skip_space(record);
        }
        match record.get(self.at) {
            None => Err(self.end()),
            Some(b'{' | b'<') => {
                self.at += 1;
                Ok(Some((name, Value::Message)))
            }
            Some(_) if has_colon => Ok(Some((name, Value::Scalar))),
            Some(_) => Err(self.fail("a field without a value")),
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, record: &[u8], value: Value) -> Result<(), Damage> {
        match value {
            Value::Message => self.skip_message(record),
            Value::Scalar => self.skip_scalar(record),
        }
    }

    /// Passes over the rest of a message, however deep it is nested, without recursion.
    fn skip_message(&mut self, record: &[u8]) -> Result<(), Damage> {
        let mut depth = 1usize;
        while depth > 0 {
            match record.get(self.at) {
                None => return Err(self.end()),
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

    fn skip_scalar(&mut self, record: &[u8]) -> Result<(), Damage> {
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

    fn skip_list(&mut self, record: &[u8]) -> Result<(), Damage> {
        let mut depth = 0usize;
        loop {
            match record.get(self.at) {
                None => return Err(self.end()),
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
    pub(super) fn word<'a>(&mut self, record: &'a [u8]) -> Result<&'a [u8], Damage> {
        let start = self.at;
        while record.get(self.at).is_some_and(|&byte| is_name(byte) || matches!(byte, b'-' | b'+')) {
            self.at += 1;
        }
        match self.at {
            end if end == record.len() => Err(self.end()),
            end if end == start => Err(self.fail("a value is expected here")),
            end => Ok(&record[start..end]),
        }
    }

    /// An unsigned integer, decimal, octal or hexadecimal.
    pub(super) fn unsigned(&mut self, record: &[u8]) -> Result<u64, Damage> {
        let at = self.at;
        u64::try_from(self.integer(record)?).map_err(|_| Damage::new(at, NOT_A_NUMBER))
    }

    /// An integer.
    pub(super) fn integer(&mut self, record: &[u8]) -> Result<i128, Damage> {
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
            .ok_or(Damage::new(at, NOT_A_NUMBER))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, record: &[u8]) -> Result<bool, Damage> {
        let at = self.at;
        match self.word(record)? {
            b"true" | b"True" | b"t" | b"1" => Ok(true),
            b"false" | b"False" | b"f" | b"0" => Ok(false),
            _ => Err(Damage::new(at, "true or false is expected here")),
        }
    }

    /// Appends a string to `out`, unescaped. Adjacent literals are one string.
    pub(super) fn append_string(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
        if !matches!(record.get(self.at), Some(b'"' | b'\'')) {
            return Err(self.fail("a string is expected here"));
        }
        while matches!(record.get(self.at), Some(b'"' | b'\'')) {
            self.literal(record, out)?;
            self.skip_space(record);
        }
        Ok(())
    }

    fn literal(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
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
            return Err(self.end());
        }
        Err(self.fail(OPEN_STRING))
    }

    fn skip_literal(&mut self, record: &[u8]) -> Result<(), Damage> {
        let quote = record[self.at];
        self.at = literal::end_of_string(record, self.at + 1, quote).ok_or_else(|| self.end())?;
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

    fn fail(&self, what: &'static str) -> Damage {
        Damage::new(self.at, what)
    }

    fn end(&self) -> Damage {
        Damage::end(self.at, CUT)
    }
}

const NOT_A_NUMBER: &str = "a number is expected here, of at most 64 bits";
const OPEN_STRING: &str = "unterminated string";

/// Names, numbers and dots.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}
