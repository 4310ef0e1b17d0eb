//! Man pages and completions, as the shells and the readers of man pages take them.

use super::{assert_one_error, run};
use crate::program::Dir;
use crate::tools::{text, tool};

/// The completions of a shell, in a file of this name.
fn completions(dir: &Dir, shell: &str, name: &str) -> String {
    let ran = run(dir, &["generate", "completions", shell], 0);
    dir.write(name, &ran.stdout).to_str().expect("UTF-8").to_owned()
}

#[test]
fn each_command_has_a_man_page_with_all_its_options() {
    let dir = Dir::new();
    run(&dir, &["generate", "man", "share/man1"], 0);
    let page = |name: &str| String::from_utf8(dir.read(&format!("share/man1/{name}.1"))).expect("UTF-8");
    for name in ["tap2pcap-info", "tap2pcap-live", "tap2pcap-generate-man", "tap2pcap-wireshark-install"] {
        assert!(page(name).contains("\\fBtap2pcap"), "{name} leads nowhere");
    }
    // As in `--help`.
    assert!(
        page("tap2pcap-live").contains("\\fBtap2pcap live\\fR [OPTIONS] <SOURCE>...\n"),
        "{}",
        page("tap2pcap-live")
    );
    let page = page("tap2pcap");
    // The last of them only in the long help.
    for part in
        ["Convert every TAP into this one capture", "Print the format of each input", ".SH EXAMPLES\n.nf\n"]
    {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
}

#[test]
fn man_pages_that_cannot_be_written_are_an_error() {
    let dir = Dir::new();
    dir.write("file", b"");
    assert_one_error(&run(&dir, &["generate", "man", "file"], 1), &["file"]);
}

#[test]
fn a_reader_of_completions_may_go_away() {
    let dir = Dir::new();
    let ran = dir.tap2pcap().args(["generate", "completions", "zsh"]).run_and_read_only(1);
    assert_eq!((ran.code, &ran.stderr[..]), (Some(0), ""));
}

#[test]
#[ignore = "needs man and mandoc"]
fn man_pages_are_read_without_a_warning() {
    let dir = Dir::new();
    run(&dir, &["generate", "man", "man1"], 0);
    let pages = std::fs::read_dir(dir.path("man1")).expect("the pages");
    for page in pages.map(|page| page.expect("a page").path()) {
        let ran =
            tool("man").args(["--warnings", "-E", "UTF-8", "-P", "cat", "-l"]).arg(&page).run().expect(0);
        assert_eq!(ran.stderr, "", "{}", page.display());
        let shown = String::from_utf8(ran.stdout).expect("UTF-8");
        assert!(shown.contains("SYNOPSIS") && shown.contains("SEE ALSO"), "{shown}");
        text(tool("mandoc").args(["-T", "lint", "-W", "error"]).arg(&page));
    }
}

#[test]
#[ignore = "needs bash"]
fn bash_completes_commands_options_and_values() {
    let dir = Dir::new();
    let file = completions(&dir, "bash", "tap2pcap.bash");
    let complete = |words: &[&str]| {
        // As bash itself does it: the function that `complete -F` names, with the words in COMP_WORDS.
        let script = r#"
            source "$1"; shift
            complete=$(complete -p tap2pcap); function=${complete#* -F }; function=${function%% *}
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            "$function" tap2pcap "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[@]}""#;
        let args = ["--norc", "-c", script, "bash", &file, "tap2pcap"];
        text(tool("bash").args(args.iter().chain(words))).trim_end().to_owned()
    };
    assert_eq!(complete(&["in"]), "info");
    assert_eq!(complete(&["info", "--dec"]), "--decode-as");
    assert_eq!(complete(&["-F", "pcap"]), "pcap pcapng");
    assert_eq!(complete(&["generate", "completions", "f"]), "fish");
    assert_eq!(complete(&["wireshark", "un"]), "uninstall");
}

#[test]
#[ignore = "needs fish"]
fn fish_completes_commands_options_and_values() {
    let dir = Dir::new();
    let file = completions(&dir, "fish", "tap2pcap.fish");
    let complete = |line: &str| {
        let args = ["--no-config", "-c", r#"source "$argv[1]"; complete -C "$argv[2]""#, &file, line];
        // It makes directories at home, where that may be.
        let [home, config] =
            ["HOME", "XDG_CONFIG_HOME"].map(|name| (name, dir.path(".").display().to_string()));
        let fish = tool("fish").env(home.0, &home.1).env(config.0, &config.1);
        let text = text(fish.args(args));
        // Behind a tab is what it is for.
        text.lines().filter_map(|line| line.split('\t').next()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(complete("tap2pcap inf"), "info");
    assert_eq!(complete("tap2pcap info --dec"), "--decode-as");
    assert_eq!(complete("tap2pcap info -i de"), "delimited");
}

#[test]
#[ignore = "needs zsh"]
fn zsh_loads_its_completions() {
    let dir = Dir::new();
    let file = completions(&dir, "zsh", "_tap2pcap");
    let script = r#"
        fpath=("${1:h}" $fpath); autoload -Uz compinit && compinit -D -u
        autoload +X _tap2pcap && print $_comps[tap2pcap]"#;
    assert_eq!(text(tool("zsh").args(["-f", "-c", script, "zsh", &file])), "_tap2pcap\n");
}
