//! The text format as people write it: <https://protobuf.dev/reference/protobuf/textformat-spec/>

use super::{assert_is_the_conversation, conversation};
use crate::conversion::convert;
use crate::encode::{Format, Kind, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, START, ip};

const TAPS: [Tap; 3] = [tap(Kind::Buffered), tap(Kind::Streamed), tap(Kind::Batched(2))];

const fn tap(kind: Kind) -> Tap {
    Tap { kind, format: Format::Text, connection_per_event: true, seq_num: true }
}

/// Fails the test unless the conversation is the same when this is done to the text. Where `is_plain`, its bodies have
/// nothing in them that looks like a part of the format.
#[track_caller]
fn assert_same_after(is_plain: bool, change: impl Fn(String) -> String) {
    for tap in TAPS {
        if is_plain {
            let conversation =
                Conversation::new(7).read("hello").cut_write("it is me", 5).write("who").closed();
            let text = String::from_utf8(tap.write(std::slice::from_ref(&conversation))).expect("ASCII");
            assert_shows(&convert(&[], change(text).as_bytes()).capture, &conversation, &tap);
        } else {
            let text = String::from_utf8(tap.write(&[conversation()])).expect("ASCII");
            assert_is_the_conversation(&tap, change(text).as_bytes());
        }
    }
}

#[test]
fn a_message_may_have_a_colon_before_it() {
    assert_same_after(true, |text| text.replace(" {", ": {"));
    assert_same_after(true, |text| text.replace(" {", "{"));
}

#[test]
fn a_message_may_have_angle_brackets() {
    assert_same_after(true, |text| text.replace('{', "<").replace('}', ">"));
    assert_same_after(true, |text| {
        text.replace("read {", "read <").replace("    }\n    seq", "    >\n    seq")
    });
}

#[test]
fn strings_may_have_single_quotes() {
    assert_same_after(true, |text| text.replace('"', "'"));
}

#[test]
fn fields_may_end_with_a_comma_or_a_semicolon() {
    for separator in [",", ";"] {
        assert_same_after(true, |text| text.replace("\"\n", &format!("\"{separator}\n")));
        assert_same_after(true, |text| text.replace("    }\n", &format!("    }}{separator}\n")));
    }
}

#[test]
fn all_may_stand_on_one_line() {
    assert_same_after(true, |text| text.replace('\n', " "));
    assert_same_after(false, |text| text.lines().map(str::trim).collect::<Vec<_>>().join(" "));
}

#[test]
fn comments_may_stand_anywhere() {
    assert_same_after(false, |text| text.replace('\n', " # { \" a comment ' }\n"));
    assert_same_after(false, |text| format!("# proto-file: wrapper.proto\n#\n\n{text}# the end"));
}

#[test]
fn lines_may_end_with_a_carriage_return() {
    assert_same_after(false, |text| text.replace('\n', "\r\n"));
}

#[test]
fn a_byte_order_mark_may_come_first() {
    assert_same_after(false, |text| format!("\u{feff}{text}"));
}

#[test]
fn adjacent_literals_are_one_string() {
    assert_same_after(true, |text| {
        text.replace("hello", "he\" \"l\"\n      '' # or\n      'lo\" \"").replace("'lo\"", "'lo'")
    });
}

#[test]
fn numbers_may_be_octal_or_hexadecimal() {
    assert_same_after(true, |text| text.replace("port_value: 8080", "port_value: 0x1f90"));
    assert_same_after(true, |text| text.replace("port_value: 8080", "port_value: 017620"));
    assert_same_after(true, |text| {
        text.replace("truncated: true", "truncated: 1").replace("trace_id: 7", "trace_id: 0X7")
    });
}

#[test]
fn every_escape_is_known() {
    let bytes = b"\x07\x08\x0c\n\r\t\x0b?\\'\" \x00\x7f\xff A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x01\x32{}";
    let escaped = r#""\a\b\f\n\r\t\v\?\\\'\" \0\177\377 \101\u00e9\u20ac\U0001f600\x1\x32{}""#;
    let text = format!(
        "socket_buffered_trace {{ trace_id: 7 connection {{ \
           local_address {{ socket_address {{ address: '10.1.0.1' port_value: 8080 }} }} \
           remote_address {{ socket_address {{ address: '10.2.0.7' port_value: 40000 }} }} }} \
         events {{ timestamp {{ seconds: {} nanos: {} }} read {{ data {{ as_bytes: {escaped} }} }} }} }}",
        START / 1_000_000_000,
        START % 1_000_000_000,
    );
    let conversation = Conversation::new(7).between(ip("10.1.0.1:8080"), ip("10.2.0.7:40000")).read(bytes);
    assert_shows(&convert(&[], text.as_bytes()).capture, &conversation, &TAPS[0]);
}

#[test]
fn fields_may_come_in_any_order() {
    for tap in TAPS {
        let mut records = tap.records(&[conversation()]);
        for record in &mut records {
            crate::encode::tree::each_message(record, &mut |message| message.reverse());
        }
        assert_is_the_conversation(&tap, &tap.format.print(&records));
    }
}
