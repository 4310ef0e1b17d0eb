//! A `SocketEvent` in JSON, its body into a buffer of the caller's. Members may come in any order; unknown ones and nulls are
//! passed over.

use super::body::{JsonBody, body};
use super::members::members;
use super::scan::value_end;
use super::values;
use crate::input::{Body, Damage, Decoded, DecodedWhat};
use crate::trace::{Direction, Truncation};

/// Reads the event that begins at `at`, its body into `scratch`, and keeps in `decoded` what has been read. Returns where the
/// event ends, and what is wrong with its body, where the event can be read on.
pub(super) fn decode(
    record: &[u8],
    at: usize,
    decoded: &mut Decoded,
    scratch: &mut Vec<u8>,
) -> Result<(usize, Option<Damage>), Damage> {
    let mut damage = None;
    let end = members(record, at, |name, value| {
        let direction = match name {
            b"read" => Direction::Read,
            b"write" => Direction::Write,
            b"closed" => {
                decoded.what = DecodedWhat::Closed;
                return Ok(None);
            }
            b"timestamp" | b"connection" | b"seq_num" | b"seqNum" => {
                let end = value_end(record, value)?;
                match name {
                    b"timestamp" => decoded.time = values::time(record, value..end)?.unwrap_or_default(),
                    b"connection" => decoded.connection = values::connection(record, value..end)?,
                    _ => decoded.seq_num = values::number(record, value..end)?.value,
                }
                return Ok(Some(end));
            }
            _ => return Ok(None),
        };
        data(record, value, direction, &mut decoded.what, &mut damage, scratch).map(Some)
    })?;
    Ok((end, damage))
}

/// Whether the event that begins at `at` is what `JSON_BODY_AS_STRING` makes of a connection segment: an event without a time
/// and with nothing that happened.
pub(super) fn is_lost_connection(record: &[u8], at: usize) -> bool {
    let mut decoded = Decoded::default();
    let read = decode(record, at, &mut decoded, &mut Vec::new());
    // An event that has something in it is longer than this.
    read.is_ok_and(|(end, _)| end - at < 100)
        && decoded.time == 0
        && matches!(decoded.what, DecodedWhat::Nothing)
}

/// Reads the `SocketEvent.Read` or `SocketEvent.Write` that begins at `at`. Returns where it ends.
fn data(
    record: &[u8],
    at: usize,
    direction: Direction,
    what: &mut DecodedWhat,
    damage: &mut Option<Damage>,
    scratch: &mut Vec<u8>,
) -> Result<usize, Damage> {
    scratch.clear();
    let (mut found, mut end_stream) = (None, false);
    let read = members(record, at, |name, value| match name {
        b"data" => body(record, value, &mut found, scratch).map(Some),
        b"end_stream" | b"endStream" => {
            let end = value_end(record, value)?;
            end_stream = values::parse::<Option<bool>>(record, value..end)?.unwrap_or_default();
            Ok(Some(end))
        }
        _ => Ok(None),
    });
    // The record ends before the body begins.
    let lost = JsonBody { truncation: Truncation::Input { missing: None }, ..JsonBody::default() };
    let JsonBody { is_text, truncation, damage: of_body, .. } =
        found.unwrap_or(if read.is_err() { lost } else { JsonBody::default() });
    let body = if is_text { Body::ScratchText } else { Body::Scratch };
    *what = DecodedWhat::Data { direction, body, truncation, end_stream };
    *damage = of_body.or(damage.take());
    read
}
