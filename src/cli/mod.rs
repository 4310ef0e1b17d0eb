//! The command line: arguments in, exit status out, and all words for people. What it does is in the library.

mod arguments;
mod convert;
#[cfg(test)]
mod documented;
mod extcap;
mod generate;
mod info;
mod line;
mod live;
mod messages;
mod open;
mod progress;
mod requests;
mod signals;
mod status;
mod suggestion;
mod wireshark;

use std::process::ExitCode;

use clap::Parser;
use tap2pcap::internal::capture::destination::DestinationError;

use arguments::{Cli, Command};
use messages::message;

/// Everything was read to its end.
const SUCCESS: u8 = 0;
/// Something was damaged, absent, unreadable or unwritable.
const FAILURE: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if extcap::is_asked(&args) {
        return ended(extcap::run(&args));
    }
    if let Some((typed, name)) = suggestion::command(&args) {
        message(
            "error",
            &format!("there is no command and no file '{typed}': did you mean 'tap2pcap {name}'?"),
        );
        return USAGE.into();
    }
    let mut cli = Cli::parse();
    ended(match cli.command.take() {
        Some(Command::Info(command)) if !command.spans.is_empty() => requests::run(&command),
        Some(Command::Info(command)) => info::run(&command),
        Some(Command::Live(command)) => live::run(&command),
        Some(Command::Open(command)) => open::run(*command),
        Some(Command::Wireshark(command)) => wireshark::run(&command),
        Some(Command::Generate(command)) => generate::run(&command),
        None => convert::run(&cli),
    })
}

/// Says what has failed.
fn ended(status: anyhow::Result<u8>) -> ExitCode {
    match status {
        Ok(status) => status.into(),
        Err(error) => {
            let is_usage = matches!(error.downcast_ref(), Some(DestinationError::Terminal));
            message("error", &format!("{error:#}"));
            if is_usage { USAGE } else { FAILURE }.into()
        }
    }
}
