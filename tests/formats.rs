//! One conversation gives the same packets, whatever the format and the way in which the tap wrote it.

use crate::conversion::{Converted, convert};
use crate::encode::{Format, Kind, Tap};
use crate::model::{Address, Conversation, Direction, ip, noise, text};
use crate::program::Dir;

const KINDS: [Kind; 3] = [Kind::Buffered, Kind::Streamed, Kind::Batched(3)];

/// Requests and answers, whole and cut, of bytes that every format keeps.
fn plain(id: u64) -> Conversation {
    Conversation::new(id)
        .read("GET / HTTP/1.1\r\nhost: \"a\\b\"\r\n\r\n")
        .cut_write(text(5_000), 1_024)
        .write("\u{7f}\t'<é€😀>'\0\u{1}7")
        .read("")
        .cut_read(text(300), 0)
        .last_write("bye")
        .closed()
}

/// The same with every byte there is.
fn binary(id: u64) -> Conversation {
    plain(id).at(crate::model::START + 1).read((0..=255).collect::<Vec<u8>>()).write(noise(3_000))
}

/// With these a trace without addresses gives the same packets.
const ADDRESSES: [&str; 4] = ["--local", "10.1.0.1:8080", "--remote", "10.2.0.7:40000"];

#[track_caller]
fn assert_same(kind: Kind, conversation: &Conversation, formats: &[Format]) {
    let converted: Vec<Converted> = formats
        .iter()
        .map(|&format| {
            let tap = Tap { kind, ..Tap::streamed(format) };
            let options = if tap.tells_addresses() { &[][..] } else { &ADDRESSES };
            convert(options, &tap.write(std::slice::from_ref(conversation)))
        })
        .collect();
    let [first, others @ ..] = &converted[..] else { panic!("a format") };
    let stream = first.capture.stream();
    let [local, remote] = conversation.addresses();
    // A buffered trace does not say that the connection closed.
    let mut expected = conversation.clone();
    expected.events.retain(|event| kind != Kind::Buffered || !matches!(event.what, crate::model::What::Closed));
    let tells_lengths = kind != Kind::Buffered;
    assert_eq!(*stream.sent_by(local), expected.sent(Direction::Write, tells_lengths));
    assert_eq!(*stream.sent_by(remote), expected.sent(Direction::Read, tells_lengths));
    for (other, format) in others.iter().zip(&formats[1..]) {
        assert_eq!(other.capture.packets, first.capture.packets, "{kind:?} {format:?}");
        assert!(other.file == first.file, "{kind:?} {format:?}");
    }
}

#[test]
fn every_format_gives_the_same_packets() {
    for kind in KINDS {
        assert_same(kind, &plain(7), &Format::ALL);
    }
}

#[test]
fn every_format_but_json_with_strings_keeps_every_byte() {
    for kind in KINDS {
        assert_same(kind, &binary(7), &Format::LOSSLESS);
    }
}
