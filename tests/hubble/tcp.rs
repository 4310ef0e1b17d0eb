//! Numbers and windows of segments, of which flows have none.

use super::*;

fn segment(ms: u64, is_reply: bool, flags: &[&str]) -> String {
    flow(ms, tcp(is_reply, flags))
}

#[test]
fn a_connection_is_numbered_from_its_flags() {
    let lines = [
        segment(0, false, &["SYN"]),
        segment(1, true, &["SYN", "ACK"]),
        segment(2, false, &["ACK"]),
        segment(3, false, &["PSH", "ACK"]),
        segment(4, true, &["ACK"]),
        segment(5, true, &["FIN", "ACK"]),
        segment(6, false, &["FIN", "ACK"]),
        segment(7, true, &["ACK"]),
    ];
    let frames = frames(&lines);
    let tcp: Vec<_> = frames.iter().map(Frame::tcp).collect();
    let (client, server) = (tcp[0].sequence, tcp[1].sequence);
    let numbers: Vec<_> = tcp
        .iter()
        .map(|tcp| {
            let (own, other) = if tcp.ports[0] == 80 { (server, client) } else { (client, server) };
            (tcp.sequence.wrapping_sub(own), tcp.acknowledgment.wrapping_sub(other))
        })
        .collect();
    assert_eq!(numbers[1..], [(0, 1), (1, 1), (1, 1), (1, 2), (1, 2), (2, 2), (2, 3)]);
    // The one byte of PSH is claimed, and not captured.
    let lengths: Vec<_> = frames.iter().map(|frame| (frame.bytes.len(), frame.length)).collect();
    assert_eq!(lengths[2..4], [(54, 54), (54, 55)]);
    // What repeats the numbers of the one before has another window.
    assert_eq!(
        tcp.iter().map(|tcp| tcp.window).collect::<Vec<_>>(),
        [65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535]
    );
    let again =
        self::frames(&[lines[0].clone(), lines[1].clone(), lines[2].clone(), segment(9, false, &["ACK"])]);
    assert_eq!(
        again.iter().map(|frame| frame.tcp().window).collect::<Vec<_>>(),
        [65535, 65535, 65535, 65534]
    );
}

#[test]
fn a_syn_after_the_end_or_a_minute_opens_another_connection() {
    let first = |lines: &[String]| frames(lines).iter().map(|frame| frame.tcp().sequence).collect::<Vec<_>>();
    let same = first(&[segment(0, false, &["SYN"]), segment(1000, false, &["SYN"])]);
    assert_eq!(same[0], same[1], "a retransmission");
    let reset = first(&[
        segment(0, false, &["SYN"]),
        segment(1, true, &["RST", "ACK"]),
        segment(1000, false, &["SYN"]),
    ]);
    assert_ne!(reset[0], reset[2]);
    let silent = first(&[segment(0, false, &["SYN"]), segment(61_000, false, &["SYN"])]);
    assert_ne!(silent[0], silent[1]);
    assert_eq!(same, first(&[segment(0, false, &["SYN"]), segment(1000, false, &["SYN"])]), "on every run");
}

#[test]
fn a_dropped_segment_changes_nothing() {
    let drop = |fields| {
        with(
            fields,
            json!({"verdict": "DROPPED", "event_type": {"type": 1}, "trace_observation_point": null}),
        )
    };
    let lines = [
        segment(0, false, &["SYN"]),
        segment(1, true, &["SYN", "ACK"]),
        flow(2, drop(tcp(false, &["PSH", "ACK"]))),
        flow(3, drop(tcp(false, &["FIN", "ACK"]))),
        segment(4, false, &["PSH", "ACK"]),
    ];
    let sequences: Vec<_> = frames(&lines).iter().map(|frame| frame.tcp().sequence).collect();
    assert_eq!(sequences[4], sequences[0].wrapping_add(1));
}

#[test]
fn all_nine_flags_are_written_and_unknown_ones_are_not() {
    let all = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"];
    for (bit, flag) in all.iter().enumerate() {
        assert_eq!(frames(&[segment(0, false, &[flag])])[0].tcp().flags, 1 << bit, "{flag}");
    }
    let unknown = json!({"l4": {"TCP": {"source_port": 1, "destination_port": 2}}});
    let frames = frames(&[flow(0, unknown)]);
    assert_eq!((frames[0].bytes.len(), frames[0].length), (14 + 20 + 12, 54));
}

#[test]
fn retina_tells_the_length() {
    let retina = |flags: &[&str], bytes: &str| {
        let extensions = json!({"@type": "type.googleapis.com/utils.RetinaMetadata", "bytes": bytes});
        frames(&[flow(0, with(tcp(false, flags), json!({"extensions": extensions})))])
    };
    assert_eq!(retina(&["ACK"], "1514")[0].length, 1514);
    assert_eq!(retina(&["PSH", "ACK"], "66")[0].length, 66);
    // What is no data has options.
    let ack = retina(&["ACK"], "66");
    assert_eq!((ack[0].length, ack[0].bytes.len(), ack[0].bytes[46] >> 4), (66, 66, 8));
    assert_eq!(retina(&["SYN"], "74")[0].bytes[46] >> 4, 10);
    for bytes in ["0", "18446744073709551615", "53"] {
        retina(&["ACK"], bytes);
    }
}
