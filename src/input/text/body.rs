//! A `Body` in text.

use std::ops::Range;

use super::lexer::{Lexer, TextError, Value};
use crate::trace::Truncation;

/// Appends the bytes of the `Body` whose fields follow to `scratch`, and says in `to` where they are there and whether all of
/// them are: of a body that is damaged, what comes before the damage.
pub(super) fn body(
    lexer: &mut Lexer,
    record: &[u8],
    to: &mut Option<(Range<usize>, Truncation)>,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    let (mut bytes, mut truncation) = (scratch.len()..scratch.len(), Truncation::None);
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"as_bytes" | b"as_string", Value::Scalar) => {
                bytes.start = scratch.len();
                let read = string(lexer, record, &mut truncation, scratch);
                bytes.end = scratch.len();
                if read.is_ok() || !bytes.is_empty() {
                    *to = Some((bytes.clone(), truncation));
                }
                read?;
            }
            (b"truncated", Value::Scalar) => truncation = Truncation::by_limit(lexer.boolean(record)?),
            (_, value) => lexer.skip(record, value)?,
        }
    }
    *to = Some((bytes, truncation));
    Ok(())
}

/// Appends a string of bytes to `scratch`: of one in which the record ends, what is there.
pub(super) fn string(
    lexer: &mut Lexer,
    record: &[u8],
    truncation: &mut Truncation,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    let start = scratch.len();
    let read = lexer.append_string(record, scratch);
    if read.is_err() && scratch.len() > start {
        *truncation = Truncation::Input { missing: None };
    }
    read
}
