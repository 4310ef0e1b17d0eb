//! Where this Wireshark looks for plugins, profiles and interfaces: `tshark -G folders` says it. Without tshark, which need not be
//! installed beside Wireshark, the folders are those that Wireshark has by default.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::super::arguments;
use super::PROFILE;

/// tshark, and where it is if it is not on the PATH.
const TSHARK: [&str; 3] =
    ["tshark", "/Applications/Wireshark.app/Contents/MacOS/tshark", r"C:\Program Files\Wireshark\tshark.exe"];

/// Folders of Wireshark's.
pub(super) struct Folders {
    /// For Lua plugins.
    pub(super) plugins: PathBuf,
    /// For preferences and profiles.
    config: PathBuf,
    /// For interfaces.
    pub(super) extcap: PathBuf,
    /// Whether tshark names those that the options do not.
    pub(super) has_tshark: bool,
}

impl Folders {
    /// The folders that the options name, else those that tshark names, else the defaults.
    pub(super) fn find(options: &arguments::Folders) -> anyhow::Result<Self> {
        let mut folders = match TSHARK.iter().find_map(|tshark| folders_of(tshark)) {
            Some(text) => Self::parse(&text)?,
            None => Self::default_ones()?,
        };
        for (folder, given) in [
            (&mut folders.plugins, &options.plugin_dir),
            (&mut folders.config, &options.config_dir),
            (&mut folders.extcap, &options.extcap_dir),
        ] {
            if let Some(given) = given {
                folder.clone_from(given);
            }
        }
        Ok(folders)
    }

    /// The profile's folder.
    pub(super) fn profile(&self) -> PathBuf {
        self.config.join("profiles").join(PROFILE)
    }

    /// Reads the lines of `tshark -G folders`: a name, a colon, a path.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let named = |names: &[&str], option: &str| {
            let path = names.iter().find_map(|name| {
                let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
                Some(PathBuf::from(rest.trim()))
            });
            path.with_context(|| format!("tshark -G folders names no {}: give {option}", names[0]))
        };
        Ok(Self {
            plugins: named(&["Personal Lua Plugins", "Personal Plugins"], "--plugin-dir")?,
            config: named(&["Personal configuration"], "--config-dir")?,
            // The user has a folder from Wireshark 4.2 on.
            extcap: named(&["Personal Extcap path", "Extcap path"], "--extcap-dir")?,
            has_tshark: true,
        })
    }

    fn default_ones() -> anyhow::Result<Self> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let has_tshark = false;
        if cfg!(windows) {
            let data = variable("APPDATA").context("APPDATA is not set")?.join("Wireshark");
            return Ok(Self {
                plugins: data.join("plugins"),
                extcap: data.join("extcap"),
                config: data,
                has_tshark,
            });
        }
        let home = variable("HOME").context("HOME is not set")?;
        let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let libraries = home.join(Path::new(".local/lib/wireshark"));
        Ok(Self {
            plugins: libraries.join("plugins"),
            extcap: libraries.join("extcap"),
            config: config.join("wireshark"),
            has_tshark,
        })
    }
}

/// What `tshark -G folders` says; `None` if there is no such tshark.
fn folders_of(tshark: &str) -> Option<String> {
    let output = Command::new(tshark).args(["-G", "folders"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
