//! The program takes every command line that README.md, docs/ and its own help show, also those that no test can run, as they want a cluster or a window.

#[path = "../../tests/docs/blocks.rs"]
mod blocks;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::arguments::Cli;
use super::convert;

/// The arguments of every command of a shell's script, also within `$(...)`. A script has no loops, functions or here-documents.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    read(&mut script.chars().peekable(), false, &mut found);
    found
}

/// Reads a script, or one within parentheses up to their end.
fn read(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, is_inner: bool, found: &mut Vec<Vec<String>>) {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(char),
            (_, '$') if chars.peek() == Some(&'(') => {
                chars.next();
                // What it prints is not known.
                read(chars, true, found);
            }
            (_, '\\') => match chars.next() {
                Some('\n') | None => {}
                Some(char) => word.get_or_insert_default().push(char),
            },
            (Some(_), _) => word.get_or_insert_default().push(char),
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => while chars.next_if(|&char| char != '\n').is_some() {},
            (None, ' ' | '\n' | '|' | ';' | '&' | '(' | ')') => {
                words.extend(word.take());
                if char != ' ' && !words.is_empty() {
                    found.push(without_redirections(std::mem::take(&mut words)));
                }
                if char == ')' && is_inner {
                    return;
                }
            }
            (None, _) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    if !words.is_empty() {
        found.push(without_redirections(words));
    }
}

/// `> FILE`, `2> FILE`, `< FILE` are no arguments.
fn without_redirections(words: Vec<String>) -> Vec<String> {
    let mut words = words.into_iter();
    let mut arguments = Vec::new();
    while let Some(word) = words.next() {
        match word.trim_start_matches('2') {
            ">" | ">>" | "<" => drop(words.next()),
            _ => arguments.push(word),
        }
    }
    arguments
}

/// The command lines of this program in a script, each with the program's name.
fn own(script: &str) -> Vec<Vec<String>> {
    let of_cargo = ["cargo", "run", "--release", "--"];
    let own = |mut words: Vec<String>| {
        // Variables before the program.
        let words = words.split_off(words.iter().take_while(|word| word.contains('=')).count());
        match words.first().map(String::as_str) {
            Some("tap2pcap") => Some(words),
            _ if words.starts_with(&of_cargo.map(str::to_owned)) => Some(words[3..].to_vec()),
            _ => None,
        }
    };
    commands(script).into_iter().filter_map(own).collect()
}

/// What is wrong with a command line.
fn wrong(words: &[String]) -> Option<String> {
    match Cli::try_parse_from(words) {
        Ok(cli) if cli.command.is_none() && convert::files(&cli).is_none() => {
            Some("more than one trace needs -w".to_owned())
        }
        Ok(_) => None,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => None,
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn the_program_takes_every_command_line_of_the_documents() {
    let (mut count, mut mistakes) = (0, Vec::new());
    for block in blocks::blocks() {
        let script = match &block.language[..] {
            "sh" => block.text,
            "console" => {
                block.text.lines().filter_map(|line| line.strip_prefix("$ ")).collect::<Vec<_>>().join("\n")
            }
            _ => continue,
        };
        for words in own(&script) {
            count += 1;
            mistakes
                .extend(wrong(&words).map(|wrong| format!("{}: {}\n{wrong}", block.place, words.join(" "))));
        }
    }
    assert!(count > 30, "{count} command lines");
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn the_program_takes_every_example_of_its_help() {
    let (mut open, mut count) = (vec![Cli::command()], 0);
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().cloned());
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
        let examples: Vec<&str> = examples.take_while(|line| line.starts_with("  ")).collect();
        for words in own(&examples.join("\n")) {
            count += 1;
            assert_eq!(wrong(&words), None, "{}: {}", command.get_name(), words.join(" "));
        }
    }
    assert!(count > 20, "{count} examples");
}

#[test]
fn command_lines_are_found_in_scripts() {
    let lines = |script: &str| own(script).iter().map(|words| words.join("_")).collect::<Vec<_>>();
    assert_eq!(
        lines("curl x | tap2pcap - \\\n  'a b' 2> log # tap2pcap c\ntap2pcap d &"),
        ["tap2pcap_-_a b", "tap2pcap_d"]
    );
    assert_eq!(lines("tap2pcap a | tshark -r - $(tap2pcap info \"b\")"), ["tap2pcap_a", "tap2pcap_info_b"]);
    assert_eq!(lines("test -z \"$(tap2pcap a)\"; cargo run --release -- b"), ["tap2pcap_a", "--_b"]);
    assert_eq!(lines("A='b c' tap2pcap d"), ["tap2pcap_d"]);
}

#[test]
fn wrong_command_lines_are_found() {
    let wrong = |line: &str| wrong(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    for line in [
        "tap2pcap --wrong a b",
        "tap2pcap a b c",
        "tap2pcap --spans-only a b",
        "tap2pcap live http://127.0.0.1:9901 -b files:2",
    ] {
        assert!(wrong(line).is_some(), "{line}");
    }
    for line in ["tap2pcap a b", "tap2pcap --version", "tap2pcap live http://127.0.0.1:9901 --config-id a"] {
        assert_eq!(wrong(line), None, "{line}");
    }
}
