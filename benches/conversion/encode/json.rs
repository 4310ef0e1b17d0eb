//! `JSON_BODY_AS_BYTES`: pretty-printed with an indent of one space, default values too, bodies in base64.

use std::net::SocketAddrV4;

use base64_simd::{Out, STANDARD};

use super::{Connection, Event, What};

pub(super) fn connection(connection: &Connection, out: &mut Vec<u8>) {
    let address = |address: &SocketAddrV4| {
        format!(
            "{{\n    \"socket_address\": {{\n     \"protocol\": \"TCP\",\n     \"address\": \"{}\",\n     \
             \"port_value\": {},\n     \"resolver_name\": \"\",\n     \"ipv4_compat\": false,\n     \
             \"network_namespace_filepath\": \"\"\n    }}\n   }}",
            address.ip(),
            address.port()
        )
    };
    out.extend_from_slice(
        format!(
            "{{\n \"socket_streamed_trace_segment\": {{\n  \"trace_id\": \"{}\",\n  \"connection\": {{\n   \
             \"local_address\": {},\n   \"remote_address\": {}\n  }}\n }}\n}}\n",
            connection.id,
            address(&connection.local),
            address(&connection.remote)
        )
        .as_bytes(),
    );
}

pub(super) fn event(id: u64, event: &Event<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!(
            "{{\n \"socket_streamed_trace_segment\": {{\n  \"trace_id\": \"{id}\",\n  \"event\": {{\n   \
             \"timestamp\": \"{}\",\n   ",
            time(event.time)
        )
        .as_bytes(),
    );
    let (name, body, end) = match event.what {
        What::Read(body) => ("read", body, "\n   },\n"),
        What::Write(body) => ("write", body, ",\n    \"end_stream\": false\n   },\n"),
        What::Closed => ("closed", &[][..], ""),
    };
    if let What::Closed = event.what {
        out.extend_from_slice(b"\"closed\": {},\n");
    } else {
        out.extend_from_slice(format!("\"{name}\": {{\n    \"data\": {{\n     \"as_bytes\": \"").as_bytes());
        let start = out.len();
        out.resize(start + STANDARD.encoded_length(body.len()), 0);
        let _ = STANDARD.encode(body, Out::from_slice(&mut out[start..]));
        out.extend_from_slice(b"\",\n     \"truncated\": false\n    }");
        out.extend_from_slice(end.as_bytes());
    }
    out.extend_from_slice(format!("   \"seq_num\": \"{}\"\n  }}\n }}\n}}\n", event.seq_num).as_bytes());
}

/// RFC 3339 with as many digits as it takes, in threes. All streams are of one day.
fn time(micros: u64) -> String {
    let seconds = micros / 1_000_000 % 86_400;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = match micros % 1_000_000 {
        0 => String::new(),
        micros if micros.is_multiple_of(1000) => format!(".{:03}", micros / 1000),
        micros => format!(".{micros:06}"),
    };
    format!("2026-11-20T{clock}{fraction}Z")
}
