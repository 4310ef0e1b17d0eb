//! Inputs that are compressed, or in UTF-16: reading them ends, and memory that is given back between two steps changes
//! nothing.

use std::fs;

use tap2pcap::internal::input::{Input, InputError, Step};

use crate::scratch;

/// A few bytes may stand for very many: no more steps than these are gone.
const STEPS: usize = 10_000;

/// The input, unless nothing can be decoded of `bytes`, or there are none.
pub(crate) fn opened(opened: Result<Input, InputError>, bytes: &[u8]) -> Option<Input> {
    match opened {
        Ok(input) => Some(input),
        // Compressed, of nothing or damaged at once.
        Err(InputError::Empty { .. } | InputError::Io { .. }) => {
            assert!(bytes.is_empty() || bytes.len() >= 4, "nothing to recognize an encoding from");
            None
        }
        Err(error) => panic!("nothing else can be wrong with memory: {error}"),
    }
}

/// Reads the input, which is `bytes`, and the same as one of many files.
pub(crate) fn check(input: Input, bytes: &[u8]) {
    let format = Some(input.format());
    let (events, has_failed) = read(input, false);
    let path = scratch::path("encoded");
    fs::write(&path, bytes).expect("a file");
    let again = Input::open_lazily(&path, format).expect("what could be opened");
    let (events_again, _) = read(again, true);
    // Where it is damaged, more or less may have been decoded before.
    if !has_failed {
        assert_eq!(events, events_again);
    }
}

/// The events, and whether something was damaged.
fn read(mut input: Input, is_released: bool) -> (Vec<String>, bool) {
    let mut events = Vec::new();
    for _ in 0..STEPS {
        if is_released {
            input.release();
            input.restore().expect("a file that has not changed");
        }
        match input.advance() {
            Ok(Step::Event) => events.push(format!("{:?}", input.event())),
            Ok(Step::Part) => events.push(format!("{:?}", input.part())),
            // `flows` looks at these.
            Ok(Step::Flow) => {}
            Ok(Step::Idle) => panic!("memory has nothing to wait for"),
            Ok(Step::End) => break,
            Err(_) => {}
        }
    }
    (events, input.has_failed())
}
