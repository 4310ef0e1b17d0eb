//! What tshark, editcap, mergecap and tcpdump make of flows.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;
use crate::tools::{fields, text, tool, tshark};

fn capture(dir: &Dir, args: &[&str], name: &str) -> PathBuf {
    let path = dir.path("flows.pcapng");
    dir.tap2pcap().args(args).arg(testdata(&format!("hubble/{name}"))).arg(&path).run().expect(0);
    path
}

/// Fails on every note of an expert but those that flows allow.
#[track_caller]
fn assert_quiet(capture: &Path) {
    const ALLOWED: [&str; 9] = [
        "Connection establish request (SYN)",
        "Connection establish acknowledge (SYN+ACK)",
        "Connection finish (FIN)",
        "Connection reset (RST)",
        "This frame initiates the connection closing",
        "This frame undergoes the connection closing",
        "TCP window update",
        "GET ",
        "HTTP/1.",
    ];
    let names =
        ["frame.number", "_ws.expert.message", "_ws.malformed", "tcp.analysis.flags", "tcp.checksum.status"];
    for [number, expert, malformed, _, checksum] in fields(tshark(capture), names) {
        assert_eq!(malformed, "", "{number}");
        assert_ne!(checksum, "0", "{number}");
        for note in expert.split('|').filter(|note| !note.is_empty() && !note.starts_with("hubble.")) {
            let is_request = ["PUT ", "POST ", "DELETE "].iter().any(|method| note.starts_with(method));
            let is_odd = note.contains("DNS response missing")
                || note.starts_with("Unknown")
                || note.contains("DNS query retransmission");
            assert!(
                is_request || is_odd || ALLOWED.iter().any(|allowed| note.starts_with(allowed)),
                "{number}: {note}"
            );
        }
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn tshark_reads_every_sample_quietly() {
    for name in [
        "conversation.json",
        "dns.json",
        "dns-says-tcp.json",
        "http-2021.json",
        "icmp.json",
        "exporter-fieldmask.json",
        "to-network.json",
        "audit.json",
        "http-1.20.json",
        "flow-only.json",
        "legacy-bare.json",
        "everything.json",
    ] {
        for args in
            [&[][..], &["--point", "all"], &["--overlay"], &["--hubble-sock"], &["--link-type", "raw"]]
        {
            println!("{name} {args:?}");
            let dir = Dir::new();
            assert_quiet(&capture(&dir, args, name));
        }
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn tshark_shows_what_flows_say() {
    let dir = Dir::new();
    let everything = capture(&dir, &[], "everything.json");
    let names = ["dns.qry.name", "dns.resp.name", "dns.a", "dns.cname", "dns.flags.rcode"];
    let dns = fields(tshark(&everything).args(["-Y", "dns.flags.response == 1"]), names);
    assert_eq!(
        dns[0],
        [
            "www.example.com",
            "www.example.com|cdn.example.net|edge.example.net|edge.example.net",
            "192.0.2.10|192.0.2.11",
            "cdn.example.net|edge.example.net",
            "0"
        ]
    );
    assert_eq!(dns.iter().filter(|[.., rcode]| rcode == "3").count(), 1);
    let http = fields(
        tshark(&everything).args(["-Y", "http"]),
        ["http.request.method", "http.host", "http.request.uri", "http.response.code"],
    );
    assert_eq!(http[0][..3], ["PUT", "deathstar.default.svc.cluster.local", "/v1/exhaust-port?x=1&y=<2>"]);
    assert_eq!(http[1][3], "403");
    let named = fields(tshark(&everything).args(["-N", "n", "-2"]), ["ip.src_host", "ip.dst_host"]);
    assert_eq!(named[0], ["default/xwing", "default/deathstar-7848d6c4d5-th9v2"]);
    // Each packet that a policy denied is there once, with the policy.
    let filter = "frame.comment contains \"POLICY_DENIED\"";
    let denied = fields(tshark(&everything).args(["-Y", filter]), ["frame.comment", "tcp.flags.syn"]);
    assert_eq!(denied.len(), 1);
    assert!(denied[0][0].contains("hubble.policy=default/rule1"));
    assert_eq!(denied[0][1], "1");
}

#[test]
#[ignore = "needs tshark and editcap (Debian packages tshark, wireshark-common)"]
fn what_the_savers_make_of_a_capture_reads() {
    let dir = Dir::new();
    let path = capture(&dir, &[], "everything.json");
    let expected =
        fields(tshark(&path), ["frame.number", "frame.comment", "frame.packet_id", "frame.interface_name"]);
    text(tool("editcap").arg(&path).arg(dir.path("editcap.pcapng")));
    text(tool("mergecap").args(["-w"]).arg(dir.path("mergecap.pcapng")).arg(&path));
    text(tool("tshark").arg("-r").arg(&path).arg("-w").arg(dir.path("tshark.pcapng")));
    for saver in ["editcap.pcapng", "mergecap.pcapng", "tshark.pcapng"] {
        let names = ["frame.number", "frame.comment", "frame.packet_id", "frame.interface_name"];
        assert_eq!(fields(tshark(&dir.path(saver)), names), expected, "{saver}");
    }
    text(tool("tcpdump").args(["-n", "-r"]).arg(&path));
    text(tool("capinfos").arg(&path));
}

/// A connection on loopback, and what tcpdump sees of it.
fn real_connection(dir: &Dir) -> (PathBuf, [u16; 2]) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let path = dir.path("real.pcapng");
    let mut tcpdump = Command::new("tcpdump")
        .args(["-i", "lo", "-U", "--immediate-mode", "-w"])
        .arg(&path)
        .arg(format!("tcp port {port}"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("tcpdump");
    // It says when it listens.
    let mut said = [0; 20];
    tcpdump.stderr.as_mut().expect("a pipe").read_exact(&mut said).expect("a line");
    std::thread::sleep(Duration::from_millis(500));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 5];
        stream.read_exact(&mut request).expect("a request");
        stream.write_all(b"answer").expect("a client");
    });
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    let ports = [client.local_addr().expect("an address").port(), port];
    client.write_all(b"hello").expect("a server");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("a server");
    drop(client);
    server.join().expect("no panic");
    std::thread::sleep(Duration::from_millis(500));
    let stopped = Command::new("kill").args(["-INT", &tcpdump.id().to_string()]).status().expect("kill");
    assert!(stopped.success());
    tcpdump.wait().expect("tcpdump");
    (path, ports)
}

#[test]
#[ignore = "needs tshark, mergecap and tcpdump that may listen (Debian packages tshark, wireshark-common, tcpdump; root)"]
fn an_overlay_beside_real_packets_raises_no_note() {
    let dir = Dir::new();
    let (real, [client, server]) = real_connection(&dir);
    let names = ["frame.time_epoch", "tcp.srcport", "tcp.flags"];
    let seen = fields(tshark(&real), names);
    assert!(seen.len() > 6, "{seen:?}");
    let mut lines = String::new();
    for [time, source, flags] in &seen {
        let (seconds, decimals) = time.split_once('.').expect("a time");
        let time =
            jiff::Timestamp::new(seconds.parse().expect("seconds"), decimals.parse().expect("nanoseconds"))
                .expect("a time");
        let flags = u16::from_str_radix(flags.trim_start_matches("0x"), 16).expect("flags");
        let set: serde_json::Map<String, Value> = ["FIN", "SYN", "RST", "PSH", "ACK"]
            .iter()
            .enumerate()
            .filter(|(bit, _)| flags & 1 << bit != 0)
            .map(|(_, &flag)| (flag.to_owned(), true.into()))
            .collect();
        let ports = if *source == client.to_string() { [client, server] } else { [server, client] };
        lines += &flow(
            0,
            json!({
                "time": time.to_string(), "IP": {"source": "127.0.0.1", "destination": "127.0.0.1"},
                "l4": {"TCP": {"source_port": ports[0], "destination_port": ports[1], "flags": set}},
                "verdict": "DROPPED", "drop_reason_desc": "POLICY_DENIED", "event_type": {"type": 1}, "trace_observation_point": null,
            }),
        );
    }
    dir.write("flows.json", lines.as_bytes());
    dir.tap2pcap().args(["--overlay", "flows.json", "hubble.pcapng"]).run().expect(0);
    text(
        tool("mergecap").args(["-w"]).arg(dir.path("both.pcapng")).arg(&real).arg(dir.path("hubble.pcapng")),
    );
    let notes = |path: &Path| {
        let table = fields(
            tshark(path).args(["-Y", "tcp.stream"]),
            ["frame.time_epoch", "tcp.stream", "tcp.analysis.flags", "_ws.expert.message"],
        );
        table.into_iter().map(|row| row.map(|cell| cell.replace("hubble.", ""))).collect::<Vec<_>>()
    };
    assert_eq!(notes(&dir.path("both.pcapng")), notes(&real));
    let both = fields(tshark(&dir.path("both.pcapng")), ["frame.comment"]);
    assert_eq!(both.iter().filter(|[comment]| comment.contains("POLICY_DENIED")).count(), seen.len());
    assert_eq!(both.len(), 2 * seen.len());
}
