//! The datagrams of Envoy's UDP tap sink (`udp_sink`), each a message, as one stream of messages.
//!
//! A binary message gets its length before it (`PROTO_BINARY_LENGTH_DELIMITED`), a JSON or text message a line's end behind it. A
//! stream has messages of one encoding: that of the first datagram that is surely a message.

/// What a tap's datagrams hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Binary,
    Json,
    Text,
}

impl Encoding {
    /// A binary message begins with the tag of a field, which no text has.
    fn of(message: &[u8]) -> Self {
        match message {
            [b'{', ..] => Self::Json,
            [b'a'..=b'z', ..] => Self::Text,
            _ => Self::Binary,
        }
    }
}

/// The messages that are taken.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    encoding: Option<Encoding>,
}

impl Messages {
    /// Appends a message to the stream, unless it is none, or in another encoding than the first one. Whether it has.
    pub(crate) fn push(&mut self, message: &[u8], stream: &mut Vec<u8>) -> bool {
        let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
        let encoding = Encoding::of(message);
        match self.encoding {
            None if is_message(message, false) => self.encoding = Some(encoding),
            Some(first) if first == encoding => {}
            None | Some(_) => return false,
        }
        if encoding == Encoding::Binary {
            let mut rest = message.len();
            while rest >= 0x80 {
                stream.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            stream.push(rest as u8);
        }
        stream.extend_from_slice(message);
        if encoding != Encoding::Binary {
            stream.push(b'\n');
        }
        true
    }
}

/// Whether a datagram, one of many of all kinds, is a message of a tap: a `TraceWrapper` with one trace and perhaps a sample rate; or
/// the beginning of one, if it is cut.
pub(super) fn is_message(datagram: &[u8], is_cut: bool) -> bool {
    match Encoding::of(datagram) {
        Encoding::Json => memchr::memmem::find(&datagram[..datagram.len().min(256)], b"_trace").is_some(),
        Encoding::Text => [
            &b"socket_buffered_trace"[..],
            b"socket_streamed_trace_segment",
            b"http_buffered_trace",
            b"http_streamed_trace_segment",
        ]
        .iter()
        .any(|name| datagram.starts_with(name)),
        Encoding::Binary => {
            let [tag, rest @ ..] = datagram else { return false };
            // Fields 1 to 4, each a message.
            if !matches!(tag, 0x0a | 0x12 | 0x1a | 0x22) {
                return false;
            }
            let Some(end) = rest.iter().take(5).position(|byte| byte & 0x80 == 0) else { return false };
            let length =
                rest[..=end].iter().rev().fold(0, |length, &byte| length << 7 | usize::from(byte & 0x7f));
            let behind = rest.len().checked_sub(end + 1 + length);
            // In it, too, a field comes first.
            let is_field =
                rest.get(end + 1).is_some_and(|tag| matches!(tag, 0x08 | 0x0a | 0x12 | 0x1a | 0x22 | 0x2a));
            // The sample rate, field 5, is short.
            is_field
                && behind
                    .map_or(is_cut, |behind| behind == 0 || behind < 32 && rest[end + 1 + length] == 0x2a)
        }
    }
}
