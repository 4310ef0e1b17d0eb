//! Text and JSON, which are near enough to each other for one lexer.

use super::{Field, Record, Value};

struct Lexer<'a> {
    file: &'a [u8],
    at: usize,
}

/// One field at the top after another.
#[track_caller]
pub(super) fn text(file: &[u8]) -> Vec<Record> {
    let mut lexer = Lexer { file, at: 0 };
    let mut records = Vec::new();
    while lexer.peek().is_some() {
        let start = lexer.at;
        let mut fields = Vec::new();
        lexer.field(&mut fields);
        records.push((start..lexer.at, fields));
    }
    records
}

/// One object after another.
#[track_caller]
pub(super) fn json(file: &[u8]) -> Vec<Record> {
    let mut lexer = Lexer { file, at: 0 };
    let mut records = Vec::new();
    while let Some(brace) = lexer.peek() {
        assert_eq!(brace, b'{', "a record is an object");
        let start = lexer.at;
        lexer.at += 1;
        let fields = lexer.message();
        records.push((start..lexer.at, fields));
    }
    records
}

impl Lexer<'_> {
    /// The next byte that is neither white space nor a comma.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.file[self.at..];
        let is_gap = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b',';
        self.at += rest.iter().take_while(is_gap).count();
        self.file.get(self.at).copied()
    }

    /// The fields up to the closing brace.
    #[track_caller]
    fn message(&mut self) -> Vec<Field> {
        let mut fields = Vec::new();
        while self.peek() != Some(b'}') {
            self.field(&mut fields);
        }
        self.at += 1;
        fields
    }

    #[track_caller]
    fn field(&mut self, fields: &mut Vec<Field>) {
        let name = String::from_utf8(self.scalar()).expect("a name");
        if self.peek() == Some(b':') {
            self.at += 1;
        }
        self.value(&name, fields);
    }

    /// A value, or the values of an array.
    #[track_caller]
    fn value(&mut self, name: &str, fields: &mut Vec<Field>) {
        let value = match self.peek() {
            Some(b'{') => {
                self.at += 1;
                Value::Message(self.message())
            }
            Some(b'[') => {
                self.at += 1;
                while self.peek() != Some(b']') {
                    self.value(name, fields);
                }
                self.at += 1;
                return;
            }
            _ => Value::Scalar(self.scalar()),
        };
        fields.push(Field { name: name.to_owned(), value, end: self.at });
    }

    /// A string without its quotes and escapes, or a word.
    #[track_caller]
    fn scalar(&mut self) -> Vec<u8> {
        let is_string = self.peek() == Some(b'"');
        self.at += usize::from(is_string);
        let mut scalar = Vec::new();
        loop {
            match self.file[self.at] {
                b'"' if is_string => {
                    self.at += 1;
                    return scalar;
                }
                b'\\' if is_string => self.escape(&mut scalar),
                byte if is_string || byte.is_ascii_alphanumeric() || byte == b'_' => {
                    scalar.push(byte);
                    self.at += 1;
                }
                _ => return scalar,
            }
        }
    }

    #[track_caller]
    fn escape(&mut self, out: &mut Vec<u8>) {
        let number = |digits: &[u8], radix| {
            u32::from_str_radix(str::from_utf8(digits).expect("ASCII"), radix).expect("digits")
        };
        let rest = &self.file[self.at + 1..];
        let length = match rest[0] {
            b'0'..=b'7' => {
                out.push(number(&rest[..3], 8) as u8);
                3
            }
            b'u' => {
                let character = char::from_u32(number(&rest[1..5], 16)).expect("a character, no half of one");
                out.extend(character.to_string().bytes());
                5
            }
            byte => {
                let escaped = [(b'n', b'\n'), (b'r', b'\r'), (b't', b'\t'), (b'b', 8), (b'f', 12)];
                out.push(escaped.iter().find(|(name, _)| *name == byte).map_or(byte, |(_, byte)| *byte));
                1
            }
        };
        self.at += 1 + length;
    }
}
