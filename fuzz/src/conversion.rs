//! The whole way, from bytes to a capture that the tests' own reader reads back. That reader fails where a length, a
//! checksum or a block is wrong, or a packet is longer than its headers or the snap length can say; here follows what
//! the capture as a whole has to hold.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tap2pcap::internal::capture::destination::Destination;
use tap2pcap::internal::capture::{Capture, Format, Written};
use tap2pcap::internal::conversation::{Conversations, InputRef, Options};
use tap2pcap::internal::filter::Filter;
use tap2pcap::internal::http::connections::{self, HttpConnections};
use tap2pcap::internal::input::Format as InputFormat;
use tap2pcap::internal::input::{Input, Step};
use tap2pcap::internal::packet::LinkType;
use tap2pcap::internal::reassembly::Reassembler;
use tap2pcap::internal::report::Report;
use tap2pcap::internal::tcp::original_length;
use tap2pcap::internal::trace::{Data, Direction, Event, What};

use crate::capture;
use crate::reading::NAME;

/// Bytes of payload in a packet: the least of what is the most in IPv4 and IPv6.
const MAX_PAYLOAD: u64 = 65_495;
/// As many segments show what is missing: of a connection, of an event, and one for so many captured bytes.
const MISSING_OF_CONNECTION: u64 = 64;
const MISSING_OF_EVENT: u64 = 16;
const CAPTURED_PER_MISSING: u64 = 8;
/// Bytes of payload that a byte of an HTTP tap becomes at most, besides some to begin with: a content-length of a few
/// digits is up to 64 frames of HTTP/2, and an exchange without addresses has the preface of a connection.
const HTTP_TIMES: u64 = 160;
/// SYN, SYN-ACK, ACK, and a FIN from each side.
const AROUND_A_CONVERSATION: u64 = 5;

/// Where a capture is written to.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How to convert.
#[derive(Debug)]
pub struct Setting {
    /// Of the capture.
    pub format: Format,
    /// What stands below IP.
    pub link_type: LinkType,
    /// The most bytes of payload in a segment.
    pub mss: Option<usize>,
    /// Begin each conversation with one.
    pub handshake: bool,
}

/// One that shows all, and one of what the first leaves out.
pub const SETTINGS: [Setting; 2] = [
    Setting { format: Format::PcapNg, link_type: LinkType::Ethernet, mss: None, handshake: false },
    Setting { format: Format::NsecPcap, link_type: LinkType::Raw, mss: None, handshake: true },
];

/// Converts `bytes`, of this format or of the one that they show, and reads the capture back.
pub fn check(bytes: &[u8], format: Option<InputFormat>, setting: &Setting) {
    let Ok(input) = Input::from_bytes(NAME.to_owned(), bytes.to_vec(), format) else { return };
    // A few bytes may stand for more than these checks have time for.
    if input.encoding().is_some() || input.is_hubble() {
        return;
    }
    let written_to = Shared::default();
    let mut report = Report::default();
    let (expected, written) = {
        let destination = Destination::writer(written_to.clone());
        let names = [NAME.to_owned()];
        let capture = Capture::new(destination, setting.format, setting.link_type, &names);
        convert(input, setting, capture.expect("a thread to write"), &mut report)
    };
    let file = std::mem::take(&mut *written_to.0.lock().expect("no panic"));
    let capture = capture::Capture::parse(&file);

    assert_eq!(written.packets, capture.packets.len() as u64);
    check_comments(&capture, setting, report.exchanges > 0);
    if report.exchanges > 0 {
        let payload: u64 = capture.packets.iter().map(|packet| packet.payload.len() as u64).sum();
        assert!(payload <= 4096 + HTTP_TIMES * bytes.len() as u64, "{payload} bytes of {}", bytes.len());
        return;
    }
    expected.check_bound(bytes.len() as u64);
    expected.check(&capture, setting);
    expected.check_order(&capture, &written);
    assert_eq!(report.bytes, expected.payload.iter().sum::<u64>());
    assert_eq!(report.traces, expected.conversations);
}

const ORIGIN: InputRef<'_> = InputRef { number: 0, interface: 0, name: NAME };

/// As `convert::Conversion` does with one input, but with nothing said of damage.
fn convert(
    input: Input,
    setting: &Setting,
    mut capture: Capture,
    report: &mut Report,
) -> (Expected, Written) {
    let options = Options {
        link_type: setting.link_type,
        mss: setting.mss,
        snap_length: None,
        handshake: setting.handshake,
        local: None,
        remote: None,
        initiator: None,
    };
    let mut events = Reassembler::new(input, Some(0));
    let mut http_connections =
        HttpConnections::new(connections::Options { mss: setting.mss, ..connections::Options::default() }, 1);
    let mut conversations = Conversations::new(options, Filter::default());
    let mut expected = Expected::default();
    loop {
        match events.advance() {
            Ok(Step::Event) => {
                let mut event = events.event();
                expected.event(&event, setting);
                conversations.event(ORIGIN, &mut event, &mut capture, report).expect("the disk is not full");
            }
            Ok(Step::Part) => {
                let exchange = events.exchange().expect("an exchange");
                let (conversations, capture) = (&mut conversations, &mut capture);
                let out = connections::Sinks { origin: ORIGIN, conversations, capture, report: &mut *report };
                http_connections.write(exchange, out).expect("the disk is not full");
            }
            // `flows` looks at these.
            Ok(Step::Flow) => {}
            Ok(Step::Idle) => panic!("memory has nothing to wait for"),
            Ok(Step::End) => break,
            Err(_) => {}
        }
    }
    (expected, capture.finish().expect("the disk is not full"))
}

/// What the events say that the capture has to hold.
#[derive(Debug, Default)]
struct Expected {
    /// By direction.
    payload: [u64; 2],
    /// The same with what is missing.
    length: [u64; 2],
    /// Reads and writes of at least one byte.
    writes: u64,
    /// The most packets with payload, but for what is missing.
    segments: u64,
    /// The most packets for what is missing, if anything is.
    missing: u64,
    is_cut: bool,
    /// Reads, writes and closes.
    events: u64,
    /// Those that something has happened in.
    conversations: u64,
    /// The greatest time in each conversation that goes on.
    going_on: HashMap<u32, u64>,
    /// A trace's own order is not that of time.
    has_steps_back: bool,
}

impl Expected {
    fn event(&mut self, event: &Event<'_>, setting: &Setting) {
        if matches!(event.what, What::Data(_) | What::Closed) {
            self.events += 1;
            let time = self.going_on.entry(event.conversation).or_insert_with(|| {
                self.conversations += 1;
                event.time
            });
            self.has_steps_back |= event.time < *time;
            *time = event.time.max(*time);
        }
        match &event.what {
            What::Opened => {}
            What::Data(data) => self.data(data, setting),
            What::Closed | What::Ended => drop(self.going_on.remove(&event.conversation)),
        }
    }

    fn data(&mut self, data: &Data<'_>, setting: &Setting) {
        let captured = data.bytes.len() as u64;
        let original = original_length(data);
        self.payload[data.direction as usize] += captured;
        let length = &mut self.length[data.direction as usize];
        *length = length.saturating_add(original);
        self.writes += u64::from(original > 0);
        self.segments += captured.div_ceil(segment(setting));
        self.missing += MISSING_OF_EVENT + captured / CAPTURED_PER_MISSING;
        self.is_cut |= original > captured;
    }

    /// A small trace makes no large capture.
    fn check_bound(&self, len: u64) {
        assert!(self.events <= len, "{} events of {len} bytes", self.events);
    }

    fn check(&self, capture: &capture::Capture, setting: &Setting) {
        let packets = &capture.packets;
        let sum =
            |of: fn(&capture::Packet) -> usize| packets.iter().map(|packet| of(packet) as u64).sum::<u64>();
        assert_eq!(self.payload.iter().sum::<u64>(), sum(|packet| packet.payload.len()));
        assert!(sum(|packet| packet.length) <= self.length[0].saturating_add(self.length[1]));
        if setting.format == Format::PcapNg {
            let read = packets.iter().filter(|packet| packet.is_inbound == Some(true));
            let payload = read.map(|packet| packet.payload.len() as u64).sum::<u64>();
            assert_eq!(self.payload[Direction::Read as usize], payload);
        }
        let with = |flag: char| packets.iter().filter(|packet| packet.flags.contains(flag)).count() as u64;
        assert_eq!(with('P'), self.writes);
        assert!(with('F') <= 2 * self.conversations);
        assert!(with('S') <= 2 * self.conversations);
        let around = AROUND_A_CONVERSATION * self.conversations;
        // Of an event that is not cut too, a later one may show that much.
        let missing = self.missing + MISSING_OF_CONNECTION * self.conversations;
        let most = self.segments + around + if self.is_cut { missing } else { 0 };
        assert!(packets.len() as u64 <= most, "{} packets", packets.len());
        let longest = packets.iter().map(|packet| packet.length).max().unwrap_or_default();
        assert!(setting.mss.is_none_or(|mss| longest <= mss), "{longest}");
    }

    /// The packets are in order of time but for those that were counted as late.
    fn check_order(&self, capture: &capture::Capture, written: &Written) {
        if self.has_steps_back {
            return;
        }
        let mut greatest = 0;
        let late = capture.packets.iter().filter(|packet| {
            greatest = packet.time.max(greatest);
            packet.time < greatest
        });
        assert_eq!(late.count() as u64, written.late);
    }
}

/// The most bytes of payload in a segment.
fn segment(setting: &Setting) -> u64 {
    setting.mss.map_or(MAX_PAYLOAD, |mss| MAX_PAYLOAD.min(mss as u64))
}

/// What is missing before an event of no bytes is said on the packet of the next one, which may have its own to say.
const REPEATED: [&str; 2] = ["tap.lost_bytes", "tap.missing_bytes"];

/// Comments are `tap.KEY=VALUE`, and steer no terminal. A packet may have those of several exchanges, as some have no bytes.
fn check_comments(capture: &capture::Capture, setting: &Setting, has_exchanges: bool) {
    for packet in &capture.packets {
        let mut keys = HashSet::new();
        for comment in &packet.comments {
            assert_eq!(setting.format, Format::PcapNg);
            let key = comment.split_once('=').map_or("", |(key, _)| key);
            assert!(key.starts_with("tap."), "{comment:?}");
            let may_repeat = has_exchanges || REPEATED.contains(&key);
            assert!(keys.insert(key) || may_repeat, "{:?}", packet.comments);
            assert!(!comment.contains(char::is_control), "{comment:?}");
        }
    }
}
