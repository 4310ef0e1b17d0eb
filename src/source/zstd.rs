//! Zstandard, RFC 8878: one frame after another, among them skippable ones.
//!
//! A block is decoded when it is there as a whole, one at a time: a few bytes of input can stand for 128 KiB. The decoder
//! keeps back as much as its window holds, until more comes or the frame ends.

use std::fmt;
use std::io::Read;

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::damage::{Damage, Progress};

/// A frame may ask for a window of this many bytes, as with the `zstd` command. It takes so much memory only with as many
/// bytes decoded.
const MAX_ZSTD_WINDOW: u64 = 128 * 1024 * 1024;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame's header has at most so many bytes, and a block's exactly.
const FRAME_HEADER: usize = 18;
const BLOCK_HEADER: usize = 3;
const CHECKSUM: usize = 4;
/// The last block of a frame: raw, of no bytes.
const LAST_BLOCK: [u8; BLOCK_HEADER] = [1, 0, 0];

/// Whether a frame begins with these bytes: a skippable one is as good as any.
pub(crate) fn begins_frame(prefix: &[u8]) -> bool {
    prefix.starts_with(&MAGIC) || is_skippable(prefix)
}

fn is_skippable(prefix: &[u8]) -> bool {
    matches!(prefix, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

pub(crate) struct Zstd {
    frame: Option<Frame>,
    /// Bytes that are left of a skippable frame.
    skip: u64,
}

struct Frame {
    decoder: Box<FrameDecoder>,
    has_checksum: bool,
    /// Its window, as far as it has been filled.
    window: u64,
    filled: u64,
    /// The frame cannot be read further. It is given out what has been decoded.
    damage: Option<Damage>,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").field("skip", &self.skip).finish_non_exhaustive()
    }
}

impl Zstd {
    pub(crate) fn new() -> Self {
        Self { frame: None, skip: 0 }
    }

    /// Bytes of memory, about.
    pub(crate) fn memory(&self) -> usize {
        /// Tables, literals and sequences of a block.
        const BLOCK: u64 = 512 * 1024;
        self.frame.as_ref().map_or(0, |frame| (BLOCK + frame.filled.min(frame.window)) as usize)
    }

    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        is_end: bool,
        output: &mut [u8],
    ) -> Result<Progress, Damage> {
        if self.skip > 0 {
            let consumed = input.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= consumed as u64;
            return match consumed {
                0 if is_end => Err(Damage::truncated(0)),
                consumed => Ok(Progress { consumed, produced: 0, is_waiting: consumed == 0 }),
            };
        }
        let Some(frame) = &mut self.frame else { return self.begin(input, is_end) };
        let mut consumed = 0;
        loop {
            let produced = frame.decoder.read(output).map_err(|_| Damage::damaged(consumed))?;
            frame.filled += produced as u64;
            if produced > 0 {
                return Ok(Progress { consumed, produced, is_waiting: false });
            }
            if let Some(damage) = frame.damage {
                return Err(damage.behind(consumed));
            }
            if frame.decoder.is_finished() {
                let is_intact = !frame.has_checksum
                    || frame.decoder.get_checksum_from_data() == frame.decoder.get_calculated_checksum();
                self.frame = None;
                return match is_intact {
                    true => Ok(Progress { consumed, produced: 0, is_waiting: false }),
                    false => Err(Damage::checksum(consumed)),
                };
            }
            let rest = &input[consumed..];
            match frame.block(rest) {
                Ok(0) if is_end => frame.end(Damage::truncated(rest.len()), rest),
                Ok(0) => return Ok(Progress { consumed, produced: 0, is_waiting: true }),
                Ok(length) => consumed += length,
                Err(()) => frame.end(Damage::damaged(0), &[]),
            }
        }
    }

    /// Goes on to the next frame.
    fn begin(&mut self, input: &[u8], is_end: bool) -> Result<Progress, Damage> {
        if input.is_empty() || input.len() < FRAME_HEADER && !is_end {
            return Ok(Progress { consumed: 0, produced: 0, is_waiting: true });
        }
        if is_skippable(input) {
            let Some(length) = input.get(4..8) else { return Err(Damage::truncated(input.len())) };
            self.skip = length.iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
            return Ok(Progress { consumed: 8, produced: 0, is_waiting: false });
        }
        if !input.starts_with(&MAGIC) {
            return Err(Damage::trailing(0));
        }
        // A new decoder for each frame: one that is reset makes room for the window that the frame claims.
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(MAX_ZSTD_WINDOW);
        let mut rest = input;
        match decoder.reset(&mut rest) {
            Ok(()) => {}
            Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                return Err(Damage::window(requested));
            }
            Err(FrameDecoderError::DictNotProvided { dict_id }) => return Err(Damage::dictionary(dict_id)),
            Err(_) if input.len() < FRAME_HEADER => return Err(Damage::truncated(input.len())),
            Err(_) => return Err(Damage::damaged(0)),
        }
        let descriptor = input[MAGIC.len()];
        let is_single = descriptor & 0x20 != 0;
        let window = if is_single { decoder.content_size() } else { window(input[MAGIC.len() + 1]) };
        let has_checksum = descriptor & 4 != 0;
        self.frame = Some(Frame { decoder, has_checksum, window, filled: 0, damage: None });
        Ok(Progress { consumed: input.len() - rest.len(), produced: 0, is_waiting: false })
    }
}

impl Frame {
    /// Decodes the block with which `input` begins. Returns its length, or 0 if it is not there as a whole.
    fn block(&mut self, input: &[u8]) -> Result<usize, ()> {
        let Some((block, checksum)) = self.length(input) else { return Ok(0) };
        let Some(block) = input.get(..block + checksum) else { return Ok(0) };
        let blocks = self.decoder.decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1));
        blocks.map(|_| block.len()).map_err(drop)
    }

    /// The length of the block with which `input` begins, and of the checksum behind it.
    fn length(&self, input: &[u8]) -> Option<(usize, usize)> {
        let &[first, second, third] = input.first_chunk()?;
        let header = u32::from_le_bytes([first, second, third, 0]);
        let is_last = header & 1 == 1;
        // A block of one byte that comes again and again says how often.
        let content = if header >> 1 & 3 == 1 { 1 } else { (header >> 3) as usize };
        Some((BLOCK_HEADER + content, if is_last && self.has_checksum { CHECKSUM } else { 0 }))
    }

    /// Ends the frame before its end, so that the decoder gives out what it has kept back. Of what is left of it, all but
    /// the checksum may be there, or a part of a raw block.
    fn end(&mut self, damage: Damage, rest: &[u8]) {
        self.damage = Some(damage);
        let block = self.length(rest).and_then(|(block, _)| rest.get(..block)).map(<[u8]>::to_vec);
        let raw = rest.get(BLOCK_HEADER..).filter(|_| rest[0] >> 1 & 3 == 0);
        let raw =
            raw.map(|raw| [&(((raw.len() as u32) << 3 | 1).to_le_bytes())[..BLOCK_HEADER], raw].concat());
        for last in [block, raw, Some(LAST_BLOCK.to_vec())].into_iter().flatten() {
            let last = last.chain(&[0; CHECKSUM][..]);
            // If both fail, there is nothing to give out.
            if self.decoder.decode_blocks(last, BlockDecodingStrategy::UptoBlocks(1)).is_ok() {
                return;
            }
        }
    }
}

/// The size of a window from its descriptor.
fn window(descriptor: u8) -> u64 {
    let base = 1u64 << (10 + (descriptor >> 3));
    base + base / 8 * u64::from(descriptor & 7)
}
