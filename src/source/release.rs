//! The memory of one of many files: it is given back while the file has to wait, and what was in it is read again.
//!
//! What is decoded cannot be read from the middle. The decoder is kept, as long as all that are kept take no more than a
//! limit; past that, the file is decoded again from its beginning.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{Fill, Reader, Source};

impl Source {
    /// Bytes of memory that the buffer takes, and whatever else can be given back.
    pub(crate) fn memory_used(&self) -> usize {
        match &self.reader {
            Reader::Decoded(decoding) => self.buffer.len() + decoding.memory_used(),
            _ => self.buffer.len(),
        }
    }

    /// Gives the buffer back, if it can be read anew.
    pub(crate) fn release(&mut self) {
        if !self.is_reopened() || self.released.is_some() {
            return;
        }
        let available = self.end - self.start;
        self.released = Some(available);
        if let Reader::Decoded(decoding) = &mut self.reader
            && decoding.release(available)
        {
            self.buffer = self.buffer[self.start..self.end].to_vec();
            (self.start, self.end) = (0, available);
            return;
        }
        self.buffer = Vec::new();
        (self.start, self.end) = (0, 0);
    }

    /// Reads anew what was available when the buffer was given back.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        let Some(length) = self.released.take() else { return Ok(()) };
        match &mut self.reader {
            Reader::Reopened { path, .. } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(self.offset))?;
                self.buffer = vec![0; length];
                file.read_exact(&mut self.buffer)?;
                self.end = length;
                Ok(())
            }
            Reader::Growing(file) => {
                self.buffer = vec![0; length];
                self.end = length;
                file.read_again(self.offset, &mut self.buffer)
            }
            Reader::Decoded(decoding) if decoding.is_kept() => decoding.restore(),
            _ => self.decode_again(length),
        }
    }

    /// Reads from the beginning up to where it was, with `length` bytes available.
    fn decode_again(&mut self, length: usize) -> io::Result<()> {
        let (offset, is_at_end) = (self.offset, self.is_at_end);
        (self.offset, self.is_at_end) = (0, false);
        while self.offset + ((self.end - self.start) as u64) < offset + length as u64 {
            let passed = self.available().len() as u64;
            self.consume(passed.min(offset - self.offset) as usize);
            if self.read_more()? != Fill::More {
                // It has become another file.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.consume((offset - self.offset) as usize);
        self.is_at_end = is_at_end;
        Ok(())
    }

    /// Goes back to the beginning of one of many files.
    pub(crate) fn rewind(&mut self) {
        if let Reader::Decoded(decoding) = &mut self.reader {
            decoding.rewind();
        }
        (self.buffer, self.start, self.end) = (Vec::new(), 0, 0);
        (self.offset, self.is_at_end, self.released) = (0, false, None);
    }

    pub(crate) fn is_reopened(&self) -> bool {
        match &self.reader {
            Reader::Decoded(decoding) => decoding.source().is_reopened(),
            reader => matches!(reader, Reader::Reopened { .. } | Reader::Growing(_)),
        }
    }
}
