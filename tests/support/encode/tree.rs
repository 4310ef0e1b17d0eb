//! The messages of a tap as trees of fields, each with the name and the number that Envoy gives it today.

use crate::model::{Address, Conversation, Data, Direction, Event, What};

pub(crate) type Message = Vec<Field>;

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: u32,
    pub(crate) value: Value,
    /// One of a oneof's fields, which stands there even with a default value.
    pub(crate) is_in_oneof: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Message(Message),
    Repeated(Vec<Message>),
    Bool(bool),
    U32(u32),
    U64(u64),
    Enum(&'static str, u32),
    Text(String),
    Bytes(Vec<u8>),
    /// A `google.protobuf.Timestamp`.
    Time {
        seconds: u64,
        nanos: u64,
    },
    /// JSON's null, which is not written elsewhere.
    Null,
}

impl Value {
    /// Whether only JSON prints it, outside of a oneof.
    pub(crate) fn is_default(&self) -> bool {
        match self {
            Self::Message(_) | Self::Time { .. } => false,
            Self::Repeated(messages) => messages.is_empty(),
            Self::Bool(value) => !value,
            Self::U32(number) | Self::Enum(_, number) => *number == 0,
            Self::U64(number) => *number == 0,
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Null => true,
        }
    }
}

impl Field {
    /// Whether binary and text have it.
    pub(crate) fn is_present(&self) -> bool {
        self.is_in_oneof || !self.value.is_default()
    }
}

pub(crate) fn field(name: &str, number: u32, value: Value) -> Field {
    Field { name: name.to_owned(), number, value, is_in_oneof: false }
}

pub(crate) fn oneof(name: &str, number: u32, value: Value) -> Field {
    Field { is_in_oneof: true, ..field(name, number, value) }
}

/// A `TraceWrapper`.
pub(crate) fn wrapper(name: &str, number: u32, trace: Message) -> Message {
    vec![field(name, number, Value::Message(trace))]
}

/// A `SocketEvent`, its `seq_num` last.
pub(crate) fn event_message(event: &Event, seq_num: u64) -> Message {
    let (seconds, nanos) = (event.time / 1_000_000_000, event.time % 1_000_000_000);
    let selector = match &event.what {
        What::Closed => field("closed", 4, Value::Message(vec![])),
        What::Data(data) => data_field(data),
    };
    vec![
        field("timestamp", 1, Value::Time { seconds, nanos }),
        selector,
        field("seq_num", 6, Value::U64(seq_num)),
    ]
}

fn data_field(data: &Data) -> Field {
    let body = vec![
        oneof("as_bytes", 1, Value::Bytes(data.kept().to_vec())),
        field("truncated", 3, Value::Bool(data.cut_to.is_some())),
    ];
    let body = field("data", 1, Value::Message(body));
    match data.direction {
        Direction::Read => field("read", 2, Value::Message(vec![body])),
        Direction::Write => {
            let end_stream = field("end_stream", 2, Value::Bool(data.end_stream));
            field("write", 3, Value::Message(vec![body, end_stream]))
        }
    }
}

pub(crate) fn connection_field(number: u32, conversation: &Conversation) -> Field {
    let local = conversation.local.as_ref().map(|local| address_field("local_address", 1, local));
    let remote = conversation.remote.as_ref().map(|remote| address_field("remote_address", 2, remote));
    field("connection", number, Value::Message(local.into_iter().chain(remote).collect()))
}

pub(super) fn address_field(name: &str, number: u32, address: &Address) -> Field {
    let address = match address {
        Address::Ip(address) => {
            let socket = vec![
                field("protocol", 1, Value::Enum("TCP", 0)),
                field("address", 2, Value::Text(address.ip().to_string())),
                oneof("port_value", 3, Value::U32(address.port().into())),
                field("resolver_name", 5, Value::Text(String::new())),
                field("ipv4_compat", 6, Value::Bool(false)),
                field("network_namespace_filepath", 7, Value::Text(String::new())),
            ];
            field("socket_address", 1, Value::Message(socket))
        }
        Address::Pipe(path) => {
            let pipe = vec![field("path", 1, Value::Text(path.clone())), field("mode", 2, Value::U32(0))];
            field("pipe", 2, Value::Message(pipe))
        }
        Address::Internal(name) => {
            let internal = vec![
                oneof("server_listener_name", 1, Value::Text(name.clone())),
                field("endpoint_id", 2, Value::Text(String::new())),
            ];
            field("envoy_internal_address", 3, Value::Message(internal))
        }
    };
    field(name, number, Value::Message(vec![address]))
}

/// Makes each body what `JSON_BODY_AS_STRING` makes of it.
#[track_caller]
pub(crate) fn bodies_as_strings(message: &mut Message) {
    each_field(message, &mut |field| {
        if field.name == "as_bytes"
            && let Value::Bytes(bytes) = &field.value
        {
            let text = String::from_utf8(bytes.clone()).expect("only UTF-8 is kept in this format");
            *field = oneof("as_string", 2, Value::Text(text));
        }
    });
}

/// Changes every field of a message and of the messages in it, outermost first.
pub(crate) fn each_field(message: &mut Message, change: &mut impl FnMut(&mut Field)) {
    for field in message {
        change(field);
        match &mut field.value {
            Value::Message(message) => each_field(message, change),
            Value::Repeated(messages) => messages.iter_mut().for_each(|message| each_field(message, change)),
            _ => {}
        }
    }
}

/// Changes a message and every message in it, innermost first.
pub(crate) fn each_message(message: &mut Message, change: &mut impl FnMut(&mut Message)) {
    for field in message.iter_mut() {
        match &mut field.value {
            Value::Message(message) => each_message(message, change),
            Value::Repeated(messages) => {
                messages.iter_mut().for_each(|message| each_message(message, change));
            }
            _ => {}
        }
    }
    change(message);
}
