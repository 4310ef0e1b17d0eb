//! Taps of conversations whose records have been lost, doubled, moved and changed: valid in themselves, so that what
//! comes behind the decoders gets all of the work.

use arbitrary::Arbitrary;
use tap2pcap::internal::capture;
use tap2pcap::internal::packet::LinkType;

use crate::conversion::{self, Setting};
use crate::encode::tree::{Message, Value, each_field};
use crate::encode::{Format, Kind, Tap};
use crate::model::{Conversation, Direction, noise};

/// Lengths of bodies: small ones, the two at which Envoy's UDP sink cuts, and what no packet holds.
const LENGTHS: [usize; 8] = [0, 1, 2, 100, 1024, 47_104, 63_488, 70_000];
/// More says nothing new, and takes time.
const MAX_EVENTS: usize = 24;
const MAX_CONVERSATIONS: usize = 4;
const MAX_CHANGES: usize = 16;

/// What to write, and how to convert it.
#[derive(Arbitrary, Debug)]
pub struct Plan {
    format: u8,
    /// 0 is buffered, 1 streamed, and anything else a batch of as many events.
    kind: u8,
    connection_per_event: bool,
    seq_num: bool,
    is_raw: bool,
    is_pcapng: bool,
    handshake: bool,
    mss: Option<u16>,
    conversations: Vec<ConversationPlan>,
    changes: Vec<Change>,
}

#[derive(Arbitrary, Debug)]
struct ConversationPlan {
    id: u8,
    has_addresses: bool,
    events: Vec<EventPlan>,
    is_closed: bool,
}

#[derive(Arbitrary, Debug)]
struct EventPlan {
    is_read: bool,
    length: u8,
    cut_to: Option<u16>,
    end_stream: bool,
    step: i8,
}

/// What happens to a record on its way.
#[derive(Arbitrary, Debug)]
enum Change {
    Lose(u8),
    Move { from: u8, to: u8 },
    Repeat { from: u8, to: u8 },
    SeqNum { of: u8, seq_num: u64 },
    Skip { of: u8, bytes: i32 },
}

/// Writes the plan's tap, converts it and reads the capture back.
pub fn check(plan: &Plan) {
    let tap = plan.tap();
    let conversations: Vec<Conversation> = plan
        .conversations
        .iter()
        .take(MAX_CONVERSATIONS)
        .map(|conversation| conversation.conversation(tap.format == Format::JsonString))
        .collect();
    let mut records = tap.records(&conversations);
    plan.changes.iter().take(MAX_CHANGES).for_each(|change| change.apply(&mut records));
    conversion::check(&tap.format.print(&records), None, &plan.setting());
}

impl Plan {
    fn tap(&self) -> Tap {
        Tap {
            kind: match self.kind {
                0 => Kind::Buffered,
                1 => Kind::Streamed,
                size => Kind::Batched(size.into()),
            },
            format: Format::ALL[usize::from(self.format) % Format::ALL.len()],
            connection_per_event: self.connection_per_event,
            seq_num: self.seq_num,
        }
    }

    fn setting(&self) -> Setting {
        Setting {
            format: if self.is_pcapng { capture::Format::PcapNg } else { capture::Format::NsecPcap },
            link_type: if self.is_raw { LinkType::Raw } else { LinkType::Ethernet },
            // Smaller segments are too many.
            mss: self.mss.map(|mss| usize::from(mss.max(1_000))),
            handshake: self.handshake,
        }
    }
}

impl ConversationPlan {
    fn conversation(&self, is_text: bool) -> Conversation {
        let mut conversation = Conversation::new(u64::from(self.id) % 4);
        if !self.has_addresses {
            conversation = conversation.between(None, None);
        }
        let mut time = crate::model::START;
        for event in self.events.iter().take(MAX_EVENTS) {
            let mut bytes = noise(LENGTHS[usize::from(event.length) % LENGTHS.len()]);
            if is_text {
                bytes.iter_mut().for_each(|byte| *byte &= 0x7f);
            }
            let direction = if event.is_read { Direction::Read } else { Direction::Write };
            let cut_to = event.cut_to.map(|cut_to| usize::from(cut_to).min(bytes.len()));
            conversation = conversation.at(time).data(direction, bytes, cut_to, event.end_stream);
            // 1 is what lies between the slices of a write.
            time = time.wrapping_add_signed(event.step.into());
        }
        if self.is_closed { conversation.at(time).closed() } else { conversation }
    }
}

impl Change {
    fn apply(&self, records: &mut Vec<Message>) {
        let len = records.len();
        if len == 0 {
            return;
        }
        let place = |number: u8| usize::from(number) % len;
        match *self {
            Self::Lose(of) => drop(records.remove(place(of))),
            Self::Move { from, to } => {
                let record = records.remove(place(from));
                records.insert(place(to), record);
            }
            Self::Repeat { from, to } => {
                let record = records[place(from)].clone();
                records.insert(place(to), record);
            }
            Self::SeqNum { of, seq_num } => change_seq_num(&mut records[place(of)], |_| seq_num),
            Self::Skip { of, bytes } => {
                for record in &mut records[place(of)..] {
                    change_seq_num(record, |seq_num| seq_num.saturating_add_signed(bytes.into()));
                }
            }
        }
    }
}

fn change_seq_num(record: &mut Message, change: impl Fn(u64) -> u64) {
    each_field(record, &mut |field| {
        if let ("seq_num", Value::U64(seq_num)) = (&*field.name, &mut field.value) {
            *seq_num = change(*seq_num);
        }
    });
}
