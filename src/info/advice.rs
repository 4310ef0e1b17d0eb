//! What tshark has to be told to show the captures of some inputs: of all of them together, as one capture can hold them all.

use std::collections::BTreeMap;

use super::InputInfo;
use crate::protocol::Protocol;

/// Shows a message of HTTP/1.1 without waiting for the rest of a body that was cut.
const WITHOUT_REASSEMBLY: &str = "-o http.desegment_body:FALSE";

/// The options for the inputs that have been seen.
#[derive(Debug, Default)]
pub struct Advice {
    /// How many connections speak a protocol, by the server's port.
    ports: BTreeMap<u16, BTreeMap<Protocol, u64>>,
    has_cut_http1: bool,
}

impl Advice {
    /// Adds what is in an input.
    pub fn add(&mut self, info: &InputInfo) {
        let traces = info.traces.iter().map(|trace| (trace.protocol, trace.server_port));
        let exchanges = info.exchanges.iter().map(|exchange| (exchange.protocol, exchange.server_port));
        for (protocol, port) in traces.chain(exchanges) {
            if let Some(port) = port {
                *self.ports.entry(port).or_default().entry(protocol).or_default() += 1;
            }
        }
        self.has_cut_http1 |= info.has_cut_http1();
    }

    /// `-d` options, sorted by port, one for each port on which tshark would not find the protocol by itself.
    #[must_use]
    pub fn decode_as(&self) -> Vec<String> {
        let of_port = |(&port, protocols): (&u16, &BTreeMap<Protocol, u64>)| {
            let dissector = dissector(port, protocols)?;
            Some(format!("-d tcp.port=={port},{dissector}"))
        };
        self.ports.iter().filter_map(of_port).collect()
    }

    /// All options.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let mut options = self.decode_as();
        options.extend(self.has_cut_http1.then(|| WITHOUT_REASSEMBLY.to_owned()));
        options
    }

    /// The options that one of the inputs wants, as they are in a capture of all.
    #[must_use]
    pub fn options_for(&self, info: &InputInfo) -> Vec<String> {
        let mut own = Self::default();
        own.add(info);
        let of_all = self.ports.iter().filter(|(port, _)| own.ports.contains_key(port));
        own.ports = of_all.map(|(&port, protocols)| (port, protocols.clone())).collect();
        own.options()
    }
}

/// What tshark has to be told of a port with these protocols, of which it can use one. `None` where it finds out by itself.
fn dissector(port: u16, protocols: &BTreeMap<Protocol, u64>) -> Option<&'static str> {
    let needs_telling = |(&protocol, &count): (&Protocol, &u64)| {
        let dissector = protocol.dissector()?;
        protocol.needs_decode_as(port).then_some((count, dissector))
    };
    let (_, dissector) = protocols.iter().filter_map(needs_telling).max_by_key(|&(count, _)| count)?;
    // Told that a port has HTTP/2, tshark shows no HTTP/1.1 there; told HTTP, it finds both.
    let has_http1 = protocols.contains_key(&Protocol::Http1) || protocols.contains_key(&Protocol::WebSocket);
    Some(if dissector == "http2" && has_http1 { "http" } else { dissector })
}
