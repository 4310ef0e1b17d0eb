//! Events that were lost.

use crate::hubble::flow::{Lost, LostSource};
use crate::proto::flow as proto;
use crate::protobuf::{Damage, Encoding, Message, Reader};

/// Reads a `LostEvent`.
pub(in super::super) struct LostReader<'a>(pub(in super::super) &'a mut Lost);

impl Message for LostReader<'_> {
    type Schema = proto::LostEvent;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::LostEvent::SOURCE => self.0.source = lost_source(value)?,
            proto::LostEvent::NUM_EVENTS_LOST => self.0.count = value.unsigned()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// The value, a `LostEventSource`.
pub(in super::super) fn lost_source<E: Encoding>(value: &mut Reader<'_, E>) -> Result<LostSource, Damage> {
    let number = value.enumeration(|name| proto::LostEventSource::from_str_name(name).map(Into::into))?;
    Ok(match proto::LostEventSource::try_from(number) {
        Ok(proto::LostEventSource::PerfEventRingBuffer) => LostSource::PerfEventRingBuffer,
        Ok(proto::LostEventSource::ObserverEventsQueue) => LostSource::ObserverEventsQueue,
        Ok(proto::LostEventSource::HubbleRingBuffer) => LostSource::HubbleRingBuffer,
        Ok(proto::LostEventSource::UnknownLostEventSource) | Err(_) => LostSource::Unknown,
    })
}
