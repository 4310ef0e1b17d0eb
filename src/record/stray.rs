//! Lines of text that are no part of a trace: what kubectl, curl or a shell has put before, between or behind the records.
//!
//! They cost nothing, and a warning counts them. A line that may be a fragment of a record is none of them: it shows that
//! a record is lost, which is an error. A line that is in doubt counts as a fragment.

use crate::proto::schema::SCALAR_NAMES;

/// Lines that are no part of a record, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stray {
    pub(crate) lines: u64,
    /// The first of them.
    pub(crate) example: String,
}

impl Stray {
    /// Counts the lines in `text`.
    pub(crate) fn add(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines {
            if self.lines == 0 {
                self.example = quoted(line);
            }
            self.lines += 1;
        }
    }
}

/// Whether this line is text that is no part of a record.
pub(crate) fn is_stray(line: &[u8]) -> bool {
    /// Longer ones are no messages for people.
    const LONG: usize = 4096;
    let line = line.trim_ascii();
    let Some(line) = str::from_utf8(line).ok().filter(|line| line.len() <= LONG && is_printed(line)) else {
        return false;
    };
    if line.is_empty() || is_curl_data(line) {
        return true;
    }
    let begins_as_record = match line.as_bytes() {
        [b'"' | b'\'' | b'{' | b'}' | b']' | b',' | b':' | b';' | b'\\', ..] => true,
        // Logs begin with a time or level in brackets.
        [b'[', rest @ ..] => !rest.first().is_some_and(u8::is_ascii_alphanumeric),
        _ => false,
    };
    // Documents show traces as examples.
    let is_fence = line.starts_with("```") || line.starts_with("~~~");
    let is_in_string = line.matches('"').count() % 2 == 1;
    let is_structure = line.contains(['{', '}']) && !line.contains(char::is_alphanumeric);
    let opens = line.ends_with('{') || line.ends_with("\",") || line.split("\": ").skip(1).any(begins_value);
    !(begins_as_record
        || is_structure
        || is_fence
        || is_in_string
        || opens
        || is_value(line)
        || is_field(line))
}

/// Whether people can read it: terminals are told colors, and `^C` comes as it is.
fn is_printed(line: &str) -> bool {
    line.chars().all(|char| !char.is_control() || matches!(char, '\t' | '\r' | '\u{7}' | '\u{8}' | '\u{1b}'))
}

/// `{ [894 bytes data]`, as `curl -v` shows what comes and goes.
fn is_curl_data(line: &str) -> bool {
    let data = line.strip_prefix(['{', '}']).and_then(|rest| rest.strip_prefix(" ["));
    let count = data.and_then(|rest| rest.strip_suffix(" bytes data]"));
    count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a value of JSON follows a member's name.
fn begins_value(text: &str) -> bool {
    text.starts_with(['{', '[', '"']) || is_value(text)
}

/// Whether this is a value of JSON, and nothing else.
fn is_value(line: &str) -> bool {
    let value = line.trim_end_matches([',', ';']);
    matches!(value, "null" | "true" | "false") || value.parse::<f64>().is_ok()
}

/// Whether a field of the text format begins here: a scalar of the schema, or a message of whatever name.
fn is_field(line: &str) -> bool {
    let end = line.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(line.len());
    let (name, value) = line.split_at(end);
    let value = value.trim_start();
    match value.strip_prefix(':').map(str::trim_start) {
        Some(value) if value.starts_with(['{', '<']) => !name.is_empty(),
        Some(_) => SCALAR_NAMES.contains(&name),
        // The name of a trace, whatever follows.
        None => !name.is_empty() && value.starts_with(['{', '<']) || name.contains("_trace"),
    }
}

/// The beginning of a line in quotes: no character of it steers a terminal.
pub(crate) fn quoted(line: &str) -> String {
    /// Characters that are shown.
    const SHOWN: usize = 60;
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}", format!("{}…", &line[..end])),
        None => format!("{line:?}"),
    }
}
