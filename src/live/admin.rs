//! A tap that Envoy's admin interface switches on: a request to `/tap`, whose answer goes on as long as somebody reads it, a JSON
//! object for each message.
//!
//! Any format but JSON kills Envoy (1.40), so no other can be asked for. An Envoy has one of its taps switched on at a time, whatever
//! their ids.

use std::io::{self, Read};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::configs::{Config, configs};
pub use super::http::Address;

/// Bytes of a configuration that are looked through.
const MAX_DUMP: u64 = 256 * 1024 * 1024;
/// Bytes that are read of what Envoy says where it refuses a tap.
const MAX_REFUSAL: u64 = 4096;
/// How long to wait before the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the admin interface is.
    pub address: Address,
    /// Which tap.
    pub config_id: String,
    /// Which requests or connections: Envoy's `MatchPredicate`, in JSON.
    pub matches: Matches,
    /// Bytes of each body that are kept.
    pub max_body: u32,
}

/// Which requests are wanted.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// Envoy's `MatchPredicate`.
    pub predicate: Option<Value>,
    /// Headers of the request, and their values.
    pub headers: Vec<(String, String)>,
    /// The status of the response.
    pub status: Option<u16>,
}

impl Matches {
    fn predicate(&self) -> Value {
        let exact = |name: &str, value: &str| json!({ "name": name, "string_match": { "exact": value } });
        let mut rules = Vec::from_iter(self.predicate.clone());
        if !self.headers.is_empty() {
            let headers: Vec<Value> = self.headers.iter().map(|(name, value)| exact(name, value)).collect();
            rules.push(json!({ "http_request_headers_match": { "headers": headers } }));
        }
        if let Some(status) = self.status {
            let status = exact(":status", &status.to_string());
            rules.push(json!({ "http_response_headers_match": { "headers": [status] } }));
        }
        match rules.len() {
            0 => json!({ "any_match": true }),
            1 => rules.remove(0),
            _ => json!({ "and_match": { "rules": rules } }),
        }
    }

    /// Whether it asks for something that only an HTTP tap can know.
    fn is_of_http(&self) -> bool {
        let mentions = |predicate: &Value| predicate.to_string().contains("\"http_");
        !self.headers.is_empty() || self.status.is_some() || self.predicate.as_ref().is_some_and(mentions)
    }
}

/// Why there is no tap to read.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody answers.
    #[error("{0}; is Envoy running, and is this the address of its admin interface?")]
    Connect(io::Error),
    /// Envoy says no.
    #[error("Envoy refuses: {words}{advice}")]
    Refused {
        /// What Envoy says.
        words: String,
        /// What to do.
        advice: String,
    },
    /// Somebody else answers.
    #[error("the answer is no stream of traces: is this Envoy's admin interface, and not a listener?")]
    NotAdmin,
    /// A transport socket knows nothing of HTTP.
    #[error(
        "{0} is the tap of a transport socket, which knows no requests: --header, --status and --match for HTTP would match \
         nothing there; leave them out, or give the listener an HTTP tap"
    )]
    NotHttp(String),
}

/// Hears what there is to say of a source that goes on.
pub type Tell = Box<dyn FnMut(&str) + Send>;

/// The bytes of a tap, as they come.
pub struct Tap {
    request: Request,
    body: Box<dyn Read + Send>,
    /// Goes on where Envoy has ended, and is told how that goes.
    retry: Option<Tell>,
}

impl Tap {
    /// Switches a tap on. With `retry`, which hears of it, waits for an Envoy that is not there, and for one that has ended to come back.
    ///
    /// # Errors
    /// Envoy is not there, or refuses.
    pub fn open(request: Request, retry: Option<Tell>) -> Result<Self, AdminError> {
        let body = match open(&request) {
            // Whoever reads it waits.
            Err(AdminError::Connect(_)) if retry.is_some() => Box::new(io::empty()),
            opened => opened?,
        };
        Ok(Self { request, body, retry })
    }
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.body.read(buffer) {
                Ok(count @ 1..) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => {}
            }
            let Some(tell) = &mut self.retry else {
                return Err(io::Error::other(
                    "Envoy has ended the tap: it has gone, drains, or has a new configuration; what came before is in the capture, \
                     and --retry waits for it to come back",
                ));
            };
            let mut is_told = false;
            self.body = loop {
                sleep(RETRY);
                match open(&self.request) {
                    Ok(body) => break body,
                    Err(error @ AdminError::NotHttp(_)) => return Err(io::Error::other(error)),
                    Err(error) if !is_told => {
                        is_told = true;
                        tell(&format!("{error}; trying again"));
                    }
                    Err(_) => {}
                }
            };
            tell("the tap is on");
        }
    }
}

fn open(request: &Request) -> Result<Box<dyn Read + Send>, AdminError> {
    let Request { address, config_id, matches, max_body } = request;
    let known = known(address).map_err(AdminError::Connect)?;
    let is_http = known.iter().find(|config| config.id == *config_id).map(|config| config.is_http);
    if is_http == Some(false) && matches.is_of_http() {
        return Err(AdminError::NotHttp(config_id.clone()));
    }
    // Only a buffered trace of an HTTP tap has times and addresses.
    let is_streaming = is_http != Some(true);
    let body = json!({
        "config_id": config_id,
        "tap_config": {
            "match": matches.predicate(),
            "output_config": {
                "streaming": is_streaming,
                "max_buffered_rx_bytes": max_body,
                "max_buffered_tx_bytes": max_body,
                "sinks": [{ "format": "JSON_BODY_AS_BYTES", "streaming_admin": {} }],
            },
        },
    });
    let response = address.request("POST", "/tap", &body.to_string()).map_err(AdminError::Connect)?;
    if response.status == 200 {
        return if response.is_stream { Ok(response.body) } else { Err(AdminError::NotAdmin) };
    }
    let mut words = Vec::new();
    response.body.take(MAX_REFUSAL).read_to_end(&mut words).map_err(AdminError::Connect)?;
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    let words = if words.is_empty() { format!("HTTP status {}", response.status) } else { words };
    let advice = advice(&words, response.status, &known);
    Err(AdminError::Refused { words, advice })
}

/// The taps that Envoy has; none where its configuration cannot be read.
fn known(address: &Address) -> io::Result<Vec<Config>> {
    let response = address.request("GET", "/config_dump", "")?;
    let dump = serde_json::from_reader(response.body.take(MAX_DUMP)).unwrap_or_default();
    Ok(configs(&dump))
}

/// What to do about a refusal.
fn advice(words: &str, status: u16, known: &[Config]) -> String {
    if words.contains("Unknown config id") {
        return match known {
            [] => " It has no tap with an admin_config at all: add one to its configuration.".to_owned(),
            known => {
                let ids: Vec<&str> = known.iter().map(|config| &*config.id).collect();
                format!(" It has: {}.", ids.join(", "))
            }
        };
    }
    if words.contains("already exists") {
        return " An Envoy has one tap switched on at a time: end the program that reads it.".to_owned();
    }
    if status == 404 { " This is not Envoy's admin interface.".to_owned() } else { String::new() }
}
