//! What the fuzz targets hold for any bytes. README.md beside this crate says which target holds what.

pub mod conversion;
pub mod detection;
mod encoded;
pub mod flows;
mod pieces;
pub mod reading;
pub mod records;
mod scratch;
pub mod spans;

/// The tests' own reader of captures, which fails at what no reader should have to forgive.
#[allow(dead_code, unused_imports, reason = "the tests ask it for more")]
#[path = "../../tests/support/capture/mod.rs"]
mod capture;
/// The tests' own encoder of taps.
#[allow(dead_code, reason = "the tests ask it for more")]
#[path = "../../tests/support/encode/mod.rs"]
mod encode;
/// The tests' own reader of pcapng with flows.
#[allow(dead_code, reason = "the tests ask it for more")]
#[path = "../../tests/support/frames.rs"]
mod frames;
#[allow(dead_code, reason = "the tests ask it for more")]
mod http;
/// What the encoder writes.
#[allow(dead_code, reason = "the tests ask it for more")]
#[path = "../../tests/support/model.rs"]
mod model;
