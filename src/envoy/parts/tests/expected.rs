//! The parts as they should be.

use super::*;

/// By a look at what prost holds.
pub(super) fn expected(trace: &TraceWrapper) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = |id: TraceId, time, message, what| {
        parts.push(Part { trace: id, record: 1, time, message, what, connections: None });
    };
    match trace.trace.as_ref().expect("a trace") {
        trace_wrapper::Trace::HttpBufferedTrace(trace) => {
            let id = TraceId { kind: Kind::HttpBuffered, id: 7 };
            for (side, message) in [(Message::Request, &trace.request), (Message::Response, &trace.response)]
            {
                let Some(message) = message else { continue };
                let time = message.headers_received_time.as_ref();
                let time = time.map(|time| time.seconds as u64 * 1_000_000_000 + time.nanos as u64);
                let head = (!message.headers.is_empty()).then(|| Piece::Head(headers(&message.headers)));
                let trailers =
                    (!message.trailers.is_empty()).then(|| Piece::Trailers(headers(&message.trailers)));
                let whats: Vec<Piece> =
                    head.into_iter().chain(message.body.as_ref().map(bytes)).chain(trailers).collect();
                let has_end = !whats.is_empty();
                whats.into_iter().for_each(|what| part(id, time, side, what));
                if has_end {
                    part(id, None, side, Piece::End);
                }
            }
            let end = |connection: &Option<Connection>| {
                connection.as_ref().map(|connection| {
                    let endpoint = |address: &Option<Address>| {
                        let address = address.as_ref()?.address.as_ref()?;
                        let address::Address::SocketAddress(socket) = address else { return None };
                        let ip = String::from_utf8(socket.address.clone()).expect("UTF-8");
                        let Some(socket_address::PortSpecifier::PortValue(port)) = socket.port_specifier
                        else {
                            return None;
                        };
                        Some(Endpoint::socket(&ip, port as u16))
                    };
                    Box::new(trace::Connection {
                        local: endpoint(&connection.local_address),
                        remote: endpoint(&connection.remote_address),
                        sample_rate: None,
                    })
                })
            };
            let (downstream, upstream) = (end(&trace.downstream_connection), end(&trace.upstream_connection));
            if let Some(first) = parts.first_mut().filter(|_| downstream.is_some() || upstream.is_some()) {
                first.connections = Some(Box::new(Connections { downstream, upstream }));
            }
        }
        trace_wrapper::Trace::HttpStreamedTraceSegment(segment) => {
            let id = TraceId { kind: Kind::HttpStreamed, id: segment.trace_id };
            let Some(piece) = &segment.message_piece else { return parts };
            let (message, what) = match piece {
                MessagePiece::RequestHeaders(list) => (Message::Request, Piece::Head(headers(&list.headers))),
                MessagePiece::RequestBodyChunk(body) => (Message::Request, bytes(body)),
                MessagePiece::RequestTrailers(list) => {
                    (Message::Request, Piece::Trailers(headers(&list.headers)))
                }
                MessagePiece::ResponseHeaders(list) => {
                    (Message::Response, Piece::Head(headers(&list.headers)))
                }
                MessagePiece::ResponseBodyChunk(body) => (Message::Response, bytes(body)),
                MessagePiece::ResponseTrailers(list) => {
                    (Message::Response, Piece::Trailers(headers(&list.headers)))
                }
            };
            part(id, None, message, what);
        }
        _ => panic!("a trace of the HTTP tap"),
    }
    parts
}

fn headers(values: &[HeaderValue]) -> Headers {
    let mut headers = Headers::default();
    for header in values {
        let value = if header.raw_value.is_empty() { &header.value } else { &header.raw_value };
        assert!(headers.push(&header.key, value));
    }
    headers
}

fn bytes(body: &Body) -> Piece {
    let (bytes, is_text) = match &body.body_type {
        Some(body::BodyType::AsBytes(bytes)) => (bytes.clone(), false),
        Some(body::BodyType::AsString(text)) => (text.clone(), true),
        None => (Vec::new(), false),
    };
    Piece::Body { bytes, truncation: Truncation::by_limit(body.truncated), is_text }
}

/// The same as a format that does not tell text from bytes gives it.
pub(super) fn untold(mut parts: Vec<Part>) -> Vec<Part> {
    for part in &mut parts {
        if let Piece::Body { is_text, .. } = &mut part.what {
            *is_text = false;
        }
    }
    parts
}
