//! Tunnels: exchanges after which a connection carries another protocol's bytes. CONNECT (RFC 9110 section 9.3.6) and an
//! upgrade (RFC 9110 section 7.8) ask for one in HTTP/1.1; the response opens it, or refuses. Nothing else can follow on that
//! connection, and no byte of the tunnel comes before the response that opens it.

use super::Headers;

/// What an exchange asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// CONNECT: any 2xx opens it.
    Connect,
    /// An upgrade: 101 opens it.
    Upgrade,
}

impl Tunnel {
    /// The tunnel that a request asks for.
    pub(crate) fn asked(request: &Headers) -> Option<Self> {
        if request.value(b":method") == Some(b"CONNECT") {
            return Some(Self::Connect);
        }
        let offers = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"upgrade");
        let mut connection = request.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"));
        let is_offered = connection.any(|(_, value)| value.split(|&byte| byte == b',').any(offers));
        // Envoy drops `connection` where HTTP/2 or a filter did.
        let is_bare = request.value(b"connection").is_none();
        let is_upgrade = request.value(b"upgrade").is_some() && (is_offered || is_bare);
        is_upgrade.then_some(Self::Upgrade)
    }

    /// Whether a response with these headers opens it. A 1xx other than 101 does not decide.
    pub(crate) fn opens(self, response: &Headers) -> bool {
        match (self, response.value(b":status")) {
            (Self::Connect, Some([b'2', _, _])) => true,
            (Self::Upgrade, status) => status == Some(b"101"),
            _ => false,
        }
    }
}

/// The tunnel of an exchange, as far as its messages are known: one that has been asked for and not been refused.
pub(crate) fn tunnel(request: Option<&Headers>, response: Option<&Headers>) -> Option<Tunnel> {
    match (request.and_then(Tunnel::asked), response) {
        (Some(asked), Some(response)) => asked.opens(response).then_some(asked),
        // An offer to upgrade with a body of its own is mostly passed over.
        (Some(Tunnel::Upgrade), None) if request.is_some_and(Headers::has_body) => None,
        (Some(asked), None) => Some(asked),
        // Only a part of the exchange was tapped.
        (None, Some(response)) => Tunnel::Upgrade.opens(response).then_some(Tunnel::Upgrade),
        (None, None) => None,
    }
}
