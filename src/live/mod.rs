//! Live sources: what a running Envoy sends becomes bytes that an input reads as they come.
//!
//! [`admin`] asks Envoy's admin interface for a tap, [`udp`] takes the datagrams of Envoy's UDP sink. Neither knows what is in the
//! bytes.

pub mod admin;
mod configs;
mod http;
pub mod udp;
