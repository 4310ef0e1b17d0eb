//! "Did you mean": a mistyped command is no trace that does not exist.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;
use strsim::damerau_levenshtein;

use super::arguments::Cli;

/// The command that the first argument was meant to be, if it is no file and nearly a command.
pub(super) fn command(args: &[OsString]) -> Option<(&str, String)> {
    let typed = args.get(1)?;
    // A file of that name is a trace, a broken link one that cannot be read.
    if Path::new(typed).symlink_metadata().is_ok() {
        return None;
    }
    let typed = typed.to_str()?;
    if typed == "help" {
        return Some((typed, "--help".to_owned()));
    }
    let program = Cli::command();
    let names = program.get_subcommands().map(|command| command.get_name());
    let (distance, name) = names.map(|name| (damerau_levenshtein(typed, name), name)).min()?;
    // One slip in four letters: more, and it is some other word.
    (distance > 0 && distance * 4 <= name.len()).then(|| (typed, name.to_owned()))
}
