//! Socket taps with their values redacted. Of an event of which bytes are hidden, what comes before each place with such bytes is a
//! packet that is captured short there.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crate::capture::Capture;
use crate::redact::{self, Hidden, Redaction, Why};
use crate::report::{Report, Warning};
use crate::tcp::{Tcp, original_length};
use crate::trace::{Data, Direction, Event, Length, What};

/// Redacts socket taps, and follows their connections for that.
#[derive(Debug)]
pub(super) struct Redactor {
    rules: Arc<Redaction>,
    /// By the numbers of the input and the conversation, as long as that goes on.
    followed: HashMap<(u32, u32), redact::Connection, foldhash::fast::RandomState>,
}

impl Redactor {
    pub(super) fn new(rules: Arc<Redaction>) -> Self {
        Self { rules, followed: HashMap::default() }
    }

    /// Redacts the bytes of an event. Returns those that are to be hidden.
    pub(super) fn event(
        &mut self,
        key: (u32, u32),
        event: &mut Event<'_>,
        report: &mut Report,
    ) -> Vec<Hidden> {
        let is_first = event.what == What::Opened || event.seq_num == 1;
        let followed = self.followed.entry(key).or_insert_with(|| redact::Connection::new(is_first));
        match event.missing {
            // Their direction is a guess.
            Some(missing) if missing.is_lost => {
                followed.lose(Direction::Read);
                followed.lose(Direction::Write);
            }
            Some(missing) => followed.skip(missing.direction, missing.bytes),
            None => {}
        }
        match &mut event.what {
            What::Data(data) => followed.data(&self.rules, data, &mut report.redacted),
            What::Opened => Vec::new(),
            What::Closed | What::Ended => {
                self.end(key);
                Vec::new()
            }
        }
    }

    /// A conversation has ended, or is of no interest any more.
    pub(super) fn end(&mut self, key: (u32, u32)) {
        self.followed.remove(&key);
    }

    /// An input has ended.
    pub(super) fn forget(&mut self, input: u32) {
        self.followed.retain(|&(of, _), _| of != input);
    }

    /// Counts what is hidden of an event, and warns of it.
    pub(super) fn count(
        &mut self,
        key: (u32, u32),
        hidden: &[Hidden],
        place: impl Fn() -> String,
        report: &mut Report,
    ) {
        for Hidden { range, why } in hidden {
            report.redacted.hidden_bytes += range.len() as u64;
            report.bytes -= range.len() as u64;
            if *why == Why::Headers {
                report.warn(Warning::HiddenHeaders, &place);
            }
        }
        let is_unknown = hidden.iter().any(|hidden| hidden.why == Why::Unknown);
        if is_unknown && self.followed.get_mut(&key).is_some_and(redact::Connection::tells) {
            report.warn(Warning::HiddenBytes, &place);
        }
    }
}

/// Writes the segments of an event without the bytes that are hidden: their lengths stay.
pub(super) fn data(
    time: u64,
    data: &Data<'_>,
    hidden: &[Hidden],
    tcp: &mut Tcp,
    capture: &mut Capture,
) -> io::Result<()> {
    let total = data.bytes.len();
    let mut at = 0;
    for Hidden { range, why } in hidden {
        let is_last = range.end == total;
        // What the trace itself lacks is behind all that it has.
        let lacking = if is_last { original_length(data).saturating_sub(total as u64) } else { 0 };
        let whole = (range.end - at) as u64 + lacking;
        let length = match data.length {
            Length::Cut | Length::AtLeast(_) if is_last => Length::AtLeast(whole),
            _ => Length::CutFrom(whole),
        };
        if capture.has_comments() {
            let what = match why {
                Why::Headers => "headers",
                Why::Unknown => "unknown",
            };
            tcp.comment(format!("tap.redacted={what}"));
            tcp.comment(format!("tap.redacted_bytes={}", range.len()));
        }
        let shown = &data.bytes[at..range.start];
        let end_stream = is_last && data.end_stream;
        let part = Data { length, end_stream, ..Data::whole(data.direction, shown) };
        tcp.data(time, &part, capture)?;
        at = range.end;
    }
    if at == total {
        return Ok(());
    }
    let length = match data.length {
        Length::CutFrom(length) => Length::CutFrom(length.saturating_sub(at as u64)),
        Length::AtLeast(length) => Length::AtLeast(length.saturating_sub(at as u64)),
        Length::Lossy(length) => Length::Lossy(length.saturating_sub(at as u64)),
        length => length,
    };
    let rest = Data { length, end_stream: data.end_stream, ..Data::whole(data.direction, &data.bytes[at..]) };
    tcp.data(time, &rest, capture)
}
