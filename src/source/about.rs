//! What a source is, and where in it the reading has come to.

use std::time::SystemTime;

use super::{Growth, Reader, Source, nanoseconds};

impl Source {
    /// When it was last modified, in nanoseconds since the Unix epoch; now, if it is no file.
    pub(crate) fn modified(&self) -> u64 {
        let metadata = match &self.reader {
            Reader::File(file) => file.metadata().ok(),
            Reader::Reopened { path, .. } => std::fs::metadata(path).ok(),
            Reader::Growing(file) => {
                return nanoseconds(file.growth.modified().unwrap_or_else(SystemTime::now));
            }
            Reader::Memory | Reader::Stream(_) => None,
            Reader::Decoded(decoding) => return decoding.source().modified(),
        };
        let modified = metadata.and_then(|metadata| metadata.modified().ok());
        nanoseconds(modified.unwrap_or_else(SystemTime::now))
    }

    /// Whether it is read as it comes.
    pub(crate) fn is_live(&self) -> bool {
        match &self.reader {
            Reader::Decoded(decoding) => decoding.source().is_live(),
            reader => matches!(reader, Reader::Stream(_) | Reader::Growing(_)),
        }
    }

    /// The file that is still written, if it is one.
    pub(crate) fn growth(&self) -> Option<&Growth> {
        match &self.reader {
            Reader::Growing(file) => Some(&file.growth),
            Reader::Decoded(decoding) => decoding.source().growth(),
            _ => None,
        }
    }

    /// Whether nothing is available, read or to be read anew.
    pub(crate) fn is_empty(&self) -> bool {
        self.released.unwrap_or(self.end - self.start) == 0
    }

    /// Whether there may be something to read: not where nothing has been written since it was read last.
    pub(crate) fn may_have_more(&self) -> bool {
        match &self.reader {
            Reader::Growing(file) => {
                let available = self.released.unwrap_or(self.end - self.start);
                file.growth.has_news(self.offset + available as u64)
            }
            Reader::Decoded(decoding) => decoding.source().may_have_more(),
            _ => true,
        }
    }

    /// Whether all of it is there as it is: a regular file, or bytes in memory.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self.reader, Reader::File(_) | Reader::Reopened { .. } | Reader::Memory)
    }

    /// Bytes of the file, or whatever it is, that have been passed over. Where they are not decoded, this is the offset.
    pub(crate) fn file_offset(&self) -> u64 {
        match &self.reader {
            Reader::Decoded(decoding) => decoding.source().file_offset(),
            _ => self.offset,
        }
    }

    /// The encoding that is decoded, if there is one.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        match &self.reader {
            Reader::Decoded(decoding) => Some(decoding.name()),
            _ => None,
        }
    }

    /// What an offset counts, if that is not the bytes of the file: to be said behind it.
    pub(crate) fn unit(&self) -> &'static str {
        match &self.reader {
            Reader::Decoded(decoding) => decoding.unit(),
            _ => "",
        }
    }
}
