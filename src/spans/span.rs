//! The one model of spans, whoever wrote them, and all spans that are known: packed, because there may be millions.
//!
//! Texts are kept once. A span takes 80 bytes, 8 in the orders by which it is found, 32 if it has a request's id, and 16 for each event
//! and attribute that is kept.

use std::collections::HashMap;
use std::hash::BuildHasher;

use super::context::path;
use super::values::{REQUEST_ID, Wanted};

/// A span as it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) trace: u128,
    pub(super) id: u64,
    /// 0 where it has none.
    pub(super) parent: u64,
    pub(super) name: String,
    pub(super) service: String,
    pub(super) kind: Kind,
    /// In nanoseconds since the Unix epoch.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) status: String,
    pub(super) attributes: Vec<(String, String)>,
    /// `x-request-id`, as Envoy's tracers have it.
    pub(super) request_id: String,
    /// The path that the span's request asked for.
    pub(super) path: String,
    /// Annotations and message events, with their times.
    pub(super) events: Vec<(u64, String)>,
    pub(super) links: u32,
    /// Frames of its stack trace.
    pub(super) frames: u32,
}

impl Draft {
    pub(super) fn clear(&mut self) {
        let Self { name, service, status, attributes, request_id, path, events, .. } = std::mem::take(self);
        *self = Self {
            name: emptied(name),
            service: emptied(service),
            status: emptied(status),
            request_id: emptied(request_id),
            path: emptied(path),
            ..Self::default()
        };
        (self.attributes, self.events) = (attributes, events);
        self.attributes.clear();
        self.events.clear();
    }

    /// Takes in an attribute.
    pub(super) fn attribute(&mut self, wanted: &Wanted, key: &str, text: String) {
        match key {
            REQUEST_ID => self.request_id.clone_from(&text),
            // The names that OpenTelemetry had before and has now, OpenCensus', and those of Zipkin's libraries.
            "http.url" | "http.target" | "http.path" | "url.path" | "url.full" => {
                self.path.clear();
                self.path.push_str(path(&text));
            }
            _ => {}
        }
        if wanted.has(key) {
            self.attributes.push((key.to_owned(), text));
        }
    }
}

fn emptied(mut text: String) -> String {
    text.clear();
    text
}

/// What a span is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Not said.
    #[default]
    Unspecified,
    /// Something inside of a program.
    Internal,
    /// A request that was answered.
    Server,
    /// A request that was sent.
    Client,
    /// A message that was sent.
    Producer,
    /// A message that was received.
    Consumer,
}

impl Kind {
    /// Its name in comments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Internal => "INTERNAL",
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
        }
    }
}

/// A span that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) name: Name,
    pub(super) service: Name,
    pub(super) status: Name,
    /// A hash of the path that its request asked for; 0 where that is unknown.
    pub(super) path: u32,
    /// Where its events and attributes begin; they end where those of the next one begin.
    details: u32,
    pub(super) links: u16,
    pub(super) frames: u16,
    pub(super) kind: Kind,
}

/// A text, by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Name(u32);

/// An event (`key` is none), or an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    pub(super) time: u64,
    pub(super) key: Name,
    pub(super) value: Name,
}

/// All spans.
#[derive(Clone, Debug)]
pub struct Spans {
    spans: Vec<Span>,
    details: Vec<Detail>,
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    /// Places in `spans`, in the order of trace and id, and of trace and parent.
    by_id: Vec<u32>,
    by_parent: Vec<u32>,
    /// Hashes of the request ids that spans have, with their places. 128 bits of two secrets are as good as the ids.
    by_request: Vec<(u128, u32)>,
    hashers: [foldhash::quality::RandomState; 2],
    /// Spans that came twice.
    pub(super) duplicates: u64,
}

/// Spans that are kept at most.
const MAX_SPANS: usize = 50_000_000;

impl Default for Spans {
    fn default() -> Self {
        let mut spans = Self {
            spans: Vec::new(),
            details: Vec::new(),
            texts: Vec::new(),
            numbers: HashMap::default(),
            by_id: Vec::new(),
            by_parent: Vec::new(),
            by_request: Vec::new(),
            hashers: Default::default(),
            duplicates: 0,
        };
        // The empty text is number 0.
        spans.name("");
        spans
    }
}

impl Spans {
    fn name(&mut self, text: &str) -> Name {
        if let Some(&number) = self.numbers.get(text) {
            return Name(number);
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        Name(number)
    }

    /// A text.
    pub(super) fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }

    /// Adds a span. Whether there is room for it.
    pub(super) fn add(&mut self, draft: &Draft) -> bool {
        if self.spans.len() >= MAX_SPANS {
            return false;
        }
        let place = self.spans.len() as u32;
        let details = self.details.len() as u32;
        for (time, text) in &draft.events {
            let value = self.name(text);
            self.details.push(Detail { time: *time, key: Name::default(), value });
        }
        for (key, value) in &draft.attributes {
            let (key, value) = (self.name(key), self.name(value));
            self.details.push(Detail { time: 0, key, value });
        }
        let span = Span {
            trace: draft.trace,
            id: draft.id,
            parent: draft.parent,
            start: draft.start,
            end: draft.end,
            name: self.name(&draft.name),
            service: self.name(&draft.service),
            status: self.name(&draft.status),
            path: self.path(&draft.path),
            details,
            links: draft.links.min(u16::MAX.into()) as u16,
            frames: draft.frames.min(u16::MAX.into()) as u16,
            kind: draft.kind,
        };
        self.spans.push(span);
        if !draft.request_id.is_empty() {
            self.by_request.push((self.hash(&draft.request_id), place));
        }
        true
    }

    /// A hash of a path; 0 for none.
    pub(super) fn path(&self, path: &str) -> u32 {
        if path.is_empty() { 0 } else { (self.hashers[0].hash_one(path) as u32).max(1) }
    }

    fn hash(&self, text: &str) -> u128 {
        let [high, low] = [0, 1].map(|at: usize| u128::from(self.hashers[at].hash_one(text)));
        high << 64 | low
    }

    /// Puts the spans in the orders by which they are found. A span that is there twice counts once: the first.
    pub(super) fn sort(&mut self) {
        let Self { spans, by_id, by_parent, by_request, duplicates, .. } = self;
        // The same id from both ends of a request ("shared") is two spans.
        let what = |place: u32| {
            let Span { trace, id, parent, start, end, name, kind, .. } = spans[place as usize];
            (trace, id, parent, start, end, name.0, kind as u8)
        };
        by_id.clear();
        by_id.extend(0..spans.len() as u32);
        by_id.sort_unstable_by_key(|&place| (what(place), place));
        let before = by_id.len();
        by_id.dedup_by_key(|place| what(*place));
        *duplicates = (before - by_id.len()) as u64;
        by_parent.clear();
        by_parent.extend(by_id.iter().filter(|&&place| spans[place as usize].parent != 0));
        by_parent.sort_unstable_by_key(|&place| {
            let span = &spans[place as usize];
            (span.trace, span.parent, place)
        });
        by_request.sort_unstable();
    }

    /// How many places there are: a span that came twice has two.
    pub(super) fn places(&self) -> usize {
        self.spans.len()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The span at a place.
    pub(super) fn span(&self, place: u32) -> &Span {
        &self.spans[place as usize]
    }

    /// Its events and attributes.
    pub(super) fn details(&self, place: u32) -> &[Detail] {
        let next =
            self.spans.get(place as usize + 1).map_or(self.details.len(), |next| next.details as usize);
        &self.details[self.spans[place as usize].details as usize..next]
    }

    /// The places of the spans with this id.
    pub(super) fn with_id(&self, trace: u128, id: u64) -> impl Iterator<Item = u32> {
        let key = |place: &u32| (self.span(*place).trace, self.span(*place).id);
        let first = self.by_id.partition_point(|place| key(place) < (trace, id));
        self.by_id[first..].iter().copied().take_while(move |place| key(place) == (trace, id))
    }

    /// Those of the spans whose parent has this id.
    pub(super) fn children(&self, trace: u128, id: u64) -> impl Iterator<Item = u32> {
        let key = |place: &u32| (self.span(*place).trace, self.span(*place).parent);
        let first = self.by_parent.partition_point(|place| key(place) < (trace, id));
        self.by_parent[first..].iter().copied().take_while(move |place| key(place) == (trace, id))
    }

    /// Those of the spans of the request with this `x-request-id`.
    pub(super) fn of_request(&self, id: &str) -> impl Iterator<Item = u32> {
        let hash = self.hash(id);
        let first = self.by_request.partition_point(|&(known, _)| known < hash);
        self.by_request[first..].iter().take_while(move |&&(known, _)| known == hash).map(|&(_, place)| place)
    }
}
