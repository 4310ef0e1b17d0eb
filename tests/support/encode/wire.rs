//! Prints messages in protobuf's wire format, raw or each with its length before it.

use super::tree::{Message, Value};

pub(crate) fn message(fields: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields.iter().filter(|field| field.is_present()) {
        match &field.value {
            Value::Message(fields) => bytes(field.number, &message(fields), &mut out),
            Value::Repeated(messages) => {
                for fields in messages {
                    bytes(field.number, &message(fields), &mut out);
                }
            }
            Value::Bool(value) => number(field.number, u64::from(*value), &mut out),
            Value::U32(value) | Value::Enum(_, value) => number(field.number, u64::from(*value), &mut out),
            Value::U64(value) => number(field.number, *value, &mut out),
            Value::Text(text) => bytes(field.number, text.as_bytes(), &mut out),
            Value::Bytes(value) => bytes(field.number, value, &mut out),
            Value::Time { seconds, nanos } => {
                let mut time = Vec::new();
                for (field, value) in [(1, *seconds), (2, *nanos)] {
                    if value > 0 {
                        number(field, value, &mut time);
                    }
                }
                bytes(field.number, &time, &mut out);
            }
            Value::Null => {}
        }
    }
    out
}

pub(crate) fn delimited(fields: &Message) -> Vec<u8> {
    let message = message(fields);
    let mut out = Vec::new();
    varint(message.len() as u64, &mut out);
    out.extend(message);
    out
}

/// A field of wire type 2.
fn bytes(field: u32, value: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | 2), out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// A field of wire type 0.
fn number(field: u32, value: u64, out: &mut Vec<u8>) {
    varint(u64::from(field << 3), out);
    varint(value, out);
}

pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
