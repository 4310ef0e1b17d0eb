//! Sends known requests through a listener with curl, all on one connection, and knows what a capture of that
//! connection must hold.

use std::net::SocketAddr;
use std::path::Path;

use super::config::Transport;
use super::server::curl;
use super::upstream;
use crate::program::Dir;
use crate::tools::{Http, text};

/// A request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    method: &'static str,
    path: String,
    pub(super) posted: Vec<u8>,
    status: &'static str,
    pub(super) answer: Vec<u8>,
}

impl Exchange {
    /// Text only: what every format keeps.
    pub(super) fn get_text(size: usize) -> Self {
        Self::get(format!("/text/{size}"), upstream::text(size))
    }

    /// Bytes of every value.
    pub(super) fn get_noise(size: usize) -> Self {
        Self::get(format!("/noise/{size}"), upstream::noise(size))
    }

    fn get(path: String, answer: Vec<u8>) -> Self {
        Self { method: "GET", path, posted: Vec::new(), status: "200", answer }
    }

    /// What is posted comes back.
    pub(super) fn post(body: Vec<u8>) -> Self {
        Self { method: "POST", path: "/echo".to_owned(), posted: body.clone(), status: "201", answer: body }
    }

    /// The request as [`crate::tools::messages`] tells it.
    pub(super) fn request(&self, connection: &Connection) -> String {
        format!("{} {} {}", self.method, self.path, connection.authority)
    }

    /// The answer, likewise.
    pub(super) fn status(&self) -> String {
        self.status.to_owned()
    }
}

/// A connection as its client saw it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Where the requests say that they go.
    pub(super) authority: SocketAddr,
}

impl Connection {
    pub(super) const fn ports(&self) -> [u16; 2] {
        [self.client.port(), self.server.port()]
    }
}

/// Makes the exchanges one after the other, on one connection to the listener.
pub(super) fn visit(
    dir: &Dir,
    server: SocketAddr,
    transport: Transport,
    http: Http,
    exchanges: &[Exchange],
) -> Connection {
    let scheme = if transport == Transport::Tls { "https" } else { "http" };
    let version = match (http, transport) {
        (Http::One, _) => "--http1.1",
        (Http::Two, Transport::Plain) => "--http2-prior-knowledge",
        (Http::Two, Transport::Tls) => "--http2",
    };
    let mut command = curl();
    for (number, exchange) in exchanges.iter().enumerate() {
        if number > 0 {
            command = command.arg("--next");
        }
        // curl would ask first whether it may post, and the certificate is the test's own.
        command = command.args([version, "--insecure", "--header", "Expect:"]);
        command =
            command.args(["--write-out", "%{http_version} %{local_ip} %{local_port} %{num_connects}\n"]);
        if exchange.method == "POST" {
            command = command.arg("--data-binary").arg(at(&dir.write(&posted(number), &exchange.posted)));
        }
        command = command.arg("--output").arg(dir.path(&answer(number)));
        command = command.arg(format!("{scheme}://{server}{}", exchange.path));
    }
    let report = text(command);

    let mut client = None;
    for (number, (line, exchange)) in report.lines().zip(exchanges).enumerate() {
        assert!(dir.read(&answer(number)) == exchange.answer, "the answer to {}: {report}", exchange.path);
        let words: Vec<&str> = line.split(' ').collect();
        let [spoken, host, port, connects] = words[..] else { panic!("curl reports {line:?}") };
        assert_eq!(spoken, if http == Http::Two { "2" } else { "1.1" }, "{report}");
        assert_eq!(connects, if number == 0 { "1" } else { "0" }, "all on one connection: {report}");
        client = Some(SocketAddr::new(host.parse().expect("an address"), port.parse().expect("a port")));
    }
    Connection { client: client.expect("an exchange"), server, authority: server }
}

fn posted(number: usize) -> String {
    format!("posted-{number}")
}

fn answer(number: usize) -> String {
    format!("answer-{number}")
}

/// curl's way to name a file.
fn at(path: &Path) -> String {
    format!("@{}", path.display())
}
