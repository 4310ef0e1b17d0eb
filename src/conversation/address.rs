//! The addresses of a conversation's packets: the trace's own where it has them, else `--local` and `--remote`, else
//! stand-ins from the ranges that are set aside for documentation (RFC 5737, RFC 3849).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::trace::{Connection, Endpoint, Side};

/// The lowest port of the range that RFC 6335 section 6 leaves to clients; Linux begins at 32768.
const FIRST_EPHEMERAL_PORT: u16 = 49_152;
pub(super) const LINUX_EPHEMERAL_PORT: u16 = 32_768;
const EPHEMERAL_PORTS: u64 = 16_384;
/// The port of a side that accepts connections: Wireshark decodes HTTP/1 and HTTP/2 there without being told to.
const SERVER_PORT: u16 = 80;

/// The two ends of a conversation, of one IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Addresses {
    /// Envoy.
    pub(super) local: SocketAddr,
    /// Envoy's peer.
    pub(super) remote: SocketAddr,
    /// The local address is a stand-in.
    pub(super) local_stands_in: bool,
    /// The remote address is a stand-in.
    pub(super) remote_stands_in: bool,
}

/// Gives every conversation its addresses.
#[derive(Debug, Default)]
pub(super) struct AddressBook {
    /// Set by hand, for conversations that have none.
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    has_used_local: bool,
    has_used_remote: bool,
    stand_ins: u64,
}

impl AddressBook {
    /// Uses `local` and `remote` before any stand-in.
    pub(super) fn new(local: Option<SocketAddr>, remote: Option<SocketAddr>) -> Self {
        Self { local, remote, ..Self::default() }
    }

    /// Whether the address that was set by hand has been used for a side.
    pub(super) fn has_used(&self, side: Side) -> bool {
        match side {
            Side::Local => self.has_used_local,
            Side::Remote => self.has_used_remote,
        }
    }

    /// The addresses of a conversation that `initiator` opened.
    pub(super) fn assign(&mut self, connection: &Connection, initiator: Side) -> Addresses {
        let local = ip(&connection.local).or_else(|| self.local.inspect(|_| self.has_used_local = true));
        let remote = ip(&connection.remote).or_else(|| self.remote.inspect(|_| self.has_used_remote = true));
        let is_ipv4 = local.or(remote).is_none_or(|known| known.is_ipv4());
        if local.is_none() || remote.is_none() {
            self.stand_ins += 1;
        }
        let stand_in = |side| stand_in(self.stand_ins, side, initiator, is_ipv4);
        let mut addresses = Addresses {
            local: local.unwrap_or_else(|| stand_in(Side::Local)),
            remote: remote.unwrap_or_else(|| stand_in(Side::Remote)),
            local_stands_in: local.is_none(),
            remote_stands_in: remote.is_none(),
        };
        if addresses.local.is_ipv4() != addresses.remote.is_ipv4() {
            addresses.local = mapped(addresses.local);
            addresses.remote = mapped(addresses.remote);
        }
        addresses
    }
}

/// The `n`th stand-in: another pair of addresses and ports for each of the first four million.
fn stand_in(n: u64, side: Side, initiator: Side, is_ipv4: bool) -> SocketAddr {
    let host = (n - 1) % 254 + 1;
    let ip = match (is_ipv4, side) {
        (true, Side::Local) => IpAddr::from([192, 0, 2, host as u8]),
        (true, Side::Remote) => IpAddr::from([198, 51, 100, host as u8]),
        (false, Side::Local) => documentation_ipv6(1, n),
        (false, Side::Remote) => documentation_ipv6(2, n),
    };
    let port = if side == initiator {
        FIRST_EPHEMERAL_PORT + ((n - 1) / 254 % EPHEMERAL_PORTS) as u16
    } else {
        SERVER_PORT
    };
    SocketAddr::new(ip, port)
}

fn documentation_ipv6(network: u128, n: u64) -> IpAddr {
    let prefix = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0));
    Ipv6Addr::from(prefix | network << 64 | u128::from(n)).into()
}

fn mapped(address: SocketAddr) -> SocketAddr {
    let ip: Ipv6Addr = match address.ip() {
        IpAddr::V4(ip) => Ipv4Addr::to_ipv6_mapped(&ip),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::new(ip.into(), address.port())
}

pub(super) fn ip(endpoint: &Option<Endpoint>) -> Option<SocketAddr> {
    endpoint.as_ref().and_then(Endpoint::ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_differ_and_keep_the_ip_version() {
        let mut book = AddressBook::default();
        let mut seen = std::collections::HashSet::new();
        for n in 0..2000u16 {
            // No address, an IPv4 one, an IPv6 one; no two of the same port.
            let known = [None, Some("10.0.0.1"), Some("fd00::1")][usize::from(n) % 3];
            let remote = known.map(|address| Endpoint::socket(address, n));
            let side = if n % 2 == 0 { Side::Local } else { Side::Remote };
            let addresses = book.assign(&Connection { remote, ..Connection::default() }, side);
            assert_eq!(addresses.local.is_ipv4(), addresses.remote.is_ipv4());
            assert!(addresses.local_stands_in);
            assert_eq!(addresses.remote_stands_in, n % 3 == 0);
            assert!(seen.insert(addresses));
        }
    }

    #[test]
    fn two_ip_versions_become_one() {
        let mut book = AddressBook::default();
        let connection = Connection {
            local: Some(Endpoint::socket("10.0.0.1", 1)),
            remote: Some(Endpoint::socket("fe80::1%3", 2)),
            sample_rate: None,
        };
        let addresses = book.assign(&connection, Side::Remote);
        assert_eq!(addresses.local.to_string(), "[::ffff:10.0.0.1]:1");
        assert_eq!(addresses.remote.to_string(), "[fe80::1]:2");
    }
}
