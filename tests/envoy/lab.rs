//! What each test here needs: a directory, an upstream and an Envoy between it and the test's clients.

use std::path::{Path, PathBuf};

use super::config::{self, Tap, Transport};
use super::server::Envoy;
use super::upstream::Upstream;
use crate::program::Dir;
use crate::tools::{text, tool};

/// The listener where only the upstream is tapped.
pub(super) const UNTAPPED: &str = "untapped";

/// Dropped from the top: nobody writes in the directory any more when it goes.
pub(super) struct Lab {
    pub(super) envoy: Envoy,
    pub(super) upstream: Upstream,
    pub(super) dir: Dir,
}

impl Lab {
    /// A listener for each tap, under the tap's name.
    pub(super) fn with_listeners(host: &str, transport: Transport, taps: &[Tap]) -> Self {
        Self::start(taps.iter().map(|tap| (tap.name.as_str(), Some(tap))), host, transport, None)
    }

    /// One listener, [`UNTAPPED`], and a tap on the connections to the upstream.
    pub(super) fn with_upstream_tap(tap: &Tap) -> Self {
        Self::start([(UNTAPPED, None)], "127.0.0.1", Transport::Plain, Some(tap))
    }

    fn start<'a>(
        listeners: impl IntoIterator<Item = (&'a str, Option<&'a Tap>)>,
        host: &str,
        transport: Transport,
        upstream_tap: Option<&Tap>,
    ) -> Self {
        let dir = Dir::new();
        std::fs::create_dir(dir.path(config::TAPS)).expect("a directory for the taps");
        if transport == Transport::Tls {
            certify(&dir);
        }
        let upstream = Upstream::start();
        let listeners = listeners
            .into_iter()
            .map(|(name, tap)| config::listener(name, host, transport, tap, &dir))
            .collect();
        let bootstrap = config::bootstrap(listeners, upstream.address, upstream_tap, &dir);
        let envoy = Envoy::start(&dir, &bootstrap);
        Self { envoy, upstream, dir }
    }

    /// Stops Envoy, so that its taps are complete.
    pub(super) fn stop(self) -> Dir {
        self.envoy.stop();
        self.dir
    }
}

/// The files that a tap wrote, one a connection.
pub(super) fn taps(dir: &Dir, tap: &Tap) -> Vec<PathBuf> {
    let prefix = format!("{}_", tap.name);
    let entries = std::fs::read_dir(dir.path(config::TAPS)).expect("the directory of the taps");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| file_name(path).starts_with(&prefix)).collect()
}

/// The same where there was one connection.
pub(super) fn only_tap(dir: &Dir, tap: &Tap) -> PathBuf {
    let [path] = <[PathBuf; 1]>::try_from(taps(dir, tap)).expect("one tap file");
    path
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("Envoy's names are ASCII")
}

/// Makes a certificate for Envoy's TLS.
fn certify(dir: &Dir) {
    let command =
        tool("openssl").args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let command = command.args(["-nodes", "-subj", "/CN=localhost", "-keyout"]).arg(dir.path(config::KEY));
    text(command.arg("-out").arg(dir.path(config::CERTIFICATE)));
}
