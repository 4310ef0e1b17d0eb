//! Which side opened a connection. No tap records it; what the first bytes are usually tells.

use super::address::{LINUX_EPHEMERAL_PORT, ip};
use super::begin::Beginning;
use crate::protocol::recognize;
use crate::trace::{Connection, Side};

/// The side that opened a connection that begins so.
pub(super) fn initiator(beginning: &Beginning<'_>) -> Side {
    // A proxy that has yet to connect to a cluster has no local address.
    if beginning.is_upstream {
        return Side::Local;
    }
    beginning
        .first
        .and_then(|(direction, bytes)| recognize(direction, bytes)?.client)
        .or_else(|| {
            let connection = beginning.connection;
            initiator_by_ports(ip(&connection.local)?.port(), ip(&connection.remote)?.port())
        })
        .unwrap_or_else(|| beginning.first.map_or(Side::Remote, |(direction, _)| Side::sender(direction)))
}

/// Whether a trace whose first message has these addresses is of a connection that the proxy opened: it has yet to know
/// its own.
pub(crate) fn is_upstream(connection: &Connection) -> bool {
    connection.local.is_none() && connection.remote.is_some()
}

/// Which side opened the connection, as far as the ports of the two sides show: the one whose port is ephemeral where the
/// other's is not.
pub(crate) fn initiator_by_ports(local: u16, remote: u16) -> Option<Side> {
    match (local >= LINUX_EPHEMERAL_PORT, remote >= LINUX_EPHEMERAL_PORT) {
        (true, false) => Some(Side::Local),
        (false, true) => Some(Side::Remote),
        _ => None,
    }
}
