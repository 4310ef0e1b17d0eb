//! Bytes that are not a trace's as they are: compressed, or text in UTF-16. They are recognized by their beginning and
//! decoded as they are read.
//!
//! A few bytes may stand for any number of others: what is decoded goes into the window of the [`Source`], a read at a
//! time, so that memory holds one record, one read and the decoder's window. Nothing bounds how much comes out in all:
//! it takes time that grows with it, and memory that does not.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::capture::{self, Capture};
use super::damage::{Damage, DecodeError, Progress};
use super::gzip::Gzip;
use super::utf16::{self, Utf16};
use super::zstd::{self, Zstd};
use super::{Fill, Source};

/// The encoding of taps in the datagrams of a packet capture.
pub(crate) const CAPTURE: &str = "pcap";

/// An encoding is recognized from this many bytes.
const RECOGNIZE: usize = 4;

/// Decoders of files that are not being read may keep this many bytes of memory; past that, a file is read again from
/// its beginning.
const MAX_KEPT: usize = 256 * 1024 * 1024;

static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Reads a source, and decodes what it reads.
#[derive(Debug)]
pub(crate) struct Decoding {
    source: Source,
    decoder: Decoder,
    /// What the decoder keeps while the source is released.
    kept: Option<Kept>,
}

#[derive(Debug)]
pub(crate) enum Decoder {
    Gzip(Gzip),
    Zstd(Zstd),
    Utf16(Utf16),
    Capture(Box<Capture>),
}

impl Decoding {
    pub(crate) fn new(source: Source, decoder: Decoder) -> Self {
        Self { source, decoder, kept: None }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The source whose bytes are decoded.
    pub(crate) fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }

    /// The encoding's name.
    pub(crate) fn name(&self) -> &'static str {
        self.decoder.name()
    }

    /// What offsets in the decoded bytes count.
    pub(crate) fn unit(&self) -> &'static str {
        match self.decoder {
            Decoder::Gzip(_) | Decoder::Zstd(_) => " (decompressed)",
            Decoder::Utf16(_) => " (as UTF-8)",
            Decoder::Capture(_) => " (of the datagrams)",
        }
    }

    /// Decodes into `room`. Returns how many bytes, 0 at the end, or `None` if there are none at the moment.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let is_end = self.source.is_at_end();
            let progress = match self.decoder.decode(self.source.available(), is_end, room) {
                Ok(progress) => progress,
                Err(Damage { at, what }) => {
                    let offset = self.source.offset() + at as u64;
                    let error = DecodeError { encoding: self.decoder.name(), offset, what };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            };
            self.source.consume(progress.consumed);
            if progress.produced > 0 {
                return Ok(Some(progress.produced));
            }
            if !progress.is_waiting {
                continue;
            }
            if is_end {
                return Ok(Some(0));
            }
            if self.source.fill()? == Fill::Idle {
                return Ok(None);
            }
        }
    }

    /// Bytes of memory besides what has been decoded.
    pub(crate) fn memory_used(&self) -> usize {
        self.source.memory_used() + self.decoder.memory()
    }

    /// Gives the memory back that can be read anew. Keeps the decoder, with `decoded` bytes besides, if all decoders
    /// together may; returns whether it has. If not, it is at its beginning again.
    pub(crate) fn release(&mut self, decoded: usize) -> bool {
        self.kept = Kept::new(self.decoder.memory() + decoded);
        match self.kept {
            Some(_) => self.source.release(),
            None => self.rewind(),
        }
        self.kept.is_some()
    }

    /// Whether it has kept the decoder.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Reads anew what was given back where the decoder was kept.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        self.kept = None;
        self.source.restore()
    }

    pub(crate) fn rewind(&mut self) {
        self.source.rewind();
        self.decoder = self.decoder.anew();
    }
}

impl Decoder {
    /// What decodes an input that begins with `prefix`, if it has to be decoded.
    pub(crate) fn recognize(prefix: &[u8]) -> Option<Self> {
        let prefix: &[u8; RECOGNIZE] = prefix.first_chunk()?;
        if prefix.starts_with(&[0x1f, 0x8b, 8]) {
            return Some(Self::Gzip(Gzip::new()));
        }
        if zstd::begins_frame(prefix) {
            return Some(Self::Zstd(Zstd::new()));
        }
        if capture::begins(prefix) {
            return Some(Self::Capture(Box::new(Capture::new())));
        }
        utf16::byte_order(prefix).map(Self::Utf16)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
            Self::Utf16(_) => "UTF-16",
            Self::Capture(_) => CAPTURE,
        }
    }

    fn decode(&mut self, input: &[u8], is_end: bool, output: &mut [u8]) -> Result<Progress, Damage> {
        match self {
            Self::Gzip(gzip) => gzip.decode(input, is_end, output),
            Self::Zstd(zstd) => zstd.decode(input, is_end, output),
            Self::Utf16(utf16) => Ok(utf16.decode(input, is_end, output)),
            Self::Capture(capture) => capture.decode(input, is_end, output),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Gzip(_) => Gzip::MEMORY,
            Self::Zstd(zstd) => zstd.memory(),
            Self::Utf16(_) => 0,
            Self::Capture(capture) => capture.memory(),
        }
    }

    fn anew(&self) -> Self {
        match self {
            Self::Gzip(_) => Self::Gzip(Gzip::new()),
            Self::Zstd(_) => Self::Zstd(Zstd::new()),
            Self::Utf16(utf16) => Self::Utf16(utf16.anew()),
            Self::Capture(_) => Self::Capture(Box::new(Capture::new())),
        }
    }
}

/// A part of [`MAX_KEPT`], until it is dropped.
#[derive(Debug)]
struct Kept(usize);

impl Kept {
    fn new(bytes: usize) -> Option<Self> {
        // Nothing but the sum depends on the order.
        let add = |kept: usize| kept.checked_add(bytes).filter(|&kept| kept <= MAX_KEPT);
        KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok().map(|_| Self(bytes))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.0, Ordering::Relaxed);
    }
}
