//! What others than Cilium add to flows.

use super::values::FIRST_UNNUMBERED;
use crate::proto::google::protobuf::Any;
use crate::proto::utils::RetinaMetadata;
use crate::protobuf::{Damage, Encoding, Field, Message, Reader, Schema, binary};

/// `Flow.extensions`, of which Retina's are known. In JSON the extension's fields are in place of those of `Any`.
pub(super) struct ExtensionsSchema;

const RETINA_BYTES: u32 = FIRST_UNNUMBERED + 2;

impl Schema for ExtensionsSchema {
    fn number(name: &[u8]) -> Option<u32> {
        if name == b"bytes" { Some(RETINA_BYTES) } else { None }
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            RETINA_BYTES => RetinaMetadata::field(RetinaMetadata::BYTES),
            Any::VALUE => Any::field(Any::VALUE),
            _ => None,
        }
    }
}

pub(super) struct ExtensionsReader<'a>(pub(super) &'a mut Option<u64>);

impl Message for ExtensionsReader<'_> {
    type Schema = ExtensionsSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        if number == RETINA_BYTES {
            *self.0 = Some(value.unsigned()?);
            return Ok(());
        }
        // The value of an `Any` is a message; of another extension than Retina's nothing is known.
        let Some(mut fields) = value.raw() else { return value.skip() };
        let bytes = match fields.next(value.record) {
            Ok(Some((RetinaMetadata::BYTES, binary::Value::Varint(bytes)))) => Some(bytes),
            _ => None,
        };
        *self.0 = bytes;
        value.skip()
    }
}
