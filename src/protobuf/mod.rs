//! Protobuf messages, read leniently from any of their three encodings: binary, text and JSON.
//!
//! A [`Message`] is filled field by field from a [`Reader`]. The messages of `proto/` are filled by code that `build.rs`
//! generates; a message whose fields are not to be kept as they are fills a type of its own. The three encodings
//! ([`binary`], [`text`], [`json`]) know no schema but the [`Schema`] of the message at hand, and are lenient in the same way:
//!
//! - Unknown fields are passed over.
//! - Strings may be no UTF-8.
//! - A record that breaks off, or is damaged, gives all fields before the break. Then comes a [`Damage`] with the offset.
//! - Nothing is allocated from a claimed length, and bytes that may be many are not copied: see [`Reader::place`].

pub(crate) mod binary;
mod damage;
pub(crate) mod json;
pub(crate) mod literal;
mod reader;
pub(crate) mod text;

use std::fmt::Debug;
use std::ops::Range;

pub(crate) use damage::Damage;
pub(crate) use reader::Reader;

/// What readers know of a message: the numbers, names and types of its fields. `build.rs` implements it for each message.
pub(crate) trait Schema {
    /// The number of the field with this name, as the text format or JSON writes it (`seq_num`, `seqNum`).
    fn number(name: &[u8]) -> Option<u32>;

    /// The type of the field with this number.
    fn field(number: u32) -> Option<Field>;
}

/// The type of a field, as far as it shows in an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    pub(crate) is_repeated: bool,
}

/// The encoded form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string or bytes.
    Bytes,
    /// Bytes in one generation of a schema, a message in another.
    BytesOrMessage,
    /// A map: in binary and text an entry each, in JSON an object. See [`Reader::entries`].
    Map,
    /// A message.
    Message,
    /// A number of always as many bytes: 4 or 8.
    Fixed(u8),
    /// A varint: an integer, a boolean or an enum.
    Number,
}

/// What can be filled from a message.
pub(crate) trait Message {
    /// The message.
    type Schema: Schema;

    /// Takes the value of the field with this number, at which the reader is. The value has to be read or skipped.
    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage>;
}

impl<M: Message> Message for Box<M> {
    type Schema = M::Schema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        (**self).take(number, value)
    }
}

/// A place among the fields of a message, and how to go on from there in one of the encodings.
///
/// The record is an argument of each method: a place outlives the borrow of a record that lies in a read buffer.
pub(crate) trait Encoding: Clone + Debug {
    /// The beginning of a record, which the input may break off.
    fn top(record: &[u8], is_truncated: bool) -> Self;

    /// Offset in the record of the value, or of what comes next.
    fn at(&self) -> usize;

    /// Goes to the next field that the schema has, and returns its number; `None` at the end of the message.
    fn next<S: Schema>(&mut self, record: &[u8]) -> Result<Option<u32>, Damage>;

    /// The fields of the message that is the value.
    fn enter(&self, record: &[u8]) -> Result<Self, Damage>;

    /// Goes on after the message of which `inner` has come to the end.
    fn leave(&mut self, inner: &Self);

    /// Goes on after a value that could not be read, of which `value` is the beginning. Fails where its end cannot be found.
    fn recover(&mut self, record: &[u8], value: &Self) -> Result<(), Damage>;

    /// Passes over the value.
    fn skip(&mut self, record: &[u8]) -> Result<(), Damage>;

    /// The value as an unsigned integer.
    fn unsigned(&mut self, record: &[u8]) -> Result<Integer, Damage>;

    /// The value as a signed integer. What needs more than 64 bits becomes the nearest integer.
    fn signed(&mut self, record: &[u8]) -> Result<i64, Damage>;

    /// The value as a boolean.
    fn boolean(&mut self, record: &[u8]) -> Result<bool, Damage>;

    /// The value as a floating-point number.
    fn double(&mut self, record: &[u8]) -> Result<f64, Damage>;

    /// The value, an enum's: its number, or its name in place of what `to` has where the encoding has names.
    fn name_or_number(&mut self, record: &[u8], _to: &mut Vec<u8>) -> Result<Option<i32>, Damage> {
        self.signed(record).map(|number| Some(number as i32))
    }

    /// Goes to the next member of an object that is a map, and puts its name in place of what `to` has; `false` at the end.
    fn key(&mut self, _record: &[u8], _to: &mut Vec<u8>) -> Result<bool, Damage> {
        Ok(false)
    }

    /// Whether the value stands there as it is, where it is one of the messages of `google/protobuf/wrappers.proto`.
    fn is_unwrapped(&self, _record: &[u8]) -> bool {
        false
    }

    /// The number of the value, an enum's. `number` knows it by its name; an unknown name is 0.
    fn enumeration(&mut self, record: &[u8], number: fn(&str) -> Option<i32>) -> Result<i32, Damage>;

    /// The value, a string, in place of what `to` has.
    fn string(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<(), Damage>;

    /// The value, which is of type `bytes`, in place of what `to` has.
    fn bytes(&mut self, record: &[u8], to: &mut Vec<u8>) -> Result<(), Damage> {
        self.string(record, to)
    }

    /// Says in `to` where the value is: bytes, or a string. Where they are not in the record as they are, they are appended to
    /// `scratch`. Of bytes that break off, `to` gets those that are there.
    fn place(
        &mut self,
        record: &[u8],
        scratch: &mut Vec<u8>,
        is_string: bool,
        to: &mut Option<Bytes>,
    ) -> Result<(), Damage>;

    /// Seconds and nanoseconds of a `google.protobuf.Timestamp` that is written as a string, as in JSON.
    fn timestamp(&mut self, _record: &[u8]) -> Option<Result<(i64, i64), Damage>> {
        None
    }

    /// Whether the value is a message, where the encoding shows it.
    fn is_message(&self, _record: &[u8]) -> Option<bool> {
        None
    }

    /// Whether a string is in place of a message or a number, as programs leave it that remove what is confidential.
    fn is_replaced(&self, _record: &[u8]) -> bool {
        false
    }

    /// Whether the message has ended, where that shows without reading on.
    fn is_at_end(&self) -> bool {
        false
    }

    /// The binary fields of the value, which is a message, for who has to look at them without a schema.
    fn raw(&self) -> Option<binary::Fields> {
        None
    }

    /// Whether the encoding keeps only strings that are UTF-8, and numbers of at most 53 bits in the hands of some programs.
    const IS_JSON: bool = false;

    /// Whether each message has its length before it, so that damage in one does not concern the one around it.
    const HAS_LENGTHS: bool = false;
}

/// An unsigned integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Integer {
    pub(crate) value: u64,
    /// It has gone through a floating-point number, which does not hold all of its digits.
    pub(crate) is_rounded: bool,
}

/// Bytes that are not copied out of where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) range: Range<usize>,
    pub(crate) home: Home,
    pub(crate) rest: Rest,
    /// Why bytes are missing, where the message can be read on.
    pub(crate) damage: Option<Damage>,
}

/// Where bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Home {
    /// In the record.
    #[default]
    Record,
    /// In the scratch buffer.
    Scratch,
    /// In the scratch buffer, from a string of JSON, which keeps only what is UTF-8.
    ScratchText,
}

/// What is missing of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    #[default]
    None,
    /// The record ends, or is damaged, inside the value. This many bytes are missing, where that is known.
    Missing(Option<u64>),
    /// A program has put something else in place of the value.
    Replaced,
}

impl Bytes {
    /// The bytes.
    pub(crate) fn get<'a>(&self, record: &'a [u8], scratch: &'a [u8]) -> &'a [u8] {
        match self.home {
            Home::Record => &record[self.range.clone()],
            Home::Scratch | Home::ScratchText => &scratch[self.range.clone()],
        }
    }
}
