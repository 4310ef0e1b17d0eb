//! `tap2pcap wireshark`: puts the Lua plugin, the profile and the live interfaces where this Wireshark looks for them, and takes them
//! away. What is somebody else's, or was changed since, stays.

mod files;
mod folders;
mod link;

use std::io::{self, Write};
use std::iter;

use super::arguments::{Folders as Options, Wireshark};
use super::messages::message;
use super::{FAILURE, SUCCESS};
use files::Installed;
use folders::Folders;
use link::Link;

/// The profile's name, for `wireshark -C`.
pub(super) const PROFILE: &str = "tap2pcap";

const PLUGIN: &str = include_str!("../../../share/wireshark/tap2pcap.lua");

/// The files of the profile, by Wireshark's names.
const PROFILE_FILES: [(&str, &str); 3] = [
    ("colorfilters", include_str!("../../../share/wireshark/profile/colorfilters")),
    ("dfilter_buttons", include_str!("../../../share/wireshark/profile/dfilter_buttons")),
    ("preferences", include_str!("../../../share/wireshark/profile/preferences")),
];

const FILES_INSTALLED: &str = "\
Wireshark, once it is started again, has
  the plugin: filters such as tap.trace_id == 5 and hubble.verdict == \"DROPPED\", HTTP/2 on any port
  the profile: wireshark -C tap2pcap";
const LINK_INSTALLED: &str = "  the interfaces \"Envoy tap\" and \"Envoy tap over UDP\": tshark -i envoytap";

/// Why a part stays as it is.
type Refusal = anyhow::Error;

/// Installs or uninstalls each part. Returns the exit status: a part that fails does not keep the others from being done.
pub(super) fn run(command: &Wireshark) -> anyhow::Result<u8> {
    let (Wireshark::Install(options) | Wireshark::Uninstall(options)) = command;
    let is_install = matches!(command, Wireshark::Install(_));
    let folders = Folders::find(options)?;
    if !folders.has_tshark {
        message("info", &"there is no tshark to ask for folders, which are Wireshark's default ones");
    }
    let link = Link::to_this_program(&folders.extcap);
    let profile = folders.profile();
    let plugin = Installed { path: folders.plugins.join("tap2pcap.lua"), comment: "--", text: PLUGIN };
    let of_profile =
        PROFILE_FILES.map(|(name, text)| Installed { path: profile.join(name), comment: "#", text });

    let mut results: Vec<Result<String, Refusal>> = iter::once(&plugin)
        .chain(&of_profile)
        .map(|file| if is_install { file.install(options.print) } else { file.uninstall(options.print) })
        .collect();
    if !is_install && !options.print {
        results.extend(files::remove_folder(&profile));
    }
    let has_files = results.iter().all(Result::is_ok);
    results.push(link.and_then(|link| {
        if is_install { link.install(options.print) } else { link.uninstall(options.print) }
    }));

    let mut out = io::stdout().lock();
    for line in results.iter().flatten() {
        writeln!(out, "{line}")?;
    }
    let is_all = results.iter().all(Result::is_ok);
    if is_install && !options.print && has_files {
        writeln!(out, "{FILES_INSTALLED}")?;
        if is_all {
            writeln!(out, "{LINK_INSTALLED}")?;
        }
    }
    for refusal in results.iter().filter_map(|result| result.as_ref().err()) {
        message("error", &format!("{refusal:#}"));
    }
    Ok(if is_all { SUCCESS } else { FAILURE })
}

/// Whether there is such a profile.
pub(super) fn is_profile_installed() -> bool {
    Folders::find(&Options::default()).is_ok_and(|folders| folders.profile().join("preferences").is_file())
}
