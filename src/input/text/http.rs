//! The traces of the HTTP tap in text.

use super::lexer::Lexer;
use crate::input::{Damage, HttpRecord};

/// Reads the `HttpBufferedTrace`, or else `HttpStreamedTraceSegment`, whose fields follow, its bodies into `scratch`.
pub(super) fn decode(
    _lexer: &mut Lexer,
    _record: &[u8],
    is_buffered: bool,
    _scratch: &mut Vec<u8>,
) -> Result<HttpRecord, Damage> {
    Ok(HttpRecord { is_buffered, id: 0, downstream: None, upstream: None, pieces: Vec::new(), damage: None })
}
