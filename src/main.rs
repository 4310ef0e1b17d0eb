//! The program `tap2pcap`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
