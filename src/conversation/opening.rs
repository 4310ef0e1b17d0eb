//! What is known of a conversation when it begins: its first event with a time.

use super::InputRef;
use crate::trace::{Connection, Direction, TraceId};

/// The first event with a time.
pub(super) struct Opening<'a> {
    pub(super) origin: InputRef<'a>,
    pub(super) trace: TraceId,
    /// The number of the conversation in its input.
    pub(super) number: u32,
    pub(super) time: u64,
    pub(super) connection: &'a Connection,
    pub(super) is_upstream: bool,
    /// The first bytes, where it has any.
    pub(super) first: Option<(Direction, &'a [u8])>,
}
