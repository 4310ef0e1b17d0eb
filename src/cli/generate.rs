//! `tap2pcap generate`: man pages and completions, made from the command line's own definition, so that they say what `--help` does.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use super::SUCCESS;
use super::arguments::{self, Cli, Generate};

/// Writes them. Returns the exit status.
pub(super) fn run(command: &Generate) -> anyhow::Result<u8> {
    match command {
        Generate::Man { directory } => {
            fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
            let mut program = Cli::command();
            program.build();
            write_man_pages(&program, None, directory)?;
        }
        Generate::Completions { shell } => {
            let shell = match shell {
                arguments::Shell::Bash => Shell::Bash,
                arguments::Shell::Zsh => Shell::Zsh,
                arguments::Shell::Fish => Shell::Fish,
            };
            // Written at once: clap_complete panics where a reader has gone.
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tap2pcap", &mut text);
            match io::stdout().lock().write_all(&text) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                written => written.context("standard output")?,
            }
        }
    }
    Ok(SUCCESS)
}

/// Writes the page of a command, and those of its subcommands.
fn write_man_pages(command: &Command, parent: Option<&str>, directory: &Path) -> anyhow::Result<()> {
    let name = page_name(command);
    let path = directory.join(format!("{name}.1"));
    fs::write(&path, man_page(command, parent)?).with_context(|| path.display().to_string())?;
    command.get_subcommands().try_for_each(|command| write_man_pages(command, Some(&name), directory))
}

/// The name of a command's page, such as `tap2pcap-info`.
fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// A page in roff. What follows the options in `--help`, clap_mangen would run together in one paragraph.
fn man_page(command: &Command, parent: Option<&str>) -> io::Result<Vec<u8>> {
    // A man page has all options: none is hidden.
    let all = command.clone().mut_args(|argument| argument.hide_short_help(false));
    let usage = command.clone().render_usage().to_string();
    let all = all.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let man = Man::new(all.subcommand_help_heading("COMMANDS"));
    // Without a date: pages of the same program have the same bytes. roff leaves out an argument that is empty.
    let mut page = Vec::new();
    let version = env!("CARGO_PKG_VERSION");
    writeln!(page, ".TH {} 1 \"\" \"tap2pcap {version}\" \"User Commands\"", page_name(command))?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::new();
    if let Some(text) = command.get_after_long_help() {
        write_sections(&mut roff, &text.to_string());
    }
    write_see_also(&mut roff, command, parent);
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// A section for each line that ends with a colon; indented lines are kept as they are.
fn write_sections(roff: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n") {
        let (heading, rest) = match paragraph.split_once(":\n") {
            Some((heading, rest)) if !heading.contains('\n') => (Some(heading), rest),
            _ => (None, paragraph),
        };
        match heading {
            Some(heading) => roff.control("SH", [&heading.to_uppercase()[..]]),
            None => roff.control("PP", []),
        };
        let is_kept = rest.starts_with("  ");
        if is_kept {
            roff.control("nf", []);
        }
        rest.lines().for_each(|line| {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        });
        if is_kept {
            roff.control("fi", []);
        }
    }
}

/// The pages above and below, and the readers of captures.
fn write_see_also(roff: &mut Roff, command: &Command, parent: Option<&str>) {
    let below = command.get_subcommands().map(page_name);
    let others = ["wireshark", "tshark"].map(str::to_owned);
    let pages: Vec<String> = parent.map(str::to_owned).into_iter().chain(below).chain(others).collect();
    roff.control("SH", ["SEE ALSO"]);
    let names = pages.iter().enumerate().flat_map(|(number, name)| {
        [roman(if number > 0 { ", " } else { "" }), bold(&name[..]), roman("(1)")]
    });
    roff.text(names.collect::<Vec<_>>());
}
