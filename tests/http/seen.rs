//! The HTTP of a capture: which version each connection speaks, who the client is, and what was exchanged.

use std::net::SocketAddr;

use super::exchange::Exchange;
use super::{frames, http1, http2};
use crate::capture::{Capture, Sent};
use crate::tools::Http;

/// A connection that speaks HTTP.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) http: Http,
    pub(crate) exchanges: Vec<Exchange>,
}

/// All connections, in the order of their first packets.
#[track_caller]
pub(crate) fn connections(capture: &Capture) -> Vec<Connection> {
    let mut connections = Vec::new();
    for stream in capture.streams() {
        let [one, other] = stream.addresses();
        let (client, server) = if is_server(stream.sent_by(one)) || is_client(stream.sent_by(other)) {
            (other, one)
        } else {
            (one, other)
        };
        let [sent, answered] = [client, server].map(|address| stream.sent_by(address));
        let (http, exchanges) = if sent.bytes.as_slice().starts_with(frames::PREFACE) {
            (Http::Two, http2::exchanges(sent, answered))
        } else {
            (Http::One, http1::exchanges(sent, answered))
        };
        connections.push(Connection { client, server, http, exchanges });
    }
    connections
}

/// Only a server answers so. An HTTP/2 server may speak first, and its SETTINGS look like the client's.
fn is_server(sent: &Sent) -> bool {
    sent.bytes.as_slice().starts_with(b"HTTP/1.")
}

fn is_client(sent: &Sent) -> bool {
    sent.bytes.as_slice().starts_with(frames::PREFACE)
}
