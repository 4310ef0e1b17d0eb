//! `google.protobuf.Timestamp`: a message in binary and text, a string in JSON.

use super::nanoseconds;
use crate::proto::google::protobuf::Timestamp;
use crate::protobuf::{Damage, Encoding, Message, Reader};

/// The time that is the value, in nanoseconds since the Unix epoch.
pub(crate) fn time<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u64, Damage> {
    if let Some(time) = value.timestamp() {
        return time.map(|(seconds, nanos)| nanoseconds(seconds, nanos));
    }
    let mut time = Time::default();
    value.message(&mut time)?;
    Ok(nanoseconds(time.seconds, time.nanos))
}

/// A `google.protobuf.Timestamp` that is being read. Envoy's UDP sink writes more than a billion `nanos`.
#[derive(Default)]
struct Time {
    seconds: i64,
    nanos: i64,
}

impl Message for Time {
    type Schema = Timestamp;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            Timestamp::SECONDS => self.seconds = value.signed()?,
            Timestamp::NANOS => self.nanos = value.signed()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
