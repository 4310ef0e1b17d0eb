//! The names by which values are known.

use std::collections::HashSet;
use std::str::FromStr;

/// Bytes of a name at most.
pub(super) const MAX_NAME: usize = 128;

/// Headers by which messages are framed, tunnels opened and servers found: a capture without them could not be read.
const NEEDED: [&str; 7] =
    ["connection", "content-length", "host", "http2-settings", "te", "transfer-encoding", "upgrade"];

/// The name of a header, a cookie or a query parameter, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Vec<u8>);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        if name.is_empty() {
            return Err("a name is missing: give names as in authorization,session_id,token".to_owned());
        }
        if name.starts_with(':') || NEEDED.contains(&&name[..]) {
            return Err(format!("{name} cannot be redacted: messages are read by it"));
        }
        if name.len() > MAX_NAME {
            return Err(format!("a name has at most {MAX_NAME} bytes"));
        }
        match name.bytes().find(|&byte| !byte.is_ascii_graphic() || is_separator(byte) || byte == b'=') {
            None => Ok(Self(name.into_bytes())),
            Some(byte) => Err(format!(
                "a name has only ASCII without separators, and no '{}'; names are separated by commas",
                byte.escape_ascii()
            )),
        }
    }
}

/// Names of headers, cookies and query parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(HashSet<Vec<u8>, foldhash::fast::RandomState>);

impl Names {
    pub(super) fn new(names: impl IntoIterator<Item = Name>) -> Self {
        Self(names.into_iter().map(|Name(name)| name).collect())
    }

    /// Whether a name, in lower case, is one of them.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.0.contains(name)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

/// Whether a byte is not of a name, so that one may begin after it.
pub(super) fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"?&;#,:/@%+|\"'`(){}<>\\".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_redacted_is_refused() {
        let long = "a".repeat(MAX_NAME + 1);
        for name in ["", " ", "Content-Length", ":path", "host", "a b", "a=b", "a;b", "ä", &long] {
            assert!(name.parse::<Name>().is_err(), "{name}");
        }
        assert_eq!(" X-Api-Key ".parse(), Ok(Name(b"x-api-key".to_vec())));
    }
}
