//! tshark decodes every protocol with the options that `info --decode-as` prints, and without any where it prints none.

use std::collections::BTreeSet;

use super::conversation;
use super::samples::{Sample, Who, samples};
use crate::encode::{Format, Tap};
use crate::model::Conversation;
use crate::program::Dir;
use crate::tools::{fields, text, tool, tshark};

/// Converts a tap, and asks tshark with the advised options: the number of the stream, the ports and the protocol of each
/// packet.
#[track_caller]
fn decoded(dir: &Dir, taps: &[&str]) -> Vec<[String; 4]> {
    let capture = dir.path("capture.pcap");
    dir.tap2pcap().arg("-w").arg(&capture).args(taps).run().expect(0);
    let advised = dir.tap2pcap().args(["info", "--decode-as"]).args(taps).run().expect(0).stdout;
    let advised = String::from_utf8(advised).expect("UTF-8");
    let names = ["tcp.stream", "tcp.srcport", "tcp.dstport", "_ws.col.Protocol"];
    fields(tshark(&capture).args(advised.split_whitespace()), names)
}

/// Fails the test unless tshark sees in each stream nothing but the protocol of its sample.
#[track_caller]
fn assert_decodes(samples: &[Sample], conversations: &[Conversation]) {
    let dir = Dir::new();
    dir.write("tap", &Tap::streamed(Format::Delimited).write(conversations));
    let packets = decoded(&dir, &["tap"]);
    let mut seen = BTreeSet::new();
    for [stream, from, to, protocol] in &packets {
        let sample = &samples[stream.parse::<usize>().expect("a number")];
        // tshark shows a message whose reassembly it waits for as TCP.
        assert!(protocol.starts_with(sample.column), "{}: {from} > {to} is {protocol}", sample.name);
        seen.insert(sample.name);
    }
    assert_eq!(seen.len(), samples.iter().map(|sample| sample.name).collect::<BTreeSet<_>>().len());
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn every_protocol_on_any_port() {
    let samples = samples();
    for envoy in [Who::Client, Who::Server] {
        let conversations: Vec<Conversation> = (1..)
            .zip(&samples)
            .map(|(id, sample)| {
                conversation(id, sample, envoy, &format!("10.0.0.1:{}", 21_200 + id), "10.0.0.2:61234")
                    .at(crate::model::START + id)
            })
            .collect();
        assert_decodes(&samples, &conversations);
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn every_protocol_on_its_own_port() {
    for sample in samples() {
        let server = format!("10.0.0.1:{}", sample.port.unwrap_or(27_017));
        let conversation = conversation(1, &sample, Who::Server, &server, "10.0.0.2:61234");
        assert_decodes(&[sample], &[conversation]);
    }
}

/// The ports that tshark gives to some dissector, all of them.
#[track_caller]
fn owned_ports() -> BTreeSet<u16> {
    let decodes = text(tool("tshark").args(["-G", "decodes"]));
    let ports = decodes.lines().filter_map(|line| line.strip_prefix("tcp.port\t")?.split('\t').next());
    ports.map(|port| port.parse().expect("a port")).collect()
}

/// Other dissectors own these ports, and many do not let HTTP/1.1 and TLS pass.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn http_and_tls_on_every_port_that_has_an_owner() {
    let samples = samples();
    for name in ["http/1.1", "http/2", "tls", "redis"] {
        let sample = samples.iter().find(|sample| sample.name == name).expect("a sample");
        let ports = owned_ports();
        assert!(ports.len() > 500, "{} ports", ports.len());
        let ports: Vec<u16> = ports.into_iter().filter(|&port| port > 0).collect();
        let conversations: Vec<Conversation> = (1..)
            .zip(&ports)
            .map(|(id, port)| {
                conversation(id, sample, Who::Server, &format!("10.0.0.1:{port}"), "10.0.0.2:61234")
            })
            .collect();
        assert_decodes(&vec![sample.clone(); ports.len()], &conversations);
    }
}
