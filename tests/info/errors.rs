//! What cannot be read is said, with status 1, and everything else is shown.

use super::*;

fn tap() -> Vec<u8> {
    Tap::streamed(Format::Delimited).write(&[Conversation::new(1).read("a").write("b").closed()])
}

#[test]
fn a_damaged_tap_is_shown_up_to_the_damage() {
    for options in [&["info"][..], &["info", "--json"]] {
        let dir = Dir::new();
        dir.write("tap", &tap()[..tap().len() - 3]);
        let ran = dir.tap2pcap().args(options).arg("tap").run().expect(1);
        let shown = text(ran);
        assert!(shown.contains("record 4 at byte "), "{shown}");
        assert!(shown.contains("truncated record: 21 of 24 bytes are there, 3 are missing"), "{shown}");
        assert!(shown.contains("10.1.0.1:8080"), "{shown}");
    }
    let dir = Dir::new();
    dir.write("tap", &tap()[..tap().len() - 3]);
    let info = only(&dir.tap2pcap().args(["info", "--json", "tap"]).run().expect(1).stdout);
    assert_eq!(strings(&info["errors"]).len(), 1, "{info}");
    assert_eq!(info["traces"][0]["events"], 2);
}

#[test]
fn what_cannot_be_opened_is_said_and_the_rest_is_shown() {
    let dir = Dir::new();
    dir.write("good", &tap());
    dir.write("empty", b"");
    dir.write("photo", b"\xff\xd8\xff\xe0\0\x10JFIF\0");
    for name in ["missing", "empty", "photo"] {
        let table = dir.tap2pcap().args(["info", name, "good"]).run().expect(1);
        assert!(table.stderr.starts_with(&format!("tap2pcap: error: {name}: ")), "{}", table.stderr);
        assert_eq!(table.stderr.lines().count(), 1, "{}", table.stderr);
        assert!(text(table).starts_with("good: delimited, "));
        let json = dir.tap2pcap().args(["info", "--json", "good", name]).run().expect(1);
        assert!(json.stderr.starts_with(&format!("tap2pcap: error: {name}: ")), "{}", json.stderr);
        assert_eq!(only(&json.stdout)["name"], "good");
    }
    let nothing = dir.tap2pcap().args(["info", "--json", "missing"]).run().expect(1);
    assert_eq!(elements(&nothing.stdout), [Json::Null; 0]);
}

#[test]
fn wrong_usage_is_status_2() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    let wrong: [&[&str]; 5] = [
        &["info"],
        &["info", "--json"],
        &["info", "-w", "a", "tap"],
        &["info", "-i", "xml", "tap"],
        &["info", "--no", "tap"],
    ];
    for args in wrong {
        let ran = dir.tap2pcap().args(args).run().expect(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(dir.names(), ["tap"]);
}

#[test]
fn standard_input_is_a_tap_too() {
    let dir = Dir::new();
    let table = text(dir.tap2pcap().args(["info", "-"]).stdin(tap()).run().expect(0));
    assert!(table.starts_with("-: delimited, ") && table.lines().count() == 3, "{table}");
    let json = dir.tap2pcap().args(["info", "--json", "-"]).stdin(tap()).run().expect(0).stdout;
    assert_eq!(only(&json)["traces"][0]["events"], 3);
}

#[test]
fn the_format_can_be_named() {
    let dir = Dir::new();
    dir.write("tap", &tap());
    let right = dir.tap2pcap().args(["info", "-i", "delimited", "tap"]).run().expect(0);
    assert!(text(right).contains(", 1 trace\n"));
    let wrong = dir.tap2pcap().args(["info", "-i", "text", "tap"]).run().expect(1);
    assert!(text(wrong).contains("error: "));
}

#[test]
fn whoever_reads_may_stop() {
    let dir = Dir::new();
    let many: Vec<Conversation> = (1..2_000).map(|id| Conversation::new(id).read("a").closed()).collect();
    dir.write("tap", &Tap::streamed(Format::Delimited).write(&many));
    for options in [&["info"][..], &["info", "--json"]] {
        let ran = dir.tap2pcap().args(options).arg("tap").run_and_read_only(100).expect(0);
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn what_holds_no_trace_is_an_error() {
    let dir = Dir::new();
    dir.write("other.json", b"{\"a\": 1}\n");
    let shown = text(dir.tap2pcap().args(["info", "other.json"]).run().expect(1));
    assert!(
        shown
            .contains("other.json: this is neither an Envoy tap nor Hubble flows, but JSON without a trace (\"{\\\"a\\\": 1}\")"),
        "{shown}"
    );
}
