//! A capture for each conversation, in a directory, named after its trace.
//!
//! Tens of thousands of conversations can go on at once, so none keeps its file open: packets gather in memory and are
//! appended to a file beside the one to be, which is put in its place when the conversation ends.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::destination::check_replaceable;
use super::split_names::Names;
use super::{Encoder, Format};
use crate::packet::{Headers, LinkType, Packet};

/// A conversation's packets are written once they take this many bytes.
const CHUNK: usize = 64 * 1024;
/// The packets of all conversations together may take this many bytes.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A conversation: the number of its input, and its number there.
pub(super) type Key = (u32, u32);

pub(super) struct Split {
    directory: PathBuf,
    format: Format,
    link_type: LinkType,
    captures: HashMap<Key, One>,
    current: Option<Key>,
    names: Names,
    /// Bytes of packets in memory.
    bytes: usize,
    /// Packets later than the format can say.
    after_2106: u64,
}

struct One {
    encoder: Encoder,
    buffer: Vec<u8>,
    path: PathBuf,
    /// The file beside it, once there is one.
    temporary: Option<TempPath>,
}

impl Split {
    /// Captures of `inputs`, which are their names, in `directory`, which is made if it is not there.
    pub(super) fn new(
        directory: &Path,
        format: Format,
        link_type: LinkType,
        inputs: &[String],
    ) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            format,
            link_type,
            captures: HashMap::new(),
            current: None,
            names: Names::new(inputs, format),
            bytes: 0,
            after_2106: 0,
        })
    }

    /// The packets to come are of this conversation, of the trace `trace_id` in `input`.
    pub(super) fn select(&mut self, key: Key, input: &str, trace_id: u64) -> io::Result<()> {
        self.current = Some(key);
        if !self.captures.contains_key(&key) {
            let name = self.names.name(input, trace_id);
            let path = self.directory.join(name);
            check_replaceable(&path)?;
            let mut buffer = Vec::new();
            let encoder = Encoder::new(self.format, self.link_type, &[input.to_owned()], &mut buffer);
            self.bytes += buffer.len();
            self.captures.insert(key, One { encoder, buffer, path, temporary: None });
        }
        Ok(())
    }

    pub(super) fn write(&mut self, packet: &Packet<'_, impl Headers>) -> io::Result<()> {
        let Some(one) = self.current.and_then(|key| self.captures.get_mut(&key)) else { return Ok(()) };
        let before = one.buffer.len();
        one.encoder.encode(&Packet { interface: 0, ..*packet }, &mut one.buffer);
        self.bytes += one.buffer.len() - before;
        if one.buffer.len() >= CHUNK {
            self.bytes -= one.append()?;
        }
        if self.bytes > MAX_BYTES {
            for one in self.captures.values_mut() {
                self.bytes -= one.append()?;
            }
        }
        Ok(())
    }

    /// Puts the capture of a conversation that has ended in its place.
    pub(super) fn end(&mut self, key: Key) -> io::Result<()> {
        let Some(mut one) = self.captures.remove(&key) else { return Ok(()) };
        self.bytes -= one.append()?;
        self.after_2106 += one.encoder.after_2106();
        one.persist()
    }

    /// Ends all of them. Returns how many packets were later than the format can say.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        let keys: Vec<Key> = self.captures.keys().copied().collect();
        keys.into_iter().try_for_each(|key| self.end(key))?;
        Ok(self.after_2106)
    }
}

impl One {
    /// Writes what is in memory. Returns how many bytes that was.
    fn append(&mut self) -> io::Result<usize> {
        let length = self.buffer.len();
        if length == 0 {
            return Ok(0);
        }
        match &self.temporary {
            Some(path) => File::options().append(true).open(path)?.write_all(&self.buffer)?,
            None => {
                let directory = self.path.parent().unwrap_or(Path::new("."));
                let mut file = tempfile::Builder::new().prefix(".tap2pcap-").tempfile_in(directory)?;
                file.write_all(&self.buffer)?;
                self.temporary = Some(file.into_temp_path());
            }
        }
        self.buffer = Vec::new();
        Ok(length)
    }

    fn persist(self) -> io::Result<()> {
        match self.temporary {
            Some(temporary) => temporary.persist(&self.path).map_err(|error| error.error),
            None => Ok(()),
        }
    }
}
