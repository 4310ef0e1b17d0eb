//! A FIN stands where the trace says that a side was done, and nowhere else.

use super::{STREAMED, converted};
use crate::conversion::convert;
use crate::encode::{Format, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, START, noise};

/// Fails the test unless exactly these packets of the conversation have a FIN: sender and time.
#[track_caller]
fn assert_fins(conversation: &Conversation, expected: &[(&str, u64)]) {
    let converted = converted(&[], conversation);
    let [local, _] = conversation.addresses();
    let fins = converted.capture.packets.iter().filter(|packet| packet.flags == "FA");
    let fins: Vec<(&str, u64)> =
        fins.map(|packet| (if packet.source == local { "local" } else { "remote" }, packet.time)).collect();
    assert_eq!(fins, expected);
    assert_shows(&converted.capture, conversation, &STREAMED);
}

#[test]
fn a_close_is_a_fin_from_each_side_and_the_initiator_is_first() {
    let conversation = Conversation::new(1).read("GET /").write("ok").at(START + 77_777_777).closed();
    assert_fins(&conversation, &[("remote", START + 77_777_777), ("local", START + 77_777_777)]);
    let upstream = Conversation::new(1).write("GET /").read("ok").at(START + 77_777_777).closed();
    assert_fins(&upstream, &[("local", START + 77_777_777), ("remote", START + 77_777_777)]);
}

#[test]
fn without_a_close_there_is_no_fin() {
    let conversation = Conversation::new(1).read("GET /").write("ok");
    assert_fins(&conversation, &[]);
    let buffered = Tap::buffered(Format::Binary).write(&[conversation.closed()]);
    let capture = convert(&[], &buffered).capture;
    assert_eq!(capture.packets.iter().map(|packet| &*packet.flags).collect::<Vec<_>>(), ["PA", "PA"]);
}

#[test]
fn a_connection_may_close_without_a_word() {
    assert_fins(&Conversation::new(1).closed(), &[("remote", START), ("local", START)]);
}

#[test]
fn the_last_write_is_followed_by_a_fin() {
    let half_closed = Conversation::new(1).read("GET /").at(START + 10).last_write("ok");
    assert_fins(&half_closed, &[("local", START + 10)]);
    let closed = half_closed.clone().at(START + 99).closed();
    assert_fins(&closed, &[("local", START + 10), ("remote", START + 99)]);
    let answered = half_closed.at(START + 20).read(noise(100_000)).at(START + 99).closed();
    assert_fins(&answered, &[("local", START + 10), ("remote", START + 99)]);
}

#[test]
fn the_last_write_may_be_empty() {
    let conversation = Conversation::new(1).write("ok").at(START + 10).last_write("").read("bye");
    assert_fins(&conversation, &[("local", START + 10)]);
}

#[test]
fn the_last_write_of_a_buffered_trace_is_followed_by_a_fin() {
    let conversation = Conversation::new(1).read("GET /").last_write("o").last_write("k").read("bye");
    let tap = Tap::buffered(Format::Binary);
    let converted = convert(&[], &tap.write(std::slice::from_ref(&conversation)));
    assert_shows(&converted.capture, &conversation, &tap);
}

#[test]
fn of_several_writes_that_want_to_be_the_last_the_last_one_is() {
    let conversation = Conversation::new(1).read("GET /").last_write("a").last_write(noise(70_000));
    let conversation = conversation.at(START + 50).last_write("c");
    assert_fins(&conversation, &[("local", START + 50)]);
    assert_fins(&conversation.at(START + 60).closed(), &[("local", START + 50), ("remote", START + 60)]);
}

/// While a large answer drains, its client can go on talking.
#[test]
fn reads_may_come_between_writes_that_want_to_be_the_last() {
    let conversation = Conversation::new(1).read("GET /").last_write(noise(70_000)).read("more");
    let conversation = conversation.at(START + 50).last_write("end").read("bye").at(START + 60).closed();
    assert_fins(&conversation, &[("local", START + 50), ("remote", START + 60)]);
}

#[test]
fn a_cut_write_may_be_the_last() {
    use crate::model::Direction::Write;
    let conversation =
        Conversation::new(1).read("GET /").at(START + 10).data(Write, noise(3_000), Some(5), true);
    let conversation = conversation.at(START + 60).closed();
    assert_fins(&conversation, &[("local", START + 10), ("remote", START + 60)]);
}

#[test]
fn other_conversations_come_between_a_last_write_and_what_follows() {
    let conversations: Vec<Conversation> = (1..50)
        .map(|id| Conversation::new(id).at(START + id).read("GET /").last_write("a").last_write("b").closed())
        .collect();
    let capture = convert(&[], &STREAMED.write(&conversations)).capture;
    for conversation in &conversations {
        assert_shows(&capture, conversation, &STREAMED);
    }
}
