//! A `Body`: where its bytes are, and whether they are all that there were.

use crate::proto::envoy::data::tap::v3::Body as Fields;
use crate::protobuf::binary::Value;
use crate::protobuf::{Bytes, Damage, Encoding, Message, Reader, Rest};
use crate::trace::Truncation;

/// A `Body`.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) truncation: Truncation,
}

/// Says in `to` where the body is that is the value: a `Body`, or bytes. Of a body that breaks off, `to` gets what is there, if
/// anything is.
#[inline]
pub(super) fn read<E: Encoding>(
    value: &mut Reader<'_, E>,
    is_message: bool,
    to: &mut Option<Body>,
) -> Result<(), Damage> {
    let mut body = BodyReader::default();
    if value.is_replaced() {
        value.skip()?;
        *to = Some(Body { truncation: Truncation::Removed, ..Body::default() });
        return Ok(());
    }
    let read = match is_message {
        true => value.message(&mut body),
        false => value.place(false, &mut body.bytes),
    };
    if read.is_ok() || body.bytes.is_some() || body.is_limited {
        let bytes = body.bytes.unwrap_or_default();
        let truncation = match bytes.rest {
            Rest::None => Truncation::by_limit(body.is_limited),
            Rest::Missing(missing) => Truncation::Input { missing },
            Rest::Replaced => Truncation::Removed,
        };
        *to = Some(Body { bytes, truncation });
    }
    read
}

/// A `Body` that is being read.
#[derive(Default)]
struct BodyReader {
    bytes: Option<Bytes>,
    is_limited: bool,
}

impl Message for BodyReader {
    type Schema = Fields;

    #[inline]
    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            Fields::AS_BYTES => value.place(false, &mut self.bytes),
            Fields::AS_STRING => value.place(true, &mut self.bytes),
            Fields::TRUNCATED => {
                self.is_limited = value.boolean()?;
                Ok(())
            }
            _ => value.skip(),
        }
    }
}

/// Whether the binary value is a `Body` and nothing else: bytes that were tapped hardly ever look so. Of a value that the
/// record breaks off, whether a field of bytes fills it.
pub(super) fn is_body<E: Encoding>(value: &Reader<'_, E>) -> bool {
    let Some(mut fields) = value.raw() else { return true };
    let is_truncated = fields.whole().is_none();
    loop {
        match fields.next(value.record) {
            Ok(Some((Fields::AS_BYTES | Fields::AS_STRING, Value::Bytes(_)))) if is_truncated => {
                return fields.is_at_end();
            }
            Ok(Some((Fields::AS_BYTES | Fields::AS_STRING, Value::Bytes(_)))) => {}
            Ok(Some((Fields::TRUNCATED, Value::Varint(0 | 1)))) => {}
            Ok(Some(_)) | Err(_) => return false,
            Ok(None) => return !is_truncated,
        }
    }
}
