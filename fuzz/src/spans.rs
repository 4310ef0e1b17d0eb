//! Files of spans, and HTTP that carries contexts: no bytes are a panic, or take memory that they are not.

use tap2pcap::internal::report::Report;
use tap2pcap::internal::spans::{Annotator, Contexts, Spans, Wanted};
use tap2pcap::internal::trace::{Data, Direction};

/// Reads `bytes` as spans, and as both sides of a connection, in pieces.
pub fn check(bytes: &[u8]) {
    let mut report = Report::default();
    let spans = Spans::from_bytes(bytes.to_vec(), &Wanted::All, &mut report);
    assert!(spans.len() <= bytes.len() / 8 + 1, "a span has ids");
    let mut contexts = Contexts::default();
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            contexts.header(&line[..colon], &line[colon + 1..]);
        }
    }
    let found = spans.find(&contexts);
    assert!(found.len() <= 64 && contexts.contexts.len() <= 8);
    let mut annotator = Annotator::new(spans);
    let size = bytes.first().map_or(1, |&byte| usize::from(byte) + 1);
    for (number, piece) in bytes.chunks(size).enumerate() {
        let direction = if number % 3 == 0 { Direction::Write } else { Direction::Read };
        let comments =
            annotator.data((0, 0), "input", number as u64, &Data::whole(direction, piece), &mut report);
        assert!(comments.len() <= 200);
        assert!(comments.iter().all(|comment| !comment.contains(char::is_control)), "{comments:?}");
        if number % 7 == 6 {
            annotator.missing((0, 0), direction, u64::from(piece[0]));
        }
    }
    let _ = annotator.unmatched();
}
