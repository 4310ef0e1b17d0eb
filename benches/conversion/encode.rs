//! Records as Envoy 1.40 writes them: `PROTO_BINARY`, `PROTO_BINARY_LENGTH_DELIMITED`, `PROTO_TEXT` and
//! `JSON_BODY_AS_BYTES`, byte for byte of the shape of samples that a real one wrote.
//!
//! All is appended to a buffer. In protobuf's wire format a message's length stands before it: it is put there when the
//! message is complete, which moves the message a few times but leaves the code short.

mod json;
mod text;

use std::net::SocketAddrV4;

/// How a streamed trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Delimited,
    Text,
    Json,
}

/// Who talks with whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) local: SocketAddrV4,
    pub(crate) remote: SocketAddrV4,
}

/// One read or write, or the close.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    /// Microseconds since the Unix epoch: Envoy's clock on Linux has no finer ones in taps.
    pub(crate) time: u64,
    /// 0 in buffered traces, which leave it out.
    pub(crate) seq_num: u64,
    pub(crate) what: What<'a>,
    /// The addresses, with `set_connection_per_event`. Only in `Format::Delimited`.
    pub(crate) connection: Option<&'a Connection>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    Read(&'a [u8]),
    Write(&'a [u8]),
    Closed,
}

impl Format {
    /// The segment that opens a streamed trace.
    pub(crate) fn connection(self, connection: &Connection, out: &mut Vec<u8>) {
        match self {
            Self::Delimited => delimited(out, |out| {
                message(out, SOCKET_STREAMED, |out| {
                    varint_field(out, TRACE_ID, connection.id);
                    message(out, STREAMED_CONNECTION, |out| wire_connection(connection, out));
                });
            }),
            Self::Text => text::connection(connection, out),
            Self::Json => json::connection(connection, out),
        }
    }

    /// An event's segment in the streamed trace `id`.
    pub(crate) fn event(self, id: u64, event: &Event<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Delimited => delimited(out, |out| {
                message(out, SOCKET_STREAMED, |out| {
                    varint_field(out, TRACE_ID, id);
                    message(out, STREAMED_EVENT, |out| wire_event(event, out));
                });
            }),
            Self::Text => text::event(id, event, out),
            Self::Json => json::event(id, event, out),
        }
    }
}

/// A buffered trace in `PROTO_BINARY`, whole.
pub(crate) fn buffered<'a>(
    connection: &Connection,
    events: impl Iterator<Item = Event<'a>>,
    out: &mut Vec<u8>,
) {
    message(out, SOCKET_BUFFERED, |out| {
        varint_field(out, TRACE_ID, connection.id);
        message(out, BUFFERED_CONNECTION, |out| wire_connection(connection, out));
        for event in events {
            message(out, BUFFERED_EVENTS, |out| wire_event(&event, out));
        }
    });
}

fn wire_connection(connection: &Connection, out: &mut Vec<u8>) {
    for (tag, address) in [(LOCAL_ADDRESS, connection.local), (REMOTE_ADDRESS, connection.remote)] {
        message(out, tag, |out| {
            message(out, SOCKET_ADDRESS, |out| {
                message(out, ADDRESS, |out| out.extend_from_slice(address.ip().to_string().as_bytes()));
                varint_field(out, PORT_VALUE, address.port().into());
            });
        });
    }
}

fn wire_event(event: &Event<'_>, out: &mut Vec<u8>) {
    message(out, TIMESTAMP, |out| {
        varint_field(out, SECONDS, event.time / 1_000_000);
        varint_field(out, NANOS, event.time % 1_000_000 * 1000);
    });
    let (tag, body) = match event.what {
        What::Read(body) => (READ, Some(body)),
        What::Write(body) => (WRITE, Some(body)),
        What::Closed => (CLOSED, None),
    };
    message(out, tag, |out| {
        if let Some(body) = body {
            message(out, DATA, |out| message(out, AS_BYTES, |out| out.extend_from_slice(body)));
        }
    });
    if let Some(connection) = event.connection {
        message(out, EVENT_CONNECTION, |out| wire_connection(connection, out));
    }
    varint_field(out, SEQ_NUM, event.seq_num);
}

/// Puts what `fill` appends behind its length.
fn delimited(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    fill(out);
    let (length, size) = varint((out.len() - start) as u64);
    out.splice(start..start, length[..size].iter().copied());
}

fn message(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    delimited(out, fill);
}

/// proto3 leaves out zeros.
fn varint_field(out: &mut Vec<u8>, tag: u8, value: u64) {
    if value > 0 {
        let (bytes, size) = varint(value);
        out.push(tag);
        out.extend_from_slice(&bytes[..size]);
    }
}

fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut size = 0;
    while value > 0x7f {
        bytes[size] = value as u8 | 0x80;
        value >>= 7;
        size += 1;
    }
    bytes[size] = value as u8;
    (bytes, size + 1)
}

// Tags: a field's number, shifted by 3, and its wire type (0 a varint, 2 length-delimited).
const SOCKET_BUFFERED: u8 = 3 << 3 | 2;
const SOCKET_STREAMED: u8 = 4 << 3 | 2;
const TRACE_ID: u8 = 1 << 3;
const BUFFERED_CONNECTION: u8 = 2 << 3 | 2;
const BUFFERED_EVENTS: u8 = 3 << 3 | 2;
const STREAMED_CONNECTION: u8 = 2 << 3 | 2;
const STREAMED_EVENT: u8 = 3 << 3 | 2;
const LOCAL_ADDRESS: u8 = 1 << 3 | 2;
const REMOTE_ADDRESS: u8 = 2 << 3 | 2;
const SOCKET_ADDRESS: u8 = 1 << 3 | 2;
const ADDRESS: u8 = 2 << 3 | 2;
const PORT_VALUE: u8 = 3 << 3;
const TIMESTAMP: u8 = 1 << 3 | 2;
const SECONDS: u8 = 1 << 3;
const NANOS: u8 = 2 << 3;
const READ: u8 = 2 << 3 | 2;
const WRITE: u8 = 3 << 3 | 2;
const CLOSED: u8 = 4 << 3 | 2;
const EVENT_CONNECTION: u8 = 5 << 3 | 2;
const SEQ_NUM: u8 = 6 << 3;
const DATA: u8 = 1 << 3 | 2;
const AS_BYTES: u8 = 1 << 3 | 2;
