//! Goes through one value, byte by byte, in as many parts as it comes in: all of it is redacted, or the cookies or parameters
//! in it whose names are.
//!
//! Where it is not certain where a value ends, more is redacted.

use super::names::{MAX_NAME, Names, is_separator};

/// What a redacted byte becomes.
pub const X: u8 = b'x';

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Redacted.
    All,
    /// `name=value; name=value`, as cookies are.
    Cookies,
    /// Anything that may have a URL in it, or parameters: `name=value&name=value`.
    #[default]
    Parameters,
}

/// A value that is gone through.
#[derive(Debug, Default)]
pub(super) struct Values {
    kind: Kind,
    /// What may be a name, in lower case, with what `%` stands for.
    name: Vec<u8>,
    /// White space came after it.
    is_name_over: bool,
    escape: Escape,
    redacted: Option<Redacted>,
}

/// `%` and two digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Percent,
    Digit(u8),
}

/// Where in a redacted value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redacted {
    Start,
    Plain,
    /// Inside quotes, perhaps after a backslash.
    Quoted(bool),
}

impl Values {
    pub(super) fn new(kind: Kind) -> Self {
        let redacted = (kind == Kind::All).then_some(Redacted::Start);
        Self { kind, redacted, ..Self::default() }
    }

    /// Redacts what comes next of it. Returns how many redacted values begin there.
    pub(super) fn bytes(&mut self, names: &Names, bytes: &mut [u8]) -> u64 {
        let mut count = 0;
        for byte in bytes {
            match self.redacted {
                None => self.name(names, *byte),
                Some(at) if self.ends(at, *byte) => {
                    self.redacted = None;
                    self.forget();
                }
                Some(at) => {
                    let next = match (at, *byte) {
                        (Redacted::Start, b' ' | b'\t') => Redacted::Start,
                        (Redacted::Start, b'"') => Redacted::Quoted(false),
                        (Redacted::Start | Redacted::Plain, _) => Redacted::Plain,
                        (Redacted::Quoted(false), b'"') => Redacted::Plain,
                        (Redacted::Quoted(is_escaped), byte) => {
                            Redacted::Quoted(byte == b'\\' && !is_escaped)
                        }
                    };
                    count += u64::from(at == Redacted::Start && next != Redacted::Start);
                    self.redacted = Some(next);
                    *byte = X;
                }
            }
        }
        count
    }

    fn ends(&self, at: Redacted, byte: u8) -> bool {
        match self.kind {
            Kind::All => false,
            Kind::Cookies => byte == b';' && !matches!(at, Redacted::Quoted(_)),
            Kind::Parameters => byte == b'&',
        }
    }

    /// A byte outside of redacted values.
    fn name(&mut self, names: &Names, byte: u8) {
        let digit = char::from(byte).to_digit(16).map(|digit| digit as u8);
        match (std::mem::take(&mut self.escape), digit) {
            (Escape::None, _) if byte == b'%' => self.escape = Escape::Percent,
            (Escape::None, _) => self.decoded(names, byte),
            (Escape::Percent, Some(digit)) => self.escape = Escape::Digit(digit),
            (Escape::Digit(high), Some(low)) => self.decoded(names, high << 4 | low),
            // It stands for nothing: what was there begins no name.
            (Escape::Percent | Escape::Digit(_), None) => {
                self.push(b'%');
                self.name(names, byte);
            }
        }
    }

    fn decoded(&mut self, names: &Names, byte: u8) {
        match byte {
            b'=' if names.has(&self.name) => self.redacted = Some(Redacted::Start),
            b'=' => self.forget(),
            b' ' | b'\t' | b'+' => self.is_name_over = true,
            _ if is_separator(byte) => self.forget(),
            _ => self.push(byte),
        }
    }

    fn push(&mut self, byte: u8) {
        if self.is_name_over {
            self.forget();
        }
        // One more than any name has, so that none fits.
        if self.name.len() <= MAX_NAME {
            self.name.push(byte.to_ascii_lowercase());
        }
    }

    fn forget(&mut self) {
        self.name.clear();
        (self.is_name_over, self.escape) = (false, Escape::None);
    }
}
