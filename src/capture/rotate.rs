//! A capture in many files, as dumpcap's `-b` makes them: the next one begins when a file has so many bytes, or is so old; and the oldest
//! are removed. Each file is complete in itself: section, interfaces and names are repeated.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Zoned;

use super::Format;
use super::blocks::{Blocks, Part};

/// When the next file begins, and how many are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes of a file, after which the next packet goes to another one.
    pub bytes: Option<u64>,
    /// The age of a file, likewise.
    pub age: Option<Duration>,
    /// Files that are kept.
    pub files: Option<usize>,
}

/// Where a capture goes that has many files.
pub struct Rotated {
    path: PathBuf,
    rotation: Rotation,
    blocks: Blocks,
    /// What is at the beginning of each file.
    preamble: Vec<u8>,
    /// The file that is being written, of so many bytes, since when.
    file: Option<(File, u64, Instant)>,
    /// What waits to be written to it.
    waiting: Vec<u8>,
    /// All files that have not been removed, the oldest first.
    paths: VecDeque<PathBuf>,
    number: u32,
}

impl Rotated {
    /// Files beside `path`, with a number and the time in their names: `out_00001_20261127044640.pcapng`.
    #[must_use]
    pub fn new(path: &Path, format: Format, rotation: Rotation) -> Self {
        Self {
            path: path.to_owned(),
            rotation,
            blocks: Blocks::new(format),
            preamble: Vec::new(),
            file: None,
            waiting: Vec::new(),
            paths: VecDeque::new(),
            number: 0,
        }
    }

    fn part(&mut self, part: Part, bytes: &[u8]) -> io::Result<()> {
        if part == Part::Preamble {
            self.preamble.extend_from_slice(bytes);
            // Before a packet it is written with the others.
            if self.file.is_some() {
                self.append(bytes);
            }
            return Ok(());
        }
        let is_full = self.file.as_ref().is_none_or(|(_, length, since)| {
            self.rotation.bytes.is_some_and(|most| *length >= most)
                || self.rotation.age.is_some_and(|most| since.elapsed() >= most)
        });
        if is_full {
            self.write_out()?;
            self.begin()?;
        }
        self.append(bytes);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if let Some((_, length, _)) = &mut self.file {
            *length += bytes.len() as u64;
        }
    }

    /// Begins the next file, and removes the oldest.
    fn begin(&mut self) -> io::Result<()> {
        self.number += 1;
        let time = Zoned::now().strftime("%Y%m%d%H%M%S").to_string();
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_os_string();
        let mut name = part(self.path.file_stem());
        name.push(format!("_{:05}_{time}", self.number));
        if let Some(ending) = self.path.extension() {
            name.push(".");
            name.push(ending);
        }
        let path = self.path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // As all captures: they may hold what was TLS on the wire.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = options.open(&path).map_err(named)?;
        self.file = Some((file, 0, Instant::now()));
        self.paths.push_back(path);
        let preamble = std::mem::take(&mut self.preamble);
        self.append(&preamble);
        self.preamble = preamble;
        while self.rotation.files.is_some_and(|most| self.paths.len() > most) {
            if let Some(oldest) = self.paths.pop_front() {
                match std::fs::remove_file(&oldest) {
                    // Somebody has taken it away.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        if let Some((file, ..)) = &mut self.file {
            file.write_all(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

impl Write for Rotated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Taken out, so that the parts may change the rest.
        let mut blocks = std::mem::replace(&mut self.blocks, Blocks::new(Format::PcapNg));
        let mut result = Ok(());
        blocks.each(bytes, |part, bytes| {
            if result.is_ok() {
                result = self.part(part, bytes);
            }
        });
        self.blocks = blocks;
        result?;
        self.write_out()?;
        Ok(bytes.len())
    }

    /// A capture without a packet is a file, too.
    fn flush(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.begin()?;
        }
        self.write_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a capture of packets, each of 20 bytes, after a preamble of 24; by name.
    fn files(rotation: Rotation, packets: usize) -> Vec<(String, Vec<u8>)> {
        let dir = tempfile::tempdir().expect("a directory");
        let mut rotated = Rotated::new(&dir.path().join("a.b.pcap"), Format::Pcap, rotation);
        rotated.write_all(&[1; 24]).expect("written");
        for number in 0..packets {
            rotated
                .write_all(&[&[0; 8][..], &[4, 0, 0, 0], &[0; 4], &[number as u8; 4]].concat())
                .expect("written");
        }
        rotated.flush().expect("written");
        let entries =
            std::fs::read_dir(dir.path()).expect("a directory").map(|entry| entry.expect("an entry"));
        let mut files: Vec<_> = entries
            .map(|entry| {
                (
                    entry.file_name().into_string().expect("UTF-8"),
                    std::fs::read(entry.path()).expect("a file"),
                )
            })
            .collect();
        files.sort();
        files
    }

    /// The numbers of the packets in a file.
    fn numbers(file: &[u8]) -> Vec<u8> {
        assert_eq!(file[..24], [1; 24]);
        file[24..].chunks(20).map(|packet| packet[19]).collect()
    }

    #[test]
    fn each_file_is_complete() {
        let all = files(Rotation { bytes: Some(60), ..Rotation::default() }, 5);
        let parts: Vec<_> = all.iter().map(|(_, file)| numbers(file)).collect();
        assert_eq!(parts, [vec![0, 1], vec![2, 3], vec![4]]);
        for (number, (name, _)) in all.iter().enumerate() {
            let time = name
                .strip_prefix(&format!("a.b_{:05}_", number + 1))
                .and_then(|rest| rest.strip_suffix(".pcap"));
            assert_eq!(time.expect(name).len(), "20261127044640".len());
        }
    }

    #[test]
    fn the_oldest_are_removed() {
        let all = files(Rotation { bytes: Some(1), files: Some(2), ..Rotation::default() }, 5);
        assert_eq!(all.iter().map(|(_, file)| numbers(file)).collect::<Vec<_>>(), [[3], [4]]);
    }

    #[test]
    fn an_old_file_is_followed_by_another() {
        let all = files(Rotation { age: Some(Duration::ZERO), ..Rotation::default() }, 3);
        assert_eq!(all.iter().map(|(_, file)| numbers(file)).collect::<Vec<_>>(), [[0], [1], [2]]);
    }

    #[test]
    fn a_capture_without_a_packet_is_a_file() {
        let [(_, file)] = &files(Rotation::default(), 0)[..] else { panic!("one file") };
        assert_eq!(*file, [1; 24]);
    }
}
