//! Runs whole processes and takes their wall time and their peak memory.
//!
//! The programs to compare run in turn, round after round, so that whatever else the machine does hits all of them. A
//! first round warms up; in it GNU `time` stands between us and the program and tells the peak memory (`%M`: maximum
//! resident set size in KiB), which does not depend on this process then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const TIME: &str = "/usr/bin/time";

/// A program to measure, which makes one file out of others.
pub(crate) struct Program {
    /// Ready to be started: it need not be the same one each time.
    pub(crate) command: Box<dyn Fn() -> anyhow::Result<Command>>,
    /// Removed before each run, outside of the time measured.
    pub(crate) output: PathBuf,
    /// A smaller output shows that something went wrong.
    pub(crate) least_output: u64,
    /// Whether to keep the last run's output.
    pub(crate) keeps_output: bool,
}

/// What a program took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Of each round.
    pub(crate) times: Vec<Duration>,
    /// Peak memory in bytes, if it could be told.
    pub(crate) memory: Option<u64>,
}

impl Program {
    /// A program that always runs with the same arguments.
    pub(crate) fn new(command: impl Fn() -> Command + 'static, output: &Path, least_output: u64) -> Self {
        Self {
            command: Box::new(move || Ok(command())),
            output: output.to_owned(),
            least_output,
            keeps_output: false,
        }
    }

    fn clear(&self) -> anyhow::Result<()> {
        if self.output.exists() {
            fs::remove_file(&self.output)?;
        }
        Ok(())
    }

    fn run(&self) -> anyhow::Result<Duration> {
        self.clear()?;
        let time = run((self.command)()?)?;
        let length = fs::metadata(&self.output).map_or(0, |metadata| metadata.len());
        ensure!(
            length >= self.least_output,
            "it wrote {length} bytes, but there must be {} at least",
            self.least_output
        );
        Ok(time)
    }

    /// Runs it once under `time`, and returns its peak memory in bytes.
    fn run_for_memory(&self) -> anyhow::Result<u64> {
        self.clear()?;
        let command = (self.command)()?;
        let told = self.output.with_extension("memory");
        let mut timed = Command::new(TIME);
        timed.args(["-f", "%M", "-o"]).arg(&told).arg(command.get_program()).args(command.get_args());
        if let Some(directory) = command.get_current_dir() {
            timed.current_dir(directory);
        }
        run(timed)?;
        let text = fs::read_to_string(&told)?;
        fs::remove_file(&told)?;
        let kibibytes: u64 = text.trim().parse().with_context(|| format!("{TIME} says {text:?}"))?;
        Ok(kibibytes * 1024)
    }
}

/// Measures `programs` in turn, `rounds` times. The memory is that of those whose number is in `memory_of`.
pub(crate) fn measure(
    programs: &[Program],
    rounds: usize,
    memory_of: &[usize],
) -> anyhow::Result<Vec<Measured>> {
    let mut measured = vec![Measured::default(); programs.len()];
    for round in 0..=rounds {
        for turn in 0..programs.len() {
            // Who goes first has the caches that the last one left: that should not always be the same one.
            let number = if round.is_multiple_of(2) { turn } else { programs.len() - 1 - turn };
            let program = &programs[number];
            if round == 0 && memory_of.contains(&number) && has_time() {
                measured[number].memory = Some(program.run_for_memory()?);
                continue;
            }
            let time = program.run()?;
            if round > 0 {
                measured[number].times.push(time);
            }
        }
    }
    programs.iter().filter(|program| !program.keeps_output).try_for_each(Program::clear)?;
    Ok(measured)
}

/// Runs `command` to its end. Its messages are shown only if it fails.
fn run(mut command: Command) -> anyhow::Result<Duration> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = command.spawn().with_context(|| name.clone())?.wait_with_output()?;
    let time = start.elapsed();
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        let first = messages.lines().next().unwrap_or("and no message");
        bail!("{name}: {}, {first}", output.status);
    }
    Ok(time)
}

/// Whether `program` is installed.
pub(crate) fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether GNU `time` is there.
pub(crate) fn has_time() -> bool {
    is_installed(TIME)
}

/// The median of some values, and the quartiles: half of the values are between these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Middle {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Middle {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let place = share * values.len().saturating_sub(1) as f64;
            let (below, above) = (place.floor() as usize, place.ceil() as usize);
            match (values.get(below), values.get(above)) {
                (Some(below), Some(above)) => below + (above - below) * place.fract(),
                _ => f64::NAN,
            }
        };
        Self { median: quantile(0.5), low: quantile(0.25), high: quantile(0.75) }
    }

    /// The quartiles, for a column.
    pub(crate) fn quartiles(&self) -> String {
        format!("{:.2}–{:.2}", self.low, self.high)
    }
}

impl Measured {
    /// The median of the times, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        Middle::of(self.times.iter().map(Duration::as_secs_f64)).median
    }

    /// Its time in each round as a multiple of another program's in the same round.
    pub(crate) fn ratios(&self, reference: &Self) -> Vec<f64> {
        let pairs = self.times.iter().zip(&reference.times);
        pairs.map(|(time, reference)| time.as_secs_f64() / reference.as_secs_f64()).collect()
    }
}
