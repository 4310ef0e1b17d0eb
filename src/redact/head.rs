//! What the head of a message in HTTP/1 says of what follows it (RFC 9112 section 6.3).

use super::Lost;
use super::exchanges::{Exchanges, Request};

/// Headers by which messages are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    ContentLength,
    TransferEncoding,
}

/// What a head says, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) is_response: bool,
    pub(super) code: u16,
    pub(super) request: Request,
    length: Option<u64>,
    /// Whether the last transfer coding is chunked.
    is_chunked: Option<bool>,
    /// There is a header that the next line may go on with.
    pub(super) has_header: bool,
    /// What comes are trailers.
    pub(super) is_trailers: bool,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// The next message.
    Message,
    /// So many bytes of a body.
    Body(u64),
    /// A body in chunks.
    Chunks,
    /// A body that ends with the connection.
    Rest,
    /// Another protocol, or anything.
    Unknown,
}

impl Framing {
    /// That of a header with this name, in lower case.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"content-length" => Some(Self::ContentLength),
            b"transfer-encoding" => Some(Self::TransferEncoding),
            _ => None,
        }
    }
}

impl Head {
    /// Takes in a header by which the message is framed, which is whole.
    pub(super) fn framed(&mut self, framing: Framing, value: &[u8]) -> Result<(), Lost> {
        match framing {
            Framing::ContentLength => {
                let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                let length = str::from_utf8(value).ok().filter(|_| is_number);
                let length: u64 = length.and_then(|length| length.parse().ok()).ok_or(Lost)?;
                if self.length.is_some_and(|known| known != length) {
                    return Err(Lost);
                }
                self.length = Some(length);
            }
            Framing::TransferEncoding => {
                let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                self.is_chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            }
        }
        Ok(())
    }

    /// What follows a head (RFC 9112 section 6.3).
    pub(super) fn follows(&self, exchanges: &mut Exchanges) -> Result<Follows, Lost> {
        let body = match (self.is_chunked, self.length) {
            (Some(true), None) => Some(Follows::Chunks),
            (None, Some(0)) => Some(Follows::Message),
            (None, Some(length)) => Some(Follows::Body(length)),
            (None, None) => None,
            // Readers differ in what that means.
            (Some(_), _) => Some(Follows::Unknown),
        };
        if !self.is_response {
            let request = self.request;
            exchanges.request(request)?;
            return Ok(if request.is_connect { Follows::Message } else { body.unwrap_or(Follows::Message) });
        }
        let code = self.code;
        if (100..200).contains(&code) && code != 101 {
            return Ok(Follows::Message);
        }
        Ok(match exchanges.response(code) {
            // Of a request that is unknown: it may be any of these.
            None => Follows::Unknown,
            Some(request) if code == 101 || request.is_connect && (200..300).contains(&code) => {
                Follows::Unknown
            }
            Some(request) if request.is_head || matches!(code, 204 | 304) => Follows::Message,
            Some(_) => body.unwrap_or(Follows::Rest),
        })
    }
}
