//! The texts of spans as comments may show them. An attribute is redacted by its name; names of spans and services, and attributes,
//! by the parameters in them. Events and messages of a status may be anything, so nothing is left of them.

use std::borrow::Cow;

use crate::redact::{Redaction, X};

/// What is redacted in texts, if anything is, and how many values were.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    pub(super) rules: Option<&'a Redaction>,
    pub(super) count: &'a mut u64,
}

impl Texts<'_> {
    /// A name, in which there may be a URL.
    pub(super) fn name<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        self.with(text, Redaction::url)
    }

    /// The value of an attribute.
    pub(super) fn attribute<'a>(&mut self, key: &str, text: &'a str) -> Cow<'a, str> {
        self.with(text, |rules, value| rules.attribute(key, value))
    }

    /// A text that may be anything.
    pub(super) fn free<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        self.with(text, |_, value| {
            value.fill(X);
            u64::from(!value.is_empty())
        })
    }

    /// A status: its code, and perhaps a message.
    pub(super) fn status<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let code = text.split_once(": ").map_or(text, |(code, _)| code);
        let is_code = match code.strip_prefix("ERROR ") {
            Some(number) => number.bytes().all(|byte| byte.is_ascii_digit()),
            None => matches!(code, "OK" | "ERROR"),
        };
        let shown = if is_code { text.len().min(code.len() + 2) } else { 0 };
        self.with(text, |_, value| {
            value[shown..].fill(X);
            u64::from(value.len() > shown)
        })
    }

    fn with<'a>(&mut self, text: &'a str, redact: impl FnOnce(&Redaction, &mut [u8]) -> u64) -> Cow<'a, str> {
        let Some(rules) = self.rules else { return Cow::Borrowed(text) };
        let mut bytes = text.as_bytes().to_vec();
        match redact(rules, &mut bytes) {
            0 => Cow::Borrowed(text),
            count => {
                *self.count += count;
                Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }
}
