//! Puts spans on packets: follows HTTP in the bytes of connections, whichever tap they are of, and says on the packets of a request and
//! its response which spans they belong to.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use super::context::Contexts;
use super::matching::Rule;
use super::redacted::Texts;
use super::span::{Kind, Spans};
use super::{http1, http2};
use crate::redact::Redaction;
use crate::report::Report;
use crate::tcp::original_length;
use crate::trace::{Data, Direction, Length};

/// Requests of a connection that wait for a response at most.
const MAX_REQUESTS: usize = 1000;
/// Connections that are followed at most.
const MAX_FOLLOWED: usize = 100_000;
/// Comments of spans on one packet at most.
const MAX_ANNOTATIONS: usize = 200;

/// Puts spans on the packets of their requests.
#[derive(Debug)]
pub struct Annotator {
    spans: Spans,
    /// By the numbers of the input and the conversation.
    connections: HashMap<(u32, u32), Box<Connection>, foldhash::fast::RandomState>,
    /// By place: whether a span has been found.
    found: Vec<bool>,
    comments: Vec<String>,
    listener: Option<Box<dyn Listener>>,
    redaction: Option<Arc<Redaction>>,
}

/// Is told of each request.
pub trait Listener: std::fmt::Debug {
    /// A request has come.
    fn request(&mut self, request: &Seen);
}

/// A request that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The name of its input.
    pub input: String,
    /// When its first packet was, in nanoseconds since the Unix epoch.
    pub time: u64,
    /// Its method and target.
    pub what: String,
    /// Its spans.
    pub spans: Vec<SeenSpan>,
}

/// A span of a request.
#[derive(Clone, Debug)]
pub struct SeenSpan {
    /// The id of its trace.
    pub trace: u128,
    /// Its own.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Who says so; empty where that is unknown.
    pub service: String,
    /// Which side of the request it is.
    pub kind: Kind,
    /// When it began and ended, in nanoseconds since the Unix epoch.
    pub times: [u64; 2],
    /// Why it is the request's.
    pub rule: Rule,
}

/// What is followed of a connection.
#[derive(Debug, Default)]
struct Connection {
    protocol: Protocol,
    /// Spans of requests without a response, the oldest first, in HTTP/1.1.
    requests: VecDeque<Request>,
    /// By stream, in HTTP/2.
    streams: HashMap<u32, Request, foldhash::fast::RandomState>,
}

#[derive(Debug, Default)]
enum Protocol {
    /// Nothing has come yet.
    #[default]
    Unknown,
    /// By direction.
    Http1(Box<[http1::Follower; 2]>),
    /// With the direction of requests.
    Http2(Box<[http2::Follower; 2]>, Direction),
}

/// A request that was seen.
#[derive(Debug, Default)]
struct Request {
    matches: Vec<(u32, Rule)>,
    /// When it was, if that is known.
    time: Option<u64>,
    is_head: bool,
    is_connect: bool,
}

impl Annotator {
    /// Annotates with these spans.
    #[must_use]
    pub fn new(spans: Spans) -> Self {
        let found = vec![false; spans.places()];
        let connections = HashMap::default();
        Self { spans, connections, found, comments: Vec::new(), listener: None, redaction: None }
    }

    /// Has this listener told of each request.
    pub fn tell(&mut self, listener: Option<Box<dyn Listener>>) {
        self.listener = listener;
    }

    /// Has values in the texts of spans redacted.
    pub fn redact(&mut self, redaction: Option<Arc<Redaction>>) {
        self.redaction = redaction;
    }

    /// Says what is on the packet of bytes that one side of a conversation, known by these numbers, of this input, sent at a time in
    /// nanoseconds.
    pub fn data(
        &mut self,
        key: (u32, u32),
        input: &str,
        time: u64,
        data: &Data<'_>,
        report: &mut Report,
    ) -> &mut Vec<String> {
        self.comments.clear();
        if self.connections.len() >= MAX_FOLLOWED && !self.connections.contains_key(&key) {
            self.connections.clear();
        }
        let connection = self.connections.entry(key).or_default();
        let mut out = Out {
            spans: &self.spans,
            found: &mut self.found,
            comments: &mut self.comments,
            report,
            input,
            time,
            listener: &mut self.listener,
            rules: self.redaction.as_deref(),
        };
        connection.data(data, &mut out);
        if !self.comments.is_empty() {
            report.spans.packets += 1;
        }
        &mut self.comments
    }

    /// So many bytes of a conversation are missing.
    pub fn missing(&mut self, key: (u32, u32), direction: Direction, bytes: u64) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.missing(direction, Some(bytes));
        }
    }

    /// A conversation has ended.
    pub fn end(&mut self, key: (u32, u32)) {
        self.connections.remove(&key);
    }

    /// What is said on a request of an input, for those who know its headers.
    pub fn request(
        &mut self,
        contexts: &Contexts,
        input: &str,
        time: u64,
        report: &mut Report,
    ) -> &mut Vec<String> {
        self.known(contexts, input, time, report, |out, request| {
            out.tell(contexts, &request.matches);
            out.request(request);
        })
    }

    /// What is said on the response to a request with these headers.
    pub fn response(&mut self, contexts: &Contexts, time: u64, report: &mut Report) -> &mut Vec<String> {
        self.known(contexts, "", time, report, |out, request| out.response(request))
    }

    fn known(
        &mut self,
        contexts: &Contexts,
        input: &str,
        time: u64,
        report: &mut Report,
        write: impl FnOnce(&mut Out<'_>, &Request),
    ) -> &mut Vec<String> {
        self.comments.clear();
        let matches = self.spans.find(contexts);
        let mut out = Out {
            spans: &self.spans,
            found: &mut self.found,
            comments: &mut self.comments,
            report,
            input,
            time,
            listener: &mut self.listener,
            rules: self.redaction.as_deref(),
        };
        // Nobody knows when the request was whose response this is: the beginning of the span stands for that, on both.
        write(&mut out, &Request { matches, time: None, ..Request::default() });
        if !self.comments.is_empty() {
            report.spans.packets += 1;
        }
        &mut self.comments
    }

    /// How many spans no request had.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        let found = self.found.iter().filter(|&&found| found).count();
        (self.spans.len() - found.min(self.spans.len())) as u64
    }
}

impl Connection {
    fn data(&mut self, data: &Data<'_>, out: &mut Out<'_>) {
        let Self { protocol, requests, streams } = self;
        let bytes = &data.bytes[..];
        if let Protocol::Unknown = protocol {
            *protocol = if bytes.starts_with(http2::PREFACE) {
                Protocol::Http2(Box::default(), data.direction)
            } else {
                Protocol::Http1(Box::default())
            };
        }
        match protocol {
            Protocol::Unknown => {}
            Protocol::Http1(followers) => {
                let mut tunnel = false;
                followers[data.direction as usize].bytes(bytes, &mut |head| match head {
                    http1::Head::Request { contexts, is_head, is_connect } => {
                        let matches = out.spans.find(&contexts);
                        out.tell(&contexts, &matches);
                        let request = Request { matches, time: Some(out.time), is_head, is_connect };
                        out.request(&request);
                        if requests.len() >= MAX_REQUESTS {
                            requests.pop_front();
                        }
                        requests.push_back(request);
                        false
                    }
                    http1::Head::Response { code } => {
                        if (100..200).contains(&code) && code != 101 {
                            return true;
                        }
                        let Some(request) = requests.pop_front() else { return false };
                        out.response(&request);
                        tunnel |= code == 101 || request.is_connect && (200..300).contains(&code);
                        request.is_head
                    }
                });
                if tunnel {
                    followers.iter_mut().for_each(http1::Follower::tunnel);
                }
            }
            Protocol::Http2(followers, of_requests) => {
                let is_request = data.direction == *of_requests;
                let bytes =
                    if is_request { bytes.strip_prefix(http2::PREFACE).unwrap_or(bytes) } else { bytes };
                followers[data.direction as usize].bytes(bytes, &mut |stream, contexts| {
                    if !is_request {
                        // What comes once more on the stream are trailers.
                        if let Some(request) = streams.remove(&stream) {
                            out.response(&request);
                        }
                        return;
                    }
                    let matches = out.spans.find(&contexts);
                    out.tell(&contexts, &matches);
                    if matches.is_empty() {
                        return;
                    }
                    let request = Request { matches, time: Some(out.time), ..Request::default() };
                    out.request(&request);
                    if streams.len() >= MAX_REQUESTS {
                        streams.clear();
                    }
                    streams.insert(stream, request);
                });
            }
        }
        let rest = original_length(data).saturating_sub(bytes.len() as u64);
        match data.length {
            Length::Whole => {}
            Length::CutFrom(_) => self.missing(data.direction, Some(rest)),
            Length::Cut | Length::AtLeast(_) | Length::Lossy(_) | Length::Unsure => {
                self.missing(data.direction, None)
            }
        }
    }

    fn missing(&mut self, direction: Direction, bytes: Option<u64>) {
        let way = direction as usize;
        match (&mut self.protocol, bytes) {
            (Protocol::Unknown, _) | (_, Some(0)) => {}
            (Protocol::Http1(followers), Some(bytes)) => followers[way].skip(bytes),
            (Protocol::Http1(followers), None) => followers[way].lose(),
            (Protocol::Http2(followers, _), Some(bytes)) => followers[way].skip(bytes),
            (Protocol::Http2(followers, _), None) => followers[way].lose(),
        }
    }
}

/// Where comments go.
struct Out<'a> {
    spans: &'a Spans,
    found: &'a mut [bool],
    comments: &'a mut Vec<String>,
    report: &'a mut Report,
    input: &'a str,
    time: u64,
    listener: &'a mut Option<Box<dyn Listener>>,
    rules: Option<&'a Redaction>,
}

impl Out<'_> {
    /// Tells of a request, if somebody listens.
    fn tell(&mut self, contexts: &Contexts, matches: &[(u32, Rule)]) {
        let Some(listener) = self.listener else { return };
        let spans = matches.iter().map(|&(place, rule)| {
            let span = self.spans.span(place);
            let (name, service) = (self.spans.text(span.name), self.spans.text(span.service));
            SeenSpan {
                trace: span.trace,
                id: span.id,
                name: name.to_owned(),
                service: service.to_owned(),
                kind: span.kind,
                times: [span.start, span.end],
                rule,
            }
        });
        let spans = spans.collect();
        listener.request(&Seen {
            input: self.input.to_owned(),
            time: self.time,
            what: contexts.request.join(" "),
            spans,
        });
    }

    /// On the first packet of a request.
    fn request(&mut self, request: &Request) {
        for &(place, rule) in &request.matches {
            self.found[place as usize] = true;
            self.report.spans.matched[rule as usize] += 1;
            let span = self.spans.span(place);
            let mut comment = self.ids(place);
            let mut texts = Texts { rules: self.rules, count: &mut self.report.redacted.values };
            let name = quoted(&texts.name(self.spans.text(span.name)));
            let service = quoted(&texts.name(self.spans.text(span.service)));
            let status = quoted(&texts.status(self.spans.text(span.status)));
            if span.parent != 0 {
                let _ = write!(comment, " span.parent={:016x}", span.parent);
            }
            let _ = write!(comment, " span.name={name} span.kind={}", span.kind.name());
            if service != "\"\"" {
                let _ = write!(comment, " span.service={service}");
            }
            let _ = write!(comment, " span.duration_us={}", span.end.saturating_sub(span.start) / 1000);
            if status != "\"\"" {
                let _ = write!(comment, " span.status={status}");
            }
            if span.links > 0 {
                let _ = write!(comment, " span.links={}", span.links);
            }
            if span.frames > 0 {
                let _ = write!(comment, " span.stack_frames={}", span.frames);
            }
            let _ = write!(comment, " span.match={}", rule.name());
            self.push(comment);
            self.details(place, request.time, false);
        }
    }

    /// On the first packet of the response.
    fn response(&mut self, request: &Request) {
        for &(place, _) in &request.matches {
            let comment = self.ids(place);
            self.push(comment);
            self.details(place, request.time, true);
        }
    }

    fn ids(&self, place: u32) -> String {
        let span = self.spans.span(place);
        format!("span.trace_id={:032x} span.id={:016x}", span.trace, span.id)
    }

    /// Events of a span, on whichever is nearer: the request, or the response, which comes when the span ends; and its attributes.
    fn details(&mut self, place: u32, request: Option<u64>, is_response: bool) {
        let span = self.spans.span(place);
        let request = request.unwrap_or(span.start);
        let middle = request / 2 + span.end.max(request) / 2;
        for detail in self.spans.details(place) {
            let key = self.spans.text(detail.key);
            let value = self.spans.text(detail.value);
            let mut texts = Texts { rules: self.rules, count: &mut self.report.redacted.values };
            let value = quoted(&if key.is_empty() { texts.free(value) } else { texts.attribute(key, value) });
            let comment = match key {
                "" if (detail.time > middle) == is_response => {
                    format!("span.event={value} span.id={:016x} span.time_ns={}", span.id, detail.time)
                }
                "" => continue,
                _ if is_response => continue,
                key => format!("span.attribute.{}={value}", key.escape_debug()),
            };
            self.push(comment);
        }
    }

    fn push(&mut self, comment: String) {
        if self.comments.len() < MAX_ANNOTATIONS {
            self.comments.push(comment);
        }
    }
}

/// A text as it is, or in quotes where a reader would not know where it ends.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|char| !char.is_control() && !char.is_whitespace() && !matches!(char, '"' | '\\'));
    if is_plain { text.to_owned() } else { format!("{text:?}") }
}
