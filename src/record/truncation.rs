//! How much of a record is there that is truncated, for the message about it.

use std::fmt;

use crate::quantity::{counted, grouped};

/// How much there is of a truncated record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordTruncation {
    /// Bytes that are there, with the record's length before it, where its format has one.
    pub there: u64,
    /// Bytes that the record has by that length.
    pub length: Option<u64>,
    /// The input ends there; else another record begins.
    pub is_at_end: bool,
}

impl fmt::Display for RecordTruncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = counted(self.there, "byte", "bytes");
        if !self.is_at_end {
            return write!(f, "another record begins after {there}");
        }
        match self.length {
            Some(length) => {
                let missing = counted(length.saturating_sub(self.there), "is", "are");
                write!(
                    f,
                    "{} of {} bytes are there, {missing} missing",
                    grouped(self.there),
                    grouped(length)
                )?;
            }
            None => write!(f, "the input ends after {there} of it")?,
        }
        f.write_str("; Envoy writes in blocks and may still have the connection open, or was killed")
    }
}
