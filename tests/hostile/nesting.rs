//! Messages in messages, deeper than any stack.

use super::*;
use crate::batch::Outcome;

/// Converts what stands in the place of `X` in the middle record, and fails the test unless those around it are there.
#[track_caller]
fn assert_deep(before: &str, template: &str, [open, close]: [&str; 2], depth: usize, behind: &str) {
    for (close, what) in [(close, "whole"), ("", "open")] {
        let nested = open.repeat(depth) + &close.repeat(depth);
        let tap = [before, &template.replacen('X', &nested, 1), behind].concat();
        let [outcome] = <[Outcome; 1]>::try_from(convert_each(&[tap])).expect("one tap");
        let bodies: Vec<String> = outcome.payloads().into_iter().map(|(.., bytes)| bytes).collect();
        let place = format!("{what} {open} in {template}: {:?}", outcome.errors);
        assert!(bodies.starts_with(&["first".to_owned()]), "{place}: {bodies:?}");
        assert!(bodies.ends_with(&["last".to_owned()]), "{place}: {bodies:?}");
        assert!(outcome.errors.len() <= 2, "{place}");
        assert!(outcome.errors.iter().all(|error| error.len() < 200), "{place}");
        // At the top brackets are those of an array of records, and nobody counts them.
        let may_be_open = what == "whole" || (open, template) == ("[", "X\n");
        assert!(may_be_open || !outcome.errors.is_empty(), "{place}");
    }
}

/// Either is more than a level of the stack each would bear.
fn depths() -> impl Iterator<Item = usize> {
    [1_000_000].into_iter().chain(std::iter::repeat(100_000))
}

#[test]
fn nesting_without_end_in_json() {
    let [before, behind] = around(Format::JsonBytes);
    let templates = [
        "{\"unknown\":X}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":\"9\",\"unknown\":X}}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":X}}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":\"9\",\"connection\":X}}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":\"9\",\"event\":X}}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":\"9\",\"events\":{\"events\":[X]}}}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":\"9\",\"event\":{\"read\":X}}}\n",
        "{\"socket_streamed_trace_segment\":{\"trace_id\":\"9\",\"event\":{\"unknown\":X}}}\n",
        "X\n",
    ];
    for (template, depth) in templates.into_iter().zip(depths()) {
        assert_deep(&before, template, ["{\"a\":", "}"], depth, &behind);
        assert_deep(&before, template, ["[", "]"], depth, &behind);
    }
}

#[test]
fn nesting_without_end_in_text() {
    let [before, behind] = around(Format::Text);
    let templates = [
        "unknown { X }\n",
        "socket_streamed_trace_segment { trace_id: 9 unknown { X } }\n",
        "socket_streamed_trace_segment { trace_id: 9 connection { X } }\n",
        "socket_streamed_trace_segment { trace_id: 9 event { X } }\n",
        "socket_streamed_trace_segment { trace_id: 9 events { events { X } } }\n",
        "socket_streamed_trace_segment { trace_id: 9 event { read { data { X } } } }\n",
        "X\n",
    ];
    for (template, depth) in templates.into_iter().zip(depths()) {
        assert_deep(&before, template, ["a{", "}"], depth, &behind);
        assert_deep(&before, template, ["a <", ">"], depth, &behind);
    }
}
