//! Goes through the frames of one direction of HTTP/2 (RFC 9113): which bytes are of blocks of headers, or of frames that nobody
//! knows.

use memchr::memmem;

use super::rules::Redaction;
use super::values::X;
use super::{Hidden, Lost, Why};
use crate::report::RedactionCounts;

const FRAME_HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const PADDED: u8 = 8;
/// The block of headers ends with the frame.
const END_HEADERS: u8 = 4;
/// The method of a tunnel, as HPACK has it where it comes first: in Huffman's code (RFC 7541 appendix B), or as it is. It has to be
/// there once on each connection, as no static table has it.
const CONNECT: [&[u8]; 2] = [&[0xbd, 0xab, 0x4e, 0x9c, 0x17, 0xb7, 0xff], b"CONNECT"];

/// Where in its frames a direction is.
#[derive(Debug, Default)]
pub(super) struct Http2 {
    /// The header of a frame, as far as it has come.
    header: Vec<u8>,
    /// Bytes of the frame that are still to come.
    rest: u64,
    /// The next of them is the length of the padding.
    has_padding: bool,
    /// A frame has come.
    has_begun: bool,
    /// The last bytes of a block of headers.
    block: Vec<u8>,
}

impl Http2 {
    /// Redacts what comes next, and adds where there are bytes to hide: with `hides_data`, which a request for a tunnel sets, DATA too.
    /// Where it cannot be followed any more, the place from which on.
    pub(super) fn bytes(
        &mut self,
        rules: &Redaction,
        bytes: &mut [u8],
        mut at: usize,
        hides_data: &mut bool,
        hidden: &mut Vec<Hidden>,
        counts: &mut RedactionCounts,
    ) -> Result<(), usize> {
        while at < bytes.len() {
            if self.rest == 0 {
                let start = at;
                let here = (FRAME_HEADER - self.header.len()).min(bytes.len() - at);
                self.header.extend_from_slice(&bytes[at..at + here]);
                at += here;
                if self.header.len() == FRAME_HEADER {
                    self.begin().map_err(|Lost| start)?;
                }
                continue;
            }
            // Fits: it is at most the length of what is in memory.
            let here = self.rest.min((bytes.len() - at) as u64) as usize;
            let end = at + here;
            *hides_data |= self.finds_tunnel(&bytes[at..end]);
            if !self.is_shown(rules, *hides_data) {
                let why = if self.is_in_headers() { Why::Headers } else { Why::Unknown };
                hidden.push(Hidden { range: at..end, why });
            } else if self.header[3] == DATA && rules.bodies {
                let from = at + usize::from(std::mem::take(&mut self.has_padding));
                counts.body_bytes += (end - from) as u64;
                bytes[from..end].fill(X);
            }
            self.forward(here as u64);
            at = end;
        }
        Ok(())
    }

    /// So many bytes are missing. Whether it is known where in a frame it goes on.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Lost> {
        if self.rest < count {
            return Err(Lost);
        }
        self.has_padding = false;
        self.forward(count);
        Ok(())
    }

    /// Whether it is in a block of headers.
    pub(super) fn is_in_headers(&self) -> bool {
        self.rest > 0 && matches!(self.header[3], HEADERS | PUSH_PROMISE | CONTINUATION)
    }

    fn forward(&mut self, count: u64) {
        self.rest -= count;
        if self.rest == 0 {
            self.header.clear();
        }
    }

    /// A frame begins: its header has to make sense.
    fn begin(&mut self) -> Result<(), Lost> {
        let header = &self.header;
        let length = u64::from(header[0]) << 16 | u64::from(header[1]) << 8 | u64::from(header[2]);
        let (kind, flags) = (header[3], header[4]);
        let is_of_connection = header[5..] == [0; 4];
        let is_valid = match kind {
            DATA | HEADERS | PUSH_PROMISE | CONTINUATION => !is_of_connection,
            // PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE.
            2 => length == 5,
            3 => length == 4 && !is_of_connection,
            4 => length.is_multiple_of(6) && is_of_connection,
            6 => length == 8 && is_of_connection,
            7 => is_of_connection,
            8 => length == 4,
            _ => true,
        };
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if !is_valid || is_first && kind != 4 {
            return Err(Lost);
        }
        self.has_padding = kind == DATA && flags & PADDED != 0;
        self.rest = length;
        self.forward(0);
        Ok(())
    }

    /// Whether what comes next of a frame asks for a tunnel.
    fn finds_tunnel(&mut self, bytes: &[u8]) -> bool {
        if !self.is_in_headers() {
            return false;
        }
        // Padding stands between the parts of a block: what they are together is not known.
        let (kind, flags) = (self.header[3], self.header[4]);
        if kind != CONTINUATION && flags & PADDED != 0 && flags & END_HEADERS == 0 {
            return true;
        }
        self.block.extend_from_slice(bytes);
        let is_found = CONNECT.iter().any(|connect| memmem::find(&self.block, connect).is_some());
        let rest = self.block.len().saturating_sub(CONNECT[0].len());
        self.block.drain(..rest);
        is_found
    }

    /// Whether the frame has nothing in it that could be a header, or anything else that somebody said.
    fn is_shown(&self, rules: &Redaction, hides_data: bool) -> bool {
        match self.header[3] {
            DATA => !hides_data,
            HEADERS | PUSH_PROMISE | CONTINUATION => rules.names.is_empty(),
            // PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE.
            kind => matches!(kind, 2 | 3 | 4 | 6 | 8),
        }
    }
}
