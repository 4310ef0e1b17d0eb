//! Text traces: `PROTO_TEXT`, a `TraceWrapper` after another in protobuf's text format, with nothing but the last
//! closing brace to part them.
//!
//! [`split`] finds the records: messages at the top. [`Cursor`] reads a record's events one at a time ([`event`]), bodies
//! into a buffer of the caller's. It takes the text format as people write it too (comments, `< >`, either quote,
//! adjacent literals), and passes over fields that it does not know.
//!
//! The `capture` transport socket of Envoy 1.7 to 1.9 wrote one `Trace`, whose `connection` and `events` stand at the top:
//! each is a record here.

mod body;
mod event;
mod http;
mod lexer;
pub(super) mod split;

use super::{Begun, Damage, Decoded, Generation, Head};
use crate::trace::{Kind, SampleRate, TraceId};
use lexer::{Lexer, TextError, Value};

/// Gives a record's events.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// The id of the trace of the `capture` transport socket that is being read.
    capture: Option<u64>,
    generation: Generation,
    events: Events,
}

/// Where in a record the next event is.
#[derive(Debug, Default)]
enum Events {
    #[default]
    Done,
    /// The lexer stands in an event, the only one.
    One(Lexer),
    /// In the fields of a trace, whose `events` are batches of them if it is streamed.
    Trace(Lexer, Kind),
    /// In the fields of a `SocketEvents` in a trace.
    Batch(Lexer),
    /// Nowhere: the record has ended in the event that was given last.
    Broken(TextError),
}

impl Cursor {
    /// Reads what stands before the events.
    pub(super) fn begin(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Begun, Damage> {
        self.events = Events::Done;
        let mut lexer = Lexer { at: 0 };
        let name = loop {
            match lexer.field(record, true)? {
                // The trace in it is at the top for all that follows.
                Some((split::TRACE_DATA, Value::Message)) => {}
                Some((name, Value::Message)) => break name,
                Some((_, value)) => lexer.skip(record, value)?,
                None => return Ok(Begun::Blank),
            }
        };
        Ok(match name {
            b"socket_buffered_trace" => self.begin_trace(record, lexer, Kind::SocketBuffered, scratch)?,
            b"socket_streamed_trace_segment" => {
                self.begin_trace(record, lexer, Kind::SocketStreamed, scratch)?
            }
            b"http_buffered_trace" => Begun::Http(Box::new(http::decode(&mut lexer, record, true, scratch)?)),
            b"http_streamed_trace_segment" => {
                Begun::Http(Box::new(http::decode(&mut lexer, record, false, scratch)?))
            }
            b"connection" => {
                let (connection, id) = event::connection(&mut lexer, record, scratch)?;
                self.capture = Some(id);
                self.generation = Generation::Capture;
                let trace = TraceId { kind: Kind::SocketBuffered, id };
                let connection = Some(connection);
                Begun::Trace(Head { trace, opens: true, ends: false, connection, sample_rate: None })
            }
            b"events" => match self.capture {
                Some(id) => {
                    self.events = Events::One(lexer);
                    let trace = TraceId { kind: Kind::SocketBuffered, id };
                    Begun::Trace(Head {
                        trace,
                        opens: false,
                        ends: false,
                        connection: None,
                        sample_rate: None,
                    })
                }
                None => Begun::Nothing,
            },
            b"configured_sample_rate" => Begun::SampleRate(event::sample_rate(&mut lexer, record)?),
            _ => Begun::Nothing,
        })
    }

    /// Reads what a trace says besides its events, as far as it can be read: where it breaks, [`Self::next`] says so in
    /// its turn.
    fn begin_trace(
        &mut self,
        record: &[u8],
        mut lexer: Lexer,
        kind: Kind,
        scratch: &mut Vec<u8>,
    ) -> Result<Begun, Damage> {
        self.events = Events::Trace(lexer.clone(), kind);
        let (mut id, mut connection) = (None, None);
        while let Ok(Some((name, value))) = lexer.field(record, false) {
            let result = match (name, value) {
                (b"trace_id", Value::Scalar) => {
                    id = Some(lexer.unsigned(record)?);
                    Ok(())
                }
                (b"connection", Value::Message) => {
                    connection = Some(event::connection(&mut lexer, record, scratch)?);
                    Ok(())
                }
                // Envoy writes the id and the connection first; then there is no need to look behind the events.
                (b"event" | b"events", _) if connection.is_some() => break,
                (_, value) => lexer.skip(record, value),
            };
            if result.is_err() {
                break;
            }
        }
        // In early 2019 the connection had the id.
        let id = id.or(connection.as_ref().map(|(_, id)| *id)).unwrap_or_default();
        Ok(Begun::Trace(Head {
            trace: TraceId { kind, id },
            opens: kind == Kind::SocketBuffered || connection.is_some(),
            ends: kind == Kind::SocketBuffered,
            connection: connection.map(|(connection, _)| connection),
            sample_rate: None::<SampleRate>,
        }))
    }

    /// Which Envoy wrote what has been read so far.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// The record's next event. A body is in `scratch`.
    pub(super) fn next(&mut self, record: &[u8], scratch: &mut Vec<u8>) -> Result<Option<Decoded>, Damage> {
        loop {
            let lexer = match &mut self.events {
                Events::Done => return Ok(None),
                Events::Broken(error) => {
                    let error = *error;
                    self.events = Events::Done;
                    return Err(error.into());
                }
                Events::One(lexer) => {
                    let mut lexer = lexer.clone();
                    self.events = Events::Done;
                    return Ok(Some(self.event(&mut lexer, record, scratch)?));
                }
                Events::Trace(lexer, kind) => match lexer.field(record, false)? {
                    Some((b"events", Value::Message)) if *kind == Kind::SocketStreamed => {
                        self.generation = self.generation.max(Generation::From1_35);
                        self.events = Events::Batch(lexer.clone());
                        continue;
                    }
                    Some((b"event" | b"events", Value::Message)) => lexer,
                    Some((_, value)) => {
                        lexer.skip(record, value)?;
                        continue;
                    }
                    None => {
                        self.events = Events::Done;
                        continue;
                    }
                },
                Events::Batch(lexer) => match lexer.field(record, false)? {
                    Some((b"events", Value::Message)) => lexer,
                    Some((_, value)) => {
                        lexer.skip(record, value)?;
                        continue;
                    }
                    None => {
                        self.events = Events::Trace(lexer.clone(), Kind::SocketStreamed);
                        continue;
                    }
                },
            };
            let mut lexer = lexer.clone();
            let decoded = self.event(&mut lexer, record, scratch)?;
            if let Events::Trace(at, _) | Events::Batch(at) = &mut self.events {
                *at = lexer;
            }
            return Ok(Some(decoded));
        }
    }

    /// The event whose fields follow: of one in which the record ends, what is there.
    fn event(
        &mut self,
        lexer: &mut Lexer,
        record: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<Decoded, TextError> {
        let mut decoded = Decoded::default();
        match event::decode(lexer, record, &mut decoded, scratch) {
            Err(error) if error.is_end() && decoded.is_enough(scratch) => {
                decoded.is_truncated = true;
                self.events = Events::Broken(error);
            }
            read => read?,
        }
        Ok(decoded)
    }
}

impl From<TextError> for Damage {
    fn from(error: TextError) -> Self {
        Self::new(error.at, error.what)
    }
}
