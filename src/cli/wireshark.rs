//! `tap2pcap wireshark`: makes the program an interface of Wireshark's, and takes that back.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::SUCCESS;
use super::arguments::Wireshark;

/// The name of the link in the extcap folder.
const NAME: &str = "tap2pcap";

/// Does it. Returns the exit status.
pub(super) fn run(command: &Wireshark) -> anyhow::Result<u8> {
    let program = env::current_exe().context("this program")?;
    let mut out = io::stdout().lock();
    let (folder, print) = match command {
        Wireshark::Install(options) | Wireshark::Uninstall(options) => {
            (folder(options.extcap_dir.as_deref())?, options.print)
        }
    };
    let link = folder.join(NAME);
    match command {
        Wireshark::Install(_) => {
            if !is_ours(&link, &program)? {
                if !print {
                    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
                    make_link(&program, &link).with_context(|| link.display().to_string())?;
                }
                writeln!(out, "{} -> {}", link.display(), program.display())?;
            }
            writeln!(
                out,
                "Wireshark has the interfaces \"Envoy tap\" and \"Envoy tap over UDP\" (tshark -i envoytap)"
            )?;
        }
        Wireshark::Uninstall(_) => {
            if is_ours(&link, &program)? {
                if !print {
                    fs::remove_file(&link).with_context(|| link.display().to_string())?;
                }
                writeln!(out, "{} removed", link.display())?;
            } else {
                writeln!(out, "{} is not there", link.display())?;
            }
        }
    }
    Ok(SUCCESS)
}

/// Whether the link is there and leads to this program.
fn is_ours(link: &Path, program: &Path) -> anyhow::Result<bool> {
    if fs::symlink_metadata(link).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(false);
    }
    let leads_to = |path: &Path| fs::canonicalize(path).ok();
    if leads_to(link).is_some() && leads_to(link) == leads_to(program) {
        return Ok(true);
    }
    bail!("{} is there already, and is not this program: remove it first", link.display());
}

#[cfg(unix)]
fn make_link(program: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, link)
}

#[cfg(not(unix))]
fn make_link(program: &Path, link: &Path) -> io::Result<()> {
    fs::copy(program, link.with_extension("exe")).map(drop)
}

/// Where this Wireshark looks for interfaces: the user's folder, where it has one (Wireshark 4.2 on).
fn folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = given {
        return Ok(folder.to_owned());
    }
    let output = Command::new("tshark").args(["-G", "folders"]).output();
    let output = output.context("tshark -G folders, which tells where Wireshark looks for interfaces")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let named = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(PathBuf::from(line.trim_start_matches(':').trim()))
    };
    let folder = named("Personal Extcap path").or_else(|| named("Extcap path"));
    folder.context("tshark -G folders names no extcap folder: set WIRESHARK_EXTCAP_DIR")
}
