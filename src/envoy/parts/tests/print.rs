//! Prints a trace as text, and as JSON in any style.

use base64_simd::STANDARD;
use serde_json::{Map, Value, json};

use super::*;

/// One message on one line; what is not printable is octal.
pub(super) fn text(trace: &TraceWrapper) -> String {
    let body = match trace.trace.as_ref().expect("a trace") {
        trace_wrapper::Trace::HttpBufferedTrace(trace) => {
            let message = |name: &str, message: &Option<http_buffered_trace::Message>| {
                message.as_ref().map_or(String::new(), |message| {
                    let time = message.headers_received_time.as_ref().map_or(String::new(), |time| {
                        format!(
                            "headers_received_time {{ seconds: {} nanos: {} }} ",
                            time.seconds, time.nanos
                        )
                    });
                    let body = message.body.as_ref().map_or(String::new(), |body| text_body("body", body));
                    let headers = text_headers("headers", &message.headers);
                    format!(
                        "{name} {{ {headers}{body}{}{time}}} ",
                        text_headers("trailers", &message.trailers)
                    )
                })
            };
            let connection = |name: &str, connection: &Option<Connection>| {
                connection.as_ref().map_or(String::new(), |connection| {
                    let local = text_address("local_address", &connection.local_address);
                    format!(
                        "{name} {{ {local}{}}} ",
                        text_address("remote_address", &connection.remote_address)
                    )
                })
            };
            format!(
                "http_buffered_trace {{ {}{}{}{}",
                message("request", &trace.request),
                message("response", &trace.response),
                connection("downstream_connection", &trace.downstream_connection),
                connection("upstream_connection", &trace.upstream_connection)
            )
        }
        trace_wrapper::Trace::HttpStreamedTraceSegment(segment) => {
            let list = |name, list: &segment::Headers| {
                format!("{name} {{ {}}} ", text_headers("headers", &list.headers))
            };
            let piece = segment.message_piece.as_ref().map_or(String::new(), |piece| match piece {
                MessagePiece::RequestHeaders(headers) => list("request_headers", headers),
                MessagePiece::RequestBodyChunk(body) => text_body("request_body_chunk", body),
                MessagePiece::RequestTrailers(headers) => list("request_trailers", headers),
                MessagePiece::ResponseHeaders(headers) => list("response_headers", headers),
                MessagePiece::ResponseBodyChunk(body) => text_body("response_body_chunk", body),
                MessagePiece::ResponseTrailers(headers) => list("response_trailers", headers),
            });
            format!("http_streamed_trace_segment {{ trace_id: {} {piece}", segment.trace_id)
        }
        _ => panic!("a trace of the HTTP tap"),
    };
    body + "}\n"
}

fn text_headers(name: &str, headers: &[HeaderValue]) -> String {
    let strings = |header: &HeaderValue| {
        [("key", &header.key), ("value", &header.value), ("raw_value", &header.raw_value)]
            .map(|(name, value)| if value.is_empty() { String::new() } else { literal(name, value) })
            .concat()
    };
    headers.iter().map(|header| format!("{name} {{ {}}} ", strings(header))).collect()
}

fn text_body(name: &str, body: &Body) -> String {
    let bytes = match &body.body_type {
        Some(body::BodyType::AsBytes(bytes)) => literal("as_bytes", bytes),
        Some(body::BodyType::AsString(text)) => literal("as_string", text),
        None => String::new(),
    };
    format!("{name} {{ {bytes}{}}} ", if body.truncated { "truncated: true " } else { "" })
}

fn text_address(name: &str, address: &Option<Address>) -> String {
    address.as_ref().map_or(String::new(), |address| {
        let (ip, port) = socket(address);
        format!("{name} {{ socket_address {{ {}port_value: {port} }} }} ", literal("address", ip.as_bytes()))
    })
}

fn literal(name: &str, bytes: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    let escaped = bytes.iter().map(|byte| match is_plain(byte) {
        true => char::from(*byte).to_string(),
        false => format!("\\{byte:03o}"),
    });
    format!("{name}: \"{}\" ", escaped.collect::<String>())
}

fn socket(address: &Address) -> (String, u32) {
    let Some(address::Address::SocketAddress(socket)) = &address.address else { panic!("a socket") };
    let Some(socket_address::PortSpecifier::PortValue(port)) = socket.port_specifier else {
        panic!("a port")
    };
    (String::from_utf8(socket.address.clone()).expect("UTF-8"), port)
}

/// With names in camelCase or not, the last member first or not, defaults or none, and on one line or several.
pub(super) fn json(
    trace: &TraceWrapper,
    [is_camel, is_reversed, has_defaults, is_pretty]: [bool; 4],
) -> String {
    let mut record = match trace.trace.as_ref().expect("a trace") {
        trace_wrapper::Trace::HttpBufferedTrace(trace) => json!({"http_buffered_trace": {
            "request": trace.request.as_ref().map(json_message),
            "response": trace.response.as_ref().map(json_message),
            "downstream_connection": trace.downstream_connection.as_ref().map(json_connection),
            "upstream_connection": trace.upstream_connection.as_ref().map(json_connection),
        }}),
        trace_wrapper::Trace::HttpStreamedTraceSegment(segment) => {
            let list = |list: &segment::Headers| json!({"headers": json_headers(&list.headers)});
            let mut members = json!({"trace_id": segment.trace_id.to_string()});
            if let Some(piece) = &segment.message_piece {
                let (name, value) = match piece {
                    MessagePiece::RequestHeaders(headers) => ("request_headers", list(headers)),
                    MessagePiece::RequestBodyChunk(body) => ("request_body_chunk", json_body(body)),
                    MessagePiece::RequestTrailers(headers) => ("request_trailers", list(headers)),
                    MessagePiece::ResponseHeaders(headers) => ("response_headers", list(headers)),
                    MessagePiece::ResponseBodyChunk(body) => ("response_body_chunk", json_body(body)),
                    MessagePiece::ResponseTrailers(headers) => ("response_trailers", list(headers)),
                };
                members[name] = value;
            }
            json!({"http_streamed_trace_segment": members})
        }
        _ => panic!("a trace of the HTTP tap"),
    };
    restyle(&mut record, is_camel, has_defaults);
    let printed = if is_pretty { format!("{record:#}") } else { record.to_string() };
    if is_reversed { reversed(&record) } else { printed }
}

fn json_message(message: &http_buffered_trace::Message) -> Value {
    let time = message.headers_received_time.as_ref().map(|time| {
        let nanoseconds = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        jiff::Timestamp::from_nanosecond(nanoseconds).expect("a time").to_string()
    });
    json!({
        "headers": json_headers(&message.headers),
        "body": message.body.as_ref().map(json_body),
        "trailers": json_headers(&message.trailers),
        "headers_received_time": time,
    })
}

fn json_headers(headers: &[HeaderValue]) -> Value {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let header = |header: &HeaderValue| {
        json!({
            "key": text(&header.key),
            "value": text(&header.value),
            "raw_value": STANDARD.encode_to_string(&header.raw_value),
        })
    };
    headers.iter().map(header).collect()
}

fn json_body(body: &Body) -> Value {
    match &body.body_type {
        Some(body::BodyType::AsBytes(bytes)) => {
            json!({"as_bytes": STANDARD.encode_to_string(bytes), "truncated": body.truncated})
        }
        Some(body::BodyType::AsString(text)) => {
            json!({"as_string": str::from_utf8(text).expect("UTF-8"), "truncated": body.truncated})
        }
        None => json!({"truncated": body.truncated}),
    }
}

fn json_connection(connection: &Connection) -> Value {
    let address = |address: &Option<Address>| {
        address.as_ref().map(|address| {
            let (ip, port) = socket(address);
            json!({"socket_address": {"protocol": "TCP", "address": ip, "port_value": port}})
        })
    };
    json!({
        "local_address": address(&connection.local_address),
        "remote_address": address(&connection.remote_address),
    })
}

fn restyle(value: &mut Value, is_camel: bool, has_defaults: bool) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| restyle(value, is_camel, has_defaults)),
        Value::Object(members) => {
            let is_default = |value: &Value| {
                value.is_null() || *value == json!([]) || *value == json!(false) || *value == json!("")
            };
            // A body that is empty is not one that is none.
            let is_kept =
                |name: &str, value: &Value| name.starts_with("as_") || has_defaults || !is_default(value);
            let old = std::mem::take(members).into_iter().filter(|(name, value)| is_kept(name, value));
            *members = old
                .map(|(name, mut value)| {
                    restyle(&mut value, is_camel, has_defaults);
                    (if is_camel { camel_case(&name) } else { name }, value)
                })
                .collect::<Map<_, _>>();
        }
        _ => {}
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// On one line, the members of every object the other way round.
fn reversed(value: &Value) -> String {
    let joined = |open: char, items: Vec<String>, close: char| format!("{open}{}{close}", items.join(","));
    match value {
        Value::Array(values) => joined('[', values.iter().map(reversed).collect(), ']'),
        Value::Object(members) => {
            let member = |(name, value)| format!("\"{name}\":{}", reversed(value));
            joined('{', members.iter().rev().map(member).collect(), '}')
        }
        scalar => scalar.to_string(),
    }
}
