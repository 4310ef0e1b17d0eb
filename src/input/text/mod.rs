//! Text traces: `PROTO_TEXT`, a `TraceWrapper` after another in protobuf's text format, with nothing but the last
//! closing brace to part them.
//!
//! [`split`] finds the records. [`Cursor`] reads a record's events one at a time, bodies into a buffer of the caller's.
//! It takes the text format as people write it too (comments, `< >`, either quote, adjacent literals), and passes over
//! fields that it does not know.

mod lexer;
pub(super) mod split;

use super::{Begun, Body, Damage, Decoded, DecodedWhat, Head};
use crate::trace::{Connection, Direction, Endpoint, Kind, TraceId, nanoseconds};
use lexer::{Lexer, TextError, Value};

/// Where in a record the next event is.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// In the fields of the trace; `None` when there is nothing more in it.
    trace: Option<Lexer>,
    /// In the fields of a `SocketEvents`.
    batch: Option<Lexer>,
}

impl Cursor {
    /// Reads what stands before the events.
    pub(super) fn begin(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Begun, Damage> {
        *self = Self::default();
        let mut lexer = Lexer { at: 0 };
        while let Some((name, value)) = lexer.field(record, true)? {
            let kind = match name {
                b"socket_buffered_trace" => Kind::SocketBuffered,
                b"socket_streamed_trace_segment" => Kind::SocketStreamed,
                b"http_buffered_trace" | b"http_streamed_trace_segment" => return Ok(Begun::Http),
                _ => {
                    lexer.skip(record, value)?;
                    continue;
                }
            };
            if value != Value::Message {
                return Err(TextError { at: lexer.at, what: "a trace is not a message" }.into());
            }
            self.trace = Some(lexer.clone());
            return Ok(Begun::Trace(head(record, lexer, kind, scratch)));
        }
        Ok(Begun::Nothing)
    }

    /// The record's next event. A body is in `scratch`.
    pub(super) fn next(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Option<Decoded>, Damage> {
        loop {
            if let Some(batch) = &mut self.batch {
                match batch.field(record, false)? {
                    Some((b"events", Value::Message)) => return Ok(Some(event(batch, record, scratch)?)),
                    Some((_, value)) => batch.skip(record, value)?,
                    None => self.trace = self.batch.take(),
                }
                continue;
            }
            let Some(trace) = &mut self.trace else {
                return Ok(None);
            };
            match trace.field(record, false)? {
                Some((b"event", Value::Message)) => return Ok(Some(event(trace, record, scratch)?)),
                // Of a buffered trace these are the events, of a segment a batch of them.
                Some((b"events", Value::Message)) if is_batch(trace, record) => {
                    self.batch = self.trace.take();
                }
                Some((b"events", Value::Message)) => return Ok(Some(event(trace, record, scratch)?)),
                Some((_, value)) => trace.skip(record, value)?,
                None => self.trace = None,
            }
        }
    }
}

/// Whether what begins here is a `SocketEvents`, whose only field is `events`.
fn is_batch(lexer: &Lexer, record: &[u8]) -> bool {
    matches!(lexer.clone().field(record, false), Ok(Some((b"events", _)) | None))
}

/// What a trace says besides its events, as far as it can be read: where it breaks, the cursor says so in its turn.
fn head(record: &[u8], mut lexer: Lexer, kind: Kind, scratch: &mut Vec<u8>) -> Head {
    let (mut id, mut found) = (0, None);
    let mut has_id = false;
    while let Ok(Some((name, value))) = lexer.field(record, false) {
        let result = match (name, value) {
            (b"trace_id", Value::Scalar) => lexer.unsigned(record).map(|value| {
                id = value;
                has_id = true;
            }),
            (b"connection", Value::Message) => {
                connection(&mut lexer, record, scratch).map(|connection| found = Some(connection))
            }
            // Envoy writes the id and the connection first; then there is no need to look behind the events.
            (b"event" | b"events", _) if has_id && found.is_some() => break,
            (_, value) => lexer.skip(record, value),
        };
        if result.is_err() {
            break;
        }
    }
    Head {
        trace: TraceId { kind, id },
        opens: kind == Kind::SocketBuffered || found.is_some(),
        connection: found,
    }
}

/// A `SocketEvent`.
fn event(lexer: &mut Lexer, record: &[u8], scratch: &mut Vec<u8>) -> Result<Decoded, TextError> {
    let mut decoded = Decoded { time: 0, seq_num: 0, connection: None, what: DecodedWhat::Nothing };
    // The addresses' strings must not overwrite the body.
    let mut strings = Vec::new();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"timestamp", Value::Message) => decoded.time = timestamp(lexer, record)?,
            (b"read", Value::Message) => decoded.what = data(lexer, record, Direction::Read, scratch)?,
            (b"write", Value::Message) => decoded.what = data(lexer, record, Direction::Write, scratch)?,
            (b"closed", Value::Message) => {
                lexer.skip(record, value)?;
                decoded.what = DecodedWhat::Closed;
            }
            (b"connection", Value::Message) => {
                decoded.connection = Some(connection(lexer, record, &mut strings)?);
            }
            (b"seq_num", Value::Scalar) => decoded.seq_num = lexer.unsigned(record)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(decoded)
}

fn timestamp(lexer: &mut Lexer, record: &[u8]) -> Result<u64, TextError> {
    let (mut seconds, mut nanos) = (0, 0);
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"seconds", Value::Scalar) => seconds = lexer.integer(record)?,
            (b"nanos", Value::Scalar) => nanos = lexer.integer(record)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    // Both are at most 64 bits wide, and a clamped value is as far out of reach as the one that was written.
    let clamp = |number: i128| number.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    Ok(nanoseconds(clamp(seconds), clamp(nanos)))
}

/// A `SocketEvent.Read` or `SocketEvent.Write`.
fn data(
    lexer: &mut Lexer,
    record: &[u8],
    direction: Direction,
    scratch: &mut Vec<u8>,
) -> Result<DecodedWhat, TextError> {
    let (mut truncated, mut end_stream) = (false, false);
    scratch.clear();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"data", Value::Message) => {
                while let Some((name, value)) = lexer.field(record, false)? {
                    match (name, value) {
                        (b"as_bytes" | b"as_string", Value::Scalar) => lexer.string(record, scratch)?,
                        (b"truncated", Value::Scalar) => truncated = lexer.boolean(record)?,
                        (_, value) => lexer.skip(record, value)?,
                    }
                }
            }
            (b"end_stream", Value::Scalar) => end_stream = lexer.boolean(record)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(DecodedWhat::Data { direction, body: Body::Scratch, truncated, end_stream })
}

fn connection(lexer: &mut Lexer, record: &[u8], scratch: &mut Vec<u8>) -> Result<Box<Connection>, TextError> {
    let mut connection = Connection::default();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"local_address", Value::Message) => connection.local = address(lexer, record, scratch)?,
            (b"remote_address", Value::Message) => connection.remote = address(lexer, record, scratch)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(Box::new(connection))
}

/// An `envoy.config.core.v3.Address`.
fn address(lexer: &mut Lexer, record: &[u8], scratch: &mut Vec<u8>) -> Result<Option<Endpoint>, TextError> {
    let mut endpoint = None;
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"socket_address", Value::Message) => endpoint = Some(socket(lexer, record, scratch)?),
            (b"pipe", Value::Message) => {
                endpoint = Some(Endpoint::Pipe(only_string(lexer, record, b"path", scratch)?));
            }
            (b"envoy_internal_address", Value::Message) => {
                let name = only_string(lexer, record, b"server_listener_name", scratch)?;
                endpoint = Some(Endpoint::Internal(name));
            }
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(endpoint)
}

fn socket(lexer: &mut Lexer, record: &[u8], scratch: &mut Vec<u8>) -> Result<Endpoint, TextError> {
    let (mut address, mut port, mut port_name) = (String::new(), 0, None);
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"address", Value::Scalar) => address = text(lexer, record, scratch)?,
            (b"port_value", Value::Scalar) => port = lexer.unsigned(record)?,
            (b"named_port", Value::Scalar) => port_name = Some(text(lexer, record, scratch)?),
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(match (port_name, u16::try_from(port)) {
        (None, Ok(port)) => Endpoint::socket(&address, port),
        (Some(name), _) => Endpoint::Host(format!("{address}:{name}")),
        (None, Err(_)) => Endpoint::Host(format!("{address}:{port}")),
    })
}

/// The string field `wanted` of a message.
fn only_string(
    lexer: &mut Lexer,
    record: &[u8],
    wanted: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<String, TextError> {
    let mut found = String::new();
    while let Some((name, value)) = lexer.field(record, false)? {
        if name == wanted && value == Value::Scalar {
            found = text(lexer, record, scratch)?;
        } else {
            lexer.skip(record, value)?;
        }
    }
    Ok(found)
}

fn text(lexer: &mut Lexer, record: &[u8], scratch: &mut Vec<u8>) -> Result<String, TextError> {
    lexer.string(record, scratch)?;
    Ok(String::from_utf8_lossy(scratch).into_owned())
}

impl From<TextError> for Damage {
    fn from(error: TextError) -> Self {
        Self { at: error.at, what: error.what.into() }
    }
}
