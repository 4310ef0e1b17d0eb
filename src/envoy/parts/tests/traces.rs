//! Traces: any, and a certain one.

use proptest::collection::vec;
use proptest::option;

use super::*;

/// A trace of either kind.
pub(super) fn any_trace() -> impl Strategy<Value = TraceWrapper> {
    let bytes = || vec(any::<u8>(), 0..20);
    let header = (".{0,8}", ".{0,8}", option::weighted(0.2, bytes())).prop_map(|(key, value, raw_value)| {
        HeaderValue { key: key.into(), value: value.into(), raw_value: raw_value.unwrap_or_default() }
    });
    let headers = vec(header, 0..4).boxed();
    let body_type = option::of(prop_oneof![
        bytes().prop_map(body::BodyType::AsBytes),
        ".{0,20}".prop_map(|text| body::BodyType::AsString(text.into())),
    ]);
    let body =
        (body_type, any::<bool>()).prop_map(|(body_type, truncated)| Body { body_type, truncated }).boxed();
    let time = (0..10_000_000_000i64, 0..1_000_000_000i32)
        .prop_map(|(seconds, nanos)| crate::proto::google::protobuf::Timestamp { seconds, nanos });
    let message = (headers.clone(), option::of(body.clone()), headers.clone(), option::of(time)).prop_map(
        |(headers, body, trailers, headers_received_time)| http_buffered_trace::Message {
            headers,
            body,
            trailers,
            headers_received_time,
        },
    );
    let address = option::of((any::<[u8; 4]>(), any::<u16>()).prop_map(|(ip, port)| {
        let port = socket_address::PortSpecifier::PortValue(port.into());
        let ip = std::net::Ipv4Addr::from(ip).to_string().into_bytes();
        let socket = SocketAddress { address: ip, port_specifier: Some(port), ..SocketAddress::default() };
        Address { address: Some(address::Address::SocketAddress(socket)) }
    }));
    let connection = option::of(
        (address.clone(), address)
            .prop_map(|(local_address, remote_address)| Connection { local_address, remote_address }),
    );
    let buffered = (option::of(message.clone()), option::of(message), connection.clone(), connection)
        .prop_map(|(request, response, downstream_connection, upstream_connection)| {
            wrapper(trace_wrapper::Trace::HttpBufferedTrace(HttpBufferedTrace {
                request,
                response,
                downstream_connection,
                upstream_connection,
            }))
        });
    let list = headers.prop_map(|headers| segment::Headers { headers }).boxed();
    let piece = prop_oneof![
        list.clone().prop_map(MessagePiece::RequestHeaders),
        body.clone().prop_map(MessagePiece::RequestBodyChunk),
        list.clone().prop_map(MessagePiece::RequestTrailers),
        list.clone().prop_map(MessagePiece::ResponseHeaders),
        body.prop_map(MessagePiece::ResponseBodyChunk),
        list.prop_map(MessagePiece::ResponseTrailers),
    ];
    let streamed = (any::<u64>(), option::of(piece)).prop_map(|(trace_id, message_piece)| {
        let segment = HttpStreamedTraceSegment { trace_id, message_piece };
        wrapper(trace_wrapper::Trace::HttpStreamedTraceSegment(segment))
    });
    prop_oneof![buffered, streamed]
}

/// An exchange with all that a buffered trace can have.
pub(super) fn exchange() -> TraceWrapper {
    let header =
        |key: &str, value: &str| HeaderValue { key: key.into(), value: value.into(), raw_value: vec![] };
    let connection = |local: &str, remote: &str| {
        let address = |address: &str| {
            let (ip, port) = address.split_once(':').expect("an address and a port");
            let port = socket_address::PortSpecifier::PortValue(port.parse().expect("a port"));
            let socket =
                SocketAddress { address: ip.into(), port_specifier: Some(port), ..SocketAddress::default() };
            Some(Address { address: Some(address::Address::SocketAddress(socket)) })
        };
        Some(Connection { local_address: address(local), remote_address: address(remote) })
    };
    let body =
        |bytes: &str| Some(Body { body_type: Some(body::BodyType::AsBytes(bytes.into())), truncated: false });
    let time = |nanos| Some(crate::proto::google::protobuf::Timestamp { seconds: 1_795_000_000, nanos });
    wrapper(trace_wrapper::Trace::HttpBufferedTrace(HttpBufferedTrace {
        request: Some(http_buffered_trace::Message {
            headers: vec![header(":authority", "a.example"), header(":path", "/"), header(":method", "POST")],
            body: body("question"),
            trailers: vec![header("x-end", "1")],
            headers_received_time: time(1_000),
        }),
        response: Some(http_buffered_trace::Message {
            headers: vec![header(":status", "200"), header("x-empty", "")],
            body: body("answer"),
            trailers: vec![header("grpc-status", "0"), header("grpc-message", "")],
            headers_received_time: time(2_000),
        }),
        downstream_connection: connection("10.0.0.1:80", "10.0.0.2:4000"),
        upstream_connection: connection("10.0.0.1:4001", "10.0.0.3:8080"),
    }))
}
