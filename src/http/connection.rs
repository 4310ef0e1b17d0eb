//! The connections that carry exchanges: which one an exchange with these addresses goes over, and what else can go over it.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Version;
use crate::trace::ConversationIds;

/// Connections that are remembered at most. When full, those without an exchange under way are forgotten.
const MAX_CONNECTIONS: usize = 65_536;

/// Local and remote address.
pub(super) type Key = (SocketAddr, SocketAddr);

/// A connection.
#[derive(Debug)]
pub(super) struct HttpConnection {
    key: Option<Key>,
    pub(super) version: Version,
    /// HTTP/2: the identifier of the next stream (RFC 9113 section 5.1.1).
    next_stream: u32,
    /// ExchangeQueue that are under way.
    pub(super) open: u64,
    /// HTTP/1.1: exchanges whose response has yet to begin.
    pub(super) unanswered: u64,
    /// HTTP/1.1: it is, or may become, a tunnel, and no other exchange can follow.
    pub(super) is_tunnel: bool,
    /// HTTP/1.1: the response to an exchange never came. One to another exchange would be taken for it.
    pub(super) is_unanswered: bool,
    /// HTTP/1.1: a message broke off, and only the end of the connection shows it.
    pub(super) is_broken_off: bool,
}

/// All connections that carry exchanges.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    by_addresses: HashMap<Key, u32>,
    by_number: Vec<Option<HttpConnection>>,
    numbers: ConversationIds,
}

impl Carriers {
    /// The connection between these addresses, if an exchange in this version can go over it. One that cannot take the
    /// exchange is superseded: it ends with the exchanges that it carries.
    pub(super) fn known(&self, key: Key, version: Version, is_tunnel: bool) -> Option<u32> {
        let number = *self.by_addresses.get(&key)?;
        self.get(number)?.takes(version, is_tunnel).then_some(number)
    }

    /// Whether exchanges are under way between these addresses which wait for their response.
    pub(super) fn is_busy(&self, key: Key) -> bool {
        let number = self.by_addresses.get(&key);
        number.and_then(|&number| self.get(number)).is_some_and(|carrier| carrier.unanswered > 0)
    }

    /// Opens a connection. Returns its number, and that of the one between the same addresses which it supersedes, if no
    /// exchange is under way there.
    pub(super) fn open(&mut self, key: Option<Key>, version: Version) -> (u32, Option<u32>) {
        let number = self.numbers.take();
        let place = number as usize;
        if self.by_number.len() <= place {
            self.by_number.resize_with(place + 1, || None);
        }
        self.by_number[place] = Some(HttpConnection::new(key, version));
        let superseded = key.and_then(|key| self.by_addresses.insert(key, number));
        (number, superseded.filter(|&number| self.get(number).is_some_and(|carrier| carrier.open == 0)))
    }

    pub(super) fn get(&self, number: u32) -> Option<&HttpConnection> {
        self.by_number.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut HttpConnection> {
        self.by_number.get_mut(number as usize)?.as_mut()
    }

    /// Whether a connection carries nothing and will not carry anything more.
    pub(super) fn is_over(&self, number: u32) -> bool {
        self.get(number).is_some_and(|carrier| {
            let is_superseded = carrier.key.is_none_or(|key| self.by_addresses.get(&key) != Some(&number));
            carrier.open == 0 && (is_superseded || carrier.is_unanswered || carrier.is_broken_off)
        })
    }

    /// Connections to forget, because there are too many.
    pub(super) fn too_many(&self) -> Vec<u32> {
        if self.by_addresses.len() <= MAX_CONNECTIONS {
            return Vec::new();
        }
        let is_idle = |number: &u32| self.get(*number).is_some_and(|carrier| carrier.open == 0);
        (0..self.by_number.len() as u32).filter(is_idle).collect()
    }

    /// Forgets a connection.
    pub(super) fn close(&mut self, number: u32) -> Option<HttpConnection> {
        let carrier = self.by_number.get_mut(number as usize)?.take()?;
        if let Some(key) = carrier.key
            && self.by_addresses.get(&key) == Some(&number)
        {
            self.by_addresses.remove(&key);
        }
        self.numbers.give_back(number);
        Some(carrier)
    }
}

impl HttpConnection {
    fn new(key: Option<Key>, version: Version) -> Self {
        Self {
            key,
            version,
            next_stream: 1,
            open: 0,
            unanswered: 0,
            is_tunnel: false,
            is_unanswered: false,
            is_broken_off: false,
        }
    }

    /// Whether an exchange can go over it beside and after those that it has. A connection that has begun with HTTP/1.1
    /// cannot go on with HTTP/2, and a tunnel has to wait for the responses before its own.
    fn takes(&self, version: Version, is_tunnel: bool) -> bool {
        match self.version {
            Version::Http2 => true,
            Version::Http1 => {
                let is_last = self.is_tunnel || self.is_unanswered || self.is_broken_off;
                version == Version::Http1 && !is_last && !(is_tunnel && self.open > 0)
            }
        }
    }

    /// The identifier of a new stream.
    pub(super) fn next_stream(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream = stream.wrapping_add(2) & 0x7fff_ffff;
        stream
    }
}
