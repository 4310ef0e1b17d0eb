//! Walks the fields of a protobuf message where it lies: nothing is copied, and nothing is allocated from a claimed
//! length. <https://protobuf.dev/programming-guides/encoding/>

use std::ops::Range;

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
    is_last_cut: bool,
}

impl Fields {
    /// The fields between the two ends of `range`. Where the message is cut there, the last field may be too:
    /// [`Self::is_last_cut`] tells.
    pub(crate) fn new(range: Range<usize>, is_cut: bool) -> Self {
        Self { at: range.start, end: range.end, is_cut, is_last_cut: false }
    }

    /// Where the next field begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether the message is cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the value that was returned last goes on behind the end of a cut message.
    pub(crate) fn is_last_cut(&self) -> bool {
        self.is_last_cut
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
                    self.is_last_cut = true;
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
#[inline]
pub(crate) fn varint(bytes: &[u8]) -> Result<(u64, usize), WireErrorKind> {
    if let Some(&byte) = bytes.first()
        && byte < 0x80
    {
        return Ok((u64::from(byte), 1));
    }
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(if bytes.len() < 10 { WireErrorKind::Incomplete } else { WireErrorKind::Varint })
}
