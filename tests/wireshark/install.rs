//! `tap2pcap wireshark`: what is ours comes and goes, what is somebody else's stays.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{share, text_of};
use crate::program::{Dir, Ran};

const PLUGIN: &str = "home/plugins/tap2pcap.lua";
const PROFILE: &str = "home/config/profiles/tap2pcap";
const LINK: &str = "home/extcap/tap2pcap";

/// A home with a tshark that names folders in it.
fn home() -> Dir {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("bin")).expect("a directory");
    let folder = |name: &str| dir.path("home").join(name).display().to_string();
    let lines = [
        ("Temp", "/tmp".to_owned()),
        ("Personal configuration", folder("config")),
        ("Global configuration", "/usr/share/wireshark".to_owned()),
        ("Personal Plugins", folder("plugins/4-4")),
        ("Personal Lua Plugins", folder("plugins")),
        ("Global Lua Plugins", "/usr/lib/wireshark/plugins".to_owned()),
        ("Personal Extcap path", folder("extcap")),
        ("Global Extcap path", "/usr/lib/wireshark/extcap".to_owned()),
    ];
    let lines: String = lines.iter().map(|(name, path)| format!("echo '{name}:\t{path}'\n")).collect();
    let script = format!("#!/bin/sh\n[ \"$*\" = '-G folders' ] || exit 2\n{lines}");
    let tshark = dir.write("bin/tshark", script.as_bytes());
    std::fs::set_permissions(tshark, PermissionsExt::from_mode(0o755)).expect("permissions");
    dir
}

fn run(dir: &Dir, args: &[&str]) -> Ran {
    let [path, home] = ["bin", "home"].map(|name| dir.path(name).display().to_string());
    // Not those of whoever runs the test.
    let clean = ["WIRESHARK_CONFIG_DIR", "WIRESHARK_EXTCAP_DIR", "XDG_CONFIG_HOME"];
    let command = dir.tap2pcap().env("PATH", &path).env("HOME", &home);
    clean
        .into_iter()
        .fold(command, |command, name| command.env_remove(name))
        .arg("wireshark")
        .args(args)
        .run()
}

fn said(ran: Ran) -> String {
    String::from_utf8(ran.expect(0).stdout).expect("UTF-8")
}

/// The files below a directory, and links as what they lead to.
fn files(dir: &Dir) -> BTreeMap<String, Vec<u8>> {
    let home = dir.path("home");
    let files =
        walkdir::WalkDir::new(&home).into_iter().flatten().filter(|entry| !entry.file_type().is_dir());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(&home).expect("below it").display().to_string();
            let bytes = match std::fs::read_link(entry.path()) {
                Ok(target) => target.into_os_string().into_encoded_bytes(),
                Err(_) => std::fs::read(entry.path()).expect("a file"),
            };
            (name, bytes)
        })
        .collect()
}

#[test]
fn plugin_profile_and_link_come_and_go() {
    let dir = home();
    let printed = said(run(&dir, &["install", "--print"]));
    assert!(files(&dir).is_empty());
    let told = said(run(&dir, &["install"]));
    for name in [PLUGIN, LINK, &format!("{PROFILE}/preferences")] {
        let path = dir.path(name).display().to_string();
        assert!(printed.contains(&format!("{path} would ")) && told.contains(&format!("{path} ")), "{told}");
    }
    let there = files(&dir);
    let names: Vec<_> = there.keys().map(|name| format!("home/{name}")).collect();
    let of_profile = |name: &str| format!("{PROFILE}/{name}");
    let expected = ["colorfilters", "dfilter_buttons", "preferences"].map(of_profile);
    assert_eq!(names, [&expected[..], &[LINK.to_owned(), PLUGIN.to_owned()]].concat());
    // Behind a line that says whose they are.
    for (name, source) in [(PLUGIN, share("tap2pcap.lua")), (&expected[2][..], share("profile/preferences"))]
    {
        let text = String::from_utf8(dir.read(name)).expect("UTF-8");
        let (first, rest) = text.split_once('\n').expect("lines");
        assert!(first.contains("Written by tap2pcap wireshark install "), "{first}");
        assert_eq!(rest, text_of(&source));
    }
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_tap2pcap")).expect("the program");
    assert_eq!(std::fs::canonicalize(dir.path(LINK)).expect("a link"), program);

    said(run(&dir, &["install"]));
    said(run(&dir, &["uninstall", "--print"]));
    assert_eq!(files(&dir), there);
    said(run(&dir, &["uninstall"]));
    assert!(files(&dir).is_empty() && !dir.path(PROFILE).exists());
    assert!(said(run(&dir, &["uninstall"])).contains(" is not there"));
}

#[test]
fn what_is_somebody_elses_stays_and_all_else_is_done() {
    let dir = home();
    std::fs::create_dir_all(dir.path(PROFILE)).expect("a directory");
    std::fs::create_dir_all(dir.path("home/extcap")).expect("a directory");
    let colours = format!("{PROFILE}/colorfilters");
    let buttons = format!("{PROFILE}/dfilter_buttons");
    dir.write(&colours, b"# mine\n");
    dir.write(LINK, b"mine");
    dir.write("elsewhere", b"");
    symlink(dir.path("elsewhere"), dir.path(&buttons)).expect("a link");
    let before = files(&dir);
    for what in ["install", "uninstall"] {
        let ran = run(&dir, &[what]).expect(1);
        for name in [&colours, &buttons, LINK] {
            let line = ran.stderr.lines().find(|line| line.contains(&dir.path(name).display().to_string()));
            assert!(line.is_some_and(|line| line.contains("is there already, and is no")), "{}", ran.stderr);
        }
        assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
        assert_eq!(dir.path(PLUGIN).exists(), what == "install");
        assert_eq!(dir.path(&format!("{PROFILE}/preferences")).exists(), what == "install");
    }
    assert_eq!(files(&dir), before);
    assert_eq!(dir.read("elsewhere"), b"");
}

#[test]
fn what_was_changed_stays_and_what_another_version_wrote_is_replaced() {
    let dir = home();
    said(run(&dir, &["install"]));
    let installed = files(&dir);
    let preferences = format!("{PROFILE}/preferences");
    let changed = [&dir.read(&preferences)[..], b"gui.zoom: 5\n"].concat();
    dir.write(&preferences, &changed);
    // As another version would have written it.
    let older = "-- an older plugin\n";
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(older.as_bytes());
    let older = format!("-- Written by tap2pcap wireshark install 0.0.1, {sum:08x}\n{older}");
    dir.write(PLUGIN, older.as_bytes());
    // The program was somewhere else before.
    std::fs::remove_file(dir.path(LINK)).expect("a link");
    symlink("/nowhere/bin/tap2pcap", dir.path(LINK)).expect("a link");

    for what in ["install", "uninstall"] {
        let ran = run(&dir, &[what]).expect(1);
        assert!(
            ran.stderr.contains("preferences was changed since tap2pcap wrote it, and stays"),
            "{}",
            ran.stderr
        );
        assert_eq!(dir.read(&preferences), changed);
        if what == "install" {
            let stdout = String::from_utf8_lossy(&ran.stdout);
            assert!(stdout.contains("tap2pcap.lua of another version replaced"), "{stdout}");
            let mut now = files(&dir);
            now.insert(
                "config/profiles/tap2pcap/preferences".to_owned(),
                installed["config/profiles/tap2pcap/preferences"].clone(),
            );
            assert!(now == installed);
        }
    }
    assert_eq!(files(&dir).len(), 1);
}

/// Wireshark writes what it remembers of a profile's last use into its folder.
#[test]
fn the_profiles_folder_stays_while_it_has_other_files() {
    let dir = home();
    said(run(&dir, &["install"]));
    dir.write(&format!("{PROFILE}/recent"), b"# of Wireshark's\n");
    let told = said(run(&dir, &["uninstall"]));
    assert!(told.contains("profiles/tap2pcap stays: it has other files (recent)"), "{told}");
    assert_eq!(files(&dir).len(), 1);
}

#[test]
fn without_tshark_the_folders_are_the_default_ones_or_those_that_are_named() {
    let dir = home();
    std::fs::remove_file(dir.path("bin/tshark")).expect("it is there");
    let ran = run(&dir, &["install"]).expect(0);
    assert!(ran.stderr.contains("there is no tshark to ask for folders"), "{}", ran.stderr);
    assert!(dir.path("home/.local/lib/wireshark/plugins/tap2pcap.lua").exists());
    assert!(dir.path("home/.config/wireshark/profiles/tap2pcap/preferences").exists());
    assert!(dir.path("home/.local/lib/wireshark/extcap/tap2pcap").is_symlink());
    let named = ["--plugin-dir", "home/p", "--config-dir", "home/c", "--extcap-dir", "home/e"];
    run(&dir, &[&["install"], &named[..]].concat()).expect(0);
    for name in ["p/tap2pcap.lua", "c/profiles/tap2pcap/preferences", "e/tap2pcap"] {
        assert!(dir.path("home").join(name).exists(), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_keeps_nothing_else_from_being_done() {
    let dir = home();
    let ran = run(&dir, &["install", "--extcap-dir", "/proc/extcap"]).expect(1);
    let program = Path::new(env!("CARGO_BIN_EXE_tap2pcap")).display();
    assert!(
        ran.stderr.contains(&format!("as an administrator: ln -sf {program} /proc/extcap/tap2pcap")),
        "{}",
        ran.stderr
    );
    assert!(String::from_utf8_lossy(&ran.stdout).contains("wireshark -C tap2pcap"));
    assert!(dir.path(PLUGIN).exists() && dir.path(PROFILE).join("preferences").exists());
}
