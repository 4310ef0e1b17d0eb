//! Reads binary messages whose fields come in their order, as Envoy writes them, where they lie; `None` for any other encoding.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::proto::envoy::config::core::v3::{Address, SocketAddress};
use crate::proto::envoy::data::tap::v3::{self, SocketEvent, SocketStreamedTraceSegment, TraceWrapper};
use crate::protobuf::binary::{bytes_tag, long_varint, number_tag};
use crate::trace::{Connection, Endpoint};

const LOCAL_ADDRESS: u8 = bytes_tag(v3::Connection::LOCAL_ADDRESS);
const REMOTE_ADDRESS: u8 = bytes_tag(v3::Connection::REMOTE_ADDRESS);
const SOCKET_ADDRESS: u8 = bytes_tag(Address::SOCKET_ADDRESS);
const PROTOCOL: u8 = number_tag(SocketAddress::PROTOCOL);
const ADDRESS: u8 = bytes_tag(SocketAddress::ADDRESS);
const PORT_VALUE: u8 = number_tag(SocketAddress::PORT_VALUE);
const CONNECTION: u8 = bytes_tag(SocketEvent::CONNECTION);
const SEGMENT: u8 = bytes_tag(TraceWrapper::SOCKET_STREAMED_TRACE_SEGMENT);
const TRACE_ID: u8 = number_tag(SocketStreamedTraceSegment::TRACE_ID);

/// A `Connection`, in `range`, whose addresses are numbers with a port.
pub(super) fn addresses(bytes: &[u8], range: Range<usize>) -> Option<Connection> {
    let mut walk = CanonicalReader { bytes, at: range.start };
    let mut address = |tag| match walk.eat_if(tag, range.end) {
        true => walk.message().and_then(|end| walk.address(end)).map(Some),
        false => Some(None),
    };
    let (local, remote) = (address(LOCAL_ADDRESS)?, address(REMOTE_ADDRESS)?);
    walk.ends(range.end)?;
    Some(Connection { local, remote, sample_rate: None })
}

/// Goes through bytes, of which there may be more than are of the message: a number that is taken with those behind it
/// is taken faster. Where each message ends is checked when all that should be in it has been passed.
pub(super) struct CanonicalReader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl CanonicalReader<'_> {
    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Passes over a field's tag, which has to come.
    #[inline(always)]
    pub(super) fn eat(&mut self, tag: u8) -> Option<()> {
        (self.byte()? == tag).then_some(())
    }

    /// Passes over a field's tag, if that is what comes in a message that goes on to `end`.
    #[inline(always)]
    pub(super) fn eat_if(&mut self, tag: u8, end: usize) -> bool {
        let has = self.at < end && self.bytes.get(self.at) == Some(&tag);
        self.at += usize::from(has);
        has
    }

    /// A number that is small, most often. Not by [`varint`](crate::protobuf::binary::varint): the program takes a sixth longer with
    /// it, measured on events of 100 bytes.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<u64> {
        let start = self.at;
        let low = self.byte()?;
        if low < 0x80 {
            return Some(low.into());
        }
        let high = self.byte()?;
        if high < 0x80 {
            return Some(u64::from(low & 0x7f) | u64::from(high) << 7);
        }
        self.at = start;
        self.long_number()
    }

    /// A number that is large, most often.
    #[inline(always)]
    pub(super) fn long_number(&mut self) -> Option<u64> {
        let (value, length) = long_varint(self.bytes.get(self.at..)?).ok()?;
        self.at += length;
        Some(value)
    }

    /// Where the message ends whose length comes.
    #[inline(always)]
    pub(super) fn message(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        let end = self.at.checked_add(length)?;
        (end <= self.bytes.len()).then_some(end)
    }

    /// Passes over the event's `connection`, if one comes in a message that goes on to `end`, and returns where it stands. Its
    /// addresses are not looked into: in all events of a connection but the first they are known.
    #[inline(always)]
    pub(super) fn connection(&mut self, end: usize) -> Option<(usize, usize)> {
        if !self.eat_if(CONNECTION, end) {
            return Some((0, 0));
        }
        let connection_end = self.message()?;
        let start = self.at;
        for address in [LOCAL_ADDRESS, REMOTE_ADDRESS] {
            if self.eat_if(address, connection_end) {
                self.at = self.message()?;
            }
        }
        self.ends(connection_end)?;
        (start < connection_end).then_some((start, connection_end))
    }

    /// Goes to the content of a record's last field, which has this tag, and returns the trace's id, which comes first.
    /// All messages there end with the record, at `end`.
    #[inline(always)]
    pub(super) fn segment(&mut self, tag: u8, end: usize) -> Option<u64> {
        self.eat(SEGMENT)?;
        let wrapper_end = self.message()?;
        self.eat(TRACE_ID)?;
        let id = self.number()?;
        self.eat(tag)?;
        let field_end = self.message()?;
        (wrapper_end == end && field_end == end).then_some(id)
    }

    /// An `Address`, which goes on to `end`, that is a `SocketAddress` with a number and a port.
    pub(super) fn address(&mut self, end: usize) -> Option<Endpoint> {
        self.eat(SOCKET_ADDRESS)?;
        let socket_end = self.message()?;
        if self.eat_if(PROTOCOL, socket_end) {
            self.number()?;
        }
        self.eat(ADDRESS)?;
        let ip_end = self.message()?;
        let ip: IpAddr = str::from_utf8(self.bytes.get(self.at..ip_end)?).ok()?.parse().ok()?;
        self.at = ip_end;
        let port = if self.eat_if(PORT_VALUE, socket_end) { self.number()? } else { 0 };
        self.ends(socket_end)?;
        self.ends(end)?;
        Some(Endpoint::Ip(SocketAddr::new(ip.to_canonical(), u16::try_from(port).ok()?)))
    }

    #[inline(always)]
    pub(super) fn ends(&self, end: usize) -> Option<()> {
        (self.at == end).then_some(())
    }
}
