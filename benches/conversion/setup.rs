//! What a run of the benchmarks is given: the command line, the directory for the files, and the programs.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::measure::Program;

/// In memory, so that no disk is measured.
const SHARED_MEMORY: &str = "/dev/shm";
/// Set to anything but the empty string, it does what `--quick` does.
const QUICK: &str = "TAP2PCAP_BENCH_QUICK";

/// Rounds that are timed, unless `--rounds` says otherwise.
const ROUNDS: usize = 9;
/// With `--quick` all is so many times smaller.
const QUICK_DIVISOR: u64 = 8;

pub(crate) struct Setup {
    directory: TempDir,
    pub(crate) rounds: usize,
    /// 1, unless the run is to be a quick one.
    pub(crate) divisor: u64,
    /// Which benchmarks to run; all, if none is named.
    only: Vec<String>,
}

impl Setup {
    /// Reads the command line. `names` are those that may stand there.
    pub(crate) fn new(names: &[&str]) -> anyhow::Result<Self> {
        let mut rounds = ROUNDS;
        let mut is_quick = env::var_os(QUICK).is_some_and(|value| !value.is_empty());
        let mut only = Vec::new();
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // From cargo.
                "--bench" => {}
                "--quick" => is_quick = true,
                "--rounds" => {
                    let value = arguments.next().context("--rounds wants a number")?;
                    rounds = value.parse().with_context(|| format!("--rounds {value}"))?;
                    ensure!(rounds > 0, "--rounds wants 1 or more");
                }
                name if names.contains(&name) => only.push(argument),
                other => bail!("{other:?} is no benchmark; there are {}", names.join(", ")),
            }
        }
        let in_memory = Path::new(SHARED_MEMORY);
        let place = if in_memory.is_dir() { in_memory.to_owned() } else { env::temp_dir() };
        let directory = tempfile::Builder::new()
            .prefix("tap2pcap-bench-")
            .tempdir_in(&place)
            .with_context(|| format!("{}", place.display()))?;
        Ok(Self { directory, rounds, divisor: if is_quick { QUICK_DIVISOR } else { 1 }, only })
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// A file or directory for this run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the figures depend on, in one line.
    pub(crate) fn describe(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let place = self.directory.path().parent().unwrap_or(Path::new("/"));
        let warning =
            if place == Path::new(SHARED_MEMORY) { "" } else { " (there is no /dev/shm: a disk counts too)" };
        let sizes = if self.divisor > 1 { format!(", sizes 1/{}", self.divisor) } else { String::new() };
        format!(
            "{cores} × {}, files in {}{warning}, {} rounds{sizes}",
            processor(),
            place.display(),
            self.rounds
        )
    }

    /// `tap2pcap -w OUTPUT INPUT`.
    pub(crate) fn tap2pcap(&self, input: &Path, output: &Path, least_output: u64) -> Program {
        let arguments = [Path::new("-w").into(), output.to_owned(), input.to_owned()];
        Program::new(move || command(env!("CARGO_BIN_EXE_tap2pcap"), &arguments), output, least_output)
    }

    /// `cp INPUT OUTPUT`.
    pub(crate) fn cp(&self, input: &Path, output: &Path, least_output: u64) -> Program {
        let arguments = [input.to_owned(), output.to_owned()];
        Program::new(move || command("cp", &arguments), output, least_output)
    }
}

pub(crate) fn command(program: &str, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// The processor's name, as far as the system tells it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    name.unwrap_or("unknown processor").trim().to_owned()
}
