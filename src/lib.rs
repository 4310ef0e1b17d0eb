//! Turns traces that a proxy recorded above its sockets into packet captures.
//!
//! ```text
//! input ──Event──▶ sequence ──Event──▶ conversation ──Segment──▶ tcp ──Packet──▶ output
//!   └─────Part───▶   http   ──Event──────────┘
//! ```
//!
//! [`taps`] finds the inputs, [`input`] reads Envoy's tap formats, [`sequence`] completes events by what comes after them,
//! [`http`] makes events of what HTTP taps recorded, [`conversation`] gives each connection its addresses and [`tcp`] its
//! segments, and [`output`] writes the capture. [`convert`] puts these together, [`merge`] many inputs in order of time, and
//! [`report`] gathers what people are to be told. [`info`] only looks.

pub mod capture;
pub mod conversation;
pub mod convert;
mod envoy;
pub mod filter;
pub mod http;
pub mod info;
pub mod input;
pub mod merge;
pub mod packet;
pub mod progress;
mod proto;
mod protobuf;
pub mod protocol;
mod record;
pub mod report;
pub mod sequence;
mod source;
pub mod taps;
pub mod tcp;
pub mod trace;
