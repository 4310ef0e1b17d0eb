//! The messages that hold events, of every generation, and what their fields are.

use super::event::BodyForm;
use crate::proto::envoy::data::tap::v2alpha;
use crate::proto::envoy::data::tap::v3::{SocketBufferedTrace, SocketStreamedTraceSegment as Segment};

/// The message that holds the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// `SocketBufferedTrace`.
    Buffered,
    /// `SocketStreamedTraceSegment`.
    Streamed,
    /// `Trace`, of the `capture` transport socket.
    Capture,
    /// `SocketBufferedTrace` of early 2019.
    Early2019,
}

/// A field of a message that holds events.
pub(super) enum Field {
    Batch,
    Connection,
    Event,
    Id,
    Other,
}

impl Field {
    pub(super) fn of(holder: Holder, number: u32) -> Self {
        match (holder, number) {
            (Holder::Buffered, SocketBufferedTrace::TRACE_ID) => Self::Id,
            (Holder::Buffered, SocketBufferedTrace::CONNECTION) => Self::Connection,
            (Holder::Buffered, SocketBufferedTrace::EVENTS) => Self::Event,
            (Holder::Streamed, Segment::TRACE_ID) => Self::Id,
            (Holder::Streamed, Segment::CONNECTION) => Self::Connection,
            (Holder::Streamed, Segment::EVENT) => Self::Event,
            (Holder::Streamed, Segment::EVENTS) => Self::Batch,
            (Holder::Capture, v2alpha::Trace::EVENTS) => Self::Event,
            (Holder::Early2019, v2alpha::SocketBufferedTrace::CONNECTION) => Self::Connection,
            (Holder::Early2019, v2alpha::SocketBufferedTrace::EVENTS) => Self::Event,
            _ => Self::Other,
        }
    }
}

impl Holder {
    pub(super) fn body_form(self) -> BodyForm {
        match self {
            Self::Buffered | Self::Streamed => BodyForm::Message,
            Self::Capture => BodyForm::Bytes,
            Self::Early2019 => BodyForm::BytesOrMessage,
        }
    }
}
