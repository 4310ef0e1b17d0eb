//! Protobuf's wire format, raw and delimited.

use std::ops::Range;

use super::{Field, Record, Value};

/// Message, number, name and type of the fields that the tests want to see. The type is a message, a number or bytes.
const SCHEMA: [(&str, u64, &str, &str); 28] = [
    ("wrapper", 3, "socket_buffered_trace", "buffered"),
    ("wrapper", 4, "socket_streamed_trace_segment", "segment"),
    ("buffered", 1, "trace_id", "number"),
    ("buffered", 2, "connection", "connection"),
    ("buffered", 3, "events", "event"),
    ("segment", 1, "trace_id", "number"),
    ("segment", 2, "connection", "connection"),
    ("segment", 3, "event", "event"),
    ("segment", 4, "events", "events"),
    ("events", 1, "events", "event"),
    ("event", 1, "timestamp", "timestamp"),
    ("event", 2, "read", "data"),
    ("event", 3, "write", "data"),
    ("event", 4, "closed", "closed"),
    ("event", 5, "connection", "connection"),
    ("event", 6, "seq_num", "number"),
    ("timestamp", 1, "seconds", "number"),
    ("timestamp", 2, "nanos", "number"),
    ("data", 1, "data", "body"),
    ("body", 1, "as_bytes", "bytes"),
    ("body", 3, "truncated", "number"),
    ("connection", 1, "local_address", "address"),
    ("connection", 2, "remote_address", "address"),
    ("address", 1, "socket_address", "socket"),
    ("address", 2, "pipe", "pipe"),
    ("socket", 2, "address", "bytes"),
    ("socket", 3, "port_value", "number"),
    ("pipe", 1, "path", "bytes"),
];

/// Fields of `TraceWrapper` with nothing between them: each is a record, as nothing says where a message ends.
#[track_caller]
pub(super) fn raw(file: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let start = at;
        at += 1;
        let length = varint(file, &mut at) as usize;
        at += length;
        records.push((start..at, fields("wrapper", file, start..at)));
    }
    records
}

#[track_caller]
pub(super) fn delimited(file: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let start = at;
        let length = varint(file, &mut at) as usize;
        records.push((start..at + length, fields("wrapper", file, at..at + length)));
        at += length;
    }
    records
}

#[track_caller]
fn fields(message: &str, file: &[u8], range: Range<usize>) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let tag = varint(file, &mut at);
        let number = varint(file, &mut at);
        let start = at;
        match tag & 7 {
            0 => {}
            2 => at += number as usize,
            other => panic!("no tap has fields of type {other}"),
        }
        let known = SCHEMA.iter().find(|(parent, field, ..)| *parent == message && *field == tag >> 3);
        let Some((_, _, name, kind)) = known else { continue };
        let value = match *kind {
            "number" => Value::Scalar(number.to_string().into_bytes()),
            "bytes" => Value::Scalar(file[start..at].to_vec()),
            message => Value::Message(self::fields(message, file, start..at)),
        };
        fields.push(Field { name: (*name).to_owned(), value, end: at });
    }
    assert_eq!(at, range.end, "fields end where their message does");
    fields
}

#[track_caller]
fn varint(file: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = file[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
