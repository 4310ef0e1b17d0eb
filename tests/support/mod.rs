//! What the tests share: nothing here is of the program.

/// Reads captures, and fails at what no reader should have to forgive.
pub(crate) mod capture;
/// Reads taps as trees of fields, to change them.
pub(crate) mod decode;
/// Writes conversations as taps, in every format.
pub(crate) mod encode;
/// What a capture has to show of a conversation.
pub(crate) mod expected;
/// Reads captures of any protocol, as frames.
pub(crate) mod frames;
/// Conversations.
pub(crate) mod model;
/// Runs the program.
pub(crate) mod program;
/// Runs tshark and others.
pub(crate) mod tools;
