//! Files of this program's among the user's own: each begins with a line that has the checksum of the rest, so that one that the user
//! has changed is told from one that an older version of the program has written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use crc::{CRC_32_ISO_HDLC, Crc};

use super::Refusal;

/// A file that belongs at a place.
pub(super) struct Installed {
    pub(super) path: PathBuf,
    /// What a line begins with that is a comment.
    pub(super) comment: &'static str,
    pub(super) text: &'static str,
}

/// What is at the place.
enum Found {
    Nothing,
    /// This file, as this version writes it.
    This,
    /// The file of another version, as that one has written it.
    Other,
}

impl Installed {
    /// Writes the file, unless somebody else's is there. Returns what was done, for people; with `is_print` what would be.
    pub(super) fn install(&self, is_print: bool) -> Result<String, Refusal> {
        let path = self.path.display();
        let verb = match self.find()? {
            Found::This => return Ok(format!("{path} is there")),
            Found::Nothing => ["would be written", "written"],
            Found::Other => ["of another version would be replaced", "of another version replaced"],
        };
        if !is_print {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            fs::write(&self.path, self.marked()).with_context(|| path.to_string())?;
        }
        Ok(format!("{path} {}", verb[usize::from(!is_print)]))
    }

    /// Removes the file, unless it is somebody else's.
    pub(super) fn uninstall(&self, is_print: bool) -> Result<String, Refusal> {
        remove(&self.path, !matches!(self.find()?, Found::Nothing), is_print)
    }

    /// Looks at the place. An error: what is there is not ours to touch.
    fn find(&self) -> Result<Found, Refusal> {
        let path = self.path.display();
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error).with_context(|| path.to_string()),
            Ok(metadata) if !metadata.is_file() => {
                bail!("{path} is there already, and is no file of tap2pcap: rename or remove it yourself")
            }
            Ok(_) => {}
        }
        let there = fs::read(&self.path).with_context(|| path.to_string())?;
        if there == self.marked().as_bytes() {
            return Ok(Found::This);
        }
        match self.claimed(&there) {
            Some((claimed, rest)) if claimed == checksum(rest) => Ok(Found::Other),
            Some(_) => {
                bail!("{path} was changed since tap2pcap wrote it, and stays: rename or remove it yourself")
            }
            None => bail!(
                "{path} is there already, and is not as tap2pcap writes it: rename or remove it yourself"
            ),
        }
    }

    /// The text behind its line.
    fn marked(&self) -> String {
        let (version, checksum) = (env!("CARGO_PKG_VERSION"), checksum(self.text.as_bytes()));
        format!("{} {MARK}{version}, {checksum}\n{}", self.comment, self.text)
    }

    /// The checksum that the first line has, and what follows it. `None` without such a line.
    fn claimed<'a>(&self, there: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
        let end = there.iter().position(|&byte| byte == b'\n')?;
        let line = str::from_utf8(&there[..end]).ok()?;
        let about = line.strip_prefix(self.comment)?.trim_start().strip_prefix(MARK)?;
        Some((about.split_once(", ")?.1, &there[end + 1..]))
    }
}

/// Removes what is at the place, if there is something. Returns what was done, for people; with `is_print` what would be.
pub(super) fn remove(path: &Path, is_there: bool, is_print: bool) -> Result<String, Refusal> {
    let shown = path.display();
    if !is_there {
        return Ok(format!("{shown} is not there"));
    }
    if is_print {
        return Ok(format!("{shown} would be removed"));
    }
    fs::remove_file(path).with_context(|| shown.to_string())?;
    Ok(format!("{shown} removed"))
}

/// Removes the profile's folder. Says what keeps it there, such as Wireshark's own files about the last use.
pub(super) fn remove_folder(folder: &Path) -> Option<Result<String, Refusal>> {
    let left: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => {
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        }
        Err(_) => return None,
    };
    let shown = folder.display();
    Some(if left.is_empty() {
        fs::remove_dir(folder).map(|()| format!("{shown} removed")).with_context(|| shown.to_string())
    } else {
        Ok(format!("{shown} stays: it has other files ({})", left.join(", ")))
    })
}

const MARK: &str = "Written by tap2pcap wireshark install ";

fn checksum(text: &[u8]) -> String {
    format!("{:08x}", Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(text))
}
