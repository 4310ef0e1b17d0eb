//! Taps that nobody wrote by accident: lengths that lie, nesting and floods without end, values that are none, damage at
//! random. The program ends in good order, without a byte of memory or a level of stack for what is only claimed.

mod amplification;
mod lengths;
mod mutation;
mod nesting;
mod values;

use crate::batch::convert_each;
use crate::encode::{Format, Tap};
use crate::model::Conversation;

/// A tap of two events, and a record of the same trace that is to stand between them.
fn around(format: Format) -> [String; 2] {
    let conversation = Conversation::new(9).read("first").read("last");
    let tap = Tap { seq_num: false, ..Tap::streamed(format) };
    let records = tap.records(&[conversation]);
    [&records[..2], &records[2..]].map(|records| String::from_utf8(format.print(records)).expect("UTF-8"))
}
