//! Writes conversations as Envoy's tap does, with an encoder of the tests' own: what is to be written is first a tree
//! of fields ([`tree`]), which is then printed as protobuf's wire format ([`wire`]), text ([`text`]) or JSON ([`json`]).
//! A test that wants something odd changes the tree, or how it is printed.

pub(crate) mod http;
pub(crate) mod json;
mod text;
pub(crate) mod tree;
pub(crate) mod wire;

use std::collections::HashMap;

use crate::model::{Conversation, What};
use tree::{Message, Value, bodies_as_strings, connection_field, event_message, field, wrapper};

/// How a tap is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tap {
    pub(crate) kind: Kind,
    pub(crate) format: Format,
    pub(crate) connection_per_event: bool,
    /// Envoy 1.37 and newer.
    pub(crate) seq_num: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Buffered,
    Streamed,
    /// Streamed, in batches of as many events.
    Batched(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Binary,
    Delimited,
    Text,
    JsonBytes,
    JsonString,
}

impl Format {
    pub(crate) const ALL: [Self; 5] =
        [Self::Binary, Self::Delimited, Self::Text, Self::JsonBytes, Self::JsonString];

    /// Those that keep any byte.
    pub(crate) const LOSSLESS: [Self; 4] = [Self::Binary, Self::Delimited, Self::Text, Self::JsonBytes];

    /// Writes records one after another, as Envoy does.
    pub(crate) fn print(self, records: &[Message]) -> Vec<u8> {
        match self {
            Self::Binary => records.iter().flat_map(wire::message).collect(),
            Self::Delimited => records.iter().flat_map(wire::delimited).collect(),
            Self::Text => records.iter().flat_map(text::message).collect(),
            Self::JsonBytes | Self::JsonString => json::Style::ENVOY.print(records),
        }
    }

    /// The name for `--input-format`.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Delimited => "delimited",
            Self::Text => "text",
            Self::JsonBytes | Self::JsonString => "json",
        }
    }
}

impl Tap {
    pub(crate) fn buffered(format: Format) -> Self {
        Self { kind: Kind::Buffered, format, connection_per_event: false, seq_num: false }
    }

    pub(crate) fn streamed(format: Format) -> Self {
        Self { kind: Kind::Streamed, format, connection_per_event: false, seq_num: true }
    }

    /// Whether a trace tells how long cut bodies were.
    pub(crate) fn tells_lengths(&self) -> bool {
        self.seq_num && self.kind != Kind::Buffered
    }

    /// Whether a trace tells the addresses.
    pub(crate) fn tells_addresses(&self) -> bool {
        self.format != Format::JsonString || self.kind == Kind::Buffered
    }

    /// A file with these conversations.
    pub(crate) fn write(&self, conversations: &[Conversation]) -> Vec<u8> {
        self.format.print(&self.records(conversations))
    }

    /// What the file is made of, each record when it would be written.
    pub(crate) fn records(&self, conversations: &[Conversation]) -> Vec<Message> {
        let mut records: Vec<(u64, Message)> = Vec::new();
        for conversation in conversations {
            match self.kind {
                Kind::Buffered => records.push(self.buffered_record(conversation)),
                Kind::Streamed => self.stream(conversation, None, &mut records),
                Kind::Batched(size) => self.stream(conversation, Some(size), &mut records),
            }
        }
        // The sort is stable: the records of a conversation, whose times never decrease, stay in order.
        records.sort_by_key(|&(time, _)| time);
        let mut records: Vec<Message> = records.into_iter().map(|(_, record)| record).collect();
        if self.format == Format::JsonString {
            records.iter_mut().for_each(bodies_as_strings);
        }
        records
    }

    fn buffered_record(&self, conversation: &Conversation) -> (u64, Message) {
        let mut is_cut = HashMap::new();
        let mut events = Vec::new();
        for event in &conversation.events {
            match &event.what {
                // A buffered trace does not say that the connection closed: it is written because of that.
                What::Closed => continue,
                What::Data(data) => {
                    *is_cut.entry(data.direction as u8).or_insert(false) |= data.cut_to.is_some();
                }
            }
            events.push(event_message(event, 0));
        }
        let cut = |direction: u8| Value::Bool(is_cut.get(&direction).copied().unwrap_or_default());
        let trace = vec![
            field("trace_id", 1, Value::U64(conversation.id)),
            connection_field(2, conversation),
            field("events", 3, Value::Repeated(events)),
            field("read_truncated", 4, cut(0)),
            field("write_truncated", 5, cut(1)),
        ];
        let time = conversation.events.iter().map(|event| event.time).max();
        (time.unwrap_or_default(), wrapper("socket_buffered_trace", 3, trace))
    }

    fn stream(&self, conversation: &Conversation, batch: Option<usize>, records: &mut Vec<(u64, Message)>) {
        let mut time = conversation.events.first().map_or(0, |event| event.time);
        let segment = |piece| {
            let trace = vec![field("trace_id", 1, Value::U64(conversation.id)), piece];
            wrapper("socket_streamed_trace_segment", 4, trace)
        };
        let mut opening = conversation.clone();
        opening.local = opening.local.filter(|_| !conversation.is_upstream);
        records.push((
            time,
            segment(if self.tells_addresses() {
                connection_field(2, &opening)
            } else {
                // All that is left of the connection.
                field("event", 3, Value::Message(vec![field("seq_num", 6, Value::U64(0))]))
            }),
        ));

        let mut seq_num = 1;
        let mut messages = Vec::new();
        for event in &conversation.events {
            let length = match &event.what {
                What::Data(data) => data.bytes.len() as u64,
                What::Closed => {
                    seq_num += 1;
                    0
                }
            };
            let mut message = event_message(event, if self.seq_num { seq_num } else { 0 });
            if self.connection_per_event && self.tells_addresses() {
                let before_seq_num = message.len() - 1;
                message.insert(before_seq_num, connection_field(5, conversation));
            }
            seq_num += length;
            messages.push((event.time, message));
        }
        for batch_of in messages.chunks(batch.unwrap_or(1)) {
            time = batch_of.iter().fold(time, |time, &(event, _)| time.max(event));
            let mut messages = batch_of.iter().map(|(_, message)| message.clone());
            let piece = match (batch, messages.next()) {
                (None, Some(event)) => field("event", 3, Value::Message(event)),
                (_, first) => {
                    let events = Value::Repeated(first.into_iter().chain(messages).collect());
                    field("events", 4, Value::Message(vec![field("events", 1, events)]))
                }
            };
            records.push((time, segment(piece)));
        }
    }
}
