//! A `SocketEvent` of any generation, in any encoding.

use super::body::{self, Body};
use super::canonical;
use super::connection;
use super::decoded::{Decoded, DecodedWhat};
use crate::proto::envoy::data::tap::v3::SocketEvent;
use crate::proto::envoy::data::tap::v3::socket_event::Write;
use crate::protobuf::{Damage, Encoding, Field, Kind, Message, Reader, Schema};
use crate::trace::timestamp::time;
use crate::trace::{Direction, Truncation};

/// What `data` of a read or write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// The bytes themselves (Envoy 1.7 to 1.9).
    Bytes,
    /// One or the other: it changed in 2019 while nothing else did.
    BytesOrMessage,
    /// A `Body`.
    Message,
}

/// An event that is being read.
#[derive(Debug)]
pub(super) struct EventReader {
    /// What has been read of it.
    pub(super) decoded: Decoded,
    /// What is wrong with its body, where the event can be read on.
    pub(super) damage: Option<Damage>,
    form: BodyForm,
}

impl EventReader {
    pub(super) fn new(form: BodyForm) -> Self {
        Self { decoded: Decoded::default(), damage: None, form }
    }

    /// Reads the event that is the value, and keeps what stands before damage.
    #[inline]
    pub(super) fn read<E: Encoding>(&mut self, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        if self.form == BodyForm::Message
            && let Some(range) = value.raw().and_then(|fields| fields.whole())
            && let Some(event) = canonical::event(value.record, range)
        {
            self.decoded = event.decoded(value.record);
            return Ok(());
        }
        value.message(self)
    }

    /// Reads a `Read` or `Write`.
    fn data<E: Encoding>(&mut self, value: &mut Reader<'_, E>, direction: Direction) -> Result<(), Damage> {
        let mut data = DataReader { form: self.form, body: None, end_stream: false };
        let read = value.message(&mut data);
        let body = data.body.unwrap_or_else(|| Body {
            // The record ends before the body begins.
            truncation: if read.is_err() { Truncation::Input { missing: None } } else { Truncation::None },
            ..Body::default()
        });
        let Body { bytes, truncation } = body;
        self.damage = bytes.damage.clone().or(self.damage.take());
        self.decoded.what = DecodedWhat::Data { direction, bytes, truncation, end_stream: data.end_stream };
        read
    }
}

impl Message for EventReader {
    type Schema = SocketEvent;

    #[inline]
    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            SocketEvent::TIMESTAMP => self.decoded.time = time(value)?,
            SocketEvent::READ => self.data(value, Direction::Read)?,
            SocketEvent::WRITE => self.data(value, Direction::Write)?,
            SocketEvent::CLOSED => {
                value.skip()?;
                self.decoded.what = DecodedWhat::Closed;
            }
            SocketEvent::CONNECTION => {
                self.decoded.connection = Some(connection::read(value)?.connection);
            }
            SocketEvent::SEQ_NUM => self.decoded.seq_num = value.unsigned()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// A `SocketEvent.Read` or `SocketEvent.Write` that is being read.
struct DataReader {
    form: BodyForm,
    body: Option<Body>,
    end_stream: bool,
}

/// The fields of `SocketEvent.Write`, which are those of `SocketEvent.Read` and one more, in any generation.
struct AnyWrite;

impl Schema for AnyWrite {
    fn number(name: &[u8]) -> Option<u32> {
        Write::number(name)
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            Write::DATA => Some(Field { kind: Kind::BytesOrMessage, is_repeated: false }),
            number => Write::field(number),
        }
    }
}

impl Message for DataReader {
    type Schema = AnyWrite;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            Write::DATA => {
                let is_message = value.is_message().unwrap_or_else(|| match self.form {
                    BodyForm::Bytes => false,
                    BodyForm::BytesOrMessage => body::is_body(value),
                    BodyForm::Message => true,
                });
                body::read(value, is_message, &mut self.body)?;
            }
            Write::END_STREAM => self.end_stream = value.boolean()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
