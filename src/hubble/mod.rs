//! Hubble's flows: what Cilium saw of a cluster's packets, and became of them.
//!
//! A record becomes a [`Flow`] ([`decode`], [`read`]). Flows that are the same packet become one ([`observation`]), policy verdicts
//! join their packets ([`verdicts`]), and packets and comments are made of the rest ([`synthesis`], [`notes`]). Facts:
//! `api/v1/flow/flow.proto` of Cilium, and `docs/hubble.md`.

mod connections;
mod decode;
mod detect;
mod dns;
mod flow;
mod hosts;
mod http;
mod http2;
mod notes;
mod observation;
mod others;
mod read;
mod redacted;
mod summary;
mod synthesis;
mod text;
mod verdicts;

pub(crate) use decode::{Decoded, Decoder};
pub(crate) use detect::detect;
pub use flow::{Flow, Kind, Lost, LostSource};
pub use summary::{Denied, Failed, Summary};
pub use synthesis::{Flows, Options, Points, Sinks};
