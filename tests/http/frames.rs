//! Takes what one side of an HTTP/2 connection sent apart into frames, header blocks decoded.
//!
//! What RFC 9113 does not allow fails the test: a frame larger than a peer has to take, anything but CONTINUATION
//! inside a header block, a frame after END_STREAM, no SETTINGS first.

use std::collections::HashSet;

use loona_hpack::Decoder;

use super::cursor::Cursor;
use super::exchange::{Headers, Piece, headers};
use crate::capture::Sent;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// The largest frame that every peer takes.
const MOST_PAYLOAD: usize = 16_384;

/// What a frame, or HEADERS and its CONTINUATIONs, adds to a stream.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) stream: u32,
    pub(super) time: u64,
    pub(super) what: What,
    pub(super) ends_stream: bool,
}

#[derive(Debug)]
pub(super) enum What {
    Headers(Headers),
    Data(Piece),
}

/// The frames that belong to streams; the client's begin with the preface.
#[track_caller]
pub(super) fn frames(sent: &Sent, is_client: bool) -> Vec<Frame> {
    let mut cursor = Cursor::new(sent);
    if is_client && !cursor.is_at_end() {
        assert_eq!(cursor.take(PREFACE.len()), PREFACE);
    }
    let mut frames = Vec::new();
    let mut decoder = Decoder::new();
    let mut ended = HashSet::new();
    let mut is_first = true;
    while !cursor.is_at_end() {
        let time = cursor.time();
        let (mut head, payload) = frame(&mut cursor);
        if is_first {
            assert_eq!((head.kind, head.flags & ACK), (SETTINGS, 0), "SETTINGS come first");
            is_first = false;
        }
        let what = match head.kind {
            DATA => {
                assert_eq!(head.flags & PADDED, 0, "nobody pads here");
                What::Data(payload)
            }
            HEADERS => {
                let mut block = unpadded(&head, whole(payload));
                while head.flags & END_HEADERS == 0 {
                    let (next, payload) = frame(&mut cursor);
                    assert_eq!((next.kind, next.stream), (CONTINUATION, head.stream));
                    block.extend(whole(payload));
                    head.flags |= next.flags & END_HEADERS;
                }
                What::Headers(headers_of(&mut decoder, &block))
            }
            CONTINUATION => panic!("CONTINUATION without HEADERS"),
            _ => {
                whole(payload);
                continue;
            }
        };
        assert!(head.stream > 0, "{what:?} belongs to a stream");
        assert!(!ended.contains(&head.stream), "nothing comes after END_STREAM: {what:?}");
        let ends_stream = head.flags & END_STREAM != 0;
        if ends_stream {
            ended.insert(head.stream);
        }
        frames.push(Frame { stream: head.stream, time, what, ends_stream });
    }
    frames
}

struct Head {
    kind: u8,
    flags: u8,
    stream: u32,
}

#[track_caller]
fn frame(cursor: &mut Cursor<'_>) -> (Head, Piece) {
    let &[high, middle, low, kind, flags, ref stream @ ..] = cursor.take(9) else { panic!("nine bytes") };
    let stream = u32::from_be_bytes(stream.try_into().expect("four bytes"));
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    assert!(length <= MOST_PAYLOAD, "a frame of {length} bytes");
    let payload = cursor.take_body(length);
    assert_eq!(payload.length, length, "the frame is there to its end");
    (Head { kind, flags, stream: stream & 0x7fff_ffff }, payload)
}

#[track_caller]
fn whole(payload: Piece) -> Vec<u8> {
    assert!(!payload.is_cut(), "only DATA may have bytes missing");
    payload.kept
}

#[track_caller]
fn unpadded(head: &Head, mut payload: Vec<u8>) -> Vec<u8> {
    if head.flags & PADDED != 0 {
        let padding = usize::from(payload.remove(0));
        payload.truncate(payload.len().checked_sub(padding).expect("no more padding than payload"));
    }
    if head.flags & PRIORITY != 0 {
        payload.drain(..5);
    }
    payload
}

#[track_caller]
fn headers_of(decoder: &mut Decoder<'_>, block: &[u8]) -> Headers {
    let list = decoder.decode(block).expect("a header block");
    headers(list.into_iter().map(|(name, value)| (String::from_utf8(name).expect("a header's name"), value)))
}
