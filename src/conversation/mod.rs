//! Conversations: from the events of many traces to the TCP state of each.
//!
//! An [`Event`] finds its conversation by its input and its number there. The first one that has a time decides what
//! the headers say ([`opening`]); from there on [`Tcp`] makes the segments. What is cut, missing or stood in is counted
//! for people and said in the capture ([`notes`]). A conversation that closes, or of which nothing more can come, is
//! forgotten.

mod address;
mod initiator;
pub(crate) mod notes;
mod opening;
mod openings;
mod redacted;

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::capture::Capture;
use crate::filter::Filter;
use crate::packet::LinkType;
use crate::packet::metadata::Pending;
use crate::protocol::LOOK_AT;
use crate::redact::Redaction;
use crate::report::Report;
use crate::spans::{Annotator, Selection};
use crate::tcp::{self, Tcp};
use crate::trace::{Connection, Event, Kind, Length, Plain, Side, What};
pub(crate) use initiator::{Signs, is_upstream};
use opening::Opening;
use openings::Openings;
use redacted::Redactor;

/// How conversations are to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What stands below IP.
    pub link_type: LinkType,
    /// The most bytes of payload in a segment, where that is less than a packet can have. At least 1.
    pub mss: Option<usize>,
    /// The most bytes of payload that a packet keeps; its length says how many there were.
    pub snap_length: Option<usize>,
    /// Begin each conversation with SYN, SYN-ACK, ACK.
    pub handshake: bool,
    /// The local address of traces that have none.
    pub local: Option<SocketAddr>,
    /// The remote address of traces that have none.
    pub remote: Option<SocketAddr>,
    /// Which side opened the connections, where that is known better than it can be guessed.
    pub initiator: Option<Side>,
}

/// All conversations that are going on.
#[derive(Debug)]
pub struct Conversations {
    beginnings: Openings,
    /// By number of the input, then of the conversation.
    open: Vec<Vec<Conversation>>,
    /// Puts spans on packets.
    annotator: Option<Box<Annotator>>,
    /// What redacts values.
    redactor: Option<Box<Redactor>>,
    /// Which are written, by their places in the order in which all begin.
    selection: Selection<u64>,
    /// How many conversations have begun.
    begun: u64,
}

#[derive(Debug, Default)]
struct Conversation {
    /// `None` until something with a time happens.
    tcp: Option<Tcp>,
    /// What has been said of its addresses, as long as there is no TCP state.
    connection: Option<Box<Connection>>,
    /// The trace began without a local address.
    is_upstream: bool,
    /// The pair of its addresses, once there is TCP state.
    pair: u64,
    /// Its addresses are not wanted.
    is_unwanted: bool,
    /// Its place in the order of beginnings.
    place: u64,
    /// Metadata of its next packet.
    comments: Pending,
}

/// The input that an event comes from.
#[derive(Clone, Copy, Debug)]
pub struct InputRef<'a> {
    /// Its number, from 0.
    pub number: u32,
    /// The number of its interface in the capture.
    pub interface: u32,
    /// Its name.
    pub name: &'a str,
}

impl Conversations {
    /// No conversations yet. Only what `filter` wants is written.
    #[must_use]
    pub fn new(options: Options, filter: Filter) -> Self {
        Self {
            beginnings: Openings::new(options, filter),
            open: Vec::new(),
            annotator: None,
            redactor: None,
            selection: Selection::All,
            begun: 0,
        }
    }

    /// Has spans put on packets.
    pub fn annotate(&mut self, annotator: Option<Box<Annotator>>) {
        self.annotator = annotator;
    }

    /// Has the values of socket taps redacted; those of HTTP taps are when they come here.
    pub fn redact(&mut self, redaction: Option<Arc<Redaction>>) {
        self.redactor = redaction.map(|rules| Box::new(Redactor::new(rules)));
    }

    /// Which conversations are written, by their places in the order in which all begin.
    pub fn select(&mut self, selection: Selection<u64>) {
        self.selection = selection;
    }

    /// What has been selected.
    pub fn take_selection(&mut self) -> Selection<u64> {
        std::mem::take(&mut self.selection)
    }

    /// What puts spans on packets.
    pub fn annotator(&mut self) -> Option<&mut Annotator> {
        self.annotator.as_deref_mut()
    }

    /// Takes an event and writes its packets.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn event(
        &mut self,
        origin: InputRef<'_>,
        event: &mut Event<'_>,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<()> {
        let conversation = place(place(&mut self.open, origin.number), event.conversation);
        if let Some(connection) = event.connection.take() {
            conversation.learn(connection, event.what == What::Opened);
        }
        let (input, number, trace) = (origin.number, event.conversation, event.trace);
        // What has been redacted does not show any more who opened the connection.
        let mut shown = None;
        let mut hidden = Vec::new();
        if let Some(redactor) = &mut self.redactor
            && matches!(event.trace.kind, Kind::SocketBuffered | Kind::SocketStreamed)
        {
            if conversation.is_unwanted {
                redactor.end((input, number));
            } else {
                if let (None, What::Data(data)) = (&conversation.tcp, &event.what) {
                    shown = Some(Cow::Owned(data.bytes[..data.bytes.len().min(LOOK_AT)].to_vec()));
                }
                hidden = redactor.event((input, number), event, report);
            }
        }
        let first = match &event.what {
            What::Opened => return Ok(()),
            What::Ended => {
                if let Some(annotator) = &mut self.annotator {
                    annotator.end((input, number));
                }
                return conversation.end(&mut self.beginnings, capture, (input, number));
            }
            What::Closed => None,
            What::Data(data) => Some((data.direction, shown.unwrap_or(Cow::Borrowed(&data.bytes[..])))),
        };
        let first = first.as_ref().map(|(direction, bytes)| (*direction, &bytes[..]));
        if conversation.is_unwanted || !self.beginnings.wants_time(event.time) {
            if event.what == What::Closed {
                return conversation.end(&mut self.beginnings, capture, (input, number));
            }
            conversation.pass_over(event);
            conversation.comments.clear();
            return Ok(());
        }
        let tcp = match &mut conversation.tcp {
            Some(tcp) => {
                capture.select(input, number, origin.name, trace.id)?;
                tcp
            }
            empty => {
                let connection = conversation.connection.take().unwrap_or_default();
                let beginning = Opening {
                    origin,
                    trace,
                    number,
                    time: event.time,
                    connection: &connection,
                    is_upstream: conversation.is_upstream,
                    first,
                };
                conversation.place = self.begun;
                self.begun += 1;
                let is_wanted = self.selection.wants(&conversation.place);
                let begun =
                    if is_wanted { self.beginnings.begin(&beginning, capture, report)? } else { None };
                let Some((tcp, pair)) = begun else {
                    conversation.is_unwanted = true;
                    return Ok(());
                };
                conversation.pair = pair;
                empty.insert(tcp)
            }
        };
        tcp.comments(&mut conversation.comments);
        if let Some(missing) = event.missing {
            tcp.skip(missing.direction, missing.bytes);
            if let Some(annotator) = &mut self.annotator {
                annotator.missing((input, number), missing.direction, missing.bytes);
            }
            notes::missing(missing, origin, event.trace, tcp, capture, report);
        }
        match &event.what {
            What::Data(data) => {
                report.bytes += data.bytes.len() as u64;
                if data.length != Length::Whole || data.is_text {
                    notes::data(data, origin, event.trace, tcp, capture, report);
                }
                if let Some(annotator) = &mut self.annotator {
                    let comments = annotator.data((input, number), origin.name, event.time, data, report);
                    if !comments.is_empty() {
                        self.selection.found(conversation.place);
                    }
                    comments.drain(..).for_each(|comment| tcp.comment(comment));
                }
                if hidden.is_empty() {
                    return tcp.data(event.time, data, capture);
                }
                if let Some(redactor) = &mut self.redactor {
                    let place = || notes::place(event.trace, origin);
                    redactor.count((input, number), &hidden, place, report);
                }
                redacted::data(event.time, data, &hidden, tcp, capture)
            }
            What::Opened | What::Closed | What::Ended => {
                if let Some(annotator) = &mut self.annotator {
                    annotator.end((input, number));
                }
                tcp.close(event.time, capture)?;
                conversation.end(&mut self.beginnings, capture, (input, number))
            }
        }
    }

    /// Takes a plain event and writes its packets, if its conversation goes on and there is nothing to see to but a packet, as
    /// nearly always: the hot path. Returns whether it has; else it is for [`Self::event`].
    ///
    /// # Errors
    /// The capture cannot be written.
    #[inline(always)]
    pub fn plain(
        &mut self,
        origin: InputRef<'_>,
        plain: Plain<'_>,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<bool> {
        let (input, number) = (origin.number, plain.conversation);
        if let Some(open) = self.open.get_mut(input as usize)
            && let Some(conversation) = open.get_mut(number as usize)
            && let Some(tcp) = &mut conversation.tcp
            && conversation.comments.is_empty()
            && self.beginnings.wants_time(plain.time)
        {
            capture.select(input, number, origin.name, plain.trace.id)?;
            report.bytes += plain.bytes.len() as u64;
            tcp.plain(plain, capture)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The same where spans are put on packets.
    ///
    /// # Errors
    /// The capture cannot be written.
    pub fn annotated_plain(
        &mut self,
        origin: InputRef<'_>,
        plain: Plain<'_>,
        capture: &mut Capture,
        report: &mut Report,
    ) -> io::Result<bool> {
        let (input, number) = (origin.number, plain.conversation);
        if self.redactor.is_none()
            && let Some(annotator) = &mut self.annotator
            && let Some(open) = self.open.get_mut(input as usize)
            && let Some(conversation) = open.get_mut(number as usize)
            && let Some(tcp) = &mut conversation.tcp
            && self.beginnings.wants_time(plain.time)
        {
            tcp.comments(&mut conversation.comments);
            let comments = annotator.data((input, number), origin.name, plain.time, &plain.into(), report);
            if !comments.is_empty() {
                self.selection.found(conversation.place);
            }
            comments.drain(..).for_each(|comment| tcp.comment(comment));
            capture.select(input, number, origin.name, plain.trace.id)?;
            report.bytes += plain.bytes.len() as u64;
            tcp.plain(plain, capture)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Says something on the next packet of a conversation, which has begun at least with [`What::Opened`].
    pub fn say(&mut self, input: u32, number: u32, comment: String) {
        place(place(&mut self.open, input), number).comments.comment(comment);
    }

    /// Whether events of a conversation at this time are written, as far as it is known.
    #[must_use]
    pub fn wants(&self, input: u32, number: u32, time: u64) -> bool {
        let conversation = self.open.get(input as usize).and_then(|open| open.get(number as usize));
        self.beginnings.wants_time(time) && conversation.is_some_and(|conversation| !conversation.is_unwanted)
    }

    /// Forgets the conversations of an input that has ended.
    pub fn forget(&mut self, number: u32) {
        if let Some(redactor) = &mut self.redactor {
            redactor.forget(number);
        }
        for conversation in std::mem::take(place(&mut self.open, number)) {
            if conversation.tcp.is_some() {
                self.beginnings.end(conversation.pair);
            }
        }
    }

    /// Whether an address that was set by hand has been used for a side.
    #[must_use]
    pub fn has_used(&self, side: Side) -> bool {
        self.beginnings.has_used(side)
    }
}

impl Conversation {
    /// Advances sequence numbers past a filtered event.
    fn pass_over(&mut self, event: &Event<'_>) {
        let Some(tcp) = &mut self.tcp else { return };
        if let Some(missing) = event.missing {
            tcp.skip(missing.direction, missing.bytes);
        }
        if let What::Data(data) = &event.what {
            tcp.skip(data.direction, tcp::original_length(data));
        }
    }

    /// Forgets the conversation, which is over, and makes room for another one with its `key`: the numbers of the input
    /// and of the conversation.
    fn end(
        &mut self,
        beginnings: &mut Openings,
        capture: &mut Capture,
        (input, number): (u32, u32),
    ) -> io::Result<()> {
        if self.tcp.is_some() {
            beginnings.end(self.pair);
        }
        *self = Self::default();
        capture.end(input, number)
    }

    /// Adds what an event says of the addresses. Once there are packets, theirs stand.
    fn learn(&mut self, connection: Box<Connection>, is_opening: bool) {
        if self.tcp.is_some() {
            return;
        }
        if is_opening {
            self.is_upstream = is_upstream(&connection);
        }
        match &mut self.connection {
            None => self.connection = Some(connection),
            Some(known) => {
                known.sample_rate = connection.sample_rate.or(known.sample_rate);
                known.local = connection.local.or(known.local.take());
                known.remote = connection.remote.or(known.remote.take());
            }
        }
    }
}

/// The element with this number, which is made if it is not there yet. Numbers are small: they are used again.
fn place<T: Default>(elements: &mut Vec<T>, number: u32) -> &mut T {
    let number = number as usize;
    if number >= elements.len() {
        elements.resize_with(number + 1, T::default);
    }
    &mut elements[number]
}
