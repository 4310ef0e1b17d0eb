//! Where a capture goes: standard output, or a file that appears in one step when it is whole.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A place to write a capture to.
pub struct Destination(Place);

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Place::Stdout(_) => "Destination::Stdout",
            Place::Writer(_) => "Destination::Writer",
            Place::Device(_) => "Destination::Device",
            Place::Beside { .. } => "Destination::Beside",
        })
    }
}

enum Place {
    Stdout(io::Stdout),
    /// Whatever takes bytes.
    Writer(Box<dyn Write + Send>),
    /// A pipe or a device, which has to be written as it is.
    Device(File),
    /// Written beside the file that it will replace.
    Beside {
        temporary: NamedTempFile,
        path: PathBuf,
    },
}

/// Why a capture cannot be written there.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// Binary data would go to a screen.
    #[error(
        "standard output is a terminal, and a capture is binary: name a CAPTURE file (-w), or pipe it to `tshark -r -`"
    )]
    Terminal,
    /// The file exists and holds something else.
    #[error(
        "{path} exists and is no capture, so it is not overwritten; to convert several traces into one capture, \
         name it with -w CAPTURE"
    )]
    NotACapture {
        /// The file.
        path: String,
    },
    /// The file is also an input.
    #[error("{path} is an input; name another file for the capture")]
    IsInput {
        /// The file.
        path: String,
    },
    /// The file cannot be created.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
}

impl Destination {
    /// Standard output, unless that is a terminal.
    ///
    /// # Errors
    /// [`DestinationError::Terminal`].
    pub fn stdout() -> Result<Self, DestinationError> {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(DestinationError::Terminal);
        }
        Ok(Self(Place::Stdout(stdout)))
    }

    /// Whatever takes bytes, which is flushed in the end.
    #[must_use]
    pub fn writer(writer: impl Write + Send + 'static) -> Self {
        Self(Place::Writer(Box::new(writer)))
    }

    /// The file at `path`, which none of `inputs` may be. An existing file is replaced only if it is empty or a
    /// capture.
    ///
    /// # Errors
    /// The file must not be replaced, or cannot be created.
    pub fn file(path: &Path, inputs: &[PathBuf]) -> Result<Self, DestinationError> {
        let named = path.display().to_string();
        let failed = |error| DestinationError::Io { path: named.clone(), error };
        let metadata = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(metadata) if !metadata.is_file() => {
                let device = File::options().write(true).open(path).map_err(failed)?;
                return Ok(Self(Place::Device(device)));
            }
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        // The file that a symbolic link leads to is replaced or made, not the link.
        let path = match metadata {
            Some(_) => fs::canonicalize(path).map_err(failed)?,
            None => behind_links(path),
        };
        if let Some(metadata) = &metadata {
            if inputs.iter().any(|input| is_same(input, &path, metadata)) {
                return Err(DestinationError::IsInput { path: named });
            }
            if !is_capture(&path).map_err(failed)? {
                return Err(DestinationError::NotACapture { path: named });
            }
        }
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // A folder that is not there is told by its own error: tempfile's names a file that nobody asked for.
        fs::metadata(directory).map_err(failed)?;
        let temporary = tempfile::Builder::new()
            .prefix(".tap2pcap-")
            .tempfile_in(directory)
            .map_err(|error| failed(plain(error)))?;
        if let Some(metadata) = metadata {
            temporary.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
        }
        Ok(Self(Place::Beside { temporary, path }))
    }

    /// Whether somebody may be reading while it is written, so that what there is should not be kept back.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.0, Place::Beside { .. })
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self.0 {
            Place::Stdout(mut stdout) => stdout.flush(),
            Place::Writer(mut writer) => writer.flush(),
            Place::Device(mut device) => device.flush(),
            Place::Beside { temporary, path } => {
                temporary.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            // A lock and a line buffer stand before standard output: at the sizes of our blocks both are nothing.
            Place::Stdout(stdout) => stdout.write(bytes).and_then(|count| stdout.flush().map(|()| count)),
            Place::Writer(writer) => writer.write(bytes),
            Place::Device(device) => device.write(bytes),
            Place::Beside { temporary, .. } => temporary.as_file_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an input is the file at `path`. On Unix that takes one look at an input, of which there may be very many.
fn is_same(input: &Path, path: &Path, metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let _ = path;
        fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == (metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        fs::canonicalize(input).is_ok_and(|input| input == path)
    }
}

/// Where the links lead that begin at `path`, and at whose end there is no file: so there is no circle of them.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    while let Ok(target) = fs::read_link(&path) {
        path = path.parent().map_or(target.clone(), |parent| parent.join(&target));
    }
    path
}

/// An error without the name of the temporary file, which means nothing to a reader.
fn plain(error: io::Error) -> io::Error {
    error.kind().into()
}

/// Fails if there is a file at `path` that holds something else than a capture.
pub(super) fn check_replaceable(path: &Path) -> io::Result<()> {
    match is_capture(path) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(io::Error::other(DestinationError::NotACapture { path: path.display().to_string() }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a file is empty or begins as pcap or pcapng do, in either byte order.
fn is_capture(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic.is_empty()
        || matches!(
            magic[..],
            [0xd4, 0xc3, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0xc3, 0xd4]
                | [0x4d, 0x3c, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0x3c, 0x4d]
                | [0x0a, 0x0d, 0x0d, 0x0a]
        ))
}
