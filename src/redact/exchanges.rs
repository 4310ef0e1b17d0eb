//! What the two directions of a connection in HTTP/1 have to know of each other: which one has the requests, which of those wait
//! for a response, and whether one asks for a tunnel.

use std::collections::VecDeque;

use super::Lost;
use crate::trace::Direction;

/// Requests of a connection that wait for a response at most.
const MAX_REQUESTS: usize = 1000;

/// What a request says of its response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request {
    pub(super) is_head: bool,
    pub(super) is_connect: bool,
    pub(super) is_upgrade: bool,
}

/// The exchanges of a connection.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    /// The direction of requests, once it is known.
    requests: Option<Direction>,
    waiting: VecDeque<Request>,
    is_tunnel: bool,
    /// Requests may have come before those that are known.
    is_partial: bool,
}

impl Exchanges {
    /// Those of a connection of which all is known from its beginning on, or not.
    pub(super) fn new(is_whole: bool) -> Self {
        Self { is_partial: !is_whole, ..Self::default() }
    }

    /// A direction has a message.
    pub(super) fn sends(&mut self, direction: Direction, is_response: bool) -> Result<(), Lost> {
        let requests = if is_response { direction.reverse() } else { direction };
        if *self.requests.get_or_insert(requests) == requests { Ok(()) } else { Err(Lost) }
    }

    /// A request has come.
    pub(super) fn request(&mut self, request: Request) -> Result<(), Lost> {
        if self.waiting.len() == MAX_REQUESTS {
            return Err(Lost);
        }
        self.waiting.push_back(request);
        Ok(())
    }

    /// A response has come. Returns the request that it is to, if that is known.
    pub(super) fn response(&mut self, code: u16) -> Option<Request> {
        let request = self.waiting.pop_front();
        let opens = request.is_some_and(|request| request.is_connect && (200..300).contains(&code));
        self.is_tunnel |= code == 101 || opens;
        request.filter(|_| !self.is_partial)
    }

    /// Whether what follows in a direction may be another protocol's.
    pub(super) fn may_tunnel(&self, direction: Direction) -> bool {
        let asks = self.waiting.iter().any(|request| request.is_connect || request.is_upgrade);
        self.is_tunnel || asks && self.requests == Some(direction)
    }
}
