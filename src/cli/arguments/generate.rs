//! The command line of `tap2pcap generate`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::texts::GENERATE_EXAMPLES;

#[derive(Debug, Subcommand)]
#[command(after_long_help = GENERATE_EXAMPLES)]
pub(crate) enum Generate {
    /// Write the man pages into a directory, one for each command
    Man {
        /// The directory, which is made if it does not exist
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Write the completions of a shell to standard output
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}
