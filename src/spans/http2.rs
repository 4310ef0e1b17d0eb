//! Follows the streams of HTTP/2 in the bytes of one direction (RFC 9113): the headers of each message, which HPACK packs so that all
//! of a connection have to be read from its start.

use loona_hpack::Decoder;

use super::context::Contexts;

/// What a client sends first.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
/// Bytes of a block of headers at most.
const MAX_BLOCK: usize = 256 * 1024;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// Where in its frames a direction is.
pub(super) struct Follower {
    decoder: Decoder<'static>,
    /// The beginning of a frame of headers, or of a frame's header.
    frame: Vec<u8>,
    /// Bytes of a frame of no interest that are still to come.
    skip: u64,
    /// A block of headers, as far as it has come, and its stream.
    block: Vec<u8>,
    stream: u32,
    /// Bytes have been lost, or make no sense: nothing can be read any more.
    is_lost: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("stream", &self.stream).field("is_lost", &self.is_lost).finish()
    }
}

impl Default for Follower {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(),
            frame: Vec::new(),
            skip: 0,
            block: Vec::new(),
            stream: 0,
            is_lost: false,
        }
    }
}

impl Follower {
    /// Takes bytes that have come, and has `each` take the stream of each block of headers, with what is in these.
    pub(super) fn bytes(&mut self, mut bytes: &[u8], each: &mut impl FnMut(u32, Contexts)) {
        while !bytes.is_empty() && !self.is_lost {
            if self.skip > 0 {
                let here = self.skip.min(bytes.len() as u64);
                self.skip -= here;
                bytes = &bytes[here as usize..];
                continue;
            }
            let wanted = match self.frame.len() {
                ..FRAME_HEADER => FRAME_HEADER,
                _ => FRAME_HEADER + length(&self.frame),
            };
            let here = (wanted - self.frame.len()).min(bytes.len());
            self.frame.extend_from_slice(&bytes[..here]);
            bytes = &bytes[here..];
            if self.frame.len() < wanted {
                return;
            }
            let is_of_headers = matches!(self.frame[3], HEADERS | CONTINUATION);
            if wanted == FRAME_HEADER {
                if !is_of_headers {
                    self.skip = length(&self.frame) as u64;
                    self.frame.clear();
                    continue;
                }
                if length(&self.frame) > MAX_BLOCK {
                    return self.lose();
                }
                if length(&self.frame) > 0 {
                    continue;
                }
            }
            let frame = std::mem::take(&mut self.frame);
            self.headers(&frame, each);
        }
    }

    fn headers(&mut self, frame: &[u8], each: &mut impl FnMut(u32, Contexts)) {
        let (kind, flags) = (frame[3], frame[4]);
        let stream = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]) & 0x7fff_ffff;
        let mut fragment = &frame[FRAME_HEADER..];
        if kind == HEADERS {
            self.block.clear();
            self.stream = stream;
            let padding = match (flags & PADDED != 0, fragment.split_first()) {
                (true, Some((&padding, rest))) => {
                    fragment = rest;
                    usize::from(padding)
                }
                _ => 0,
            };
            let priority = if flags & PRIORITY != 0 { 5 } else { 0 };
            let end = fragment.len().saturating_sub(padding);
            let Some(inner) = fragment.get(priority.min(end)..end) else { return self.lose() };
            fragment = inner;
        } else if stream != self.stream {
            return self.lose();
        }
        if self.block.len() + fragment.len() > MAX_BLOCK {
            return self.lose();
        }
        self.block.extend_from_slice(fragment);
        if flags & END_HEADERS == 0 {
            return;
        }
        let block = std::mem::take(&mut self.block);
        let mut contexts = Contexts::default();
        let (mut method, mut path) = (Vec::new(), Vec::new());
        let decoded = self.decoder.decode_with_cb(&block, |name, value| match &name[..] {
            b":method" => method = value.to_vec(),
            b":path" => path = value.to_vec(),
            name => contexts.header(name, &value),
        });
        contexts.request(&method, &path);
        match decoded {
            Ok(()) => each(stream, contexts),
            Err(_) => self.lose(),
        }
    }

    /// So many bytes are missing.
    pub(super) fn skip(&mut self, count: u64) {
        if self.skip >= count {
            self.skip -= count;
        } else {
            self.lose();
        }
    }

    /// Bytes are missing, and nobody knows how many.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
        self.frame = Vec::new();
        self.block = Vec::new();
    }
}

/// The length of a frame's payload.
fn length(frame: &[u8]) -> usize {
    usize::from(frame[0]) << 16 | usize::from(frame[1]) << 8 | usize::from(frame[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_headers_that_is_too_long_is_the_end() {
        let mut follower = Follower::default();
        follower.bytes(&[0xff, 0xff, 0xff, HEADERS, END_HEADERS, 0, 0, 0, 1, 0], &mut |_, _| {
            panic!("no headers")
        });
        assert!(follower.is_lost);
    }
}
