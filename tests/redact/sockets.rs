use crate::conversion::{Converted, convert};
use crate::encode::{Format, Tap};
use crate::model::Conversation;

const NAMES: &[&str] = &["--redact", "authorization,sid,token"];

fn redacted(conversation: Conversation, options: &[&str]) -> Converted {
    convert(&[NAMES, options].concat(), &Tap::streamed(Format::Delimited).write(&[conversation]))
}

/// What is captured of the payloads.
fn shown(done: &Converted) -> String {
    let all: Vec<u8> = done.capture.packets.iter().flat_map(|packet| packet.payload.clone()).collect();
    String::from_utf8_lossy(&all).into_owned()
}

/// Bytes of payload that are not captured.
fn hidden(done: &Converted) -> usize {
    done.capture.packets.iter().map(|packet| packet.length - packet.payload.len()).sum()
}

const REQUEST: &str = "POST /a?b=c&Token=d%20e HTTP/1.1\r\nhost: token\r\nAUTHORIZATION:  Basic f\r\n g\r\nCookie: a=1;sid=h\r\n\
     transfer-encoding: chunked\r\n\r\n5;token=i\r\nsid=j\r\n0\r\nauthorization: k\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\nset-cookie: sid=l; Path=/m\r\nlocation: /n?token=o\r\ncontent-length: 7\r\n\r\ntoken=p";
const REQUEST_SHOWN: &str = "POST /a?b=c&Token=xxxxx HTTP/1.1\r\nhost: token\r\nAUTHORIZATION:  xxxxxxx\r\n x\r\nCookie: a=1;sid=x\r\n\
     transfer-encoding: chunked\r\n\r\n5;token=x\r\nsid=j\r\n0\r\nauthorization: x\r\n\r\n";
const RESPONSE_SHOWN: &str = "HTTP/1.1 200 OK\r\nset-cookie: sid=x; Path=/m\r\nlocation: /n?token=x\r\ncontent-length: 7\r\n\r\ntoken=p";

#[test]
fn values_are_redacted_wherever_reads_and_writes_end() {
    for size in [1, 2, 3, 7, 1000] {
        let mut conversation = Conversation::new(1);
        let twice = REQUEST.repeat(2);
        for bytes in twice.as_bytes().chunks(size) {
            conversation = conversation.read(bytes);
        }
        for bytes in RESPONSE.repeat(2).as_bytes().chunks(size) {
            conversation = conversation.write(bytes);
        }
        let done = redacted(conversation.closed(), &[]);
        assert_eq!(shown(&done), REQUEST_SHOWN.repeat(2) + &RESPONSE_SHOWN.repeat(2), "{size}");
        assert_eq!(hidden(&done), 0);
        assert!(done.messages.contains("14 values redacted"), "{}", done.messages);
    }
}

#[test]
fn bodies_are_redacted_if_that_is_asked_for() {
    let done = redacted(Conversation::new(1).read(REQUEST).write(RESPONSE), &["--redact-bodies"]);
    let expected = REQUEST_SHOWN.replace("sid=j", "xxxxx") + &RESPONSE_SHOWN.replace("token=p", "xxxxxxx");
    assert_eq!(shown(&done), expected);
}

#[test]
fn what_follows_a_message_without_a_body_is_a_message() {
    let conversation = Conversation::new(1)
        .read("HEAD / HTTP/1.1\r\n\r\n")
        .write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n")
        .read("GET / HTTP/1.1\r\n\r\n")
        .write("HTTP/1.1 304 Not Modified\r\ncontent-length: 90\r\nsid: a\r\n\r\n")
        .read("GET / HTTP/1.1\r\nupgrade: h2c\r\n\r\n")
        .write("HTTP/1.0 200 OK\r\nsid: b\r\n\r\nsid: c\r\n\r\n");
    let done = redacted(conversation, &[]);
    assert!(shown(&done).ends_with("HTTP/1.0 200 OK\r\nsid: x\r\n\r\nsid: c\r\n\r\n"), "{}", shown(&done));
    assert!(shown(&done).contains("\r\nsid: x\r\n\r\nGET"));
    assert_eq!(hidden(&done), 0);
}

#[test]
fn what_is_not_http_is_hidden() {
    for (bytes, is_shown) in [
        ("*1\r\n$4\r\nPING\r\n", ""),
        ("AUTH secret\r\n", ""),
        ("GET secret\r\n", ""),
        ("GET /?token=abc secret78 HTTP/1.1\r\n\r\n", "GET /?token=xxx "),
        ("EHLO /a HTTP/1.1 secret\r\n", ""),
        ("\0\x01secret", ""),
        ("GET /a HTTP/1.1\r\nno header\r\nsid: secret\r\n\r\n", "GET /a HTTP/1.1\r\nno"),
        ("GET /a HTTP/1.1\r\nsid : secret\r\n\r\n", "GET /a HTTP/1.1\r\nsid"),
        ("GET /a HTTP/1.1\r\na: b\rsid: secret\r\n\r\n", "GET /a HTTP/1.1\r\na: b\r"),
        (
            "POST /a HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nsecret",
            "POST /a HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n",
        ),
        (
            "POST /a HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\nsecret",
            "POST /a HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        ),
    ] {
        let done = redacted(Conversation::new(1).read(bytes).read("GET /sid=secret HTTP/1.1\r\n\r\n"), &[]);
        assert_eq!(shown(&done), is_shown);
        let count = bytes.len() - is_shown.len() + "GET /sid=secret HTTP/1.1\r\n\r\n".len();
        assert_eq!(hidden(&done), count);
        let comments = done.capture.comments();
        assert!(comments.contains(&"tap.redacted=unknown"), "{comments:?}");
        assert!(
            done.messages.contains("1 connection has bytes of which --redact cannot know"),
            "{}",
            done.messages
        );
    }
}

#[test]
fn what_begins_in_the_middle_or_goes_on_after_a_gap_is_hidden() {
    let middle = Conversation::new(1).read("cret\r\n\r\n").read(REQUEST).write("secret").write(RESPONSE);
    let done = redacted(middle, &[]);
    assert_eq!(shown(&done), "");

    // Of a response nobody knows what it is to: its head is one all the same.
    let done = redacted(Conversation::new(1).write(RESPONSE), &[]);
    assert_eq!(shown(&done) + "token=p", RESPONSE_SHOWN);

    let cut = Conversation::new(1).cut_read(REQUEST, 60).read(REQUEST);
    let done = redacted(cut, &[]);
    assert_eq!(shown(&done), REQUEST_SHOWN[..60]);

    let body = "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nsecret123";
    let cut = Conversation::new(1).cut_read(body, body.len() - 4).read(REQUEST);
    let done = redacted(cut, &[]);
    assert_eq!(shown(&done), body[..body.len() - 4].to_owned() + REQUEST_SHOWN);
}

#[test]
fn a_response_may_be_to_a_request_from_before_the_tap() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n";
    let conversation = Conversation::new(1)
        .read("GET / HTTP/1.1\r\n\r\n")
        .write(head)
        .write("HTTP/1.1 200 OK\r\nset-cookie: sid=secret\r\n\r\n");
    let tap = Tap { seq_num: false, ..Tap::streamed(Format::Delimited) };
    // Without the record that tells of the connection.
    let records = &tap.records(&[conversation])[1..];
    let done = convert(NAMES, &tap.format.print(records));
    assert_eq!(shown(&done), format!("GET / HTTP/1.1\r\n\r\n{head}"));
}

#[test]
fn what_was_before_since_is_followed_too() {
    let conversation = Conversation::new(1)
        .at(1_700_000_000_000_000_000)
        .read("GET / HTTP/1.1\r\nauthorization: se")
        .at(1_700_000_002_000_000_000)
        .read("cret\r\n\r\n");
    let done = redacted(conversation, &["--since", "1700000001"]);
    assert_eq!(shown(&done), "xxxx\r\n\r\n");
}

#[test]
fn tunnels_are_hidden() {
    let upgrade = Conversation::new(1)
        .read("GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n")
        .write("HTTP/1.1 101 Switching Protocols\r\nsid: a\r\n\r\nsecret")
        .read("GET /secret HTTP/1.1\r\n\r\n")
        .write("HTTP/1.1 200 OK\r\n\r\nsecret");
    let connect = Conversation::new(2)
        .read("CONNECT h.test:443 HTTP/1.1\r\n\r\n")
        .write("HTTP/1.1 200 OK\r\n\r\n")
        .read("GET /secret HTTP/1.1\r\n\r\n")
        .write("HTTP/1.1 200 OK\r\n\r\nsecret");
    let refused = Conversation::new(3)
        .read("CONNECT h.test:443 HTTP/1.1\r\n\r\n")
        .write("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        .read("CONNECT h.test:443 HTTP/1.1\r\nauthorization: b\r\n\r\n");
    let expected = [
        "GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nsid: x\r\n\r\n",
        "CONNECT h.test:443 HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "CONNECT h.test:443 HTTP/1.1\r\n\r\nHTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n\
         CONNECT h.test:443 HTTP/1.1\r\nauthorization: x\r\n\r\n",
    ];
    for (conversation, expected) in [upgrade, connect, refused].into_iter().zip(expected) {
        assert_eq!(shown(&redacted(conversation, &[])), expected);
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

#[test]
fn blocks_of_headers_in_http2_are_hidden_and_its_data_stays() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = frame(4, 0, 0, &[]);
    let block = frame(1, 4, 1, b"block of headers");
    let data = frame(0, 9, 1, b"\x01datax");
    let client = [&preface[..], &settings, &block, &data, &frame(9, 4, 1, b"more")].concat();
    let server =
        [&settings[..], &block[..], &frame(0x4d, 0, 0, b"unknown"), &frame(7, 0, 0, b"goodbye!"), &data]
            .concat();
    let kept = [&client[..33 + 9], &data, &frame(9, 4, 1, b"more")[..9]].concat();
    for size in [1, 5, 1000] {
        let mut conversation = Conversation::new(1);
        for bytes in client.chunks(size) {
            conversation = conversation.read(bytes);
        }
        let done = redacted(conversation, &[]);
        let bytes: Vec<u8> = done.capture.packets.iter().flat_map(|packet| packet.payload.clone()).collect();
        assert_eq!(bytes, kept, "{size}");
        assert_eq!(hidden(&done), 20);
    }
    let conversation = Conversation::new(1).read(&client).write(&server);
    let tap = Tap::streamed(Format::Delimited).write(std::slice::from_ref(&conversation));
    let text = shown(&convert(&["--redact-bodies"], &tap));
    assert!(text.contains("block of headers") && !text.contains("data"), "only names hide headers: {text}");
    let done = redacted(conversation, &["--redact-bodies"]);
    let text = shown(&done);
    for secret in ["block", "more", "unknown", "goodbye", "data"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(text.matches("\x01xxxxx").count(), 2, "the length of padding stays");
    let comments = done.capture.comments();
    assert!(comments.contains(&"tap.redacted=headers"), "{comments:?}");
    assert!(comments.contains(&"tap.redacted_bytes=16"), "{comments:?}");
    assert!(done.messages.contains("blocks of headers are not captured"), "{}", done.messages);
}

#[test]
fn tunnels_in_http2_are_hidden() {
    let client = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    let server = [frame(4, 0, 0, &[]), frame(1, 4, 1, b"\x88"), frame(0, 0, 1, b"secret")].concat();
    let data = frame(0, 0, 1, b"secret");
    let is_shown = |conversation: Conversation| shown(&redacted(conversation, &[])).matches("secret").count();
    // `:method: CONNECT` in Huffman's code, and as it is; and `:method: GET`.
    for (block, count) in
        [(&b"\x42\x87\xbd\xab\x4e\x9c\x17\xb7\xff"[..], 0), (b"\x42\x07CONNECT", 0), (b"\x82\x84\x86", 2)]
    {
        for size in [1, 3, 100] {
            let requests = [&client[..], &frame(1, 4, 1, block), &data].concat();
            let mut conversation = Conversation::new(1);
            for bytes in requests.chunks(size) {
                conversation = conversation.read(bytes);
            }
            let mut decoded = Vec::new();
            let decoder = &mut loona_hpack::Decoder::new();
            decoder
                .decode_with_cb(block, |name, value| decoded.push((name.to_vec(), value.to_vec())))
                .expect("HPACK");
            assert_eq!(decoded[0].1 == b"CONNECT", count == 0);
            assert_eq!(is_shown(conversation.write(&server)), count);
        }
    }
    // A server whose client nobody saw.
    assert_eq!(is_shown(Conversation::new(1).write(&server)), 0);
    assert_eq!(is_shown(Conversation::new(1).read(b"else").write(&server)), 0);
}

#[test]
fn a_quoted_cookie_may_stand_behind_white_space() {
    for (cookie, is_shown) in [
        ("sid= \"abc;secret\"; a=b", "sid=xxxxxxxxxxxxx; a=b"),
        ("sid=\r\n \"abc;secret\"; a=b", "sid=\r\n xxxxxxxxxxxx; a=b"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nCookie: {cookie}\r\n\r\n");
        let done = redacted(Conversation::new(1).read(&request), &[]);
        assert_eq!(shown(&done), format!("GET / HTTP/1.1\r\nCookie: {is_shown}\r\n\r\n"));
        assert!(done.messages.contains("1 value redacted"), "{}", done.messages);
    }
}

#[test]
fn padding_hides_no_tunnel() {
    let frame = |kind: u8, flags: u8, payload: &[u8]| {
        let length = payload.len() as u32;
        [&length.to_be_bytes()[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    };
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // A literal with an indexed name, :method, and the value CONNECT in plain letters; padding in its middle.
    let begin = frame(1, 8, &[&[3, 0x02, 7][..], b"CON", &[0; 3]].concat());
    let end = frame(9, 4, b"NECT");
    let data = frame(0, 0, b"secret in a tunnel");
    let request = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &begin, &end, &data].concat();
    let done = redacted(Conversation::new(1).read(request), &[]);
    assert!(!shown(&done).contains("secret"), "{}", shown(&done));
}
