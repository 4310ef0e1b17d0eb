//! The [`Cursor`] of an input whose format is known only when it is opened.

use super::canonical;
use super::cursor::{Cursor, TextLoss};
use super::decoded::{Begun, Decoded};
use super::generation::Generation;
use crate::protobuf::{Damage, binary, json, text};
use crate::record::Format;
use crate::trace::Connection;

/// A [`Cursor`] of any encoding.
#[derive(Debug)]
pub(crate) enum AnyCursor {
    Binary(Cursor<binary::Place>),
    Json(Cursor<json::Place>),
    Text(Cursor<text::Place>),
}

/// Calls a method of the cursor, of whichever encoding it is.
macro_rules! each {
    ($any:expr, $cursor:ident => $call:expr) => {
        match $any {
            AnyCursor::Binary($cursor) => $call,
            AnyCursor::Json($cursor) => $call,
            AnyCursor::Text($cursor) => $call,
        }
    };
}

impl AnyCursor {
    pub(crate) fn new(format: Format) -> Self {
        match format {
            Format::Binary => Self::Binary(Cursor::new(true)),
            Format::Delimited | Format::Grpc => Self::Binary(Cursor::new(false)),
            Format::Json => Self::Json(Cursor::new(false)),
            Format::Text => Self::Text(Cursor::new(false)),
        }
    }

    /// As [`Cursor::generation`].
    pub(crate) fn generation(&self) -> Generation {
        each!(self, cursor => cursor.generation())
    }

    /// As [`Cursor::loss`].
    pub(crate) fn loss(&self) -> TextLoss {
        each!(self, cursor => cursor.loss())
    }

    /// The trace's id and the event of a record that is nothing but a segment with one [canonical] event.
    #[inline]
    pub(crate) fn lone_event(&self, record: &[u8]) -> Option<(u64, Decoded)> {
        match self {
            Self::Binary(_) => canonical::lone_event(record),
            Self::Json(_) | Self::Text(_) => None,
        }
    }

    /// The trace's id and the addresses of a record that is nothing but a segment that opens a trace, with canonical addresses.
    #[inline]
    pub(crate) fn lone_opening(&mut self, record: &[u8]) -> Option<(u64, Connection)> {
        let Self::Binary(cursor) = self else { return None };
        let opening = canonical::lone_opening(record)?;
        cursor.generation = cursor.generation.max(Generation::From1_28);
        Some(opening)
    }

    /// As [`Cursor::begin`].
    #[inline]
    pub(crate) fn begin(
        &mut self,
        record: &[u8],
        is_truncated: bool,
        scratch: &mut Vec<u8>,
    ) -> Result<Begun, Damage> {
        each!(self, cursor => cursor.begin(record, is_truncated, scratch))
    }

    /// As [`Cursor::next`].
    #[inline]
    pub(crate) fn next(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Option<Decoded>, Damage> {
        each!(self, cursor => cursor.next(record, scratch))
    }

    /// As [`Cursor::is_done`].
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        each!(self, cursor => cursor.is_done())
    }
}
