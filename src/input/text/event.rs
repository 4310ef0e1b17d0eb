//! An event in text, and the messages in it.

use std::ops::Range;

use super::body;
use super::lexer::{Lexer, TextError, Value};
use crate::input::{Body, Decoded, DecodedWhat};
use crate::trace::{Connection, Direction, Endpoint, SampleRate, Truncation, nanoseconds};

/// Reads the event whose fields follow, its body into `scratch`, and keeps in `decoded` what has been read.
pub(super) fn decode(
    lexer: &mut Lexer,
    record: &[u8],
    decoded: &mut Decoded,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    // The addresses' strings must not overwrite the body.
    let mut strings = Vec::new();
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"timestamp", Value::Message) => decoded.time = timestamp(lexer, record)?,
            (b"read", Value::Message) => data(lexer, record, Direction::Read, &mut decoded.what, scratch)?,
            (b"write", Value::Message) => data(lexer, record, Direction::Write, &mut decoded.what, scratch)?,
            (b"closed", Value::Message) => {
                lexer.skip(record, value)?;
                decoded.what = DecodedWhat::Closed;
            }
            (b"connection", Value::Message) => {
                decoded.connection = Some(connection(lexer, record, &mut strings)?.0);
            }
            (b"seq_num", Value::Scalar) => decoded.seq_num = lexer.unsigned(record)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(())
}

/// A `google.protobuf.Timestamp`.
pub(super) fn timestamp(lexer: &mut Lexer, record: &[u8]) -> Result<u64, TextError> {
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

/// Reads the `SocketEvent.Read` or `SocketEvent.Write` whose fields follow.
fn data(
    lexer: &mut Lexer,
    record: &[u8],
    direction: Direction,
    what: &mut DecodedWhat,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    // What the record is found to end in, if it does.
    let (mut found, mut end_stream) = (None, false);
    scratch.clear();
    let read = data_fields(lexer, record, &mut found, &mut end_stream, scratch);
    let lost = Truncation::Input { missing: None };
    let truncation = found.map_or(if read.is_err() { lost } else { Truncation::None }, |(_, found)| found);
    *what = DecodedWhat::Data { direction, body: Body::Scratch, truncation, end_stream };
    read
}

fn data_fields(
    lexer: &mut Lexer,
    record: &[u8],
    found: &mut Option<(Range<usize>, Truncation)>,
    end_stream: &mut bool,
    scratch: &mut Vec<u8>,
) -> Result<(), TextError> {
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"data", Value::Message) => body::body(lexer, record, found, scratch)?,
            // Envoy 1.7 to 1.9.
            (b"data", Value::Scalar) => {
                scratch.clear();
                let mut truncation = Truncation::None;
                let read = body::string(lexer, record, &mut truncation, scratch);
                *found = Some((0..scratch.len(), truncation));
                read?;
            }
            (b"end_stream", Value::Scalar) => *end_stream = lexer.boolean(record)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(())
}

/// Reads the connection whose fields follow, and its id, which it had until early 2019.
pub(super) fn connection(
    lexer: &mut Lexer,
    record: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<(Box<Connection>, u64), TextError> {
    let mut connection = Connection::default();
    let mut id = 0;
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"id", Value::Scalar) => id = lexer.unsigned(record)?,
            (b"local_address", Value::Message) => connection.local = address(lexer, record, scratch)?,
            (b"remote_address", Value::Message) => connection.remote = address(lexer, record, scratch)?,
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok((Box::new(connection), id))
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

/// Reads the sample rate whose fields follow.
pub(super) fn sample_rate(lexer: &mut Lexer, record: &[u8]) -> Result<SampleRate, TextError> {
    let mut rate = SampleRate { numerator: 0, denominator: 100 };
    while let Some((name, value)) = lexer.field(record, false)? {
        match (name, value) {
            (b"numerator", Value::Scalar) => rate.numerator = lexer.unsigned(record)?,
            (b"denominator", Value::Scalar) => {
                rate.denominator = match lexer.word(record)? {
                    b"TEN_THOUSAND" => 10_000,
                    b"MILLION" => 1_000_000,
                    _ => 100,
                };
            }
            (_, value) => lexer.skip(record, value)?,
        }
    }
    Ok(rate)
}
