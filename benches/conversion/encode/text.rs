//! `PROTO_TEXT`: bodies with C escapes, octal for what cannot be printed; default values are left out.

use super::{Connection, Event, What};

pub(super) fn connection(connection: &Connection, out: &mut Vec<u8>) {
    let Connection { id, local, remote } = connection;
    out.extend_from_slice(
        format!(
            "socket_streamed_trace_segment {{\n  trace_id: {id}\n  connection {{\n    local_address {{\n      \
             socket_address {{\n        address: \"{}\"\n        port_value: {}\n      }}\n    }}\n    remote_address \
             {{\n      socket_address {{\n        address: \"{}\"\n        port_value: {}\n      }}\n    }}\n  }}\n}}\n",
            local.ip(),
            local.port(),
            remote.ip(),
            remote.port(),
        )
        .as_bytes(),
    );
}

pub(super) fn event(id: u64, event: &Event<'_>, out: &mut Vec<u8>) {
    let seconds = event.time / 1_000_000;
    out.extend_from_slice(
        format!(
            "socket_streamed_trace_segment {{\n  trace_id: {id}\n  event {{\n    timestamp {{\n      seconds: {seconds}\n"
        )
        .as_bytes(),
    );
    let nanos = event.time % 1_000_000 * 1000;
    if nanos > 0 {
        out.extend_from_slice(format!("      nanos: {nanos}\n").as_bytes());
    }
    let (name, body) = match event.what {
        What::Read(body) => ("read", Some(body)),
        What::Write(body) => ("write", Some(body)),
        What::Closed => ("closed", None),
    };
    out.extend_from_slice(format!("    }}\n    {name} {{\n").as_bytes());
    if let Some(body) = body {
        out.extend_from_slice(b"      data {\n        as_bytes: \"");
        escape(body, out);
        out.extend_from_slice(b"\"\n      }\n");
    }
    out.extend_from_slice(format!("    }}\n    seq_num: {}\n  }}\n}}\n", event.seq_num).as_bytes());
}

/// A byte as it is printed, and how many characters of that count.
type Escape = ([u8; 4], u8);

const ESCAPES: [Escape; 256] = escapes();

const fn escapes() -> [Escape; 256] {
    let mut escapes = [([0; 4], 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        escapes[byte] = match value {
            b'\n' => ([b'\\', b'n', 0, 0], 2),
            b'\r' => ([b'\\', b'r', 0, 0], 2),
            b'\t' => ([b'\\', b't', 0, 0], 2),
            b'"' | b'\'' | b'\\' => ([b'\\', value, 0, 0], 2),
            b' '..=b'~' => ([value, 0, 0, 0], 1),
            _ => ([b'\\', b'0' + (value >> 6), b'0' + (value >> 3 & 7), b'0' + (value & 7)], 4),
        };
        byte += 1;
    }
    escapes
}

fn escape(body: &[u8], out: &mut Vec<u8>) {
    let mut end = out.len();
    // Four bytes are written for each, of which only some count.
    out.resize(end + 4 * body.len(), 0);
    for &byte in body {
        let (characters, count) = ESCAPES[usize::from(byte)];
        out[end..end + 4].copy_from_slice(&characters);
        end += usize::from(count);
    }
    out.truncate(end);
}
