//! Requests and their responses: what the tests have the HTTP tap filter see, and what its readers find in a capture.

use std::fmt;
use std::net::SocketAddr;

use crate::model::{START, address};

/// A request and its response, each unless it is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) request: Option<Message>,
    pub(crate) response: Option<Message>,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Pseudo-headers too, such as `:path`.
    pub(crate) headers: Headers,
    /// The body in the pieces in which it came.
    pub(crate) body: Vec<Piece>,
    pub(crate) trailers: Headers,
    /// When the headers came.
    pub(crate) time: u64,
}

/// Names and values in their order.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// A piece of a body.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// What is left of it.
    pub(crate) kept: Vec<u8>,
    /// How long it was.
    pub(crate) length: usize,
}

/// An exchange and where it was tapped.
#[derive(Clone, Debug)]
pub(crate) struct Tapped {
    pub(crate) id: u64,
    pub(crate) exchange: Exchange,
    /// The client and Envoy.
    pub(crate) downstream: [SocketAddr; 2],
    /// Envoy and the server.
    pub(crate) upstream: [SocketAddr; 2],
}

impl Tapped {
    /// The exchange with this number, a second behind that with the one before it, on a connection that all have.
    pub(crate) fn new(
        id: u64,
        request: impl Into<Option<Message>>,
        response: impl Into<Option<Message>>,
    ) -> Self {
        let time = START + id * 1_000_000_000;
        let exchange = Exchange {
            request: request.into().map(|message| message.at(time)),
            response: response.into().map(|message| message.at(time + 3_000_000)),
        };
        Self {
            id,
            exchange,
            downstream: ["10.2.0.1:40000", "10.1.0.1:8080"].map(address),
            upstream: ["10.1.0.1:50000", "10.3.0.1:9000"].map(address),
        }
    }
}

pub(crate) fn headers<N: AsRef<str>, V: AsRef<[u8]>>(list: impl IntoIterator<Item = (N, V)>) -> Headers {
    let header = |(name, value): (N, V)| (name.as_ref().to_owned(), value.as_ref().to_vec());
    list.into_iter().map(header).collect()
}

impl Message {
    /// A request of these, without a body.
    pub(crate) fn request(method: &str, path: &str, others: &[(&str, &str)]) -> Self {
        let pseudo = [(":authority", "h.test"), (":path", path), (":method", method), (":scheme", "http")];
        Self { headers: headers(pseudo.iter().chain(others).copied()), ..Self::default() }
    }

    /// A response likewise.
    pub(crate) fn response(status: &str, others: &[(&str, &str)]) -> Self {
        let status = [(":status", status)];
        Self { headers: headers(status.iter().chain(others).copied()), ..Self::default() }
    }

    pub(crate) fn piece(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body.push(Piece::whole(bytes.as_ref()));
        self
    }

    /// A piece of which the tap's limit left so much.
    pub(crate) fn cut_piece(mut self, bytes: impl AsRef<[u8]>, cut_to: usize) -> Self {
        let bytes = bytes.as_ref();
        self.body.push(Piece { kept: bytes[..cut_to].to_vec(), length: bytes.len() });
        self
    }

    pub(crate) fn trailers(mut self, list: &[(&str, &str)]) -> Self {
        self.trailers = headers(list.iter().copied());
        self
    }

    pub(crate) fn at(mut self, time: u64) -> Self {
        self.time = time;
        self
    }

    /// The first value of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let mut named = self.headers.iter().filter(|(other, _)| other == name);
        named.next().map(|(_, value)| value.as_slice())
    }

    /// The same as text.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).map(|value| std::str::from_utf8(value).expect("UTF-8"))
    }

    /// All that is left of the body.
    pub(crate) fn kept(&self) -> Vec<u8> {
        self.body.iter().flat_map(|piece| &piece.kept).copied().collect()
    }

    /// How long the body was.
    pub(crate) fn length(&self) -> usize {
        self.body.iter().map(|piece| piece.length).sum()
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.body.iter().any(Piece::is_cut)
    }
}

impl Piece {
    pub(crate) fn whole(bytes: &[u8]) -> Self {
        Self { kept: bytes.to_vec(), length: bytes.len() }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.kept.len() < self.length
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let lines = |headers: &Headers| -> Vec<String> {
            headers.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii())).collect()
        };
        list.entries(lines(&self.headers)).entries(&self.body).entries(lines(&self.trailers));
        list.finish()
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.kept[..self.kept.len().min(24)];
        write!(f, "{}/{} bytes \"{}\"", self.kept.len(), self.length, start.escape_ascii())
    }
}
