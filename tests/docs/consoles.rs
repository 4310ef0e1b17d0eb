//! Each block of the language `console` is what a terminal shows: its commands, behind `$ `, print the lines that follow them. Each runs in
//! a directory of its own, where `testdata` is.

use std::path::Path;
use std::process::{Command, Stdio};

use snapbox::Assert;

use super::blocks::{Block, blocks};
use super::root;
use crate::program::Dir;

/// The readers of captures that blocks use.
const READERS: [&str; 5] = ["tshark", "capinfos", "editcap", "mergecap", "tcpdump"];

#[test]
fn commands_print_what_the_documents_show() {
    assert_prints(|block| !needs_a_reader(block));
}

#[test]
#[ignore = "needs tshark"]
fn readers_print_what_the_documents_show() {
    assert_prints(needs_a_reader);
}

fn needs_a_reader(block: &Block) -> bool {
    let mut words = commands(block).flat_map(|command| command.split([' ', '|', '(']));
    words.any(|word| READERS.contains(&word))
}

fn commands(block: &Block) -> impl Iterator<Item = &str> {
    block.text.lines().filter_map(|line| line.strip_prefix("$ "))
}

#[track_caller]
fn assert_prints(is_meant: impl Fn(&Block) -> bool) {
    let blocks = blocks().into_iter().filter(|block| block.language == "console");
    let meant: Vec<Block> = blocks.filter(is_meant).collect();
    assert!(meant.len() > 3, "{} blocks", meant.len());
    let differs = |block: &Block| {
        assert!(block.text.starts_with("$ "), "{}: output without a command", block.place);
        let name = block.place.clone();
        Assert::new().try_eq(Some(&name), printed(block).into(), block.text.clone().into()).err()
    };
    let differences: Vec<String> = meant.iter().filter_map(differs).map(|error| error.to_string()).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What a terminal shows after the commands of the block.
fn printed(block: &Block) -> String {
    let dir = Dir::new();
    std::os::unix::fs::symlink(root().join("testdata"), dir.path("testdata")).expect("a link");
    let echoed = commands(block).map(|command| {
        let quoted = format!("$ {command}").replace('\'', r"'\''");
        format!("printf '%s\\n' '{quoted}'\n{command}\n")
    });
    let script = format!("exec 2>&1\n{}", echoed.collect::<String>());
    let programs = Path::new(env!("CARGO_BIN_EXE_tap2pcap")).parent().expect("a directory");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(dir.path("")).stdin(Stdio::null());
    // Nothing of this machine and its user is in the output.
    let home = [("HOME", dir.path("home")), ("XDG_CONFIG_HOME", dir.path("home/config"))];
    command.envs(home).env("PATH", path).envs([("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("COLUMNS", "100")]);
    let output = command.output().expect("a shell");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // What tshark and dumpcap say to root.
    let lines = text.lines().filter(|line| !line.starts_with("Running as user \"root\""));
    lines.map(|line| format!("{line}\n")).collect()
}
