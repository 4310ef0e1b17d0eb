//! The structure of JSON text, without a look at its values: where a value ends, and the members of an object.
//!
//! Strings are passed over at once and nesting is counted, so that neither length nor depth costs more than time.

use std::ops::Range;

use crate::protobuf::{Damage, literal};

/// The damage of a record that ends too early.
#[cold]
pub(super) fn cut(at: usize) -> Damage {
    Damage::end(at, "unterminated object")
}

/// The first place at or behind `at` that is no white space.
#[inline]
pub(super) fn skip_space(record: &[u8], at: usize) -> usize {
    // Programs write none.
    if record.get(at).is_some_and(|&byte| byte > b' ') {
        return at;
    }
    let rest = record.get(at..).unwrap_or(&[]);
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// Where the string ends whose opening quote stands at `at`, or `None` if it goes on behind the record.
pub(super) fn string_end(record: &[u8], at: usize) -> Option<usize> {
    literal::end_of_string(record, at + 1, b'"')
}

/// Where the value ends that begins at `at`.
pub(super) fn value_end(record: &[u8], at: usize) -> Result<usize, Damage> {
    if record.get(at) == Some(&b'[')
        && let Some(end) = simple_array_end(&record[at..])
    {
        return Ok(at + end);
    }
    let mut end = at;
    let mut depth = 0usize;
    loop {
        match record.get(end).ok_or_else(|| cut(at))? {
            b'"' => end = string_end(record, end).ok_or_else(|| cut(at))?,
            b'{' | b'[' => {
                depth += 1;
                end += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                end += 1;
            }
            b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return Ok(end),
            _ => {
                end += 1;
                continue;
            }
        }
        if depth == 0 && end > at && matches!(record[at], b'"' | b'{' | b'[') {
            return Ok(end);
        }
    }
}

/// Where the array ends at the beginning of `bytes`, if no array and no escape is in it: lists of strings are passed over four times
/// as fast as string by string.
fn simple_array_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b']', bytes)?;
    let inner = &bytes[1..end];
    let is_simple = memchr::memchr3(b'[', b'\\', b'\n', inner).is_none();
    // Else the bracket is in a string.
    (is_simple && memchr::memchr_iter(b'"', inner).count().is_multiple_of(2)).then_some(end + 1)
}

/// Goes through the members of an object, or the elements of an array.
#[derive(Clone, Debug)]
pub(super) struct Items {
    /// Where the opening bracket stands.
    open: usize,
    at: usize,
}

impl Items {
    /// The items behind the opening bracket that stands before `at`.
    pub(super) fn new(at: usize) -> Self {
        Self { open: at - 1, at }
    }

    /// The next member: its name without the quotes, and where its value begins. To get to the next one, say with
    /// [`Self::skip_to`] where the value ends.
    pub(super) fn member(&mut self, record: &[u8]) -> Result<Option<(Range<usize>, usize)>, Damage> {
        let Some(start) = self.item(record)? else {
            return Ok(None);
        };
        if record[start] != b'"' {
            return Err(Damage::new(start, "a member name is expected here"));
        }
        let end = string_end(record, start).ok_or_else(|| cut(start))?;
        if end - start < 2 || record[end - 1] != b'"' {
            return Err(Damage::new(start, "unterminated member name"));
        }
        let colon = skip_space(record, end);
        match record.get(colon) {
            Some(b':') => {}
            Some(_) => {
                return Err(Damage::new(colon, "a colon is expected after a member name"));
            }
            None => return Err(cut(colon)),
        }
        let value = skip_space(record, colon + 1);
        match record.get(value) {
            None => return Err(cut(value)),
            Some(b'}' | b']' | b',' | b':') => {
                return Err(Damage::new(value, "a value is expected after a member name"));
            }
            Some(_) => {}
        }
        Ok(Some((start + 1..end - 1, value)))
    }

    /// Where the next element begins.
    pub(super) fn item(&mut self, record: &[u8]) -> Result<Option<usize>, Damage> {
        loop {
            self.at = skip_space(record, self.at);
            match record.get(self.at) {
                Some(b',') => self.at += 1,
                Some(close @ (b'}' | b']')) => {
                    if (*close == b'}') != (record[self.open] == b'{') {
                        return Err(Damage::new(self.at, "unmatched closing bracket"));
                    }
                    self.at += 1;
                    return Ok(None);
                }
                Some(_) => return Ok(Some(self.at)),
                None => {
                    return Err(cut(self.at));
                }
            }
        }
    }

    /// Where it is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes on at `at`, where the item's value ends.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }
}
