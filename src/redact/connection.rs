//! Both directions of a connection that a socket tap recorded: which protocol they are, and what is shown of them.

use super::exchanges::Exchanges;
use super::http1::Http1;
use super::http2::Http2;
use super::rules::Redaction;
use super::{Hidden, Why};
use crate::protocol::http2::PREFACE;
use crate::protocol::{Protocol, recognize};
use crate::report::RedactionCounts;
use crate::tcp::original_length;
use crate::trace::{Data, Direction, Length};

/// A connection that is followed.
#[derive(Debug, Default)]
pub struct Connection {
    ways: [Way; 2],
    exchanges: Exchanges,
    /// The direction of requests in HTTP/2.
    client: Option<Direction>,
    /// One of them asks for a tunnel, or may do so.
    tunnels: bool,
    /// Its first bytes of unknown meaning have been told of.
    has_told: bool,
}

/// One direction.
#[derive(Debug)]
enum Way {
    /// Nothing has come but these bytes, with which the preface of HTTP/2 begins.
    New(Vec<u8>),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    /// Nobody can read it.
    Tls,
    /// Nobody knows what a byte means.
    Unknown,
}

impl Default for Way {
    fn default() -> Self {
        Self::New(Vec::new())
    }
}

impl Connection {
    /// A connection of which all is known from its beginning on, or not.
    #[must_use]
    pub fn new(is_whole: bool) -> Self {
        Self { exchanges: Exchanges::new(is_whole), ..Self::default() }
    }

    /// Redacts bytes that one side sent. Returns those that are to be hidden, in their order.
    pub fn data(
        &mut self,
        rules: &Redaction,
        data: &mut Data<'_>,
        counts: &mut RedactionCounts,
    ) -> Vec<Hidden> {
        let length = data.bytes.len();
        let mut hidden = Vec::new();
        let from = self.bytes(rules, data, &mut hidden, counts).err();
        if from.is_some() {
            self.ways[data.direction as usize] = Way::Unknown;
        }
        let rest = from.filter(|&from| from < length).map(|from| from..length);
        hidden.extend(rest.map(|range| Hidden { range, why: Why::Unknown }));
        let missing = original_length(data).saturating_sub(length as u64);
        match data.length {
            Length::Whole | Length::Unsure => {}
            Length::CutFrom(_) => self.skip(data.direction, missing),
            Length::Cut | Length::AtLeast(_) | Length::Lossy(_) => self.lose(data.direction),
        }
        hidden
    }

    fn bytes(
        &mut self,
        rules: &Redaction,
        data: &mut Data<'_>,
        hidden: &mut Vec<Hidden>,
        counts: &mut RedactionCounts,
    ) -> Result<(), usize> {
        if data.bytes.is_empty() {
            return Ok(());
        }
        let direction = data.direction;
        let [read, write] = &mut self.ways;
        let (way, other) = if direction == Direction::Read { (read, write) } else { (write, read) };
        let (exchanges, tunnels) = (&mut self.exchanges, &mut self.tunnels);
        let mut at = 0;
        if let Way::New(seen) = way {
            let first = recognize(direction, &data.bytes).filter(|_| seen.is_empty());
            let protocol = first.map(|recognized| recognized.protocol);
            let before = seen.len();
            let all = [&seen[..], &data.bytes[..]].concat();
            *way = if protocol == Some(Protocol::Tls) {
                Way::Tls
            } else if all.starts_with(PREFACE) {
                at = PREFACE.len() - before;
                self.client = Some(direction);
                Way::Http2(Box::default())
            } else if PREFACE.starts_with(&all) {
                Way::New(all)
            } else if protocol == Some(Protocol::Http2) {
                Way::Http2(Box::default())
            } else {
                let mut http1 = Http1::new(direction);
                let mut seen = all;
                seen.truncate(before);
                http1.bytes(rules, &mut seen, false, exchanges, counts).map_err(|_| 0_usize)?;
                Way::Http1(Box::new(http1))
            };
        }
        match way {
            Way::New(_) | Way::Tls => Ok(()),
            Way::Http1(http1) => http1.bytes(rules, data.bytes.to_mut(), data.is_text, exchanges, counts),
            // Any frame may have lost bytes.
            Way::Http2(_) if data.is_text => Err(at),
            Way::Http2(http2) => {
                // Only who can read the requests knows what the responses are.
                let is_known = self.client == Some(direction) || matches!(other, Way::Http2(_));
                let mut hides_data = *tunnels || !is_known;
                let followed = http2.bytes(rules, data.bytes.to_mut(), at, &mut hides_data, hidden, counts);
                *tunnels |= hides_data && is_known;
                followed
            }
            Way::Unknown => Err(0),
        }
    }

    /// So many bytes of a direction are missing.
    pub fn skip(&mut self, direction: Direction, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let way = &mut self.ways[direction as usize];
        let skipped = match way {
            Way::Http1(http1) => http1.skip(bytes).is_ok(),
            Way::Http2(http2) => {
                self.tunnels |= http2.is_in_headers();
                http2.skip(bytes).is_ok()
            }
            Way::Tls => true,
            Way::New(_) | Way::Unknown => false,
        };
        if !skipped {
            *way = Way::Unknown;
        }
    }

    /// It is not known where in a direction it goes on.
    pub fn lose(&mut self, direction: Direction) {
        let way = &mut self.ways[direction as usize];
        if !matches!(way, Way::Tls) {
            *way = Way::Unknown;
        }
    }

    /// Whether it has to be told that bytes of it are hidden because nobody knows what they are: once.
    pub fn tells(&mut self) -> bool {
        !std::mem::replace(&mut self.has_told, true)
    }
}
