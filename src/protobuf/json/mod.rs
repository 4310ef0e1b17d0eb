//! JSON of protobuf: names in snake_case or camelCase and in any order, `null` and what is unknown passed over.
//!
//! An object is read member by member ([`scan`]), so that of a record which breaks off all is read that comes before the
//! break. ConversationIds and strings with escapes are serde_json's ([`values`]).

mod base64;
mod scan;
mod values;

use super::{Bytes, Damage, Encoding, Integer, Kind, Schema};
use scan::{Items, value_end};

/// A place among the members of an object.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    members: Items,
    /// The number of the field whose value is an array, and the elements of it.
    array: Option<(u32, Items)>,
    /// Where the value begins.
    value: usize,
}

/// Fails unless the record is JSON. For a record of which only names and brackets have been looked at.
pub(crate) fn check(record: &[u8]) -> Result<(), Damage> {
    values::check(record)
}

impl Place {
    /// Where the value ends.
    fn end(&self, record: &[u8]) -> Result<usize, Damage> {
        value_end(record, self.value)
    }

    /// Where the object ends of which all members have been read.
    pub(crate) fn end_of_object(&self) -> usize {
        self.members.at()
    }

    /// Goes on at `at`, where the value ends.
    #[inline]
    fn pass(&mut self, at: usize) {
        match &mut self.array {
            Some((_, elements)) => elements.skip_to(at),
            None => self.members.skip_to(at),
        }
    }
}

impl Encoding for Place {
    const IS_JSON: bool = true;

    fn top(_record: &[u8], _is_truncated: bool) -> Self {
        Self { members: Items::new(1), array: None, value: 0 }
    }

    fn at(&self) -> usize {
        self.value
    }

    fn next<S: Schema>(&mut self, record: &[u8]) -> Result<Option<u32>, Damage> {
        loop {
            let number = if let Some((number, elements)) = &mut self.array {
                let number = *number;
                let Some(value) = elements.item(record)? else {
                    let end = elements.at();
                    self.array = None;
                    self.pass(end);
                    continue;
                };
                self.value = value;
                number
            } else {
                let Some((name, value)) = self.members.member(record)? else { return Ok(None) };
                self.value = value;
                let Some(number) = S::number(&record[name]) else {
                    self.skip(record)?;
                    continue;
                };
                let is_repeated =
                    S::field(number).is_some_and(|field| field.is_repeated && field.kind != Kind::Map);
                match record[value] {
                    b'[' if is_repeated => {
                        self.array = Some((number, Items::new(value + 1)));
                        continue;
                    }
                    b'n' => {}
                    _ if is_repeated => return Err(Damage::new(value, "an array is expected here")),
                    _ => {}
                }
                number
            };
            match record[self.value] {
                b'n' => self.skip(record)?,
                _ => return Ok(Some(number)),
            }
        }
    }

    fn enter(&self, record: &[u8]) -> Result<Self, Damage> {
        match record[self.value] {
            b'{' => Ok(Self { members: Items::new(self.value + 1), array: None, value: self.value }),
            _ => Err(Damage::new(self.value, "an object is expected here")),
        }
    }

    fn leave(&mut self, inner: &Self) {
        self.pass(inner.members.at());
    }

    fn recover(&mut self, record: &[u8], value: &Self) -> Result<(), Damage> {
        self.clone_from(value);
        self.skip(record)
    }

    fn skip(&mut self, record: &[u8]) -> Result<(), Damage> {
        let end = self.end(record)?;
        self.pass(end);
        Ok(())
    }

    fn unsigned(&mut self, record: &[u8]) -> Result<Integer, Damage> {
        let end = self.end(record)?;
        let integer = values::integer(record, self.value..end)?;
        self.pass(end);
        Ok(integer)
    }

    fn signed(&mut self, record: &[u8]) -> Result<i64, Damage> {
        let end = self.end(record)?;
        let text = &record[self.value..end];
        let digits = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
        let number = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        self.pass(end);
        number.ok_or_else(|| Damage::new(self.value, "an integer is expected here"))
    }

    fn boolean(&mut self, record: &[u8]) -> Result<bool, Damage> {
        let end = self.end(record)?;
        let value = match &record[self.value..end] {
            b"true" => true,
            b"false" => false,
            _ => return Err(Damage::new(self.value, "true or false is expected here")),
        };
        self.pass(end);
        Ok(value)
    }

    fn double(&mut self, record: &[u8]) -> Result<f64, Damage> {
        let end = self.end(record)?;
        let text = &record[self.value..end];
        let number = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
        // "NaN", "Infinity" and "-Infinity" too.
        let number = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        self.pass(end);
        number.ok_or_else(|| Damage::new(self.value, "a number is expected here"))
    }

    fn name_or_number(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<Option<i32>, Damage> {
        if record[self.value] != b'"' {
            return self.signed(record).map(|number| Some(number as i32));
        }
        self.string(record, to)?;
        Ok(None)
    }

    fn key(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<bool, Damage> {
        loop {
            let Some((name, value)) = self.members.member(record)? else { return Ok(false) };
            self.value = value;
            if record[value] == b'n' {
                self.skip(record)?;
                continue;
            }
            base64::unescape(record, name.start - 1, to)?;
            return Ok(true);
        }
    }

    fn is_unwrapped(&self, record: &[u8]) -> bool {
        record[self.value] != b'{'
    }

    fn enumeration(&mut self, record: &[u8], number: fn(&str) -> Option<i32>) -> Result<i32, Damage> {
        if record[self.value] != b'"' {
            return self.signed(record).map(|number| number as i32);
        }
        let mut name = Vec::new();
        self.string(record, &mut name)?;
        Ok(str::from_utf8(&name).ok().and_then(number).unwrap_or_default())
    }

    fn string(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<(), Damage> {
        let end = base64::unescape(record, self.value, to)?;
        self.pass(end);
        Ok(())
    }

    fn bytes(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<(), Damage> {
        let end = base64::decode(record, self.value, to)?;
        self.pass(end);
        Ok(())
    }

    fn place(
        &mut self,
        record: &[u8],
        scratch: &mut Vec<u8>,
        is_string: bool,
        to: &mut Option<Bytes>,
    ) -> Result<(), Damage> {
        let end = match is_string {
            true => base64::place_string(record, self.value, scratch, to)?,
            false => base64::place_base64(record, self.value, scratch, to)?,
        };
        self.pass(end);
        Ok(())
    }

    fn timestamp(&mut self, record: &[u8]) -> Option<Result<(i64, i64), Damage>> {
        Some(self.read_timestamp(record))
    }

    fn is_replaced(&self, record: &[u8]) -> bool {
        record[self.value] == b'"'
    }
}

impl Place {
    fn read_timestamp(&mut self, record: &[u8]) -> Result<(i64, i64), Damage> {
        let end = self.end(record)?;
        let string = base64::string(record, self.value)?;
        let time = values::timestamp(&record[string.content]);
        self.pass(end);
        time.ok_or_else(|| {
            Damage::new(self.value, "a timestamp is not of the form 2006-01-02T15:04:05.999999999Z")
        })
    }
}
