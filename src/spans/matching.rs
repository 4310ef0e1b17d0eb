//! Which spans a request belongs to: by trace and span in full, or by the request's id; never by the trace alone, and never by time.

use super::context::{Contexts, path};
use super::span::{Kind, Spans};

/// Why a span is a request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The request names it.
    Id,
    /// The request names its parent, and no other child of that asked for the request's path instead: it is of the hop that got the
    /// request.
    Child,
    /// It is the parent of a client's span that the request names: the request went out within it.
    Parent,
    /// It has the request's `x-request-id`.
    RequestId,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Id, Self::Child, Self::Parent, Self::RequestId];

    /// Its name in comments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Child => "child",
            Self::Parent => "parent",
            Self::RequestId => "request-id",
        }
    }
}

/// Spans of a request at most.
const MAX_MATCHES: usize = 64;

impl Spans {
    /// The places of the spans of a request, each once, with the first rule that found it.
    #[must_use]
    pub fn find(&self, contexts: &Contexts) -> Vec<(u32, Rule)> {
        let mut found: Vec<(u32, Rule)> = Vec::new();
        let mut add = |place: u32, rule: Rule| {
            if found.len() < MAX_MATCHES && found.iter().all(|&(known, _)| known != place) {
                found.push((place, rule));
            }
        };
        for context in &contexts.contexts {
            self.with_id(context.trace, context.span).for_each(|place| add(place, Rule::Id));
        }
        // Who passes its context on to two requests has spans of both as children: the paths part them.
        let path = self.path(path(&contexts.request[1]));
        for context in &contexts.contexts {
            let paths = || self.children(context.trace, context.span).map(|place| self.span(place).path);
            let is_known = path != 0 && paths().any(|known| known == path);
            let is_of_request = |&place: &u32| !is_known || [0, path].contains(&self.span(place).path);
            self.children(context.trace, context.span)
                .filter(is_of_request)
                .for_each(|place| add(place, Rule::Child));
        }
        for context in &contexts.contexts {
            let clients = self.with_id(context.trace, context.span).filter(|&place| {
                let span = self.span(place);
                span.kind == Kind::Client && span.parent != 0
            });
            for client in clients {
                self.with_id(context.trace, self.span(client).parent)
                    .for_each(|place| add(place, Rule::Parent));
            }
        }
        if !contexts.request_id.is_empty() {
            self.of_request(&contexts.request_id).for_each(|place| add(place, Rule::RequestId));
        }
        found
    }
}
