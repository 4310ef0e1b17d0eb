//! The TCP that is made around what a tap recorded: segments, beginnings, ends, addresses and times.

mod addresses;
mod ends;
mod losses;
mod openings;
mod property;
mod segments;
mod times;
mod truncation;

use crate::conversion::{Converted, convert};
use crate::encode::{Format, Tap};
use crate::model::Conversation;

/// How the conversations here are written, where it does not matter.
const STREAMED: Tap = Tap {
    kind: crate::encode::Kind::Streamed,
    format: Format::Delimited,
    connection_per_event: false,
    seq_num: true,
};

/// Converts one conversation, streamed.
#[track_caller]
fn converted(options: &[&str], conversation: &Conversation) -> Converted {
    convert(options, &STREAMED.write(std::slice::from_ref(conversation)))
}

/// The flags, captured and original lengths of all packets.
fn shape(converted: &Converted) -> Vec<(&str, usize, usize)> {
    let packets = converted.capture.packets.iter();
    packets.map(|packet| (&*packet.flags, packet.payload.len(), packet.length)).collect()
}
