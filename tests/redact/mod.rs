//! `--redact` and `--redact-bodies`.

/// What may not be redacted, and what is said.
mod cli;
/// Random secrets in random places, which no capture may have.
mod property;
/// Socket taps: HTTP/1, HTTP/2, and what is neither.
mod sockets;
/// Hubble's flows and tracing spans.
mod texts;
