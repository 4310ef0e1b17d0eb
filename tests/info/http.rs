//! What is said of HTTP taps: a line for each exchange, where it went, and what tshark has to be told.

use serde_json::json;

use super::*;
use crate::encode::http::{HttpKind, HttpTap};
use crate::encode::tree::{Value, field, wrapper};
use crate::http::exchange::{Message, Tapped};
use crate::model::address;

/// To a port on which tshark does not look for HTTP/2.
fn tapped(id: u64, request: impl Into<Option<Message>>, response: impl Into<Option<Message>>) -> Tapped {
    let downstream = ["10.2.0.1:40000", "10.1.0.1:8081"].map(address);
    Tapped { downstream, ..Tapped::new(id, request, response) }
}

fn get(path: &str) -> Message {
    Message::request("GET", path, &[])
}

fn ok(headers: &[(&str, &str)]) -> Message {
    Message::response("200", headers)
}

/// The exchanges in an input.
#[track_caller]
fn exchanges(info: &Json) -> &Vec<Json> {
    info["exchanges"].as_array().expect("an array")
}

#[track_caller]
fn assert_table(name: &str, expected: &str) {
    assert_eq!(text(info(&[], &[name]).expect(0)), expected, "{name}");
}

#[test]
fn of_a_buffered_tap() {
    assert_table(
        "http-admin-buffered.pb_length_delimited",
        "\
http-admin-buffered.pb_length_delimited: delimited, Envoy 1.28 or later, 3 HTTP exchanges
TRACE  START      SECS  METHOD  URL                      STATUS  REQUEST  RESPONSE  NOTES
    ?  10:59:04  0.000  GET     127.0.0.1:11049/y?n=100     200        0       100
    ?  10:59:04  0.000  GET     127.0.0.1:11049/y?n=200     200        0       200
    ?  10:59:04  0.000  GET     127.0.0.1:11049/y?n=300     200        0       300
  downstream: 127.0.0.1:52820 > 127.0.0.1:11049, 1 exchange
  downstream: 127.0.0.1:52822 > 127.0.0.1:11049, 1 exchange
  downstream: 127.0.0.1:52824 > 127.0.0.1:11049, 1 exchange
",
    );
}

/// It has neither times nor addresses.
#[test]
fn of_a_streamed_tap() {
    assert_table(
        "http-cut-streamed.pb_length_delimited",
        "\
http-cut-streamed.pb_length_delimited: delimited, Envoy 1.10 or later, 1 HTTP exchange
              TRACE  START  SECS  METHOD  URL                       STATUS  REQUEST  RESPONSE  NOTES
3236555901851537505               GET     …7.0.0.1:11044/a7?n=2326     200        0     1,024  cut 1
  warning: 1 body is cut by 1,302 bytes: raise max_buffered_tx_bytes, now 1024
  warning: 1 exchange lacks an IP address; --local and --remote set it, and buffered taps can record it
  warning: 1 exchange has no times; --start-time sets where they begin, and buffered taps can record them
",
    );
}

#[test]
fn of_a_grpc_call_that_failed() {
    let dir = Dir::new();
    let tap = std::fs::read(testdata("http-grpc-error.pb")).expect("a tap");
    dir.write("tap_8805694861421334150.pb", &tap);
    let table = text(dir.tap2pcap().args(["info", "tap_8805694861421334150.pb"]).run().expect(0));
    assert_eq!(
        table,
        "\
tap_8805694861421334150.pb: binary, Envoy 1.28 or later, 1 HTTP exchange
              TRACE  START      SECS  METHOD  URL                  STATUS  REQUEST  RESPONSE  NOTES
8805694861421334150  10:58:44  0.002  POST    …1045/lab.Echo/Fail     200        6         0  gRPC 5
  downstream: 127.0.0.1:37948 > 127.0.0.1:11045, 1 exchange
  tshark: -r CAPTURE -d tcp.port==11045,http2
  Wireshark: Analyze > Decode As... > TCP port 11045 > HTTP2
"
    );
}

#[test]
fn json_says_all_that_is_known_in_every_format_and_kind() {
    let request = Message::request("POST", "/echo", &[("content-length", "9")]).cut_piece("question!", 5);
    let exchange = tapped(7, request, ok(&[]).piece("ans").piece("wer").trailers(&[("grpc-status", "3")]));
    for format in Format::ALL {
        for kind in [HttpKind::Buffered, HttpKind::BufferedInParts, HttpKind::Streamed] {
            let tap = HttpTap::new(kind, format);
            let info = info_of(&tap.write(std::slice::from_ref(&exchange)));
            let is_buffered = kind != HttpKind::Streamed;
            let known = |value: &str| if is_buffered { json!(value) } else { Json::Null };
            let expected = json!({
                "trace_id": if is_buffered { Json::Null } else { json!("7") },
                "kind": if is_buffered { "http_buffered" } else { "http_streamed" },
                "first": known("2023-11-14T22:13:27.123456789Z"),
                "last": known("2023-11-14T22:13:27.126456789Z"),
                "protocol": "HTTP/2",
                "method": "POST",
                "authority": "h.test",
                "path": "/echo",
                "status": 200,
                "grpc_status": 3,
                "request": {"bytes": 5, "cut": 1, "missing_bytes": 4, "missing_unknown": false, "limit": 5},
                "response": {"bytes": 6, "cut": 0, "missing_bytes": 0, "missing_unknown": false, "limit": null},
                "downstream": {"local": known("10.1.0.1:8081"), "remote": known("10.2.0.1:40000")},
                "upstream": {"local": known("10.1.0.1:50000"), "remote": known("10.3.0.1:9000")},
            });
            assert_eq!(exchanges(&info)[..], [expected], "{tap:?}");
            let is_told = info["tshark"] == json!(["-d tcp.port==8081,http2"]);
            assert_eq!(is_told, is_buffered, "{tap:?}: {info}");
        }
    }
}

#[test]
fn what_needs_http2_is_named_by_its_port() {
    let grpc = Message::request("POST", "/a.B/C", &[("content-type", "application/grpc+proto")]);
    let websocket = Message::request("CONNECT", "/ws", &[(":protocol", "websocket")]);
    let cases = [
        (grpc, ok(&[("grpc-status", "0")]), "gRPC"),
        (websocket, ok(&[]), "HTTP/2"),
        (get("/"), ok(&[]).piece("a").trailers(&[("x", "y")]), "HTTP/2"),
        (get("/"), ok(&[]).piece("a"), "HTTP/1.1"),
    ];
    for (request, response, protocol) in cases {
        for port in [80, 9_001] {
            let mut exchange = tapped(1, request.clone(), response.clone());
            exchange.downstream[1].set_port(port);
            let info = info_of(&HttpTap::buffered(Format::Delimited).write(&[exchange]));
            assert_eq!(exchanges(&info)[0]["protocol"], protocol);
            let is_told = protocol != "HTTP/1.1" && port != 80;
            let expected = if is_told { json!(["-d tcp.port==9001,http2"]) } else { json!([]) };
            assert_eq!(info["tshark"], expected, "{protocol} {port}");
        }
    }
}

/// Told that a port has HTTP/2, tshark shows no HTTP/1.1 there.
#[test]
fn a_port_with_both_versions_is_named_as_http() {
    let grpc = Message::request("POST", "/a.B/C", &[("content-type", "application/grpc")]);
    let mut exchanges = [tapped(1, grpc, ok(&[])), tapped(2, get("/"), ok(&[]).piece("a"))];
    exchanges.iter_mut().for_each(|exchange| exchange.downstream[1].set_port(9_001));
    let info = info_of(&HttpTap::buffered(Format::Delimited).write(&exchanges));
    assert_eq!(info["tshark"], json!(["-d tcp.port==9001,http"]));
}

#[test]
fn half_of_an_exchange_is_shown_too() {
    let taps = [tapped(1, get("/no-answer"), None), tapped(2, None, ok(&[]).piece("bad"))];
    for tap in [HttpTap::buffered(Format::Text), HttpTap::streamed(Format::Text)] {
        let table = table_of(&tap.write(&taps));
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.iter().any(|row| row.ends_with(&["GET", "h.test/no-answer", "?", "0", "0"])), "{table}");
        assert!(rows.iter().any(|row| row.ends_with(&["?", "?", "200", "0", "3"])), "{table}");
    }
}

#[test]
fn a_body_that_breaks_off_is_not_taken_for_a_cut_one() {
    let taps = [
        tapped(1, get("/"), ok(&[("content-length", "100")]).piece("half")),
        tapped(2, Message::request("HEAD", "/", &[]), ok(&[("content-length", "100")])),
        tapped(3, get("/"), Message::response("304", &[("content-length", "100")])),
    ];
    let tap = HttpTap::buffered(Format::Delimited).write(&taps);
    let warning = "1 message broke off 96 bytes before the end that content-length promised";
    assert_eq!(strings(&info_of(&tap)["warnings"]), [warning]);
    let table = table_of(&tap);
    assert_eq!((table.matches("lacks 96").count(), table.matches("lacks").count()), (1, 1), "{table}");
}

#[test]
fn connections_are_shown_once_and_not_too_many() {
    let taps: Vec<Tapped> = (1..=40)
        .map(|id| {
            let mut exchange = tapped(id, get("/"), ok(&[]));
            exchange.downstream[0].set_port(40_000 + (id / 3) as u16);
            exchange
        })
        .collect();
    let table = table_of(&HttpTap::buffered(Format::Delimited).write(&taps));
    let shown: Vec<&str> = table.lines().filter(|line| line.contains("downstream: ")).collect();
    assert_eq!(shown.len(), 11, "{table}");
    assert_eq!(shown[1], "  downstream: 10.2.0.1:40001 > 10.1.0.1:8081, 3 exchanges");
    assert_eq!(shown[10], "  downstream: 11 exchanges on other connections");
}

#[test]
fn nothing_in_headers_reaches_the_terminal_or_fills_it() {
    let evil = format!("/\u{1b}[31m\u{9b}\r\n{}", "x".repeat(5_000));
    let request = Message::request("GE\u{7}T", &evil, &[]);
    for tap in [HttpTap::buffered(Format::JsonBytes), HttpTap::streamed(Format::Delimited)] {
        let mut exchange = tapped(1, request.clone(), Message::response("2\u{1b}0", &[]));
        exchange.id = u64::MAX;
        let file = tap.write(&[exchange]);
        let dir = Dir::new();
        dir.write("tap", &file);
        for options in [&["info"][..], &["info", "--json"]] {
            let shown = text(dir.tap2pcap().args(options).arg("tap").run().expect(0));
            assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{7}', '\r']) && shown.len() < 4_000, "{shown:?}");
        }
        let table = table_of(&file);
        assert!(table.lines().skip(1).take(2).all(|line| line.chars().count() <= 100), "{table}");
    }
}

#[test]
fn both_taps_in_one_input_are_shown() {
    let sockets =
        Tap::streamed(Format::Delimited).write(&[Conversation::new(1).read("a").write("b").closed()]);
    let exchanges = HttpTap::buffered(Format::Delimited).write(&[tapped(1, get("/"), ok(&[]))]);
    let both = [sockets, exchanges].concat();
    let table = table_of(&both);
    assert!(table.starts_with("tap: delimited, Envoy 1.37 or later, 1 trace, 1 HTTP exchange\n"), "{table}");
    assert!(table.contains("TRACE  LOCAL") && table.contains("METHOD  URL"), "{table}");
    let info = info_of(&both);
    assert_eq!((&info["traces"][0]["events"], &info["http_messages"]), (&json!(3), &json!(1)));
}

/// A segment or a trace with nothing in it is no exchange.
#[test]
fn messages_that_say_nothing_are_counted() {
    let request = field("request", 1, Value::Message(vec![]));
    let empty = wrapper("http_buffered_trace", 1, vec![request]);
    let info = info_of(&Format::Delimited.print(&vec![empty; 3]));
    assert_eq!((&info["http_messages"], exchanges(&info).len()), (&json!(3), 0));
}
