//! Envoy's taps: the events and HTTP messages in a record, whichever encoding and generation it is of.
//!
//! An [`AnyCursor`] reads one record after another. It gives the events of socket taps, and the records of HTTP taps, of which
//! [`Parts`] makes pieces. [`canonical`] is the fast lane: it reads the binary encoding in which Envoy writes nearly all events.

mod any;
mod begin;
mod body;
pub(crate) mod canonical;
mod canonical_reader;
mod connection;
mod cursor;
mod decoded;
mod event;
pub(crate) mod fit;
pub(crate) mod generation;
mod holder;
mod http;
mod parts;

pub(crate) use any::AnyCursor;
pub use cursor::TextLoss;
pub(crate) use decoded::{Begun, Decoded, DecodedWhat, Head};
pub(crate) use parts::Parts;
