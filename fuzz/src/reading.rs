//! From bytes to events: every way of reading an input ends, and all ways find the same.

use std::collections::HashMap;

use tap2pcap::internal::http::{Part, Piece};
use tap2pcap::internal::info::inspect;
use tap2pcap::internal::input::Format;
use tap2pcap::internal::input::{Input, InputError, Step};
use tap2pcap::internal::reassembly::Reassembler;
use tap2pcap::internal::trace::{Event, HeaderKind, Length, TraceId, What};

use crate::{encoded, pieces};

/// The name of every input.
pub(crate) const NAME: &str = "tap";

/// What reading on has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Event(Event<'static>),
    /// Of an exchange that an HTTP tap recorded.
    Part(Part),
    Damage {
        record: u64,
        offset: u64,
        what: String,
    },
}

/// Reads `bytes` as `format` in every way there is.
pub fn check(bytes: &[u8], format: Format) {
    let open = || Input::from_bytes(NAME.to_owned(), bytes.to_vec(), Some(format));
    let Some(input) = encoded::opened(open(), bytes) else { return };
    if input.encoding().is_some() {
        return encoded::check(input, bytes);
    }
    // `flows` looks at these.
    if input.is_hubble() {
        return;
    }
    let found = read(input, bytes.len() as u64);
    pieces::check(bytes, format, &found);
    let reopened = || open().expect("it has been opened before");
    let sequenced = sequence(Reassembler::new(reopened(), Some(0)), &found);
    let info = inspect(reopened());
    assert_eq!(info.traces.iter().map(|trace| trace.events).sum::<u64>(), sequenced.events);
    let bytes = info.traces.iter().map(|trace| trace.read.bytes + trace.written.bytes);
    assert_eq!(bytes.sum::<u64>(), sequenced.payload);
}

/// Reads an input of `len` bytes to its end.
pub(crate) fn read(mut input: Input, len: u64) -> Vec<Found> {
    let mut found = Vec::new();
    let mut payload = 0;
    loop {
        match input.advance() {
            Ok(Step::Event) => {
                let (peeked, time, seq_num) = peeked(&input);
                let event = input.event().into_owned();
                assert_eq!((time, seq_num), (event.time, event.seq_num));
                assert_eq!(peeked, body_len(&event));
                payload += peeked.unwrap_or_default();
                found.push(Found::Event(event));
            }
            Ok(Step::Part) => {
                let part = input.part().expect("a part");
                if let Piece::Body { bytes, .. } = &part.what {
                    payload += bytes.len() as u64;
                }
                found.push(Found::Part(part));
            }
            // `flows` looks at these.
            Ok(Step::Flow) => {}
            Ok(Step::Idle) => panic!("memory has nothing to wait for"),
            Ok(Step::End) => break,
            Err(InputError::Damaged { record, offset, what, .. }) => {
                assert!(offset <= len, "damage at byte {offset} of {len}");
                found.push(Found::Damage { record, offset, what: what.into_owned() });
            }
            Err(InputError::Truncated { record, offset, truncation, .. }) => {
                assert!(offset <= len, "a record at byte {offset} of {len}");
                found.push(Found::Damage { record, offset, what: truncation.to_string() });
            }
            Err(error) => panic!("nothing else can be wrong with memory: {error}"),
        }
        // A record of no bytes takes a byte or two, and is at most a trace that begins and ends.
        assert!(found.len() as u64 <= 2 * len + 2, "{} steps in {len} bytes", found.len());
        assert!(payload <= len, "{payload} bytes of bodies in {len} bytes");
    }
    let is_damaged = found.iter().any(|found| matches!(found, Found::Damage { .. }));
    assert!(input.offset() <= len);
    assert_eq!(input.has_failed(), is_damaged);
    assert!(matches!(input.advance(), Ok(Step::End)), "an end is an end");
    found
}

/// The length of the body, the time and the `seq_num` as they show before the event is taken.
fn peeked(input: &Input) -> (Option<u64>, u64, u64) {
    let peek = input.peek();
    let len = match peek.what {
        HeaderKind::Data { captured_len, .. } => Some(captured_len as u64),
        HeaderKind::Opened(_) | HeaderKind::Closed | HeaderKind::Ended => None,
    };
    (len, peek.time, peek.seq_num)
}

fn body_len(event: &Event<'_>) -> Option<u64> {
    match &event.what {
        What::Data(data) => Some(data.bytes.len() as u64),
        What::Opened | What::Closed | What::Ended => None,
    }
}

/// What came through a sequencer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sequenced {
    /// Reads, writes and closes.
    events: u64,
    payload: u64,
}

/// Puts events in order. But for what comes twice, which is counted, nothing is lost.
fn sequence(mut sequencer: Reassembler, found: &[Found]) -> Sequenced {
    let mut sequenced = Sequenced::default();
    let mut going_on = GoingOn::default();
    let mut damage = 0;
    loop {
        match sequencer.advance() {
            Ok(Step::Event) => {
                let event = sequencer.event();
                going_on.check(&event);
                if let What::Data(data) = &event.what
                    && let Length::CutFrom(length) | Length::Lossy(length) = data.length
                {
                    assert!(length > data.bytes.len() as u64, "{length}");
                }
                sequenced.events += u64::from(matches!(event.what, What::Data(_) | What::Closed));
                sequenced.payload += body_len(&event).unwrap_or_default();
            }
            Ok(Step::Part) => sequencer.exchange().expect("an exchange").pass_over(),
            // `flows` looks at these.
            Ok(Step::Flow) => {}
            Ok(Step::Idle) => panic!("memory has nothing to wait for"),
            Ok(Step::End) => break,
            Err(_) => damage += 1,
        }
    }
    let bodies = found.iter().filter_map(|found| match found {
        Found::Event(event) => body_len(event),
        Found::Part(_) | Found::Damage { .. } => None,
    });
    let (bodies, payload): (u64, u64) = bodies.fold((0, 0), |(n, sum), len| (n + 1, sum + len));
    assert_eq!(damage, found.iter().filter(|found| matches!(found, Found::Damage { .. })).count());
    assert!(sequenced.payload <= payload);
    // Slices of one write have become one event again.
    assert!(sequenced.events <= bodies + found.len() as u64);
    if sequencer.duplicates() == 0 {
        assert_eq!(sequenced.payload, payload, "only what comes twice is left out");
    }
    sequenced
}

/// The conversations that go on.
#[derive(Debug, Default)]
struct GoingOn {
    traces: HashMap<u32, TraceId>,
    numbers: HashMap<TraceId, u32>,
}

impl GoingOn {
    /// Fails where one number means two conversations, or one conversation has two numbers.
    fn check(&mut self, event: &Event<'_>) {
        let number = event.conversation;
        assert_eq!(*self.traces.entry(number).or_insert(event.trace), event.trace, "of number {number}");
        assert_eq!(*self.numbers.entry(event.trace).or_insert(number), number, "of {:?}", event.trace);
        if matches!(event.what, What::Closed | What::Ended) {
            self.traces.remove(&number);
            self.numbers.remove(&event.trace);
        }
    }
}
