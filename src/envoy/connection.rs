//! The addresses of a connection, of every generation of the format.
//!
//! Envoy 1.28 renumbered the fields of `Connection`: local and remote were 2 and 3 and became 1 and 2. Each binary message shows
//! which it is: field 3 was never used again, and the old field 1 was never written by a tap, except in the traces of the
//! `capture` transport socket (Envoy 1.7 to 1.9), where it is the connection's id, a varint. The names stayed.

use super::canonical_reader::addresses;
use super::generation::Generation;
use crate::proto::envoy::config::core::v3::address::Address as Kind;
use crate::proto::envoy::config::core::v3::envoy_internal_address::AddressNameSpecifier;
use crate::proto::envoy::config::core::v3::socket_address::PortSpecifier;
use crate::proto::envoy::config::core::v3::{Address, SocketAddress};
use crate::proto::envoy::data::tap::{v2alpha, v3};
use crate::protobuf::binary::{self, Fields, Value};
use crate::protobuf::{Damage, Encoding, Reader};
use crate::trace::{Connection, Endpoint};

/// A `Connection`, and what only some generations have.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) connection: Box<Connection>,
    /// The id of the `capture` transport socket, and of the taps of early 2019.
    pub(super) id: Option<u64>,
    /// As far as the numbers of the fields show.
    pub(super) generation: Generation,
}

/// Reads the `Connection` that is the value. Where its addresses cannot be decoded, it has none: the bytes that were tapped are
/// not lost with them.
#[inline]
pub(super) fn read<E: Encoding>(value: &mut Reader<'_, E>) -> Result<Decoded, Damage> {
    // Nearly all are like this: a trace of many connections takes a third less time.
    if let Some(range) = value.raw().and_then(|fields| fields.whole())
        && let Some(connection) = addresses(value.record, range)
    {
        let connection = Box::new(connection);
        return Ok(Decoded { connection, id: None, generation: Generation::From1_28 });
    }
    read_any(value)
}

/// The same in whatever encoding.
pub(super) fn read_any<E: Encoding>(value: &mut Reader<'_, E>) -> Result<Decoded, Damage> {
    let (mut today, mut legacy) = (v3::Connection::default(), v2alpha::Connection::default());
    let generation = value.raw().map_or(Generation::Unknown, |fields| generation(value.record, fields));
    let read = match generation {
        Generation::From1_28 => value.message(&mut today),
        // All names are among those of the legacy message.
        _ => value.message(&mut legacy),
    };
    let (local, remote) = match (read, generation) {
        (Err(damage), _) if damage.is_end || !E::HAS_LENGTHS => return Err(damage),
        (Err(_), _) => (None, None),
        (Ok(()), Generation::From1_28) => (today.local_address, today.remote_address),
        (Ok(()), _) => (legacy.local_address, legacy.remote_address),
    };
    let connection =
        Connection { local: local.and_then(endpoint), remote: remote.and_then(endpoint), sample_rate: None };
    let id = Some(legacy.id).filter(|&id| id > 0);
    Ok(Decoded { connection: Box::new(connection), id, generation })
}

/// The `Connection` in an event of the [canonical](super::canonical) encoding; `None` where `bytes` is empty.
pub(super) fn of_canonical_event(bytes: &[u8]) -> Option<Box<Connection>> {
    if bytes.is_empty() {
        return None;
    }
    // A field around the bytes is the value that `read` wants.
    let mut scratch = Vec::new();
    let place = binary::Place::of_message(0..bytes.len());
    read(&mut Reader::new(bytes, &mut scratch, place)).ok().map(|decoded| decoded.connection)
}

/// Which generation a binary `Connection` is of.
fn generation(record: &[u8], mut fields: Fields) -> Generation {
    while let Ok(Some((number, value))) = fields.next(record) {
        let is_legacy = match value {
            Value::Varint(_) => number == v2alpha::Connection::ID,
            Value::Bytes(_) => number == v2alpha::Connection::REMOTE_ADDRESS,
            Value::Fixed { .. } => false,
        };
        if is_legacy {
            return Generation::From1_10;
        }
    }
    Generation::From1_28
}

fn endpoint(address: Address) -> Option<Endpoint> {
    Some(match address.address? {
        Kind::SocketAddress(socket) => socket_endpoint(socket),
        Kind::Pipe(pipe) => Endpoint::Pipe(text(&pipe.path)),
        Kind::EnvoyInternalAddress(internal) => {
            let name = internal.address_name_specifier;
            let name = name.map(|AddressNameSpecifier::ServerListenerName(name)| text(&name));
            Endpoint::Internal(name.unwrap_or_default())
        }
    })
}

fn socket_endpoint(socket: SocketAddress) -> Endpoint {
    let address = text(&socket.address);
    match socket.port_specifier {
        None => Endpoint::socket(&address, 0),
        Some(PortSpecifier::PortValue(port)) => match u16::try_from(port) {
            Ok(port) => Endpoint::socket(&address, port),
            Err(_) => Endpoint::Host(format!("{address}:{port}")),
        },
        Some(PortSpecifier::NamedPort(name)) => Endpoint::Host(format!("{address}:{}", text(&name))),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
