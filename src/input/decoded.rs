//! What decoders give: the border between the formats and what is common to all of them.

use std::borrow::Cow;
use std::ops::Range;

use crate::http::{Headers, Message};
use crate::trace::{Connection, Direction, SampleRate, TraceId};

/// What a decoder finds at the beginning of a record.
#[derive(Debug)]
pub(super) enum Begun {
    Trace(Head),
    /// A trace of the HTTP tap, or a piece of one.
    Http(Box<HttpRecord>),
    /// The sample rate of the trace in the record before.
    SampleRate(SampleRate),
    /// Nothing that concerns a conversation.
    Nothing,
    /// Nothing at all.
    Blank,
}

/// What a record says besides its events.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) trace: TraceId,
    /// The trace begins with this record.
    pub(super) opens: bool,
    /// Nothing of the trace comes behind this record.
    pub(super) ends: bool,
    pub(super) connection: Option<Box<Connection>>,
    pub(super) sample_rate: Option<SampleRate>,
}

/// A `SocketEvent`, its body still where the decoder found or put it.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) time: u64,
    pub(super) seq_num: u64,
    pub(super) connection: Option<Box<Connection>>,
    pub(super) what: DecodedWhat,
}

#[derive(Debug)]
pub(super) enum DecodedWhat {
    Data {
        direction: Direction,
        body: Body,
        truncated: bool,
        end_stream: bool,
    },
    Closed,
    /// None of what is known here.
    Nothing,
}

#[derive(Debug)]
pub(super) enum Body {
    /// In the record.
    Record(Range<usize>),
    /// In the scratch buffer, all of it.
    Scratch,
    /// The same, from a format that keeps only what is UTF-8.
    ScratchText,
}

/// A record of the HTTP tap.
#[derive(Debug)]
pub(super) struct HttpRecord {
    /// Whether it is an `HttpBufferedTrace`: a whole exchange.
    pub(super) is_buffered: bool,
    /// `trace_id` of a segment; 0 in a buffered trace, which has none.
    pub(super) id: u64,
    pub(super) downstream: Option<Box<Connection>>,
    pub(super) upstream: Option<Box<Connection>>,
    /// In the order of a conversation: of the request headers, body and trailers, then of the response.
    pub(super) pieces: Vec<HttpPiece>,
    /// What is wrong behind, or between, the pieces that could be read.
    pub(super) damage: Option<Damage>,
}

/// A piece of an HTTP message.
#[derive(Debug)]
pub(super) struct HttpPiece {
    pub(super) message: Message,
    /// `headers_received_time`, on every piece of its message.
    pub(super) time: Option<u64>,
    pub(super) what: HttpWhat,
}

#[derive(Debug)]
pub(super) enum HttpWhat {
    Head(Headers),
    Body { body: HttpBody, truncated: bool },
    Trailers(Headers),
}

/// Where the bytes of a body stand.
#[derive(Debug)]
pub(super) enum HttpBody {
    /// In the record.
    Record(Range<usize>),
    /// In the scratch buffer.
    Scratch(Range<usize>),
    /// The same, from a format that keeps only what is UTF-8.
    ScratchText(Range<usize>),
}

/// What has been read of a record of the HTTP tap. A field that comes twice takes no more room than once: of a body the
/// last one counts, and headers are merged, as protobuf has it.
#[derive(Debug, Default)]
pub(super) struct HttpFields {
    pub(super) id: Option<u64>,
    /// By [`Message`].
    pub(super) messages: [HttpMessage; 2],
    pub(super) downstream: Option<Box<Connection>>,
    pub(super) upstream: Option<Box<Connection>>,
}

/// What has been read of an HTTP message.
#[derive(Debug, Default)]
pub(super) struct HttpMessage {
    pub(super) time: Option<u64>,
    pub(super) head: Option<Headers>,
    /// And whether it is truncated.
    pub(super) body: Option<(HttpBody, bool)>,
    pub(super) trailers: Option<Headers>,
}

impl HttpFields {
    /// The record, read up to what is wrong with it, if something is.
    pub(super) fn into_record(
        self,
        is_buffered: bool,
        mut damage: Option<Damage>,
    ) -> Result<HttpRecord, Damage> {
        let Self { id, messages: [request, response], downstream, upstream } = self;
        // The trace of what has been read may be any.
        if let Some(damage) = damage.take_if(|_| !is_buffered && id.is_none()) {
            return Err(damage);
        }
        let mut pieces = Vec::new();
        for (message, fields) in [(Message::Request, request), (Message::Response, response)] {
            let HttpMessage { time, head, body, trailers } = fields;
            let body = body.map(|(body, truncated)| HttpWhat::Body { body, truncated });
            let whats = [head.map(HttpWhat::Head), body, trailers.map(HttpWhat::Trailers)];
            pieces.extend(whats.into_iter().flatten().map(|what| HttpPiece { message, time, what }));
        }
        Ok(HttpRecord { is_buffered, id: id.unwrap_or_default(), downstream, upstream, pieces, damage })
    }
}

/// Where in a record something is wrong, and what.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) at: usize,
    pub(super) what: Cow<'static, str>,
    /// It is in one event, and those behind it can be read.
    pub(super) is_in_event: bool,
    /// The record is truncated: what counts is where it begins.
    pub(super) is_truncation: bool,
}

impl Damage {
    pub(super) fn new(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Self { at, what: what.into(), is_in_event: false, is_truncation: false }
    }

    /// The same, where the next event can be found.
    pub(super) fn in_event(self) -> Self {
        Self { is_in_event: true, ..self }
    }
}
