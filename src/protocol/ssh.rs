//! SSH: both sides begin with the version of the protocol and of their software (RFC 4253 section 4.2), and either may be
//! the first to do so.

use super::{Sender, is_printable};

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    let software = bytes.strip_prefix(b"SSH-2.0-").or_else(|| bytes.strip_prefix(b"SSH-1.99-"))?;
    let end = software.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(software.len());
    is_printable(&software[..end]).then_some(Sender::Either)
}
