//! Walks the fields of a protobuf message where it lies: nothing is copied, and nothing is allocated from a claimed
//! length. <https://protobuf.dev/programming-guides/encoding/>

use std::ops::{Range, RangeInclusive};

/// Why the next field cannot be read, and where in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) at: usize,
    pub(crate) kind: WireErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireErrorKind {
    /// The bytes end before the field does.
    Incomplete,
    /// A varint of more than ten bytes.
    Varint,
    /// Field number 0, or a wire type that proto3 does not have.
    Tag,
    /// A field that has another type in the schema.
    Type,
}

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Varint(u64),
    /// Where a length-delimited value stands in the record.
    Bytes(Range<usize>),
    /// A 32-bit or 64-bit number, which no message here has.
    Fixed,
}

/// Goes through the fields of the message that stands in a part of a record.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    at: usize,
    end: usize,
    is_cut: bool,
    /// Bytes of the last value beyond the end of a cut message.
    last_missing: usize,
}

impl Fields {
    /// The fields between the two ends of `range`. Where the message is cut there, the last field may be too:
    /// [`Self::is_last_cut`] tells.
    pub(crate) fn new(range: Range<usize>, is_cut: bool) -> Self {
        Self { at: range.start, end: range.end, is_cut, last_missing: 0 }
    }

    /// Where the next field begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Where the message ends.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Whether the message is cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the value that was returned last goes on behind the end of a cut message.
    pub(crate) fn is_last_cut(&self) -> bool {
        self.last_missing > 0
    }

    /// How many bytes that value has behind the end, by its length; 0 where it is whole.
    pub(crate) fn last_missing(&self) -> usize {
        self.last_missing
    }

    /// The number and value of the next field, or `None` at the end.
    #[inline]
    pub(crate) fn next(&mut self, record: &[u8]) -> Result<Option<(u32, Value)>, WireError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let fail = |kind| WireError { at: start, kind };
        let tag = self.varint(record).map_err(fail)?;
        let number =
            u32::try_from(tag >> 3).ok().filter(|&number| number > 0).ok_or(fail(WireErrorKind::Tag))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(record).map_err(fail)?),
            1 => self.fixed(8).map_err(fail)?,
            2 => {
                let length = self.varint(record).map_err(fail)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let mut range = self.at..self.at.saturating_add(length);
                if range.end > self.end {
                    if !self.is_cut {
                        return Err(fail(WireErrorKind::Incomplete));
                    }
                    self.last_missing = range.end - self.end;
                    range.end = self.end;
                }
                self.at = range.end;
                Value::Bytes(range)
            }
            5 => self.fixed(4).map_err(fail)?,
            _ => return Err(fail(WireErrorKind::Tag)),
        };
        Ok(Some((number, value)))
    }

    fn fixed(&mut self, length: usize) -> Result<Value, WireErrorKind> {
        self.at += length;
        if self.at > self.end { Err(WireErrorKind::Incomplete) } else { Ok(Value::Fixed) }
    }

    #[inline]
    fn varint(&mut self, record: &[u8]) -> Result<u64, WireErrorKind> {
        let (value, length) = varint(&record[self.at..self.end])?;
        self.at += length;
        Ok(value)
    }
}

/// The varint at the beginning of `bytes`, and its length in bytes.
#[inline(always)]
pub(crate) fn varint(bytes: &[u8]) -> Result<(u64, usize), WireErrorKind> {
    match *bytes {
        [byte, ..] if byte < 0x80 => Ok((u64::from(byte), 1)),
        [low, high, ..] if high < 0x80 => Ok((u64::from(low & 0x7f) | u64::from(high) << 7, 2)),
        _ => long_varint(bytes),
    }
}

/// The same, the faster way where it has more than two bytes: up to eight of them are taken at once, and their sevens
/// of bits put together in pairs, fours and eights.
#[inline]
pub(crate) fn long_varint(bytes: &[u8]) -> Result<(u64, usize), WireErrorKind> {
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
fn longest_varint(bytes: &[u8]) -> Result<(u64, usize), WireErrorKind> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(if bytes.len() < 10 { WireErrorKind::Incomplete } else { WireErrorKind::Varint })
}

/// Goes through the fields of a message that is whole, by their tags: the hot path.
///
/// A tag is a field's number and wire type, `number << 3 | type`; see the constructors in [`tag`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    at: usize,
    end: usize,
}

/// The tags of fields.
pub(crate) mod tag {
    /// A field that holds a number.
    pub(crate) const fn varint(number: u64) -> u64 {
        number << 3
    }

    /// A field that holds bytes, a string or a message.
    pub(crate) const fn bytes(number: u64) -> u64 {
        number << 3 | 2
    }
}

impl Reader {
    #[inline(always)]
    pub(crate) fn new(range: Range<usize>) -> Self {
        Self { at: range.start, end: range.end }
    }

    /// The tag of the next field, or `None` at the end. Its value has to be read or skipped.
    #[inline(always)]
    pub(crate) fn tag(&mut self, record: &[u8]) -> Result<Option<u64>, WireError> {
        if self.at >= self.end { Ok(None) } else { self.varint(record).map(Some) }
    }

    /// A number.
    #[inline(always)]
    pub(crate) fn varint(&mut self, record: &[u8]) -> Result<u64, WireError> {
        let bytes = &record[self.at..self.end];
        match varint(bytes) {
            Ok((value, length)) => {
                self.at += length;
                Ok(value)
            }
            Err(kind) => Err(self.fail(kind)),
        }
    }

    /// Where a length-delimited value stands.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, record: &[u8]) -> Result<Range<usize>, WireError> {
        let length = self.varint(record)?;
        if length > (self.end - self.at) as u64 {
            return Err(self.fail(WireErrorKind::Incomplete));
        }
        let range = self.at..self.at + length as usize;
        self.at = range.end;
        Ok(range)
    }

    /// Passes over the value of a field that is of no interest; `known` are the numbers of those that have another type
    /// in the schema than here.
    #[cold]
    pub(crate) fn skip(
        &mut self,
        tag: u64,
        known: RangeInclusive<u64>,
        record: &[u8],
    ) -> Result<(), WireError> {
        if known.contains(&(tag >> 3)) {
            return Err(self.fail(WireErrorKind::Type));
        }
        let length = match tag & 7 {
            _ if tag >> 3 == 0 || tag >> 3 > u64::from(u32::MAX) => return Err(self.fail(WireErrorKind::Tag)),
            0 => return self.varint(record).map(drop),
            1 => 8,
            2 => return self.bytes(record).map(drop),
            5 => 4,
            _ => return Err(self.fail(WireErrorKind::Tag)),
        };
        if length > self.end - self.at {
            return Err(self.fail(WireErrorKind::Incomplete));
        }
        self.at += length;
        Ok(())
    }

    #[cold]
    fn fail(&self, kind: WireErrorKind) -> WireError {
        WireError { at: self.at, kind }
    }
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
            prop_assert_eq!(varint(&bytes[..length - 1]), Err(WireErrorKind::Incomplete));
            bytes.extend_from_slice(&behind);
            prop_assert_eq!(varint(&bytes), Ok((value, length)));
        }
    }
}
