//! Reads the fields of a message into whatever takes them, in any encoding.

use super::{Bytes, Damage, Encoding, Field, Integer, Kind, Message, Schema, binary};

/// No schema of a trace nests its messages so deep. One that may contain itself can be nested without end.
const MAX_DEPTH: u8 = 64;

/// Reads the fields of a message.
#[derive(Debug)]
pub(crate) struct Reader<'a, E> {
    pub(crate) record: &'a [u8],
    /// What is not in the record as it is: see [`Self::place`].
    pub(crate) scratch: &'a mut Vec<u8>,
    pub(crate) place: E,
    depth: u8,
}

impl<'a, E: Encoding> Reader<'a, E> {
    /// Reads on from a place in the record.
    pub(crate) fn new(record: &'a [u8], scratch: &'a mut Vec<u8>, place: E) -> Self {
        Self { record, scratch, place, depth: 0 }
    }

    /// Goes to the next field of a message of this schema, and returns its number; `None` at the end of the message.
    #[inline]
    pub(crate) fn next<S: Schema>(&mut self) -> Result<Option<u32>, Damage> {
        self.place.next::<S>(self.record)
    }

    /// Reads the fields that follow.
    #[inline]
    pub(crate) fn fields<M: Message>(&mut self, message: &mut M) -> Result<(), Damage> {
        while let Some(number) = self.next::<M::Schema>()? {
            message.take(number, self)?;
        }
        Ok(())
    }

    /// Reads the message that is the value. What stands before damage is in `message` then.
    #[inline]
    pub(crate) fn message<M: Message>(&mut self, message: &mut M) -> Result<(), Damage> {
        if self.depth == MAX_DEPTH {
            return Err(Damage::new(self.place.at(), "messages are nested too deep"));
        }
        let inner = self.place.enter(self.record)?;
        let outer = std::mem::replace(&mut self.place, inner);
        self.depth += 1;
        let read = self.fields(message);
        self.depth -= 1;
        let inner = std::mem::replace(&mut self.place, outer);
        self.place.leave(&inner);
        read
    }

    /// Reads the value, one of the messages of `google/protobuf/wrappers.proto`: JSON has it without the message around it.
    pub(crate) fn wrapper<M: Message>(&mut self, message: &mut M) -> Result<(), Damage> {
        const VALUE: u32 = 1;
        if self.place.is_unwrapped(self.record) { message.take(VALUE, self) } else { self.message(message) }
    }

    /// Has `each` read the values of a map with their keys: those of an object in JSON, else the one of the entry that is the value.
    pub(crate) fn entries(
        &mut self,
        mut each: impl FnMut(&[u8], &mut Self) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        const KEY: u32 = 1;
        let inner = self.place.enter(self.record)?;
        let outer = std::mem::replace(&mut self.place, inner);
        let mut key = Vec::new();
        let read = if E::IS_JSON {
            loop {
                match self.place.key(self.record, &mut key) {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(damage) => break Err(damage),
                }
                if let Err(damage) = each(&key, self) {
                    break Err(damage);
                }
            }
        } else {
            loop {
                match self.place.next::<Entry>(self.record) {
                    Ok(Some(KEY)) => match self.place.string(self.record, &mut key) {
                        Ok(()) => {}
                        Err(damage) => break Err(damage),
                    },
                    Ok(Some(_)) => match each(&key, self) {
                        Ok(()) => {}
                        Err(damage) => break Err(damage),
                    },
                    Ok(None) => break Ok(()),
                    Err(damage) => break Err(damage),
                }
            }
        };
        let inner = std::mem::replace(&mut self.place, outer);
        self.place.leave(&inner);
        read
    }

    /// Offset in the record of the value.
    pub(crate) fn at(&self) -> usize {
        self.place.at()
    }

    /// Passes over the value.
    pub(crate) fn skip(&mut self) -> Result<(), Damage> {
        self.place.skip(self.record)
    }

    /// The value as an unsigned integer.
    pub(crate) fn unsigned(&mut self) -> Result<u64, Damage> {
        self.integer().map(|integer| integer.value)
    }

    /// The value as an unsigned integer, and whether some program has rounded it.
    pub(crate) fn integer(&mut self) -> Result<Integer, Damage> {
        self.place.unsigned(self.record)
    }

    /// The value as a signed integer.
    pub(crate) fn signed(&mut self) -> Result<i64, Damage> {
        self.place.signed(self.record)
    }

    /// The value as a boolean.
    pub(crate) fn boolean(&mut self) -> Result<bool, Damage> {
        self.place.boolean(self.record)
    }

    /// The value as a floating-point number.
    pub(crate) fn double(&mut self) -> Result<f64, Damage> {
        self.place.double(self.record)
    }

    /// The value, an enum's: its number, or its name in `to` where the encoding has names.
    pub(crate) fn name_or_number(&mut self, to: &mut Vec<u8>) -> Result<Option<i32>, Damage> {
        self.place.name_or_number(self.record, to)
    }

    /// The number of the value, an enum's.
    pub(crate) fn enumeration(&mut self, number: fn(&str) -> Option<i32>) -> Result<i32, Damage> {
        self.place.enumeration(self.record, number)
    }

    /// The value, a string, in place of what `to` has.
    pub(crate) fn string(&mut self, to: &mut Vec<u8>) -> Result<(), Damage> {
        self.place.string(self.record, to)
    }

    /// The value, which is of type `bytes`, in place of what `to` has.
    pub(crate) fn bytes(&mut self, to: &mut Vec<u8>) -> Result<(), Damage> {
        self.place.bytes(self.record, to)
    }

    /// Says in `to` where the value is, bytes or a string of which there may be many: in the record, or else in the scratch
    /// buffer. Of bytes that break off, `to` gets those that are there.
    #[inline]
    pub(crate) fn place(&mut self, is_string: bool, to: &mut Option<Bytes>) -> Result<(), Damage> {
        self.place.place(self.record, self.scratch, is_string, to)
    }

    /// Seconds and nanoseconds of a timestamp that is written as a string.
    pub(crate) fn timestamp(&mut self) -> Option<Result<(i64, i64), Damage>> {
        self.place.timestamp(self.record)
    }

    /// Whether the value is a message, where the encoding shows it.
    pub(crate) fn is_message(&self) -> Option<bool> {
        self.place.is_message(self.record)
    }

    /// Whether a string is in place of the value.
    pub(crate) fn is_replaced(&self) -> bool {
        self.place.is_replaced(self.record)
    }

    /// The binary fields of the value, where the encoding is binary.
    pub(crate) fn raw(&self) -> Option<binary::Fields> {
        self.place.raw()
    }
}

/// An entry of a map: its key is 1, its value 2 (<https://protobuf.dev/programming-guides/encoding/#maps>).
struct Entry;

impl Schema for Entry {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            b"key" => Some(1),
            b"value" => Some(2),
            _ => None,
        }
    }

    fn field(number: u32) -> Option<Field> {
        let kind = Kind::BytesOrMessage;
        matches!(number, 1 | 2).then_some(Field { kind, is_repeated: false })
    }
}
