//! Measures the program as a whole against what a user could compare it with: `cp`, `cat`, `editcap`.
//!
//! `cargo bench` runs all and prints two tables; README.md beside this directory says how to read them.

mod encode;
mod flows;
mod generate;
mod linearity;
mod measure;
mod random;
mod setup;
mod works;

use std::process::ExitCode;

use measure::{Middle, has_time};
use setup::Setup;
use works::{Outcome, WORKS, Work};

fn main() -> ExitCode {
    let mut names: Vec<&str> = WORKS.iter().map(|work| work.name).collect();
    names.push(linearity::NAME);
    let setup = match Setup::new(&names) {
        Ok(setup) => setup,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(2);
        }
    };
    println!("{}", setup.describe());
    if !has_time() {
        println!("There is no GNU time, so the memory is not measured.");
    }
    let mut has_failed = compare(&setup);
    if setup.wants(linearity::NAME)
        && let Err(error) = linearity::run(&setup)
    {
        println!("{error:#}");
        has_failed = true;
    }
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The first table. Returns whether something could not be measured.
fn compare(setup: &Setup) -> bool {
    let mut has_failed = false;
    let mut works = WORKS.iter().filter(|work| setup.wants(work.name)).peekable();
    if works.peek().is_some() {
        println!();
        println!(
            "{:<9} {:<36} {:>8} {:>17} {:>8} {:>6} {:>11} {:>7} {:>9}",
            "name", "work", "size", "reference", "ours", "ratio", "half in", "target", "memory"
        );
    }
    for work in works {
        if let Some(program) = work.lacks() {
            println!("{:<9} {:<36} not measured: {program} is not installed", work.name, work.what);
            continue;
        }
        match work.run(setup) {
            Ok(outcome) => print(work, &outcome),
            Err(error) => {
                println!("{:<9} {:<36} FAILED: {error:#}", work.name, work.what);
                has_failed = true;
            }
        }
    }
    has_failed
}

fn print(work: &Work, Outcome { bytes, reference, ours }: &Outcome) {
    let ratio = Middle::of(ours.ratios(reference));
    let memory = ours.memory.map_or("?".into(), |memory| format!("{:.1} MiB", mebibytes(memory)));
    let is_fast = ratio.median <= work.target;
    let is_small = ours.memory.is_none_or(|memory| memory <= work.memory);
    let verdict = match (is_fast, is_small) {
        (true, true) => "ok".into(),
        (false, true) => "MISS".into(),
        (_, false) => format!("MISS: memory, at most {:.0} MiB", mebibytes(work.memory)),
    };
    println!(
        "{:<9} {:<36} {:>4.0} MiB {:>8} {:>5.0} ms {:>5.0} ms {:>6.2} {:>11} {:>7} {memory:>9}  {verdict}",
        work.name,
        work.what,
        mebibytes(*bytes),
        work.reference,
        reference.seconds() * 1000.0,
        ours.seconds() * 1000.0,
        ratio.median,
        ratio.quartiles(),
        format!("≤ {:.2}", work.target),
    );
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
