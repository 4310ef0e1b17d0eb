//! Sees the bytes of a connection go by, and keeps what [`crate::protocol`] recognizes in the first of them.

use crate::protocol::{LOOK_AT, Protocol, Recognized, has_grpc, is_websocket_upgrade, recognize};
use crate::trace::{Data, Direction, Length, Side};

/// The first reads of a direction are joined as long as they are shorter than this together.
const SHORT: usize = 128;

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Recognizer {
    /// By the first bytes of either direction.
    recognized: Option<Recognized>,
    /// The direction of the first event.
    first: Option<Direction>,
    /// The beginnings of both directions, until one of them shows what they are.
    beginnings: [Beginning; 2],
    /// How much has been looked at for the content type of a gRPC call.
    looked_at: usize,
}

#[derive(Debug, Default)]
struct Beginning {
    bytes: Vec<u8>,
    /// What comes now is not the beginning any more.
    is_over: bool,
}

impl Recognizer {
    pub(super) fn see(&mut self, data: &Data<'_>) {
        let (direction, bytes) = (data.direction, &data.bytes[..]);
        self.first.get_or_insert(direction);
        if self.recognized.is_none() {
            self.recognized = self.beginnings[direction as usize].see(data);
            if self.recognized.is_some() {
                self.beginnings = Default::default();
            }
        }
        if let Some(recognized) = &mut self.recognized {
            match recognized.protocol {
                Protocol::Http1 if is_websocket_upgrade(bytes) => recognized.protocol = Protocol::WebSocket,
                Protocol::Http2 if self.looked_at < LOOK_AT => {
                    let bytes = &bytes[..bytes.len().min(LOOK_AT)];
                    self.looked_at += bytes.len();
                    if has_grpc(bytes) {
                        recognized.protocol = Protocol::Grpc;
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.recognized.map_or(Protocol::Other, |recognized| recognized.protocol)
    }

    /// The side that is the client, as far as the bytes show it.
    pub(super) fn client(&self) -> Option<Side> {
        self.recognized.and_then(|recognized| recognized.client)
    }

    /// The direction of the first event.
    pub(super) fn first(&self) -> Option<Direction> {
        self.first
    }
}

impl Beginning {
    /// Takes the next bytes of its direction.
    fn see(&mut self, data: &Data<'_>) -> Option<Recognized> {
        if self.is_over || data.bytes.is_empty() {
            return None;
        }
        let recognized = if self.bytes.is_empty() {
            recognize(data.direction, &data.bytes)
        } else {
            self.bytes.extend_from_slice(&data.bytes[..data.bytes.len().min(SHORT)]);
            recognize(data.direction, &self.bytes)
        };
        // Bytes that are missing must not be bridged.
        self.is_over = self.bytes.len().max(data.bytes.len()) >= SHORT || data.length != Length::Whole;
        if self.is_over {
            self.bytes = Vec::new();
        } else if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&data.bytes);
        }
        recognized
    }
}
