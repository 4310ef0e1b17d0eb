//! The messages of `proto/`, which `build.rs` compiles, and their schemas.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/proto.rs"));

pub(crate) mod schema {
    use crate::protobuf::{Damage, Encoding, Field, Kind, Message, Reader, Schema};

    include!(concat!(env!("OUT_DIR"), "/schema.rs"));
}

/// Whether this is the tag of one of `TraceWrapper`'s fields 1 to 5, all of them length-delimited, or of the next ones that
/// a newer Envoy may have.
pub(crate) fn is_wrapper_tag(tag: u8) -> bool {
    matches!(tag, 0x0a | 0x12 | 0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42)
}

/// The name in the text format of the field with this number, for a message's `NAMES`.
pub(crate) const fn text_name(names: &[(u32, &'static str, &'static str)], number: u32) -> &'static [u8] {
    let mut index = 0;
    while names[index].0 != number {
        index += 1;
    }
    names[index].1.as_bytes()
}

/// The same name in JSON.
pub(crate) const fn json_name(names: &[(u32, &'static str, &'static str)], number: u32) -> &'static [u8] {
    let mut index = 0;
    while names[index].0 != number {
        index += 1;
    }
    names[index].2.as_bytes()
}
