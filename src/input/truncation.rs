//! How much of a record is there that is truncated, for the message about it.

use std::fmt;

use crate::report::{counted, grouped};

/// A record of which not all is there. The numbers are of bytes, and count the length that stands before the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truncation {
    /// Another record begins.
    BeforeAnother { there: u64 },
    /// The input ends, and the record has a length.
    Missing { there: u64, missing: u64 },
    /// The input ends.
    AtEnd { there: u64 },
}

/// Why an input ends within a record.
const WHY: &str = "Envoy writes in blocks and may still have the connection open, or was killed";

impl fmt::Display for Truncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |count| counted(count, "byte", "bytes");
        match *self {
            Self::BeforeAnother { there } => {
                write!(f, "truncated: another record begins after {} of it", bytes(there))
            }
            Self::Missing { there, missing } => {
                let all = bytes(there.saturating_add(missing));
                let are = if missing == 1 { "is" } else { "are" };
                let (there, missing) = (grouped(there), grouped(missing));
                write!(f, "truncated: {there} of {all} are there, {missing} {are} missing; {WHY}")
            }
            Self::AtEnd { there } => {
                write!(f, "truncated: the input ends after {} of it; {WHY}", bytes(there))
            }
        }
    }
}
