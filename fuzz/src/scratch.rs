//! The directory for a fuzzer's files, in memory where the system has a place for that.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

const SHARED_MEMORY: &str = "/dev/shm";

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let in_memory = Path::new(SHARED_MEMORY);
    let place = if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() };
    let directory = tempfile::Builder::new().prefix("tap2pcap-fuzz-").tempdir_in(place);
    directory.expect("a directory for the fuzzer's files")
});

/// A file of this process.
pub(crate) fn path(name: &str) -> PathBuf {
    DIRECTORY.path().join(name)
}
