//! The values in JSON, read by serde_json: strings, numbers, times.
//!
//! Strings are read as bytes, which serde_json does not check for UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Unexpected, Visitor};

use crate::protobuf::{Damage, Integer};

/// Fails unless the record is JSON.
pub(super) fn check(record: &[u8]) -> Result<(), Damage> {
    parse::<IgnoredAny>(record, 0..record.len()).map(drop)
}

/// The unsigned integer in `range`, which JSON of protobuf writes as a string where it may have 64 bits.
pub(super) fn integer(record: &[u8], range: Range<usize>) -> Result<Integer, Damage> {
    let text = &record[range.clone()];
    let (digits, is_quoted) = match text {
        [b'"', digits @ .., b'"'] => (digits, true),
        digits => (digits, false),
    };
    // Nearly all are like this. 19 digits fit.
    if (1..20).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && (is_quoted || digits[0] != b'0')
    {
        let value = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        return Ok(match is_quoted {
            true => Integer { value, is_rounded: false },
            false => Integer::from_unquoted(value),
        });
    }
    parse::<Number>(record, range).map(|number| number.0)
}

/// The seconds and nanoseconds of the time in `text`.
pub(super) fn timestamp(text: &[u8]) -> Option<(i64, i64)> {
    let time: jiff::Timestamp = str::from_utf8(text).ok()?.parse().ok()?;
    Some((time.as_second(), time.subsec_nanosecond().into()))
}

/// Reads what stands in `range`.
pub(super) fn parse<'a, T: Deserialize<'a>>(record: &'a [u8], range: Range<usize>) -> Result<T, Damage> {
    let text = &record[range.clone()];
    serde_json::from_slice(text).map_err(|error| {
        let line_start = match error.line() {
            0 | 1 => 0,
            line => memchr::memchr_iter(b'\n', text).nth(line - 2).map_or(0, |newline| newline + 1),
        };
        let message = error.to_string();
        // serde_json counts lines from the beginning of the event; the byte offset says it better.
        let what = message.split(" at line ").next().unwrap_or_default().to_owned();
        Damage::new(range.start + line_start + error.column().saturating_sub(1), what)
    })
}

/// A JSON string, its escapes resolved: UTF-8, save where Envoy wrote something else.
pub(super) struct Text<'a>(pub(super) Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(bytes.to_vec())))
            }
        }

        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// An unsigned integer as serde_json reads it.
struct Number(Integer);

/// All integers below this are floating-point numbers too.
const FIRST_INEXACT: u64 = 1 << 53;

impl Integer {
    /// A number as a program wrote it that takes all numbers for floating-point ones, if it has no fraction.
    fn from_float(float: f64) -> Option<Self> {
        // Exact: 2^64 is one.
        let is_integer = float.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&float);
        is_integer.then_some(Self { value: float as u64, is_rounded: float >= FIRST_INEXACT as f64 })
    }

    /// A number without quotes around it. Envoy writes none of 64 bits so; what does mostly keeps 17 digits.
    fn from_unquoted(value: u64) -> Self {
        let is_rounded =
            value >= FIRST_INEXACT && (value as f64 as u64 == value || value.is_multiple_of(100));
        Self { value, is_rounded }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an unsigned integer")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Integer::from_unquoted(number)))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Number, E> {
                let integer = Integer::from_float(number).map(Number);
                integer.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                let exact = text.parse().map(|value| Integer { value, is_rounded: false }).ok();
                let integer = exact.or_else(|| Integer::from_float(text.parse().ok()?));
                integer.map(Number).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}
