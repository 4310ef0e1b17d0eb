//! Binary protobuf: fields that are read where they lie. <https://protobuf.dev/programming-guides/encoding/>

use std::ops::Range;

use super::{Bytes, Damage, Encoding, Field, Home, Integer, Kind, Rest, Schema};

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Varint(u64),
    /// Where a length-delimited value is in the record.
    Bytes(Range<usize>),
    /// The bits of a number that always takes as many bytes: 4 or 8.
    Fixed {
        bits: u64,
        bytes: u8,
    },
}

/// Goes through the fields of the message in a part of a record, without a schema.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    at: usize,
    end: usize,
    is_truncated: bool,
    /// Bytes of the last value beyond the end of a truncated message.
    missing: usize,
}

impl Fields {
    /// The fields between the two ends of `range`. Where the message is truncated there, the last value may be too.
    pub(crate) fn new(range: Range<usize>, is_truncated: bool) -> Self {
        Self { at: range.start, end: range.end, is_truncated, missing: 0 }
    }

    /// Where the fields are that come.
    pub(crate) fn range(&self) -> Range<usize> {
        self.at..self.end
    }

    /// The same, unless the message is truncated.
    #[inline]
    pub(crate) fn whole(&self) -> Option<Range<usize>> {
        (!self.is_truncated).then(|| self.range())
    }

    /// Whether the value that was returned last goes on after the end of a truncated message.
    pub(crate) fn is_last_truncated(&self) -> bool {
        self.missing > 0
    }

    /// Whether no field comes.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    /// The number and value of the next field, or `None` at the end.
    #[inline]
    pub(crate) fn next(&mut self, record: &[u8]) -> Result<Option<(u32, Value)>, Damage> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let tag = self.varint(record, start)?;
        let number = u32::try_from(tag >> 3).ok().filter(|&number| number > 0);
        let number = number.ok_or_else(|| Damage::new(start, NO_FIELD))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(record, start)?),
            1 => self.fixed(record, 8, start)?,
            2 => {
                let length = self.varint(record, start)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let mut range = self.at..self.at.saturating_add(length);
                if range.end > self.end {
                    if !self.is_truncated {
                        return Err(Damage::new(start, TOO_LONG));
                    }
                    self.missing = range.end - self.end;
                    range.end = self.end;
                }
                self.at = range.end;
                Value::Bytes(range)
            }
            5 => self.fixed(record, 4, start)?,
            _ => return Err(Damage::new(start, NO_FIELD)),
        };
        Ok(Some((number, value)))
    }

    fn fixed(&mut self, record: &[u8], bytes: u8, start: usize) -> Result<Value, Damage> {
        let end = self.at + usize::from(bytes);
        if end > self.end {
            return Err(self.incomplete(start));
        }
        let bits = record[self.at..end].iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        self.at = end;
        Ok(Value::Fixed { bits, bytes })
    }

    #[inline]
    fn varint(&mut self, record: &[u8], start: usize) -> Result<u64, Damage> {
        match varint(&record[self.at..self.end]) {
            Ok((value, length)) => {
                self.at += length;
                Ok(value)
            }
            Err(VarintError::Incomplete) => Err(self.incomplete(start)),
            Err(VarintError::TooLong) => Err(Damage::new(start, "a varint of more than ten bytes")),
        }
    }

    #[cold]
    fn incomplete(&self, at: usize) -> Damage {
        if self.is_truncated { Damage::end(at, TOO_LONG) } else { Damage::new(at, TOO_LONG) }
    }
}

const TOO_LONG: &str = "a field is longer than its message";
const NO_FIELD: &str = "invalid protobuf tag";
const WRONG_TYPE: &str = "a field of another type than the schema's";

/// A place among the fields of a binary message.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    fields: Fields,
    /// Offset in the record of the field whose value this is.
    start: usize,
    value: Value,
}

impl Place {
    /// The fields of the message in a part of a record.
    #[inline]
    pub(crate) fn new(fields: Fields) -> Self {
        Self { start: fields.at, fields, value: Value::Varint(0) }
    }

    /// The message in a part of a record, as a value.
    pub(crate) fn of_message(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            fields: Fields::new(range.end..range.end, false),
            value: Value::Bytes(range),
        }
    }

    /// The value that is bytes, or a message.
    #[inline]
    fn range(&self) -> Result<Range<usize>, Damage> {
        match &self.value {
            Value::Bytes(range) => Ok(range.clone()),
            Value::Varint(_) | Value::Fixed { .. } => Err(self.wrong_type()),
        }
    }

    #[inline]
    fn number(&self) -> Result<u64, Damage> {
        match self.value {
            Value::Varint(value) | Value::Fixed { bits: value, .. } => Ok(value),
            Value::Bytes(_) => Err(self.wrong_type()),
        }
    }

    #[cold]
    fn wrong_type(&self) -> Damage {
        Damage::new(self.start, WRONG_TYPE)
    }

    #[cold]
    fn end(&self) -> Damage {
        Damage::end(self.start, TOO_LONG)
    }
}

impl Encoding for Place {
    const HAS_LENGTHS: bool = true;

    fn top(record: &[u8], is_truncated: bool) -> Self {
        Self::new(Fields::new(0..record.len(), is_truncated))
    }

    fn at(&self) -> usize {
        self.start
    }

    #[inline]
    fn next<S: Schema>(&mut self, record: &[u8]) -> Result<Option<u32>, Damage> {
        loop {
            self.start = self.fields.at;
            let Some((number, value)) = self.fields.next(record)? else {
                return if self.fields.is_truncated { Err(self.end()) } else { Ok(None) };
            };
            self.value = value;
            match (S::field(number), &self.value) {
                (None, _) => {}
                (Some(Field { kind: Kind::Number, .. }), Value::Varint(_)) => return Ok(Some(number)),
                (Some(Field { kind: Kind::Fixed(bytes), .. }), Value::Fixed { bytes: there, .. })
                    if bytes == *there =>
                {
                    return Ok(Some(number));
                }
                (Some(Field { kind: Kind::Number | Kind::Fixed(_), .. }), _)
                | (_, Value::Varint(_) | Value::Fixed { .. }) => return Err(self.wrong_type()),
                (Some(_), Value::Bytes(_)) => return Ok(Some(number)),
            }
        }
    }

    #[inline]
    fn enter(&self, _record: &[u8]) -> Result<Self, Damage> {
        Ok(Self::new(Fields::new(self.range()?, self.fields.missing > 0)))
    }

    #[inline]
    fn leave(&mut self, _inner: &Self) {}

    fn recover(&mut self, _record: &[u8], _value: &Self) -> Result<(), Damage> {
        if self.fields.missing > 0 { Err(self.end()) } else { Ok(()) }
    }

    #[inline]
    fn skip(&mut self, _record: &[u8]) -> Result<(), Damage> {
        if self.fields.missing > 0 { Err(self.end()) } else { Ok(()) }
    }

    #[inline]
    fn unsigned(&mut self, _record: &[u8]) -> Result<Integer, Damage> {
        Ok(Integer { value: self.number()?, is_rounded: false })
    }

    #[inline]
    fn signed(&mut self, _record: &[u8]) -> Result<i64, Damage> {
        self.number().map(u64::cast_signed)
    }

    #[inline]
    fn boolean(&mut self, _record: &[u8]) -> Result<bool, Damage> {
        self.number().map(|number| number != 0)
    }

    fn double(&mut self, _record: &[u8]) -> Result<f64, Damage> {
        match self.value {
            Value::Fixed { bits, bytes: 8 } => Ok(f64::from_bits(bits)),
            Value::Fixed { bits, .. } => Ok(f32::from_bits(bits as u32).into()),
            Value::Varint(_) | Value::Bytes(_) => Err(self.wrong_type()),
        }
    }

    fn enumeration(&mut self, _record: &[u8], _number: fn(&str) -> Option<i32>) -> Result<i32, Damage> {
        // An enum is an int32, of whose sign 64 bits are written.
        self.number().map(|number| number as i32)
    }

    fn string(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<(), Damage> {
        self.skip(record)?;
        to.clear();
        to.extend_from_slice(&record[self.range()?]);
        Ok(())
    }

    #[inline]
    fn place(
        &mut self,
        _record: &[u8],
        _scratch: &mut Vec<u8>,
        _is_string: bool,
        to: &mut Option<Bytes>,
    ) -> Result<(), Damage> {
        let rest = match self.fields.missing {
            0 => Rest::None,
            missing => Rest::Missing(Some(missing as u64)),
        };
        *to = Some(Bytes { range: self.range()?, home: Home::Record, rest, damage: None });
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        self.fields.is_at_end() && !self.fields.is_truncated
    }

    fn raw(&self) -> Option<Fields> {
        self.range().ok().map(|range| Fields::new(range, self.fields.missing > 0))
    }
}

/// The tag of a field below 16 that is bytes, a string or a message.
pub(crate) const fn bytes_tag(number: u32) -> u8 {
    number_tag(number) | 2
}

/// The tag of a field below 16 that is a number.
pub(crate) const fn number_tag(number: u32) -> u8 {
    assert!(number < 16, "a tag of more than one byte");
    (number as u8) << 3
}

/// Why there is no varint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VarintError {
    /// The bytes end before the varint does.
    Incomplete,
    /// More than ten bytes.
    TooLong,
}

/// The varint at the beginning of `bytes`, and its length in bytes.
#[inline(always)]
pub(crate) fn varint(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    match *bytes {
        [byte, ..] if byte < 0x80 => Ok((u64::from(byte), 1)),
        [low, high, ..] if high < 0x80 => Ok((u64::from(low & 0x7f) | u64::from(high) << 7, 2)),
        _ => long_varint(bytes),
    }
}

/// The same, the faster way where it has more than two bytes: up to eight of them are taken at once, and their sevens
/// of bits put together in pairs, fours and eights.
#[inline]
pub(crate) fn long_varint(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let Some(word) = bytes.first_chunk() else { return longest_varint(bytes) };
    let word = u64::from_le_bytes(*word);
    let last = !word & 0x8080_8080_8080_8080;
    if last == 0 {
        return longest_varint(bytes);
    }
    // All bits up to the first that ends a varint.
    let bits = word & (last ^ (last - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
    let bits = (bits & 0x7f00_7f00_7f00_7f00) >> 1 | bits & 0x007f_007f_007f_007f;
    let bits = (bits & 0x3fff_0000_3fff_0000) >> 2 | bits & 0x0000_3fff_0000_3fff;
    let bits = (bits & 0x0fff_ffff_0000_0000) >> 4 | bits & 0x0000_0000_0fff_ffff;
    Ok((bits, last.trailing_zeros() as usize / 8 + 1))
}

#[cold]
fn longest_varint(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(if bytes.len() < 10 { VarintError::Incomplete } else { VarintError::TooLong })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_of_all_lengths_read_alike(
            value in (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
            behind in proptest::collection::vec(any::<u8>(), 0..12),
            padding in 0usize..3,
        ) {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            // A varint may be longer than it has to be.
            for _ in 0..padding.min(10 - bytes.len()) {
                let last = bytes.len() - 1;
                bytes[last] |= 0x80;
                bytes.push(0);
            }
            let length = bytes.len();
            prop_assert_eq!(varint(&bytes[..length - 1]), Err(VarintError::Incomplete));
            bytes.extend_from_slice(&behind);
            prop_assert_eq!(varint(&bytes), Ok((value, length)));
        }
    }
}
