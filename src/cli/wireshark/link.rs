//! The live interfaces: Wireshark runs what is in its extcap folder, which is a link to this program.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Refusal;
use super::files::remove;

/// A link in the extcap folder.
pub(super) struct Link {
    path: PathBuf,
    program: PathBuf,
}

/// What is at the place.
#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    /// A link to this program.
    This,
    /// A link to the program at another place.
    Other,
}

impl Link {
    pub(super) fn to_this_program(folder: &Path) -> anyhow::Result<Self> {
        let name = if cfg!(unix) { "tap2pcap" } else { "tap2pcap.exe" };
        Ok(Self { path: folder.join(name), program: env::current_exe().context("this program")? })
    }

    /// Makes the link, unless something else is there. Returns what was done, for people; with `is_print` what would be.
    pub(super) fn install(&self, is_print: bool) -> Result<String, Refusal> {
        let (path, program) = (self.path.display(), self.program.display());
        let found = self.find()?;
        if found == Found::This {
            return Ok(format!("{path} is there"));
        }
        if is_print {
            return Ok(format!("{path} would link to {program}"));
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        let removed = if found == Found::Other { fs::remove_file(&self.path) } else { Ok(()) };
        let made = removed.and_then(|()| fs::create_dir_all(folder)).and_then(|()| self.make());
        if let Err(error) = made {
            bail!(
                "{path}: {error}: the live interfaces are missing; as an administrator: ln -sf {program} {path}"
            );
        }
        Ok(format!("{path} links to {program}"))
    }

    /// Removes the link, unless something else is there.
    pub(super) fn uninstall(&self, is_print: bool) -> Result<String, Refusal> {
        remove(&self.path, self.find()? != Found::Nothing, is_print)
    }

    /// Looks at the place. An error: what is there is not ours to touch.
    fn find(&self) -> Result<Found, Refusal> {
        if fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(Found::Nothing);
        }
        if self.is_this() {
            return Ok(Found::This);
        }
        // Where the program was before, or another copy of it.
        let target = fs::read_link(&self.path).ok();
        if target.is_some_and(|target| target.file_name() == self.path.file_name()) {
            return Ok(Found::Other);
        }
        bail!("{} is there already, and is not this program: remove it first", self.path.display());
    }

    #[cfg(unix)]
    fn is_this(&self) -> bool {
        let target = fs::canonicalize(&self.path).ok();
        target.is_some() && target == fs::canonicalize(&self.program).ok()
    }

    #[cfg(unix)]
    fn make(&self) -> io::Result<()> {
        std::os::unix::fs::symlink(&self.program, &self.path)
    }

    /// Links need rights on Windows: it is a copy there.
    #[cfg(not(unix))]
    fn is_this(&self) -> bool {
        fs::read(&self.path).is_ok_and(|copy| fs::read(&self.program).is_ok_and(|program| copy == program))
    }

    #[cfg(not(unix))]
    fn make(&self) -> io::Result<()> {
        fs::copy(&self.program, &self.path).map(drop)
    }
}
