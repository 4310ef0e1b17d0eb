//! Prints messages in protobuf's text format, as Envoy does.

use super::tree::{Message, Value};

pub(super) fn message(fields: &Message) -> Vec<u8> {
    let mut out = String::new();
    print(fields, 0, &mut out);
    out.into_bytes()
}

fn print(fields: &Message, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for field in fields.iter().filter(|field| field.is_present()) {
        let name = &field.name;
        let mut nested = |fields: &Message| {
            *out += &format!("{indent}{name} {{\n");
            print(fields, depth + 1, out);
            *out += &format!("{indent}}}\n");
        };
        let scalar = match &field.value {
            Value::Message(fields) => {
                nested(fields);
                continue;
            }
            Value::Repeated(messages) => {
                messages.iter().for_each(nested);
                continue;
            }
            Value::Time { seconds, nanos } => {
                nested(&vec![
                    super::field("seconds", 1, Value::U64(*seconds)),
                    super::field("nanos", 2, Value::U64(*nanos)),
                ]);
                continue;
            }
            Value::Bool(value) => value.to_string(),
            Value::U32(value) => value.to_string(),
            Value::U64(value) => value.to_string(),
            Value::Enum(name, _) => (*name).to_owned(),
            Value::Text(text) => quoted(text.as_bytes()),
            Value::Bytes(bytes) => quoted(bytes),
            Value::Null => continue,
        };
        *out += &format!("{indent}{name}: {scalar}\n");
    }
}

/// A literal with C's escapes; what is not printable is octal.
fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for &byte in bytes {
        match byte {
            b'\n' => out += "\\n",
            b'\r' => out += "\\r",
            b'\t' => out += "\\t",
            b'"' | b'\'' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out += &format!("\\{byte:03o}"),
        }
    }
    out.push('"');
    out
}
