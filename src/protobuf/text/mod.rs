//! Protobuf's text format, as Envoy and people write it. <https://protobuf.dev/reference/protobuf/textformat-spec/>

mod lexer;
mod string;

use super::{Bytes, Damage, Encoding, Home, Integer, Kind, Rest, Schema};
use lexer::{Lexer, Value};

/// A place among the fields of a message in the text format.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    lexer: Lexer,
    /// No brace closes the message: it is a record.
    is_top: bool,
    value: Value,
}

impl Encoding for Place {
    fn top(_record: &[u8], _is_truncated: bool) -> Self {
        Self { lexer: Lexer { at: 0 }, is_top: true, value: Value::Scalar }
    }

    fn at(&self) -> usize {
        self.lexer.at
    }

    fn next<S: Schema>(&mut self, record: &[u8]) -> Result<Option<u32>, Damage> {
        loop {
            let Some((name, value)) = self.lexer.field(record, self.is_top)? else { return Ok(None) };
            self.value = value;
            let number = S::number(name).filter(|&number| match (S::field(number), value) {
                (None, _) => false,
                (Some(field), Value::Message) => {
                    matches!(field.kind, Kind::Message | Kind::BytesOrMessage | Kind::Map)
                }
                (Some(field), Value::Scalar) => !matches!(field.kind, Kind::Message | Kind::Map),
            });
            match number {
                Some(number) => return Ok(Some(number)),
                None => self.lexer.skip(record, value)?,
            }
        }
    }

    fn enter(&self, _record: &[u8]) -> Result<Self, Damage> {
        Ok(Self { is_top: false, ..self.clone() })
    }

    fn leave(&mut self, inner: &Self) {
        self.lexer = inner.lexer.clone();
    }

    fn recover(&mut self, record: &[u8], value: &Self) -> Result<(), Damage> {
        *self = value.clone();
        self.skip(record)
    }

    fn skip(&mut self, record: &[u8]) -> Result<(), Damage> {
        self.lexer.skip(record, self.value)
    }

    fn unsigned(&mut self, record: &[u8]) -> Result<Integer, Damage> {
        Ok(Integer { value: self.lexer.unsigned(record)?, is_rounded: false })
    }

    fn signed(&mut self, record: &[u8]) -> Result<i64, Damage> {
        let number = self.lexer.integer(record)?;
        Ok(number.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    fn boolean(&mut self, record: &[u8]) -> Result<bool, Damage> {
        self.lexer.boolean(record)
    }

    fn double(&mut self, record: &[u8]) -> Result<f64, Damage> {
        let at = self.lexer.at;
        let word = str::from_utf8(self.lexer.word(record)?).unwrap_or_default();
        word.trim_end_matches(['f', 'F']).parse().map_err(|_| Damage::new(at, "a number is expected here"))
    }

    fn name_or_number(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<Option<i32>, Damage> {
        let word = self.lexer.word(record)?;
        to.clear();
        to.extend_from_slice(word);
        Ok(str::from_utf8(word).ok().and_then(|word| word.parse().ok()))
    }

    fn enumeration(&mut self, record: &[u8], number: fn(&str) -> Option<i32>) -> Result<i32, Damage> {
        let word = self.lexer.word(record)?;
        let name = str::from_utf8(word).unwrap_or_default();
        Ok(number(name).or_else(|| name.parse().ok()).unwrap_or_default())
    }

    fn string(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<(), Damage> {
        to.clear();
        self.lexer.append_string(record, to)
    }

    fn place(
        &mut self,
        record: &[u8],
        scratch: &mut Vec<u8>,
        _is_string: bool,
        to: &mut Option<Bytes>,
    ) -> Result<(), Damage> {
        let start = scratch.len();
        let read = self.lexer.append_string(record, scratch);
        let range = start..scratch.len();
        let rest = if read.is_ok() { Rest::None } else { Rest::Missing(None) };
        if read.is_ok() || !range.is_empty() {
            *to = Some(Bytes { range, home: Home::Scratch, rest, damage: None });
        }
        read
    }

    fn is_message(&self, _record: &[u8]) -> Option<bool> {
        Some(self.value == Value::Message)
    }
}
