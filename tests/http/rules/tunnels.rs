//! CONNECT and upgrades: what the tunnel carries comes after the response that opened it, and nothing else can follow there.

use super::{BUFFERED, STREAMED, Tapped, bytes, capture_of, connections, get, ok, shown};
use crate::capture::Capture;
use crate::conversion::{convert, convert_many};
use crate::http::exchange::{Message, Piece, headers};
use crate::http::expected::assert_shows;
use crate::model::START;
use crate::program::testdata;
use crate::tools::Http;

const UPGRADE: [(&str, &str); 2] = [("connection", "Upgrade"), ("upgrade", "websocket")];

fn websocket(id: u64, response: Message) -> Tapped {
    let request = Message::request("GET", "/chat", &UPGRADE).piece("\u{1}ping\u{2}more");
    Tapped::new(id, request, response)
}

fn switching() -> Message {
    Message::response("101", &UPGRADE).piece("\u{1}pong")
}

fn connect(id: u64, response: Message) -> Tapped {
    let request =
        headers([(":authority", "far.test:443"), (":method", "CONNECT"), (":path", "far.test:443")]);
    let request = Message { headers: request, ..Message::default() }.piece("client\u{1}");
    Tapped::new(id, request, response)
}

/// What each packet with payload begins with, in order.
fn beginnings(capture: &Capture) -> Vec<String> {
    let payloads = capture.packets.iter().map(|packet| &packet.payload).filter(|payload| !payload.is_empty());
    payloads.map(|payload| String::from_utf8_lossy(payload).chars().take(12).collect()).collect()
}

#[test]
fn what_a_tunnel_carries_comes_after_the_response_that_opened_it() {
    for tap in [BUFFERED, STREAMED] {
        let seen = beginnings(&capture_of(&["--http", "1"], tap, &[websocket(1, switching())]));
        assert_eq!(seen, ["GET /chat HT", "HTTP/1.1 101", "\u{1}ping\u{2}more", "\u{1}pong"]);
        let tunnel = connect(1, Message::response("200", &[]).piece("server\u{1}"));
        let seen = beginnings(&capture_of(&["--http", "1"], tap, &[tunnel]));
        assert_eq!(seen, ["CONNECT far.", "HTTP/1.1 200", "client\u{1}", "server\u{1}"]);
    }
}

/// More than waits at one time.
#[test]
fn a_long_tunnel_comes_after_its_response_too() {
    let sent = "x".repeat(5_000_000);
    let request = Message::request("GET", "/chat", &UPGRADE).piece(&sent);
    let exchange = Tapped::new(1, request, switching());
    let capture = capture_of(&["--http", "1"], BUFFERED, std::slice::from_ref(&exchange));
    assert_eq!(beginnings(&capture)[..3], ["GET /chat HT", "HTTP/1.1 101", "xxxxxxxxxxxx"]);
    let [client, _] = bytes(BUFFERED, &[exchange]);
    assert!(client.ends_with(&format!("\r\n\r\n{sent}")));
}

#[test]
fn a_refused_tunnel_is_a_message_like_any_other() {
    let refused = Message::response("403", &[("content-length", "2")]).piece("no");
    let upgrade = Tapped::new(1, Message::request("GET", "/chat", &UPGRADE), refused.clone());
    let tunnel = headers([(":authority", "far.test:443"), (":method", "CONNECT"), (":path", "far.test:443")]);
    let tunnel = Tapped::new(2, Message { headers: tunnel, ..Message::default() }, refused);
    let next = Tapped::new(3, get("/next"), ok("1").piece("a"));
    for http in ["1", "2"] {
        shown(&["--http", http], BUFFERED, &[upgrade.clone(), tunnel.clone(), next.clone()]);
    }
}

/// In HTTP/1.1 the next exchange is on a connection of its own.
#[test]
fn nothing_follows_a_tunnel_on_its_connection() {
    let tunnels = [
        websocket(2, switching()),
        connect(2, Message::response("200", &[]).piece("server\u{1}")),
        // The response is not in the tap.
        Tapped::new(2, Message::request("GET", "/chat", &UPGRADE), None),
    ];
    for tunnel in tunnels {
        let page = |id| Tapped::new(id, get(&format!("/page{id}")), ok("1").piece("a"));
        let all = [page(1), tunnel, page(3), page(4)];
        let files: Vec<(String, Vec<u8>)> = all
            .iter()
            .map(|one| (format!("tap_{}", one.id), BUFFERED.write(std::slice::from_ref(one))))
            .collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, file)| (&**name, &**file)).collect();
        for captured in [capture_of(&[], BUFFERED, &all), convert_many("capture", &[], &files, 0).capture] {
            let seen = connections(&captured);
            let counts: Vec<usize> = seen.iter().map(|connection| connection.exchanges.len()).collect();
            assert_eq!(counts, [2, 2], "{seen:?}");
            let seen = seen.iter().flat_map(|connection| &connection.exchanges);
            for (seen, tapped) in seen.zip(&all) {
                assert_shows(Http::One, seen, &tapped.exchange);
            }
        }
    }
}

/// A tunnel cannot begin where another response is still to come.
#[test]
fn a_tunnel_waits_for_no_other_response() {
    let mut slow = Tapped::new(1, get("/slow"), ok("1").piece("a"));
    slow.exchange.response = slow.exchange.response.map(|response| response.at(START + 10_000_000_000));
    let converted = convert(&[], &BUFFERED.write(&[slow, websocket(2, switching())]));
    assert!(converted.messages.contains("--http 2 keeps them apart"), "{}", converted.messages);
    let syn = converted.capture.packets.iter().position(|packet| packet.flags == "S").expect("a SYN");
    let after: Vec<String> = beginnings(&converted.capture).into_iter().skip(syn).collect();
    assert_eq!(after[..3], ["GET /chat HT", "HTTP/1.1 101", "\u{1}ping\u{2}more"]);
}

/// What comes next would be taken for its response.
#[test]
fn nothing_follows_a_request_without_a_response() {
    let all = [Tapped::new(1, get("/never"), None), Tapped::new(2, get("/next"), ok("1").piece("a"))];
    let seen = connections(&capture_of(&["--http", "1"], BUFFERED, &all));
    let exchanges: Vec<_> = seen.iter().flat_map(|connection| &connection.exchanges).collect();
    assert_eq!((seen.len(), exchanges.len()), (2, 2), "{seen:?}");
    exchanges.iter().zip(&all).for_each(|(seen, tapped)| assert_shows(Http::One, seen, &tapped.exchange));
}

/// RFC 8441.
#[test]
fn an_upgrade_is_a_connect_in_http2() {
    for tap in [BUFFERED, STREAMED] {
        let capture = capture_of(&["--http", "2"], tap, &[websocket(1, switching())]);
        let [connection] = &connections(&capture)[..] else { panic!("one connection") };
        let exchange = &connection.exchanges[0];
        let request = exchange.request.as_ref().expect("a request");
        let named = [":method", ":protocol", ":path", "upgrade"].map(|name| request.text(name));
        assert_eq!(named, [Some("CONNECT"), Some("websocket"), Some("/chat"), None]);
        assert_eq!(request.kept(), b"\x01ping\x02more");
        let response = exchange.response.as_ref().expect("a response");
        assert_eq!((response.text(":status"), response.kept()), (Some("200"), b"\x01pong".to_vec()));
    }
}

/// A socket tap, a buffered and a streamed HTTP tap of one WebSocket.
#[test]
fn three_taps_of_a_websocket_agree() {
    let tunnelled = |tap: &str| {
        let capture = convert(&["--http", "1"], &std::fs::read(testdata(tap)).expect("a tap")).capture;
        let [connection] = &connections(&capture)[..] else { panic!("one connection") };
        let [exchange] = &connection.exchanges[..] else { panic!("one exchange") };
        let kept = |message: &Option<Message>| message.as_ref().map(Message::kept).unwrap_or_default();
        assert_eq!(exchange.response.as_ref().and_then(|response| response.text(":status")), Some("101"));
        [kept(&exchange.request), kept(&exchange.response)]
    };
    let of_socket = tunnelled("websocket-streamed.pb_length_delimited");
    assert_eq!(of_socket.each_ref().map(Vec::len), [340, 342]);
    for tap in ["http-websocket-buffered.pb", "http-websocket-streamed.pb_length_delimited"] {
        assert!(tunnelled(tap) == of_socket, "{tap}");
    }
}

/// A WebSocket among three pages on one HTTP/2 connection, as Envoy tapped them.
#[test]
fn pages_beside_a_websocket_are_all_there() {
    let names = ["_1", "_2", "_3", "_4"].map(|number| format!("http-beside-websocket{number}.pb"));
    let taps = names.each_ref().map(|name| std::fs::read(testdata(name)).expect("a tap"));
    let files: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(taps.iter().map(Vec::as_slice)).collect();
    let capture = convert_many("capture.pcapng", &["--strict"], &files, 0).capture;
    let seen = connections(&capture);
    let exchanges = seen.iter().flat_map(|connection| &connection.exchanges);
    let lines: Vec<[String; 2]> = exchanges
        .map(|exchange| {
            let text = |message: &Option<Message>, name| {
                message.as_ref().and_then(|message| message.text(name)).unwrap_or_default().to_owned()
            };
            [text(&exchange.request, ":path"), text(&exchange.response, ":status")]
        })
        .collect();
    assert_eq!(lines, [["/page1", "200"], ["/ws", "101"], ["/page2", "200"], ["/page3", "200"]]);
    let tunnel = &seen[0].exchanges[1];
    let sent = [&tunnel.request, &tunnel.response].map(|message| message.as_ref().map_or(0, Message::length));
    assert_eq!(sent, [22, 26]);
    assert!(seen.iter().flat_map(|connection| &connection.exchanges).all(|exchange| {
        let pieces =
            |message: &Option<Message>| message.as_ref().map_or(vec![], |message| message.body.clone());
        pieces(&exchange.request).iter().chain(&pieces(&exchange.response)).all(|piece| !Piece::is_cut(piece))
    }));
}
