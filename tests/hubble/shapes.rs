//! What packets look like, and what is said on them.

use super::*;

const L7: &str = "L7";

fn message(ms: u64, is_reply: bool, fields: Value) -> String {
    let l7 = json!({"Type": L7, "event_type": {"type": 129}, "trace_observation_point": null});
    flow(ms, with(with(tcp(is_reply, &[]), l7), fields))
}

fn http(ms: u64, http: Value) -> String {
    message(ms, false, json!({"l7": {"type": "REQUEST", "http": http}}))
}

fn answer(ms: u64, http: Value) -> String {
    message(ms, true, json!({"l7": {"type": "RESPONSE", "http": http}}))
}

fn payload(line: String) -> (String, usize) {
    let frames = frames(&[line]);
    (String::from_utf8(frames[0].after(54).to_vec()).expect("text"), frames[0].length - frames[0].bytes.len())
}

#[test]
fn a_request_is_http_1_1_and_claims_its_body() {
    let request = json!({
        "method": "PUT", "url": "http://user:HUBBLE_REDACTED@shop:8080/a?b=1", "protocol": "HTTP/2",
        "headers": [{"key": ":scheme", "value": "http"}, {"key": "Content-Length", "value": "1000"}, {"key": "X-A", "value": "b"}],
    });
    let (text, missing) = payload(http(0, request));
    assert_eq!(text, "PUT /a?b=1 HTTP/1.1\r\nHost: shop:8080\r\nContent-Length: 1000\r\nX-A: b\r\n\r\n");
    assert_eq!(missing, 1000);
    let (text, missing) =
        payload(http(0, json!({"method": "GET", "url": "/relative", "protocol": "HTTP/1.0"})));
    assert_eq!((&text[..], missing), ("GET /relative HTTP/1.0\r\n\r\n", 0));
    let huge = json!({"method": "GET", "url": "/", "headers": [{"key": "Content-Length", "value": "99999999999999"}]});
    assert_eq!(payload(http(0, huge)).1, 1);
}

#[test]
fn a_response_has_the_headers_that_are_its_own() {
    let response = |code: u32, headers: Value| json!({"code": code, "method": "GET", "url": "http://a/", "headers": headers});
    let own = json!([{"key": "Content-Length", "value": "9"}]);
    let (text, missing) = payload(answer(0, response(200, own)));
    assert_eq!((&text[..], missing), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 9));
    let of_request = json!([{"key": "User-Agent", "value": "curl"}, {"key": "Content-Length", "value": "7"}]);
    let (text, missing) = payload(answer(0, response(503, of_request)));
    assert_eq!((&text[..], missing), ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 1));
    assert_eq!(payload(answer(0, response(204, json!([])))).1, 0);
}

#[test]
fn http_2_is_written_on_request() {
    let request = json!({
        "method": "POST", "url": "http://shop:8080/a?b=1", "protocol": "HTTP/2",
        "headers": [{"key": ":scheme", "value": "https"}, {"key": "Content-Length", "value": "20000"}, {"key": "X-A", "value": "b"}],
    });
    let response = json!({"code": 200, "method": "POST", "url": "http://shop:8080/a?b=1", "headers": []});
    let frames = converted(&["--http", "2"], &[http(0, request), answer(1, response)]).frames;
    // The preface of both sides, the headers, two frames of a body, the answer.
    let kinds: Vec<_> =
        frames.iter().map(|frame| (frame.is_inbound, frame.length - frame.bytes.len())).collect();
    assert_eq!(
        kinds,
        [(true, 0), (false, 0), (true, 0), (true, 0), (true, 16_384), (true, 3_616), (false, 0)]
    );
    assert!(frames[0].after(54).starts_with(b"PRI * HTTP/2.0"));
    let verdicts = frames.iter().filter(|frame| frame.comment("verdict").is_some()).count();
    assert_eq!(verdicts, 2, "on the message, and nowhere else");
    let headers = frames[3].after(54 + 9);
    let text = String::from_utf8_lossy(headers);
    for part in [":method\u{4}POST", ":scheme\u{5}https", ":path\u{6}/a?b=1", "x-a\u{1}b"] {
        assert!(text.contains(part), "{text:?}");
    }
    assert_eq!(frames[6].after(54)[3..9], [1, 4, 0, 0, 0, 1], "HEADERS of stream 1, which goes on");
}

#[test]
fn no_byte_of_a_flow_ends_a_header() {
    let hostile = json!({
        "method": "GET / HTTP/1.1\r\nA: b\r\n\r\n", "url": "http://a\r\nB: c/d e\r\n",
        "headers": [{"key": "X\r\nC", "value": "d"}, {"key": "E", "value": "f\r\n\r\nGET / HTTP/1.1"}],
    });
    let (text, _) = payload(http(0, hostile));
    assert_eq!(text.matches("\r\n").count(), 4, "{text:?}");
    assert!(text.ends_with("\r\n\r\n"));
}

#[test]
fn dns_says_what_the_flow_says() {
    let dns = |is_reply: bool, dns: Value| {
        let kind = if is_reply { "RESPONSE" } else { "REQUEST" };
        let ports = if is_reply { [53, 5000] } else { [5000, 53] };
        let l4 = json!({"UDP": {"source_port": ports[0], "destination_port": ports[1]}});
        let frames = frames(&[message(0, is_reply, json!({"l4": l4, "l7": {"type": kind, "dns": dns}}))]);
        assert_eq!(frames[0].bytes.len(), frames[0].length);
        frames[0].after(42).to_vec()
    };
    let question = dns(false, json!({"query": "a.example.", "qtypes": ["A"]}));
    let parsed = simple_dns::Packet::parse(&question).expect("a message");
    assert_eq!(parsed.questions[0].qname.to_string(), "a.example");
    let reply = dns(
        true,
        json!({
            "query": "a.example.", "qtypes": ["A"], "ttl": 17, "cnames": ["b.example.", "c.example."],
            "ips": ["192.0.2.1", "2001:db8::1"], "rrtypes": ["CNAME", "CNAME", "AAAA", "A", "TXT"],
        }),
    );
    let answer = simple_dns::Packet::parse(&reply).expect("a message");
    assert_eq!(answer.id(), parsed.id(), "it belongs to the question");
    let owners: Vec<_> = answer.answers.iter().map(|record| (record.name.to_string(), record.ttl)).collect();
    let c = || ("c.example".to_owned(), 17);
    assert_eq!(owners, [("a.example".to_owned(), 17), ("b.example".to_owned(), 17), c(), c(), c()]);
    let missing = dns(true, json!({"query": "x.", "qtypes": ["A"], "rcode": 3, "ttl": 4_294_967_295_u32}));
    assert_eq!(missing[3] & 0xf, 3);
    // A name that is none leaves the packet.
    let long = "a".repeat(100);
    let lines = [message(
        0,
        false,
        json!({"l4": {"UDP": {"source_port": 1, "destination_port": 53}},
        "l7": {"type": "REQUEST", "dns": {"query": long}}}),
    )];
    assert_eq!((frames(&lines)[0].bytes.len(), frames(&lines)[0].length), (42, 43));
}

#[test]
fn dns_that_says_tcp_is_udp_unless_a_connection_is_known() {
    let frames = parse(&run(&[], &sample("dns-says-tcp.json")).expect(0).stdout).frames;
    assert!(frames.iter().all(|frame| frame.bytes[23] == 17));
    let dns = message(1, false, json!({"l7": {"type": "REQUEST", "dns": {"query": "a."}}}));
    let frames = self::frames(&[flow(0, json!({})), dns]);
    assert_eq!(frames[1].bytes[23], 6);
    assert_eq!(usize::from(frames[1].bytes[55]), frames[1].bytes.len() - 56, "the length before the message");
}

#[test]
fn each_protocol_has_its_form() {
    let ip = |protocol: &str, fields: Value| frames(&[flow(0, json!({"l4": {protocol: fields}}))])[0].clone();
    let shape = |frame: Frame| (frame.bytes[23], frame.bytes.len() - 34, frame.length - 34, frame.bytes[22]);
    assert_eq!(shape(ip("UDP", json!({"source_port": 1, "destination_port": 2}))), (17, 8, 9, 64));
    assert_eq!(shape(ip("ICMPv4", json!({"type": 8}))), (1, 8, 8, 64));
    assert_eq!(shape(ip("ICMPv4", json!({"type": 3, "code": 1}))), (1, 8, 36, 64));
    assert_eq!(shape(ip("SCTP", json!({"source_port": 1, "destination_port": 2}))), (132, 12, 12, 64));
    assert_eq!(
        shape(ip("SCTP", json!({"source_port": 1, "destination_port": 2, "chunk_type": "INIT"}))),
        (132, 32, 32, 64)
    );
    assert_eq!(shape(ip("VRRP", json!({"type": 1, "vrid": 51, "priority": 100}))), (112, 8, 8, 255));
    assert_eq!(shape(ip("IGMP", json!({"type": 22, "group_address": "224.0.0.251"}))), (2, 8, 8, 1));
    assert_eq!(shape(ip("IGMP", json!({"type": 34}))), (2, 4, 8, 1));
    assert_eq!(shape(frames(&[flow(0, json!({"l4": null}))])[0].clone()), (255, 0, 0, 64));
    // Newer Cilium leaves out a message whose numbers are 0.
    let reply = frames(&[flow(0, json!({"l4": null, "Summary": "ICMPv4 EchoReply"}))]);
    assert_eq!((reply[0].bytes[23], reply[0].bytes[34]), (1, 0));
}

#[test]
fn echoes_pair() {
    let echo = |ms: u64, is_reply: bool| {
        let fields =
            with(tcp(is_reply, &[]), json!({"l4": {"ICMPv4": {"type": if is_reply { 0 } else { 8 }}}}));
        flow(ms, fields)
    };
    let frames = frames(&[echo(0, false), echo(1, true), echo(200, false), echo(201, true)]);
    let numbers: Vec<_> = frames.iter().map(|frame| frame.bytes[38..42].to_vec()).collect();
    assert_eq!((&numbers[0], &numbers[2]), (&numbers[1], &numbers[3]));
    assert_ne!(numbers[0], numbers[2]);
}

#[test]
fn frames_without_ip_are_frames() {
    let fields = json!({"IP": null, "l4": null, "ethernet": {"source": "02:00:00:00:00:01", "destination": "ff:ff:ff:ff:ff:ff"}});
    let line = flow(0, with(fields.clone(), json!({"Summary": "Ethernet"})));
    let frames = frames(&[line.clone(), flow(1, with(fields, json!({"Summary": "ARP"})))]);
    assert_eq!(frames[0].bytes, [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    assert_eq!((&frames[1].bytes[12..], frames[1].length), (&[8, 6][..], 42));
    let ran = run(&["--link-type", "raw"], line.as_bytes()).expect(0);
    assert!(ran.stderr.contains("--link-type raw has no frames"), "{}", ran.stderr);
    assert!(parse(&ran.stdout).frames.is_empty());
}

#[test]
fn hosts_without_an_address_have_one_each() {
    let pod = |name: &str| json!({"IP": null, "source": {"namespace": "a", "pod_name": name}});
    let blocks = converted(&[], &[flow(0, pod("x")), flow(200, pod("y")), flow(400, pod("x"))]);
    let sources: Vec<_> = blocks.frames.iter().map(|frame| frame.bytes[26..30].to_vec()).collect();
    assert_eq!(sources[0], sources[2]);
    assert_ne!(sources[0], sources[1]);
    assert!(blocks.names.iter().any(|(_, name)| name == "a/y"));
}

#[test]
fn names_interfaces_and_directions_are_told() {
    let world = json!({
        "destination": {"identity": 2}, "destination_names": ["example.com", "b"], "traffic_direction": "EGRESS",
        "IP": {"source": "10.0.0.1", "destination": "192.0.2.9"}, "node_name": "k8s/n2",
    });
    let service = json!({"source": {}, "source_service": {"name": "api", "namespace": "shop"}, "IP": {"source": "10.9.9.9", "destination": "10.0.0.2"}});
    let blocks = converted(
        &[],
        &[flow(0, json!({})), flow(200, world), flow(400, service), flow(600, tcp(true, &["ACK"]))],
    );
    let names: Vec<_> = blocks.names.iter().map(|(ip, name)| format!("{ip} {name}")).collect();
    assert_eq!(
        names,
        [
            "10.0.0.1 shop/client",
            "10.0.0.2 shop/server",
            "192.0.2.9 example.com",
            "10.9.9.9 shop/api",
            "10.0.0.2 shop/client",
            "10.0.0.1 shop/server"
        ]
    );
    assert_eq!(blocks.interfaces, ["n1/TO_ENDPOINT", "k8s/n2/TO_ENDPOINT"]);
    let ways: Vec<_> = blocks.frames.iter().map(|frame| frame.is_inbound).collect();
    // INGRESS, EGRESS, INGRESS, and a reply of INGRESS.
    assert_eq!(ways, [true, false, true, false]);
}

#[test]
fn lost_events_are_on_the_next_packet_of_their_node() {
    let lost = |node: &str, count: u64| {
        json!({"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": count.to_string()}, "node_name": node}).to_string() + "\n"
    };
    let lines = [
        lost("n1", 3),
        lost("n2", 5),
        lost("n1", 4),
        flow(0, json!({"node_name": "n2"})),
        flow(200, json!({})),
        flow(400, json!({})),
    ];
    let frames = frames(&lines);
    let lost: Vec<_> = frames.iter().map(|frame| (frame.dropped, frame.comment("lost"))).collect();
    assert_eq!(lost, [(Some(5), Some("5")), (Some(7), Some("7")), (None, None)]);
}

#[test]
fn unknown_numbers_and_names_are_kept() {
    let fields = json!({"verdict": 15, "drop_reason_desc": "SOMETHING_NEW", "trace_observation_point": 14, "what": {"is": ["this"]}});
    let frames = frames(&[flow(0, fields)]);
    assert_eq!(
        (frames[0].comment("verdict"), frames[0].comment("drop_reason")),
        (Some("15"), Some("SOMETHING_NEW"))
    );
    assert_eq!(frames[0].interface, "n1/14");
}
