//! Exchanges as the HTTP tap filter sees them, and the tests' own readers, which find them again in a capture:
//! HTTP/1.1 by httparse, HTTP/2 by frames and an HPACK decoder. Nothing of the program's own is in them.

mod cursor;
pub(crate) mod exchange;
mod expected;
mod frames;
mod http1;
mod http2;
mod listing;
mod plan;
mod property;
mod rules;
mod seen;
mod sockets;
mod written;

pub(crate) use self::seen::{Connection, connections};
