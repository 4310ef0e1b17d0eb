//! The format of an input, told from its bytes, and what `tap2pcap info` shows of it.

use tap2pcap::internal::info::{inspect, table};
use tap2pcap::internal::input::{Input, InputError};

use crate::encoded;
use crate::reading::{NAME, read};

/// Tells the format of `bytes`. What is found then is what is found with that format given.
pub fn check(bytes: &[u8]) {
    let open = |format| Input::from_bytes(NAME.to_owned(), bytes.to_vec(), format);
    let input = match open(None) {
        Err(error @ InputError::NotATap { .. }) => {
            let error = error.to_string();
            return assert!(!error.contains(char::is_control), "what steers a terminal: {error:?}");
        }
        opened => match encoded::opened(opened, bytes) {
            Some(input) => input,
            None => return,
        },
    };
    if input.encoding().is_some() {
        return encoded::check(input, bytes);
    }
    let format = Some(input.format());
    let len = bytes.len() as u64;
    assert_eq!(read(input, len), read(open(format).expect("it has been opened before"), len));

    let info = inspect(open(None).expect("it has been opened before"));
    let mut text = String::new();
    table::write(&info, &mut text).expect("writing to memory does not fail");
    let control = text.chars().find(|char| char.is_control() && *char != '\n');
    assert_eq!(control, None, "what steers a terminal: {text:?}");
    assert!(text.lines().next().is_some_and(|line| line.starts_with(NAME)), "{text}");
    serde_json::to_string(&info).expect("it can be written as JSON");
}
