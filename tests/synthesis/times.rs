//! Every packet has the time of its event, to the nanosecond, and packets stand in the order of time.

use super::{STREAMED, converted};
use crate::capture::{Capture, Kind, Packet};
use crate::conversion::{convert, convert_many, convert_to};
use crate::encode::tree::{Value, each_field};
use crate::encode::{Format, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, START, STEP};
use crate::program::Dir;

fn times(capture: &Capture) -> Vec<u64> {
    capture.packets.iter().map(|packet| packet.time).collect()
}

fn payloads(packets: &[Packet]) -> Vec<String> {
    let packets = packets.iter().filter(|packet| packet.length > 0);
    packets.map(|packet| String::from_utf8_lossy(&packet.payload).into_owned()).collect()
}

#[test]
fn nanoseconds_are_kept_where_the_format_has_them() {
    let conversation = Conversation::new(1).at(START + 1).read("a").at(START + 999).write("b");
    let tap = STREAMED.write(&[conversation]);
    for (format, kind, unit) in
        [("nsecpcap", Kind::Nanoseconds, 1), ("pcapng", Kind::PcapNg, 1), ("pcap", Kind::Microseconds, 1_000)]
    {
        let capture = convert_to("capture", &["-F", format], &tap, 0).capture;
        assert_eq!(capture.kind, kind);
        assert_eq!(times(&capture), [START + 1, START + 999].map(|time| time / unit * unit));
    }
}

#[test]
fn the_epoch_and_far_times_are_times() {
    for time in [1, 999_999_999, 4_294_967_295_999_999_999] {
        let conversation = Conversation::new(1).at(time).read("a");
        for name in ["capture.pcap", "capture.pcapng"] {
            let capture =
                convert_to(name, &[], &STREAMED.write(std::slice::from_ref(&conversation)), 0).capture;
            assert_eq!(times(&capture), [time], "{name}");
        }
    }
}

/// Envoy's clock is the wall clock.
#[test]
fn where_the_clock_steps_back_the_order_of_the_trace_stands() {
    let conversation =
        Conversation::new(1).read("1").at(START - 5_000_000_000).write("2").read("3").at(START).write("4");
    let converted = converted(&[], &conversation);
    assert_eq!(payloads(&converted.capture.packets), ["1", "2", "3", "4"]);
    assert_shows(&converted.capture, &conversation, &STREAMED);
}

#[test]
fn a_clock_that_steps_back_holds_no_other_conversation_up() {
    let odd = Conversation::new(1).at(START + 30).read("c").at(START + 10).write("d");
    let even = Conversation::new(2).at(START + 20).read("b").at(START + 40).write("e");
    let early = Conversation::new(3).at(START).read("a");
    let capture = convert(&[], &STREAMED.write(&[odd, even, early])).capture;
    assert_eq!(payloads(&capture.packets), ["a", "b", "c", "d", "e"]);
}

/// The UDP sink counts slices in nanoseconds.
#[test]
fn nanoseconds_beyond_a_second_carry_over() {
    let second = 1_000_000_000;
    for tap in [STREAMED, Tap::streamed(Format::Text)] {
        let conversation =
            Conversation::new(1).at(START / second * second + 999_999_999).read("a").write("b");
        let mut records = tap.records(&[conversation]);
        each_field(&mut records[2], &mut |field| {
            if let Value::Time { nanos, .. } = &mut field.value {
                *nanos = second + 7;
            }
        });
        let capture = convert(&[], &tap.format.print(&records)).capture;
        let expected = [
            START / second * second + 999_999_999,
            (START + crate::model::STEP) / second * second + second + 7,
        ];
        assert_eq!(times(&capture)[0], expected[0]);
        assert_eq!(times(&capture)[1] % second, 7);
        assert_eq!(times(&capture)[1] / second - times(&capture)[0] / second, 2);
    }
}

/// Streamed records come as they happen, buffered ones when their connections end.
#[test]
fn conversations_are_put_in_the_order_of_time() {
    let conversations: Vec<Conversation> = (1..=200)
        .map(|id| {
            let times = (0..5).map(|n| START + n * 1_000_000 + id * 7_919 % 1_000);
            let conversation = times.enumerate().fold(Conversation::new(id), |conversation, (n, time)| {
                conversation.at(time).read(format!("{id} {n}"))
            });
            conversation.closed()
        })
        .collect();
    for tap in [STREAMED, Tap::buffered(Format::JsonBytes)] {
        let capture = convert(&[], &tap.write(&conversations)).capture;
        assert!(times(&capture).is_sorted());
        for conversation in &conversations {
            assert_shows(&capture, conversation, &tap);
        }
    }
}

#[test]
fn inputs_are_merged_by_time_and_each_has_an_interface() {
    let [a, b] = [1, 2].map(|id| {
        let times = (0..50).map(|n| START + n * 1_000 + id);
        times.fold(Conversation::new(id), |conversation, time| conversation.at(time).read(time.to_string()))
    });
    let [first, second] = [
        STREAMED.write(std::slice::from_ref(&a)),
        Tap::buffered(Format::Text).write(std::slice::from_ref(&b)),
    ];
    let taps = [("b.pb_text", &*second), ("a.pb", &*first)];
    let capture = convert_many("all.pcapng", &[], &taps, 0).capture;
    assert_eq!(capture.interfaces, ["b.pb_text", "a.pb"]);
    assert_eq!(capture.packets.len(), 100);
    assert!(times(&capture).is_sorted());
    for packet in &capture.packets {
        assert_eq!(packet.interface, usize::from(packet.source == a.addresses()[1]), "{packet:?}");
    }
    let first =
        |interface| capture.packets.iter().find(|packet| packet.interface == interface).expect("a packet");
    assert!(first(0).comments.contains(&"tap.file=b.pb_text".to_owned()), "{:?}", first(0));
    assert!(first(1).comments.contains(&"tap.file=a.pb".to_owned()), "{:?}", first(1));
    assert_shows(&capture, &a, &STREAMED);
    assert_shows(&capture, &b, &Tap::buffered(Format::Text));
}

#[test]
fn the_same_trace_id_in_two_inputs_is_two_conversations() {
    let conversations =
        [Conversation::new(1).read("a").write("b"), Conversation::new(2).read("c").write("d")];
    let taps = conversations.clone().map(|mut conversation| {
        conversation.id = 7;
        STREAMED.write(&[conversation])
    });
    let capture = convert_many("all.pcapng", &[], &[("x", &*taps[0]), ("y", &*taps[1])], 0).capture;
    for conversation in &conversations {
        assert_shows(&capture, conversation, &STREAMED);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let conversations: Vec<Conversation> = (1..100)
        .map(|id| Conversation::new(id).between(None, None).read("a").cut_write("bcd", 1).closed())
        .collect();
    let tap = STREAMED.write(&conversations);
    let first = convert(&["--handshake"], &tap);
    for _ in 0..3 {
        assert!(convert(&["--handshake"], &tap).file == first.file);
    }
}

#[test]
fn trace_ids_choose_conversations() {
    let conversations: Vec<Conversation> =
        (1..=9).map(|id| Conversation::new(id).read(id.to_string()).closed()).collect();
    let tap = STREAMED.write(&conversations);
    let chosen = |options: &[&str], tap: &[u8]| payloads(&convert(options, tap).capture.packets);
    assert_eq!(chosen(&["--trace-id", "4"], &tap), ["4"]);
    assert_eq!(chosen(&["--trace-id", "8", "--trace-id", "2"], &tap), ["2", "8"]);
    let largest = Conversation::new(u64::MAX).read("largest");
    let tap = Tap::buffered(Format::JsonBytes).write(&[largest, Conversation::new(1).read("1")]);
    assert_eq!(chosen(&["--trace-id", "18446744073709551615"], &tap), ["largest"]);
}

#[test]
fn times_that_pcap_cannot_say_are_told_of() {
    let last = u64::from(u32::MAX) * 1_000_000_000;
    let conversation = Conversation::new(1).at(last).read("a").at(last + 1_000_000_000).write("b").read("c");
    let tap = Tap::streamed(Format::Binary).write(&[conversation]);
    let warning = "warning: 2 packets are later than pcap can say";
    for (options, name) in [(&[][..], "a.pcap"), (&["-F", "pcap"], "b")] {
        let converted = convert_to(name, options, &tap, 0);
        assert!(converted.messages.contains(warning), "{}", converted.messages);
        let seconds = converted.capture.packets.iter().map(|packet| packet.time / 1_000_000_000);
        assert_eq!(seconds.collect::<Vec<_>>(), [last / 1_000_000_000; 3]);
    }
    let converted = convert_to("c.pcapng", &["--strict"], &tap, 0);
    assert_eq!(converted.capture.packets[2].time, last + 1_000_000_000 + STEP);
    let dir = Dir::new();
    dir.write("tap", &tap);
    let ran = dir.tap2pcap().args(["--split", "captures", "tap"]).run().expect(0);
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
}
