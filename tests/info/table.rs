//! The table that people read: a line for each trace, in no more than 100 columns.

use super::*;
use crate::model::{Address, ip};

const WIDTH: usize = 100;

#[track_caller]
fn assert_table(name: &str, expected: &str) {
    assert_eq!(text(info(&[], &[name]).expect(0)), expected, "{name}");
}

#[test]
fn of_an_http1_tap() {
    assert_table(
        "post-streamed.pb",
        "\
post-streamed.pb: binary, Envoy 1.37 or later, 1 trace
TRACE  LOCAL            REMOTE           PROTOCOL  START      SECS  EVENTS  READ  WRITTEN  NOTES
   68  127.0.0.1:11010  127.0.0.1:53970  HTTP/1.1  10:58:37  0.041       4   167      170
",
    );
}

#[test]
fn of_a_tap_that_its_limit_has_cut() {
    assert_table(
        "cut-streamed-later-messages.pb_length_delimited",
        "\
cut-streamed-later-messages.pb_length_delimited: delimited, Envoy 1.37 or later, 1 trace
TRACE  LOCAL            REMOTE           PROTOCOL  START      SECS  EVENTS   READ  WRITTEN  NOTES
    2  127.0.0.1:46273  127.0.0.1:59046  HTTP/1.1  12:06:49  0.002       7  1,197    2,181  cut 3
  warning: 1 body is cut by 631 bytes: raise max_buffered_rx_bytes, now 1024
  warning: 2 bodies are cut by 4,711 bytes: raise max_buffered_tx_bytes, now 1024
  tshark: -r CAPTURE -o http.desegment_body:FALSE
",
    );
}

#[test]
fn of_a_tap_that_tshark_has_to_be_told_about() {
    assert_table(
        "grpc.pb_length_delimited",
        "\
grpc.pb_length_delimited: delimited, Envoy 1.37 or later, 1 trace
TRACE  LOCAL            REMOTE           PROTOCOL  START      SECS  EVENTS  READ  WRITTEN  NOTES
  183  127.0.0.1:11032  127.0.0.1:53506  gRPC      10:58:41  0.014      15   808      681
  tshark: -r CAPTURE -d tcp.port==11032,http2
  Wireshark: Analyze > Decode As... > TCP port 11032 > HTTP2
",
    );
}

#[test]
fn of_a_tap_with_three_traces() {
    assert_table(
        "admin-interleaved-as-bytes.json",
        "\
admin-interleaved-as-bytes.json: JSON, Envoy 1.37 or later, 3 traces
TRACE  LOCAL            REMOTE           PROTOCOL  START      SECS  EVENTS  READ  WRITTEN  NOTES
  284  127.0.0.1:11050  127.0.0.1:55736  HTTP/1.1  10:58:46  0.001       3    86      352
  285  127.0.0.1:11050  127.0.0.1:55740  HTTP/1.1  10:58:46  0.002       3    86      252
  286  127.0.0.1:11050  127.0.0.1:55742  HTTP/1.1  10:58:46  0.003       3    86      452
",
    );
}

#[test]
fn of_a_tap_without_addresses() {
    assert_table(
        "batched-as-string.json",
        "\
batched-as-string.json: JSON, Envoy 1.37 or later, 1 trace
TRACE  LOCAL  REMOTE  PROTOCOL  START      SECS  EVENTS  READ  WRITTEN  NOTES
  158  ?      ?       HTTP/1.1  10:58:41  0.001       4   167      170
  warning: 1 message was lost in JSON_BODY_AS_STRING; tap with JSON_BODY_AS_BYTES
  warning: 1 trace lacks an IP address; --local and --remote set it
",
    );
}

#[test]
fn an_empty_line_parts_two_taps() {
    let table = text(info(&[], &["post-buffered.pb", "ipv6-streamed.pb_length_delimited"]).expect(0));
    let parts: Vec<&str> = table.split("\n\n").collect();
    let [first, second] = parts[..] else { panic!("{table}") };
    assert!(first.starts_with("post-buffered.pb: binary, "), "{table}");
    assert!(second.starts_with("ipv6-streamed.pb_length_delimited: delimited, "), "{table}");
    assert!(second.contains("  [::1]:11023  [::1]:52986  "), "{table}");
}

/// Fails the test unless texts begin where their headings do, and numbers end where theirs do.
#[track_caller]
fn assert_is_aligned(table: &str) {
    let rows: Vec<Vec<char>> = table
        .lines()
        .filter(|line| !line.starts_with("  warning: "))
        .skip(1)
        .map(|row| row.chars().collect())
        .collect();
    let heading: String = rows[0].iter().collect();
    for name in ["LOCAL", "REMOTE", "PROTOCOL", "START"] {
        let start = heading.find(name).expect("a column of this name");
        for row in &rows {
            assert!(row[start - 2..start] == [' ', ' '] && row[start] != ' ', "{name}: {table}");
        }
    }
    for name in ["TRACE", "SECS", "EVENTS", "READ", "WRITTEN"] {
        let end = heading.find(name).expect("a column of this name") + name.len();
        for row in &rows {
            let is_parted = row[end..].iter().take(2).all(|&blank| blank == ' ');
            assert!(row[end - 1] != ' ' && is_parted, "{name}: {table}");
        }
    }
}

#[test]
fn many_traces_are_as_many_lines() {
    let conversations: Vec<Conversation> = (1..=1_500)
        .map(|id| {
            Conversation::new(id * 7).at(START + id * 1_000).read(noise(id as usize)).write("ok").closed()
        })
        .collect();
    let table = table_of(&Tap::streamed(Format::Delimited).write(&conversations));
    assert!(table.starts_with("tap: delimited, Envoy 1.37 or later, 1,500 traces\n"), "{}", &table[..200]);
    let rows: Vec<Vec<&str>> = table.lines().skip(2).map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 1_500);
    for (row, conversation) in rows.iter().zip(&conversations) {
        assert_eq!(row[0], conversation.id.to_string());
        let remote = conversation.addresses()[1].to_string();
        assert_eq!(row[1..3], ["10.1.0.1:8080", &*remote]);
        assert_eq!(row[6], "3");
        assert_eq!(row[7].replace(',', ""), (conversation.id / 7).to_string());
        assert_eq!(row[8..], ["2"]);
    }
    assert_is_aligned(&table);
}

#[test]
fn a_trace_that_did_not_close_is_open() {
    let open = Conversation::new(1).read("a");
    assert!(table_of(&Tap::streamed(Format::Text).write(std::slice::from_ref(&open))).ends_with("  open\n"));
    assert!(!table_of(&Tap::streamed(Format::Text).write(&[open.clone().closed()])).contains("open"));
    assert!(!table_of(&Tap::buffered(Format::Text).write(&[open])).contains("open"));
}

#[test]
fn what_was_lost_is_noted() {
    let tap = Tap::streamed(Format::Delimited);
    let mut records = tap.records(&[Conversation::new(1).read("a").read(noise(1_234)).read("b").closed()]);
    records.remove(2);
    let table = table_of(&tap.format.print(&records));
    assert!(table.contains("  lost 1,234\n"), "{table}");
    assert!(table.contains("  warning: 1,234 bytes were lost"), "{table}");
}

/// The end of an address says more than its beginning.
#[test]
fn long_addresses_are_shortened_at_their_beginning() {
    let pipe = |path: String| Some(Address::Pipe(path));
    let long = |end: &str| pipe(format!("/var/run/{}/{end}", "long/".repeat(60)));
    let ipv6 = ip("[2001:db8:1234:5678:9abc:def0:1234:5678]:65535");
    for (local, remote, ends) in [
        (long("local.sock"), long("remote.sock"), ["local.sock", "remote.sock"]),
        (ipv6.clone(), ipv6.clone(), ["65535", "65535"]),
        (long("é€😀"), ip("10.0.0.1:1"), ["é€😀", "10.0.0.1:1"]),
    ] {
        let conversation = Conversation::new(1).between(local, remote).read("a").closed();
        let table = table_of(&Tap::streamed(Format::Delimited).write(&[conversation]));
        let lines: Vec<&str> = table.lines().skip(1).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{table}");
        let cells: Vec<&str> = lines[1].split_whitespace().collect();
        assert!(cells[1].ends_with(ends[0]) && cells[2].ends_with(ends[1]), "{table}");
        assert_is_aligned(&table);
    }
}

/// Large in every column at once: a connection's id after years, gigabytes, all notes.
#[test]
fn a_table_is_never_wider_than_100_columns() {
    let ipv6 = ip("[2001:db8:1234:5678:9abc:def0:1234:5678]:65535");
    let tap = Tap::streamed(Format::Delimited);
    for id in [9_999_999_999, u64::MAX] {
        let mut conversation = Conversation::new(id).between(ipv6.clone(), ipv6.clone());
        for n in 0..1_200 {
            let time = START + n * 3_000_000_000;
            conversation = conversation.at(time).cut_read(noise(3_000), 1_000).cut_write(noise(3_000), 1_000);
        }
        let mut records = tap.records(&[conversation.read("a").read(noise(123_456)).read("b")]);
        records.remove(records.len() - 2);
        let table = table_of(&tap.format.print(&records));
        for line in table.lines().skip(1).take(2) {
            assert!(line.chars().count() <= WIDTH, "{} columns: {table}", line.chars().count());
        }
        assert_is_aligned(&table);
    }
}

#[test]
fn a_name_with_control_characters_does_not_reach_the_terminal() {
    let pipe = Some(Address::Pipe("/run/\u{1b}[31mred\u{7}\n.sock".to_owned()));
    let conversation = Conversation::new(1).between(pipe, None).read("a").closed();
    let table = table_of(&Tap::streamed(Format::Delimited).write(&[conversation]));
    assert_eq!(table.lines().filter(|line| line.contains(".sock")).count(), 1, "{table:?}");
    assert!(!table.contains(['\u{1b}', '\u{7}']), "{table:?}");
    assert!(
        table.lines().count() >= 3 && table.lines().nth(2).is_some_and(|row| row.contains(".sock")),
        "{table:?}"
    );
}
