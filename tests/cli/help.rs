//! Help, version, and what a slip of the finger meant.

use super::{assert_one_error, run, tap};
use crate::program::Dir;

/// Every command with its subcommands, as `--help` lists them.
fn commands() -> Vec<Vec<String>> {
    let dir = Dir::new();
    let (mut commands, mut open) = (Vec::new(), vec![Vec::new()]);
    while let Some(command) = open.pop() {
        let help = help(&dir, &command, "--help");
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = listed.take_while(|line| !line.is_empty()).filter_map(|line| {
            // A description goes on further right.
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
                .and_then(|line| line.split(' ').next())
        });
        for name in names {
            open.push(command.iter().cloned().chain([name.to_owned()]).collect());
        }
        commands.push(command);
    }
    commands
}

fn help(dir: &Dir, command: &[String], option: &str) -> String {
    let ran = dir.tap2pcap().env("COLUMNS", "80").args(command).arg(option).run().expect(0);
    String::from_utf8(ran.stdout).expect("UTF-8")
}

#[test]
fn short_help_of_every_command_fits_on_a_screen() {
    let (dir, commands) = (Dir::new(), commands());
    for known in ["info", "live", "generate man", "generate completions", "wireshark install"] {
        assert!(commands.iter().any(|command| command.join(" ") == known), "{known} is not in {commands:?}");
    }
    for command in commands {
        let help = help(&dir, &command, "-h");
        assert!(help.lines().count() <= 40, "tap2pcap {} -h\n{help}", command.join(" "));
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}

#[test]
fn long_help_has_every_option_under_its_heading_and_examples() {
    let dir = Dir::new();
    let options = [
        ("Options", "--strict"),
        ("Output", "--write"),
        ("Input", "--trace-id"),
        ("HTTP taps", "--http-side"),
        ("Hubble flows", "--overlay"),
        ("Tracing spans", "--span-attributes"),
        ("Packets", "--link-type"),
    ];
    let [short, long] = ["-h", "--help"].map(|option| help(&dir, &[], option));
    for (heading, option) in options {
        let begin = long.find(&format!("\n{heading}:\n")).expect("a section") + 1;
        let lines = long[begin..].lines().skip(1);
        let mut section = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
        assert!(section.any(|line| line.contains(option)), "{option} is not below {heading}: {long}");
    }
    for part in ["\nExamples:\n", "\nExit status:\n"] {
        assert!(long.contains(part) && !short.contains(part), "{part:?}: {long}");
    }
    for option in
        ["--address 10.0.0.0/8:443", "--since 2026-11-20T10:58:36.5Z", "--span-attributes http.route"]
    {
        assert!(unwrapped(&long).contains(option), "{option} is not in {long}");
    }
    let live = help(&dir, &["live".to_owned()], "--help");
    for option in ["--header x-user=42", "--serve 127.0.0.1:57012", "-b filesize:100000"] {
        assert!(unwrapped(&live).contains(option), "{option} is not in {live}");
    }
}

/// Without the ends of lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn version_is_one_line_and_the_long_one_has_the_formats() {
    let dir = Dir::new();
    let first = concat!("tap2pcap ", env!("CARGO_PKG_VERSION"), "\n");
    let [short, long] =
        ["-V", "--version"].map(|option| String::from_utf8(run(&dir, &[option], 0).stdout).expect("UTF-8"));
    assert_eq!(short, first);
    assert!(long.starts_with(first), "{long}");
    let formats = [
        "PROTO_BINARY,",
        "PROTO_BINARY_LENGTH_DELIMITED",
        "PROTO_TEXT",
        "JSON_BODY_AS_BYTES",
        "JSON_BODY_AS_STRING",
        "Hubble",
        "OTLP",
        "Zipkin",
        "OpenCensus",
        "gzip",
        "zstd",
        "pcapng",
    ];
    for format in formats {
        assert!(long.contains(format), "{format} is not in {long}");
    }
}

#[test]
fn a_mistyped_command_is_named() {
    let dir = Dir::new();
    for (typed, meant) in
        [("inof", "info"), ("lvie", "live"), ("wireshrak", "wireshark"), ("genrate", "generate")]
    {
        for rest in [&[][..], &["x"], &["x", "--json"]] {
            let ran = run(&dir, &[&[typed], rest].concat(), 2);
            assert_one_error(&ran, &[&format!("'{typed}'"), &format!("did you mean 'tap2pcap {meant}'")]);
        }
    }
}

#[test]
fn a_trace_is_no_mistyped_command() {
    let dir = Dir::new();
    dir.write("inof", &tap());
    run(&dir, &["inof", "capture"], 0);
    for absent in ["one", "info.pb", "lives.json", "tap"] {
        let ran = run(&dir, &[absent, "capture"], 1);
        assert_one_error(&ran, &[absent, "No such file"]);
    }
}

#[test]
fn a_mistyped_option_or_value_is_named() {
    let dir = Dir::new();
    let slips: [(&[&str], &str); 5] = [
        (&["-F", "pcapgn", "tap", "capture"], "'pcapng'"),
        (&["-i", "delimted", "tap"], "'delimited'"),
        (&["--http-side", "upstraem", "tap"], "'upstream'"),
        (&["--handshaek", "tap"], "'--handshake'"),
        (&["wireshark", "instal"], "'install'"),
    ];
    for (args, meant) in slips {
        let ran = run(&dir, args, 2);
        assert!(ran.stderr.contains("similar") && ran.stderr.contains(meant), "{}", ran.stderr);
    }
}
