//! One conversation gives the same packets, whatever the format and the way in which the tap wrote it.

use crate::capture::Capture;
use crate::conversion::{Converted, convert};
use crate::encode::{Format, Kind, Tap};
use crate::expected::assert_shows;
use crate::model::{Address, Conversation, ip, noise, text};
use crate::program::Dir;

const KINDS: [Kind; 3] = [Kind::Buffered, Kind::Streamed, Kind::Batched(3)];

/// With these a trace of conversation 7 without addresses gives the same packets.
const ADDRESSES: [&str; 4] = ["--local", "10.1.0.1:8080", "--remote", "10.2.0.7:40000"];

/// Requests and answers, whole and cut, of bytes that every format keeps.
fn begun() -> Conversation {
    Conversation::new(7)
        .read("GET / HTTP/1.1\r\nhost: \"a\\b\"\r\n\r\n")
        .cut_write(text(5_000), 1_024)
        .write("\u{7f}\t'<é€😀>'\0\u{1}7?\u{8}")
        .read("")
        .cut_read(text(300), 0)
}

fn whole() -> Conversation {
    begun().last_write("bye").closed()
}

fn taps(kind: Kind, formats: &[Format]) -> Vec<Tap> {
    formats.iter().map(|&format| Tap { kind, ..Tap::streamed(format) }).collect()
}

/// Fails the test unless the taps give one and the same capture, and that shows the conversation.
#[track_caller]
fn assert_same(conversation: &Conversation, taps: &[Tap]) {
    let convert = |tap: &Tap| {
        let options = if tap.tells_addresses() { &[][..] } else { &ADDRESSES };
        convert(options, &tap.write(std::slice::from_ref(conversation)))
    };
    let converted: Vec<Converted> = taps.iter().map(convert).collect();
    let [first, ..] = &converted[..] else { panic!("there are taps") };
    if conversation.has_ip_addresses() {
        assert_shows(&first.capture, conversation, &taps[0]);
    }
    for (other, tap) in converted.iter().zip(taps) {
        assert_eq!(other.capture.packets, first.capture.packets, "{tap:?}");
        assert!(other.file == first.file, "{tap:?}");
    }
}

#[test]
fn every_format_gives_the_same_packets() {
    for kind in KINDS {
        assert_same(&whole(), &taps(kind, &Format::ALL));
    }
}

#[test]
fn every_format_but_json_with_strings_keeps_every_byte() {
    let conversation = begun().read((0..=255).collect::<Vec<u8>>()).write(noise(3_000)).closed();
    for kind in KINDS {
        assert_same(&conversation, &taps(kind, &Format::LOSSLESS));
    }
}

#[test]
fn a_record_may_be_larger_than_what_is_read_at_once() {
    let conversation = Conversation::new(7).read("GET /").write(text(700_000)).read("GET /2").closed();
    for kind in [Kind::Buffered, Kind::Streamed] {
        assert_same(&conversation, &taps(kind, &Format::ALL));
    }
}

#[test]
fn a_connection_on_every_event_changes_nothing() {
    let taps = Format::ALL.map(|format| Tap { connection_per_event: true, ..Tap::streamed(format) });
    assert_same(&whole(), &[&taps[..], &[Tap::streamed(Format::Binary)]].concat());
}

#[test]
fn batches_change_nothing() {
    let batches = [1, 2, 3, 100].map(Kind::Batched);
    let taps = batches.map(|kind| Tap { kind, ..Tap::streamed(Format::Text) });
    assert_same(&whole(), &[&taps[..], &[Tap::streamed(Format::Binary)]].concat());
}

#[test]
fn times_may_have_any_number_of_digits() {
    let times = [0, 1, 10, 100, 1_000, 123_000, 1_000_000, 12_000_000, 999_999_999, 500_000_000];
    let conversation = times.iter().fold(Conversation::new(7), |conversation, time| {
        conversation.at(1_700_000_000_000_000_000 + time).read(time.to_string())
    });
    for kind in [Kind::Buffered, Kind::Streamed] {
        assert_same(&conversation, &taps(kind, &Format::ALL));
    }
}

#[test]
fn every_kind_of_address_is_the_same_in_every_format() {
    let pipe = |path: &str| Some(Address::Pipe(path.to_owned()));
    let internal = Some(Address::Internal("inner \"listener\"".to_owned()));
    let addresses = [
        [ip("[fd00::1]:443"), ip("[2001:db8::abcd]:65535")],
        [ip("0.0.0.0:0"), ip("255.255.255.255:1")],
        [pipe("/run/a b.sock"), pipe("@abstract")],
        [internal, pipe("")],
        [None, ip("10.0.0.1:5")],
        [None, None],
    ];
    for [local, remote] in addresses {
        let conversation = whole().between(local, remote);
        for kind in [Kind::Buffered, Kind::Streamed] {
            assert_same(&conversation, &taps(kind, &Format::LOSSLESS));
        }
    }
}

/// A raw record begins with a tag, a delimited one with its length: small numbers both.
#[test]
fn the_length_of_a_record_does_not_decide_what_it_is() {
    for length in 0..50 {
        let conversation = Conversation::new(length)
            .between(Some(Address::Pipe("x".repeat(length as usize))), None)
            .read("x".repeat(length as usize + 1))
            .closed();
        assert_same(&conversation, &taps(Kind::Streamed, &[Format::Delimited, Format::Binary]));
        assert_same(&conversation, &taps(Kind::Buffered, &[Format::Delimited, Format::Binary]));
    }
}

#[test]
fn the_name_of_a_tap_does_not_decide_what_it_is() {
    let expected = convert(&[], &Tap::streamed(Format::Binary).write(&[whole()])).capture.packets;
    for format in Format::LOSSLESS {
        for name in ["tap.pb", "tap.pb_length_delimited", "tap.pb_text", "tap.json", "tap.pcap"] {
            let dir = Dir::new();
            dir.write(name, &Tap::streamed(format).write(&[whole()]));
            let capture = dir.tap2pcap().arg(name).run().expect(0).stdout;
            let mut packets = Capture::parse(&capture).packets;
            for (packet, expected) in packets.iter_mut().zip(&expected) {
                (packet.is_inbound, packet.comments) = (expected.is_inbound, expected.comments.clone());
            }
            assert_eq!(packets, expected, "{format:?} in {name}");
        }
    }
}

#[test]
fn the_format_that_is_named_is_the_one_that_is_read() {
    for written in Format::LOSSLESS {
        for named in Format::LOSSLESS {
            let dir = Dir::new();
            dir.write("tap", &Tap::streamed(written).write(&[whole()]));
            let command = dir.tap2pcap().args(["-i", named.option(), "tap", "capture"]);
            if named == written {
                command.run().expect(0);
                assert_shows(&Capture::parse(&dir.read("capture")), &whole(), &Tap::streamed(written));
            } else {
                command.run().expect(1);
                assert_eq!(dir.names(), ["tap"], "{written:?} as {named:?}");
            }
        }
    }
}
