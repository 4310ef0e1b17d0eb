//! All integration tests, one module a subject. Tests that need tshark or a real Envoy are `#[ignore]`d with the
//! reason; `.ci/run` installs both and runs them too.

/// Runs the program on many taps at a time.
mod batch;
/// By address, port, time and id.
mod choose;
/// The command line, files, exit statuses and messages.
mod cli;
/// Converts taps and reads the captures, for the other modules.
mod conversion;
/// Real taps cut at every byte.
mod cuts;
/// Damage is an error, and all else is converted.
mod damage;
/// README.md and docs/.
mod docs;
/// Gzip, zstd and UTF-16.
mod encodings;
/// A real Envoy.
mod envoy;
/// What people have in their hands, with a file each.
mod field;
/// What is no tap.
mod foreign;
/// One conversation, the same packets in every format.
mod formats;
/// Every generation of Envoy.
mod generations;
/// Lengths that lie, nesting, floods.
mod hostile;
/// HTTP taps.
mod http;
/// Hubble's flows.
mod hubble;
/// `tap2pcap info`.
mod info;
/// The table in docs/limits.md.
mod limits;
/// Live sources: admin interface, UDP.
mod live;
/// Many inputs in one capture.
mod many;
/// What the formats leave open, and what newer Envoys may add.
mod oddities;
/// Records that changed places, were lost or came twice.
mod order;
/// Headers beside TCP, and captures of a library.
mod packets;
/// Which protocol, and who is the client.
mod protocol;
/// Tshark, capinfos, editcap, tcpdump.
mod readers;
/// Values that must not be in a capture.
mod redact;
/// Faults that were found, one test each.
mod regression;
/// The records around a broken one.
mod resync;
/// No import upwards, no circle.
mod rooms;
/// SIGINT, SIGTERM, SIGHUP.
mod signals;
/// Spans of distributed tracing.
mod spans;
/// A capture for each connection.
mod split;
/// Lines around the records.
mod stray;
/// What the tests share.
mod support;
/// Segments, beginnings, ends, addresses, times.
mod synthesis;
/// What follows the last record.
mod trailing;
/// Plugin, profile, `tap2pcap wireshark` and `tap2pcap open`.
mod wireshark;

use support::{capture, decode, encode, expected, frames, model, program, tools};
