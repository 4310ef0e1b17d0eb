//! Turns traces that a proxy recorded above its sockets into packet captures, with synthesised TCP/IP frames, for Wireshark and all
//! that reads pcap. Envoy's taps are read in every format and generation: socket taps and HTTP taps, binary, text and JSON; and the flows of
//! Cilium's Hubble, which know the verdict on each packet.
//!
//! A [`Converter`] makes a [`Capture`] of one [`Input`] or many:
//!
//! ```
//! use tap2pcap::{Capture, Converter, Input};
//!
//! # let directory = tempfile::tempdir().expect("a directory");
//! # let path = directory.path().join("out.pcapng");
//! let capture = Capture::create(&path)?;
//! let done = Converter::new()
//!     .handshake(true)
//!     .add(Input::open("testdata/post-streamed.pb")?)
//!     .convert(capture)?;
//! println!("{} packets, {} bytes", done.packets, done.bytes);
//! for warning in done.warnings() {
//!     eprintln!("{warning}");
//! }
//! # assert!(done.packets > 0);
//! # Ok::<(), tap2pcap::Error>(())
//! ```
//!
//! Bytes in memory are an input too, and any writer takes a capture:
//!
//! ```
//! use tap2pcap::{Capture, Converter, Format, Input};
//!
//! let tap: Vec<u8> = std::fs::read("testdata/post-buffered.pb_text").expect("a file");
//! let capture = Capture::to_writer(std::io::sink(), Format::NsecPcap);
//! let done = Converter::new().add(Input::from_bytes("tap", tap)?).convert(capture)?;
//! assert_eq!(done.traces, 1);
//! # Ok::<(), tap2pcap::Error>(())
//! ```
//!
//! Who wants no capture reads the [events](event) of an input:
//!
//! ```
//! use tap2pcap::Input;
//! use tap2pcap::event::{Event, EventKind};
//!
//! let mut input = Input::open("testdata/post-streamed.pb")?;
//! while let Some(event) = input.next_event()? {
//!     if let Event::Socket(event) = event
//!         && let EventKind::Data(data) = event.what
//!     {
//!         println!("{} {:?} {} bytes", event.time, data.direction, data.bytes.len());
//!     }
//! }
//! # Ok::<(), tap2pcap::Error>(())
//! ```
//!
//! Damage in an input does not end the conversion: what can be read is converted, and [`Report::errors`] has the rest. Memory is
//! bounded by the longest record.
//!
//! ```text
//! source ─▶ record ─▶ envoy ─Event─▶ reassembly ─▶ conversation ─▶ tcp ─Packet─▶ capture
//!                       └──Part──▶ http ──Event──────┘
//! ```

mod capture;
mod conversation;
mod convert;
mod envoy;
mod error;
pub mod event;
mod filter;
mod http;
mod hubble;
mod info;
mod input;
mod library;
#[cfg(feature = "cli")]
mod live;
mod merge;
mod packet;
mod proto;
mod protobuf;
mod protocol;
mod quantity;
mod reassembly;
mod record;
mod redact;
mod report;
mod source;
mod spans;
mod tcp;
mod trace;

pub use error::{Error, ErrorKind};
pub use http::{Side as HttpSide, Version as HttpVersion};
pub use library::{Capture, Converter, Format, Input, Report, Warning, WarningKind};
pub use packet::LinkType;

/// All that the program, the wide tests and the fuzzers use besides: nothing of it stays as it is.
#[doc(hidden)]
pub mod internal {
    pub mod capture {
        pub use crate::capture::*;
    }
    pub mod conversation {
        pub use crate::conversation::*;
    }
    pub mod convert {
        pub use crate::convert::*;
    }
    pub mod filter {
        pub use crate::filter::*;
    }
    pub mod http {
        pub use crate::http::*;
    }
    pub mod hubble {
        pub use crate::hubble::*;
    }
    pub mod info {
        pub use crate::info::*;
    }
    pub mod input {
        pub use crate::input::*;
    }
    #[cfg(feature = "cli")]
    pub mod live {
        pub use crate::live::*;
    }
    pub mod merge {
        pub use crate::merge::*;
    }
    pub mod packet {
        pub use crate::packet::*;
    }
    pub mod protocol {
        pub use crate::protocol::*;
    }
    pub mod quantity {
        pub use crate::quantity::*;
    }
    pub mod report {
        pub use crate::report::*;
    }
    pub mod redact {
        pub use crate::redact::*;
    }
    pub mod reassembly {
        pub use crate::reassembly::*;
    }
    pub mod spans {
        pub use crate::spans::*;
    }
    pub mod tcp {
        pub use crate::tcp::*;
    }
    pub mod trace {
        pub use crate::trace::*;
    }
}
