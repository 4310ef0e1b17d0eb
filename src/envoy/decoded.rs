//! What is decoded of a record: the beginning of a trace, its events, the pieces of HTTP messages.
//!
//! Bytes are where they lie, in the record or in the scratch buffer.

use super::body::Body;
use crate::http::{Headers, Message};
use crate::protobuf::{Bytes, Damage};
use crate::trace::{Connection, Direction, SampleRate, TraceId, Truncation};

/// What a decoder finds at the beginning of a record.
#[derive(Debug)]
pub(crate) enum Begun {
    Trace(Head),
    /// A trace of the HTTP tap, or a piece of one.
    Http(Box<HttpRecord>),
    /// The sample rate of the trace in the record before.
    SampleRate(SampleRate),
    /// Nothing that concerns a conversation.
    Nothing,
}

/// What a record says besides its events.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) trace: TraceId,
    /// The trace begins with this record.
    pub(crate) opens: bool,
    /// Nothing of the trace comes behind this record.
    pub(crate) ends: bool,
    pub(crate) connection: Option<Box<Connection>>,
    pub(crate) sample_rate: Option<SampleRate>,
}

/// A `SocketEvent`, its body still where the decoder found or put it.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) time: u64,
    pub(crate) seq_num: u64,
    pub(crate) connection: Option<Box<Connection>>,
    pub(crate) what: DecodedWhat,
    /// The record ends in it.
    pub(crate) is_truncated: bool,
}

#[derive(Debug, Default)]
pub(crate) enum DecodedWhat {
    Data {
        direction: Direction,
        bytes: Bytes,
        truncation: Truncation,
        end_stream: bool,
    },
    Closed,
    /// None of what is known here.
    #[default]
    Nothing,
}

impl Decoded {
    /// Whether there is enough of an event in which the record ends: its time, what happened, and some of the bytes, or how
    /// many there were.
    pub(super) fn is_enough(&self) -> bool {
        let has_happened = match &self.what {
            DecodedWhat::Data { bytes, truncation: Truncation::Input { missing: None }, .. } => {
                !bytes.range.is_empty()
            }
            DecodedWhat::Data { .. } | DecodedWhat::Closed => true,
            DecodedWhat::Nothing => false,
        };
        self.time > 0 && has_happened
    }

    /// Whether nothing is known of the event.
    pub(super) fn is_blank(&self) -> bool {
        self.time == 0 && matches!(self.what, DecodedWhat::Nothing)
    }
}

/// A record of the HTTP tap.
#[derive(Debug)]
pub(crate) struct HttpRecord {
    /// Whether it is an `HttpBufferedTrace`: a whole exchange.
    pub(crate) is_buffered: bool,
    /// `trace_id` of a segment; 0 in a buffered trace, which has none.
    pub(crate) id: u64,
    /// The id has gone through a floating-point number.
    pub(crate) is_id_rounded: bool,
    pub(crate) downstream: Option<Box<Connection>>,
    pub(crate) upstream: Option<Box<Connection>>,
    /// In the order of a conversation: of the request headers, body and trailers, then of the response.
    pub(crate) pieces: Vec<HttpPiece>,
    /// What is wrong behind, or between, the pieces that could be read.
    pub(crate) damage: Option<Damage>,
}

/// A piece of an HTTP message.
#[derive(Debug)]
pub(crate) struct HttpPiece {
    pub(crate) message: Message,
    /// `headers_received_time`, on every piece of its message.
    pub(crate) time: Option<u64>,
    pub(crate) what: HttpWhat,
}

#[derive(Debug)]
pub(crate) enum HttpWhat {
    Head(Headers),
    Body(Body),
    Trailers(Headers),
}

/// What has been read of a record of the HTTP tap. A field that comes twice takes no more room than once: of a body the
/// last one counts, and headers are merged, as protobuf has it.
#[derive(Debug, Default)]
pub(crate) struct HttpFields {
    pub(crate) id: Option<u64>,
    /// The id has gone through a floating-point number.
    pub(crate) is_id_rounded: bool,
    /// What is wrong with a body, where the record can be read on.
    pub(crate) damage: Option<Damage>,
    /// By [`Message`].
    pub(crate) messages: [HttpMessage; 2],
    pub(crate) downstream: Option<Box<Connection>>,
    pub(crate) upstream: Option<Box<Connection>>,
}

/// What has been read of an HTTP message.
#[derive(Debug, Default)]
pub(crate) struct HttpMessage {
    pub(crate) time: Option<u64>,
    pub(crate) head: Option<Headers>,
    pub(crate) body: Option<Body>,
    pub(crate) trailers: Option<Headers>,
}

impl HttpFields {
    /// The record, read up to what is wrong with it, if something is.
    pub(crate) fn into_record(
        self,
        is_buffered: bool,
        mut damage: Option<Damage>,
    ) -> Result<HttpRecord, Damage> {
        let Self { id, is_id_rounded, damage: of_body, messages: [request, response], downstream, upstream } =
            self;
        // The trace of what has been read may be any.
        if let Some(damage) = damage.take_if(|_| !is_buffered && id.is_none()) {
            return Err(damage);
        }
        let mut pieces = Vec::new();
        for (message, fields) in [(Message::Request, request), (Message::Response, response)] {
            let HttpMessage { time, head, body, trailers } = fields;
            let whats =
                [head.map(HttpWhat::Head), body.map(HttpWhat::Body), trailers.map(HttpWhat::Trailers)];
            pieces.extend(whats.into_iter().flatten().map(|what| HttpPiece { message, time, what }));
        }
        if damage.is_some() {
            truncate_last(&mut pieces);
        }
        Ok(HttpRecord {
            is_buffered,
            id: id.unwrap_or_default(),
            is_id_rounded,
            downstream,
            upstream,
            pieces,
            damage: damage.or(of_body),
        })
    }
}

/// Marks the body of the last message as truncated by the input where it is shorter than the headers promise: the rest has
/// gone with what could not be read.
fn truncate_last(pieces: &mut Vec<HttpPiece>) {
    let Some(&HttpPiece { message, time, .. }) = pieces.last() else { return };
    let mut rest = 0;
    let mut body = None;
    for piece in pieces.iter_mut().filter(|piece| piece.message == message) {
        match &mut piece.what {
            HttpWhat::Head(headers) => rest = headers.content_length().unwrap_or_default(),
            HttpWhat::Body(Body { bytes, truncation }) => {
                rest = rest.saturating_sub(bytes.range.len() as u64);
                body = Some(truncation);
            }
            HttpWhat::Trailers(_) => rest = 0,
        }
    }
    let lost = Truncation::Input { missing: None };
    match body {
        _ if rest == 0 => {}
        Some(truncation @ Truncation::None) => *truncation = lost,
        Some(_) => {}
        None => {
            let what = HttpWhat::Body(Body { truncation: lost, ..Body::default() });
            pieces.push(HttpPiece { message, time, what });
        }
    }
}
