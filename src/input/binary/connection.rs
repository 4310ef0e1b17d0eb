//! The addresses in a binary trace, of every generation of the format.
//!
//! Envoy 1.28 renumbered the fields of `Connection`: local and remote were 2 and 3 and became 1 and 2. Which it is
//! shows in each message: field 3 was never used again, and the old field 1 was never written by a tap, save by the
//! traces of the `capture` transport socket (Envoy 1.7 to 1.9), where it is the connection's id, a varint.

use std::ops::Range;

use prost::Message;

use super::usual;
use super::wire::{Fields, Value, WireError};
use crate::input::Generation;
use crate::proto::envoy::config::core::v3 as core;
use crate::trace::{Connection, Endpoint};

/// A `Connection`, and what only some generations have.
pub(super) struct Decoded {
    pub(super) connection: Box<Connection>,
    /// 0 where it has none.
    pub(super) id: u64,
    /// As far as the numbers of the fields show.
    pub(super) generation: Generation,
}

/// Reads the `Connection` that stands in `range`.
pub(super) fn decode(record: &[u8], range: Range<usize>) -> Result<Decoded, WireError> {
    let mut numbered: [Option<Range<usize>>; 4] = [const { None }; 4];
    let mut fields = Fields::new(range, false);
    let mut id = None;
    while let Some((number, value)) = fields.next(record)? {
        match (number, value) {
            (1, Value::Varint(value)) => id = Some(value),
            (1..=3, Value::Bytes(range)) => numbered[number as usize] = Some(range),
            _ => {}
        }
    }
    let [_, first, second, third] = numbered;
    let is_old = third.is_some() || id.is_some();
    let (local, remote) = if is_old { (second, third) } else { (first, second) };
    let endpoint = |range: Option<Range<usize>>| range.and_then(|range| endpoint(&record[range]));
    let connection = Connection { local: endpoint(local), remote: endpoint(remote), sample_rate: None };
    let generation = if is_old { Generation::From1_10 } else { Generation::From1_28 };
    Ok(Decoded { connection: Box::new(connection), id: id.unwrap_or_default(), generation })
}

/// The `Connection` that an event of the [usual] shape has; `None` where `bytes` is empty.
pub(in crate::input) fn usual(bytes: &[u8]) -> Option<Box<Connection>> {
    if bytes.is_empty() {
        return None;
    }
    decode(bytes, 0..bytes.len()).ok().map(|decoded| decoded.connection)
}

/// An `envoy.config.core.v3.Address`.
fn endpoint(bytes: &[u8]) -> Option<Endpoint> {
    usual::address(bytes).or_else(|| any_endpoint(bytes))
}

/// Any other address. One that cannot be decoded is as good as none: the bytes that were tapped are not
/// lost with it.
fn any_endpoint(bytes: &[u8]) -> Option<Endpoint> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match core::Address::decode(bytes).ok()?.address? {
        core::address::Address::SocketAddress(socket) => {
            let address = text(&socket.address);
            Some(match socket.port_specifier {
                None => Endpoint::socket(&address, 0),
                Some(core::socket_address::PortSpecifier::PortValue(port)) => match u16::try_from(port) {
                    Ok(port) => Endpoint::socket(&address, port),
                    Err(_) => Endpoint::Host(format!("{address}:{port}")),
                },
                Some(core::socket_address::PortSpecifier::NamedPort(name)) => {
                    Endpoint::Host(format!("{address}:{}", text(&name)))
                }
            })
        }
        core::address::Address::Pipe(pipe) => Some(Endpoint::Pipe(text(&pipe.path))),
        core::address::Address::EnvoyInternalAddress(internal) => {
            let name = internal.address_name_specifier.map(
                |core::envoy_internal_address::AddressNameSpecifier::ServerListenerName(name)| text(&name),
            );
            Some(Endpoint::Internal(name.unwrap_or_default()))
        }
    }
}
