//! The formats of taps, and what may be before the first record of any.

use std::fmt;

use memchr::memmem;
use serde::Serialize;

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `PROTO_BINARY`.
    Binary,
    /// `PROTO_BINARY_LENGTH_DELIMITED`.
    Delimited,
    /// `PROTO_TEXT`.
    Text,
    /// `JSON_BODY_AS_BYTES` or `JSON_BODY_AS_STRING`; of Hubble, a flow a line.
    Json,
    /// The frames of gRPC, each with a message of Hubble's.
    Grpc,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binary => "binary",
            Self::Delimited => "delimited",
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Grpc => "gRPC",
        })
    }
}

/// UTF-8's byte order mark, which some editors put before text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many bytes the headers of HTTP have that stand before a binary trace, as `curl -i` puts them there.
pub(crate) fn http_headers(prefix: &[u8]) -> usize {
    let mut length = 0;
    while prefix[length..].starts_with(b"HTTP/") {
        match memmem::find(&prefix[length..], b"\r\n\r\n") {
            Some(end) => length += end + 4,
            None => break,
        }
    }
    length
}
