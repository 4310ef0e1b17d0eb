//! Reads taps with a decoder of the tests' own, which knows what testdata/ holds and no more: which events are in a
//! file, and where each of them ends. A file is first a tree of fields with the names of the schema, whether it is
//! binary ([`wire`]) or text or JSON ([`lexed`]).

mod lexed;
mod wire;

use std::ops::Range;

use crate::encode::Format;

/// What is in a file.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Where the records stand, without what parts them.
    pub(crate) records: Vec<Range<usize>>,
    /// The addresses that the traces tell, by trace id: local and remote.
    pub(crate) connections: Vec<(u64, [Option<String>; 2])>,
    pub(crate) events: Vec<Seen>,
}

/// An event in a file.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) trace_id: u64,
    /// Where it ends in the file.
    pub(crate) end: usize,
    /// In nanoseconds.
    pub(crate) time: u64,
    pub(crate) seq_num: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Data { is_read: bool, bytes: Vec<u8>, is_truncated: bool },
    Closed,
}

/// A record: the fields of a `TraceWrapper`, and where it stands in the file.
type Record = (Range<usize>, Vec<Field>);

/// A field of a message. One that is repeated is as many fields.
#[derive(Debug)]
struct Field {
    name: String,
    value: Value,
    /// Where it ends in the file.
    end: usize,
}

#[derive(Debug)]
enum Value {
    Message(Vec<Field>),
    /// The bytes of a string, or the digits of a number.
    Scalar(Vec<u8>),
}

#[track_caller]
pub(crate) fn decode(format: Format, file: &[u8]) -> Decoded {
    let records = match format {
        Format::Binary => wire::raw(file),
        Format::Delimited => wire::delimited(file),
        Format::Text => lexed::text(file),
        Format::JsonBytes | Format::JsonString => lexed::json(file),
    };
    let mut decoded = Decoded::default();
    for (range, wrapper) in &records {
        decoded.records.push(range.clone());
        for trace in wrapper.iter().filter(|field| field.name.starts_with("socket_")) {
            decoded.trace(trace, format);
        }
    }
    decoded
}

impl Decoded {
    #[track_caller]
    fn trace(&mut self, trace: &Field, format: Format) {
        let trace_id = trace.number("trace_id");
        for field in trace.fields() {
            match &*field.name {
                "connection" => self.connections.push((trace_id, addresses(field))),
                "event" => self.event(trace_id, field, format),
                "events" if field.field("events").is_some() => {
                    field.fields().iter().for_each(|event| self.event(trace_id, event, format));
                }
                "events" => self.event(trace_id, field, format),
                _ => {}
            }
        }
    }

    #[track_caller]
    fn event(&mut self, trace_id: u64, event: &Field, format: Format) {
        if let Some(connection) = event.field("connection") {
            self.connections.push((trace_id, addresses(connection)));
        }
        let what = match (event.field("read"), event.field("write"), event.field("closed")) {
            (Some(read), ..) => data(true, read, format),
            (_, Some(write), _) => data(false, write, format),
            (.., Some(_)) => What::Closed,
            // What JSON_BODY_AS_STRING leaves of a connection.
            (None, None, None) => return,
        };
        let timestamp = event.field("timestamp").expect("an event has a time");
        let time = match &timestamp.value {
            Value::Message(_) => timestamp.number("seconds") * 1_000_000_000 + timestamp.number("nanos"),
            Value::Scalar(text) => nanoseconds(text),
        };
        self.events.push(Seen { trace_id, end: event.end, time, seq_num: event.number("seq_num"), what });
    }
}

impl Field {
    /// The fields of a message.
    fn fields(&self) -> &[Self] {
        match &self.value {
            Value::Message(fields) => fields,
            Value::Scalar(_) => &[],
        }
    }

    fn field(&self, name: &str) -> Option<&Self> {
        self.fields().iter().find(|field| field.name == name)
    }

    fn scalar(&self, name: &str) -> &[u8] {
        match self.field(name) {
            Some(Self { value: Value::Scalar(scalar), .. }) => scalar,
            _ => &[],
        }
    }

    /// A number, which is 0 where it is not there.
    #[track_caller]
    fn number(&self, name: &str) -> u64 {
        match self.scalar(name) {
            [] => 0,
            digits => str::from_utf8(digits).expect("ASCII").parse().expect("a number"),
        }
    }
}

#[track_caller]
fn data(is_read: bool, data: &Field, format: Format) -> What {
    let body = data.field("data").expect("there is a body");
    let bytes = match (body.scalar("as_bytes"), format) {
        ([], _) => body.scalar("as_string").to_vec(),
        (base64, Format::JsonBytes) => base64_simd::STANDARD.decode_to_vec(base64).expect("base64"),
        (bytes, _) => bytes.to_vec(),
    };
    What::Data { is_read, bytes, is_truncated: matches!(body.scalar("truncated"), b"true" | b"1") }
}

/// The local and the remote address.
#[track_caller]
fn addresses(connection: &Field) -> [Option<String>; 2] {
    ["local_address", "remote_address"].map(|name| {
        let address = connection.field(name)?;
        let text = |field: &Field, name| String::from_utf8(field.scalar(name).to_vec()).expect("UTF-8");
        match address.field("pipe") {
            Some(pipe) => Some(format!("pipe:{}", text(pipe, "path"))),
            None => {
                let socket = address.field("socket_address")?;
                let (ip, port) = (text(socket, "address"), socket.number("port_value"));
                Some(if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") })
            }
        }
    })
}

/// A time as `2026-11-20T10:58:36.880974Z`.
#[track_caller]
fn nanoseconds(text: &[u8]) -> u64 {
    let time: jiff::Timestamp = str::from_utf8(text).expect("ASCII").parse().expect("a time");
    time.as_nanosecond() as u64
}

#[test]
fn every_tap_of_one_exchange_holds_the_same_kind_of_events() {
    let taps = [
        ("post-buffered.pb", Format::Binary),
        ("post-buffered.pb_length_delimited", Format::Delimited),
        ("post-buffered.pb_text", Format::Text),
        ("post-buffered-as-bytes.json", Format::JsonBytes),
        ("post-streamed.pb", Format::Binary),
        ("post-streamed.pb_length_delimited", Format::Delimited),
        ("post-streamed.pb_text", Format::Text),
        ("post-streamed-as-bytes.json", Format::JsonBytes),
        ("post-streamed-as-string.json", Format::JsonString),
    ];
    for (name, format) in taps {
        let file = std::fs::read(crate::program::testdata(name)).expect("a tap");
        let decoded = decode(format, &file);
        let starts = decoded.events.iter().filter_map(|event| match &event.what {
            What::Data { is_read, bytes, is_truncated: false } => Some((*is_read, bytes[..2].to_vec())),
            _ => None,
        });
        assert_eq!(
            starts.collect::<Vec<_>>(),
            [(true, b"PO".to_vec()), (false, b"HT".to_vec()), (false, b"x=".to_vec())],
            "{name}"
        );
        let is_closed = decoded.events.last().is_some_and(|event| event.what == What::Closed);
        assert_eq!(
            (is_closed, decoded.events.len()),
            (name.contains("streamed"), decoded.events.len().clamp(3, 4))
        );
        assert!(decoded.events.is_sorted_by_key(|event| (event.time, event.end)), "{name}");
        let has_addresses = !name.ends_with("streamed-as-string.json");
        assert_eq!(decoded.connections.len(), usize::from(has_addresses), "{name}");
    }
}
