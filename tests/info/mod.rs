//! `tap2pcap info` says what is in trace files: to people in a table, to scripts in JSON, and never with a capture.

mod errors;
mod hints;
mod http;
mod json;
mod table;

use serde_json::Value as Json;

use crate::encode::{Format, Tap};
use crate::model::{Conversation, START, noise};
use crate::program::{Dir, Ran, testdata};

/// Looks into copies of these files of testdata/.
#[track_caller]
fn info(options: &[&str], names: &[&str]) -> Ran {
    let dir = Dir::new();
    for name in names {
        dir.write(name, &std::fs::read(testdata(name)).expect("a tap"));
    }
    let ran = dir.tap2pcap().arg("info").args(options).args(names).run();
    assert_eq!(dir.names().len(), names.len(), "nothing is written");
    ran
}

/// Looks into one tap that a test has made, and returns what is said of it.
#[track_caller]
pub(crate) fn info_of(tap: &[u8]) -> Json {
    let dir = Dir::new();
    dir.write("tap", tap);
    only(&dir.tap2pcap().args(["info", "--json", "tap"]).run().expect(0).stdout)
}

/// The same as a table.
#[track_caller]
pub(crate) fn table_of(tap: &[u8]) -> String {
    let dir = Dir::new();
    dir.write("tap", tap);
    text(dir.tap2pcap().args(["info", "tap"]).run().expect(0))
}

#[track_caller]
fn text(ran: Ran) -> String {
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// The elements of what `--json` prints.
#[track_caller]
fn elements(json: &[u8]) -> Vec<Json> {
    serde_json::from_slice(json).expect("an array")
}

#[track_caller]
fn only(json: &[u8]) -> Json {
    let [element] = <[Json; 1]>::try_from(elements(json)).expect("one input");
    element
}

/// The strings of an array.
#[track_caller]
fn strings(json: &Json) -> Vec<&str> {
    json.as_array().expect("an array").iter().map(|text| text.as_str().expect("a string")).collect()
}
