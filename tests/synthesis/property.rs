//! Any conversations, tapped in any way and converted with any options, are shown as they were.

use proptest::prelude::*;

use crate::capture::Kind as CaptureKind;
use crate::conversion::convert_to;
use crate::encode::{Format, Kind, Tap};
use crate::expected::{Opening, assert_shows_with};
use crate::model::Direction::{Read, Write};
use crate::model::{Conversation, START, ip, noise_from};

/// What the options of a conversion may be.
#[derive(Clone, Debug)]
struct Options {
    mss: Option<u16>,
    is_raw: bool,
    has_handshake: bool,
    format: &'static str,
}

#[derive(Clone, Debug)]
struct EventPlan {
    is_read: bool,
    length: usize,
    /// Percent of the bytes that the limit leaves.
    cut_to: Option<usize>,
    step: u64,
}

#[derive(Clone, Debug)]
struct Plan {
    is_ipv6: bool,
    start: u64,
    events: Vec<EventPlan>,
    is_closed: bool,
    /// From this event on every write wants to be the last.
    end_stream_from: Option<usize>,
}

impl Plan {
    fn conversation(&self, id: u64, is_text: bool) -> Conversation {
        let mut conversation = Conversation::new(id);
        if self.is_ipv6 {
            conversation =
                conversation.between(ip("[fd00::1]:80"), ip(&format!("[fd00::2]:{}", 40_000 + id)));
        }
        let mut time = START + self.start;
        for (number, event) in self.events.iter().enumerate() {
            let mut bytes = noise_from(id << 32 | number as u64, event.length);
            if is_text {
                bytes.iter_mut().for_each(|byte| *byte &= 0x7f);
            }
            let direction = if event.is_read { Read } else { Write };
            let end_stream = !event.is_read && self.end_stream_from.is_some_and(|from| from <= number);
            let cut_to = event.cut_to.map(|percent| event.length * percent / 100);
            conversation = conversation.at(time).data(direction, bytes, cut_to, end_stream);
            time += event.step;
        }
        if self.is_closed { conversation.at(time).closed() } else { conversation }
    }
}

fn event() -> impl Strategy<Value = EventPlan> {
    let length = prop_oneof![
        4 => 0..200usize,
        3 => 200..3_000usize,
        1 => 3_000..70_000usize,
        1 => 70_000..=200_000usize,
    ];
    let cut_to = prop::option::weighted(0.3, 0..=100usize);
    (any::<bool>(), length, cut_to, 1..3_000_000u64).prop_map(|(is_read, length, cut_to, step)| EventPlan {
        is_read,
        length,
        cut_to,
        step,
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let events = prop::collection::vec(event(), 0..6);
    let end_stream_from = prop::option::weighted(0.3, 0..6usize);
    (any::<bool>(), 0..5_000_000u64, events, any::<bool>(), end_stream_from).prop_map(
        |(is_ipv6, start, events, is_closed, end_stream_from)| Plan {
            is_ipv6,
            start,
            events,
            is_closed,
            end_stream_from,
        },
    )
}

fn tap() -> impl Strategy<Value = Tap> {
    let kind = prop_oneof![Just(Kind::Buffered), Just(Kind::Streamed), (1..4usize).prop_map(Kind::Batched)];
    let format = prop::sample::select(&Format::ALL[..]);
    (kind, format, any::<bool>(), any::<bool>()).prop_map(|(kind, format, connection_per_event, seq_num)| {
        Tap { kind, format, connection_per_event, seq_num }
    })
}

fn options() -> impl Strategy<Value = Options> {
    let mss = prop::option::weighted(0.3, 1_000..=u16::MAX);
    let format = prop::sample::select(&["nsecpcap", "pcapng"][..]);
    (mss, any::<bool>(), any::<bool>(), format).prop_map(|(mss, is_raw, has_handshake, format)| Options {
        mss,
        is_raw,
        has_handshake,
        format,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_conversations_are_shown_as_they_were(
        mut plans in prop::collection::vec(plan(), 1..4),
        tap in tap(),
        options in options(),
    ) {
        if !tap.tells_addresses() {
            plans.truncate(1);
        }
        let is_text = tap.format == Format::JsonString;
        let conversations: Vec<Conversation> =
            plans.iter().zip(1..).map(|(plan, id)| plan.conversation(id, is_text)).collect();
        let mut args = vec!["-F".to_owned(), options.format.to_owned()];
        if let Some(mss) = options.mss {
            args.push(format!("--mss={mss}"));
        }
        if options.is_raw {
            args.push("--link-type=raw".to_owned());
        }
        if options.has_handshake {
            args.push("--handshake".to_owned());
        }
        if !tap.tells_addresses() {
            let [local, remote] = conversations[0].addresses();
            args.extend([format!("--local={local}"), format!("--remote={remote}")]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let capture = convert_to("capture", &args, &tap.write(&conversations), 0).capture;

        let is_pcapng = options.format == "pcapng";
        prop_assert_eq!(capture.kind, if is_pcapng { CaptureKind::PcapNg } else { CaptureKind::Nanoseconds });
        prop_assert!(capture.packets.is_sorted_by_key(|packet| packet.time));
        let most = usize::from(options.mss.unwrap_or(u16::MAX));
        prop_assert!(capture.packets.iter().all(|packet| packet.length <= most));
        let opening = if options.has_handshake { Opening::Handshake } else { Opening::None };
        for conversation in &conversations {
            assert_shows_with(&capture, conversation, &tap, opening);
        }
    }
}
