//! Which side opened a connection. No tap records it; what the first bytes are usually tells.

use super::address::{LINUX_EPHEMERAL_PORT, ip};
use super::opening::Opening;
use crate::protocol::recognize;
use crate::trace::{Connection, Direction, Side};

/// What shows which side opened a connection, the surest first.
#[derive(Debug)]
pub(crate) struct Signs {
    /// By the first message of its trace ([`is_upstream`]).
    pub(crate) is_upstream: bool,
    /// The client, as the first bytes show.
    pub(crate) client: Option<Side>,
    /// The ports of Envoy and its peer.
    pub(crate) ports: Option<(u16, u16)>,
    /// The direction of the first bytes.
    pub(crate) first: Option<Direction>,
}

impl Signs {
    pub(super) fn new(beginning: &Opening<'_>) -> Self {
        let Opening { connection, first, is_upstream, .. } = *beginning;
        let port = |endpoint| Some(ip(endpoint)?.port());
        Self {
            is_upstream,
            client: first.and_then(|(direction, bytes)| recognize(direction, bytes)?.client),
            ports: port(&connection.local).zip(port(&connection.remote)),
            first: first.map(|(direction, _)| direction),
        }
    }

    /// The side that opened the connection.
    pub(crate) fn initiator(&self) -> Side {
        if self.is_upstream {
            return Side::Local;
        }
        let by_ports = || self.ports.and_then(by_ports);
        self.client.or_else(by_ports).unwrap_or_else(|| self.first.map_or(Side::Remote, Side::sender))
    }
}

/// Whether a trace whose first message has these addresses is of a connection that the proxy opened: it has yet to know
/// its own.
pub(crate) fn is_upstream(connection: &Connection) -> bool {
    connection.local.is_none() && connection.remote.is_some()
}

/// Which side opened the connection, as far as the ports of the two sides show: the one whose port is ephemeral where the
/// other's is not.
fn by_ports((local, remote): (u16, u16)) -> Option<Side> {
    match (local >= LINUX_EPHEMERAL_PORT, remote >= LINUX_EPHEMERAL_PORT) {
        (true, false) => Some(Side::Local),
        (false, true) => Some(Side::Remote),
        _ => None,
    }
}
