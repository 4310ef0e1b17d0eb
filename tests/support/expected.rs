//! What a capture has to show of a conversation, by the rules of synthesis: every byte and every length that the tap
//! kept, at its time, and a FIN where the trace says that a side was done.

use crate::capture::{Capture, Sent};
use crate::encode::{Kind, Tap};
use crate::model::{Conversation, Direction, What};

/// What stands before the first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    None,
    Handshake,
}

/// Fails the test unless the capture shows the conversation as the tap saw it, in one connection.
#[track_caller]
pub(crate) fn assert_shows(capture: &Capture, conversation: &Conversation, tap: &Tap) {
    assert_shows_with(capture, conversation, tap, Opening::None);
}

#[track_caller]
pub(crate) fn assert_shows_with(capture: &Capture, conversation: &Conversation, tap: &Tap, opening: Opening) {
    let [local, remote] = conversation.addresses();
    let mut expected =
        [Direction::Write, Direction::Read].map(|direction| sent(conversation, tap, direction));
    if opening == Opening::Handshake {
        let first = conversation.events.iter().find(|event| is_seen(&event.what, tap));
        expected.iter_mut().for_each(|sent| sent.syn = first.map(|event| event.time));
    }
    let streams = capture.streams();
    let is_its_own = |pair| pair == [local, remote] || pair == [remote, local];
    let mut streams = streams.iter().filter(|stream| is_its_own(stream.addresses()));
    match streams.next() {
        Some(stream) => assert_eq!([local, remote].map(|address| stream.sent_by(address).clone()), expected),
        None => {
            assert_eq!(expected, [Sent::default(), Sent::default()], "no connection of {local} and {remote}")
        }
    }
    assert!(streams.next().is_none(), "two connections of {local} and {remote}");
}

/// Whether a trace has the event: a buffered one does not say that the connection closed.
fn is_seen(what: &What, tap: &Tap) -> bool {
    tap.kind != Kind::Buffered || !matches!(what, What::Closed)
}

/// What one direction has to look like, where nothing makes it begin with a SYN.
pub(crate) fn sent(conversation: &Conversation, tap: &Tap, direction: Direction) -> Sent {
    let mut sent = Sent::default();
    let mut last_write = None;
    let mut is_half_closed = false;
    for (number, event) in conversation.events.iter().enumerate() {
        let data = match &event.what {
            What::Data(data) => data,
            What::Closed if !is_seen(&event.what, tap) => continue,
            What::Closed => {
                sent.fin = sent.fin.or(Some(event.time));
                continue;
            }
        };
        if data.direction != direction {
            continue;
        }
        // The next event's number tells how long a cut body was.
        let is_length_known = tap.tells_lengths() && number + 1 < conversation.events.len();
        let length = match data.cut_to {
            Some(cut_to) if !is_length_known => cut_to + 1,
            _ => data.bytes.len(),
        };
        if length > 0 {
            sent.bytes.push(data.kept(), length);
            sent.writes.push((event.time, length));
        }
        last_write = Some(event.time);
        is_half_closed |= data.end_stream;
    }
    if is_half_closed {
        sent.fin = last_write;
    }
    sent
}
