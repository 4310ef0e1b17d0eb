//! Prints messages as JSON: as Envoy does, or as others might.

use base64_simd::STANDARD;

use super::tree::{Field, Message, Value};

/// What JSON leaves open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// `traceId` and not `trace_id`.
    pub(crate) is_camel_case: bool,
    /// 64-bit numbers are strings.
    pub(crate) has_number_strings: bool,
    /// Default values are printed.
    pub(crate) has_defaults: bool,
    /// The last field comes first.
    pub(crate) is_reversed: bool,
    /// Lines are indented; else each record is one line.
    pub(crate) is_pretty: bool,
}

impl Style {
    pub(crate) const ENVOY: Self = Self {
        is_camel_case: false,
        has_number_strings: true,
        has_defaults: true,
        is_reversed: false,
        is_pretty: true,
    };

    pub(crate) fn print(self, records: &[Message]) -> Vec<u8> {
        let print = |record| self.message(record, 0) + "\n";
        records.iter().map(print).collect::<String>().into_bytes()
    }

    fn message(self, fields: &Message, depth: usize) -> String {
        let is_printed = |field: &&Field| self.has_defaults || field.is_present();
        let mut members: Vec<String> =
            fields.iter().filter(is_printed).map(|field| self.member(field, depth + 1)).collect();
        if self.is_reversed {
            members.reverse();
        }
        self.list(['{', '}'], &members, depth)
    }

    fn member(self, field: &Field, depth: usize) -> String {
        let value = match &field.value {
            Value::Message(fields) => self.message(fields, depth),
            Value::Repeated(messages) => {
                let elements: Vec<String> =
                    messages.iter().map(|message| self.message(message, depth + 1)).collect();
                self.list(['[', ']'], &elements, depth)
            }
            Value::Bool(value) => value.to_string(),
            Value::U32(value) => value.to_string(),
            Value::U64(value) if self.has_number_strings => format!("\"{value}\""),
            Value::U64(value) => value.to_string(),
            Value::Enum(name, _) => quoted(name),
            Value::Text(text) => quoted(text),
            Value::Bytes(bytes) => quoted(&STANDARD.encode_to_string(bytes)),
            Value::Time { seconds, nanos } => quoted(&timestamp(*seconds, *nanos)),
            Value::Null => "null".to_owned(),
        };
        let name = if self.is_camel_case { camel_case(&field.name) } else { field.name.clone() };
        format!("{}:{}{value}", quoted(&name), if self.is_pretty { " " } else { "" })
    }

    fn list(self, [open, close]: [char; 2], items: &[String], depth: usize) -> String {
        if items.is_empty() || !self.is_pretty {
            return format!("{open}{}{close}", items.join(","));
        }
        let indent = " ".repeat(depth);
        let items = items.join(&format!(",\n {indent}"));
        format!("{open}\n {indent}{items}\n{indent}{close}")
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// RFC 3339 with 0, 3, 6 or 9 digits behind the point.
#[track_caller]
fn timestamp(seconds: u64, nanos: u64) -> String {
    let time = jiff::Timestamp::from_second(seconds as i64).expect("a time that can be written").to_string();
    let fraction = match nanos {
        0 => String::new(),
        nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        nanos => format!(".{nanos:09}"),
    };
    time.replace('Z', &(fraction + "Z"))
}
