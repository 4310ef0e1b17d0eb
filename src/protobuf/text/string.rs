//! The strings of the text format: what their escapes are.

/// Appends what a string stands for.
pub(super) fn unescape(string: &[u8], out: &mut Vec<u8>) {
    // No escape stands for more bytes than it has. Bytes are put into room that is there already, as half of the bytes of
    // a binary body are escapes, and a call for each would take longer than the rest.
    let mut end = out.len();
    out.resize(end + string.len(), 0);
    let mut at = 0;
    while at < string.len() {
        let byte = string[at];
        if byte != b'\\' {
            out[end] = byte;
            (at, end) = (at + 1, end + 1);
            continue;
        }
        if let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] =
            string[at + 1..].first_chunk().copied().unwrap_or_default()
        {
            out[end] = (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0');
            (at, end) = (at + 4, end + 1);
            continue;
        }
        let (length, character) = escape(&string[at + 1..]);
        match character {
            Escape::Byte(byte) => {
                out[end] = byte;
                end += 1;
            }
            Escape::Character(character) => {
                end += character.encode_utf8(&mut out[end..]).len();
            }
        }
        at += 1 + length;
    }
    out.truncate(end);
}

/// A string that is cut, without an escape at its end that is.
pub(super) fn whole_escapes(string: &[u8]) -> &[u8] {
    /// `\\U0001f600`
    const LONGEST: usize = 10;
    let from = string.len().saturating_sub(LONGEST);
    let is_escape = |at: &usize| {
        let escapes = string[..=*at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        !escapes.is_multiple_of(2)
    };
    let Some(at) = (from..string.len()).rev().find(is_escape) else { return string };
    let digits = |length: usize, radix| {
        let rest = &string[(at + length).min(string.len())..];
        rest.iter().take_while(|&&byte| char::from(byte).is_digit(radix)).count()
    };
    let is_cut = match string.get(at + 1) {
        None => true,
        Some(b'0'..=b'7') => digits(1, 8) < 3 && at + 1 + digits(1, 8) == string.len(),
        Some(b'x' | b'X') => digits(2, 16) < 2 && at + 2 + digits(2, 16) == string.len(),
        Some(b'u') => digits(2, 16) < 4,
        Some(b'U') => digits(2, 16) < 8,
        Some(_) => false,
    };
    if is_cut { &string[..at] } else { string }
}

enum Escape {
    Byte(u8),
    Character(char),
}

/// What stands behind a backslash: its length, and what it means. Nothing there means the backslash itself.
fn escape(text: &[u8]) -> (usize, Escape) {
    let Some(&first) = text.first() else { return (0, Escape::Byte(b'\\')) };
    let byte = match first {
        b'0'..=b'7' => {
            let (length, number) = number(text, 3, 8);
            return (length, Escape::Byte(number as u8));
        }
        b'x' | b'X' => {
            let (length, number) = number(&text[1..], 2, 16);
            return (1 + length, Escape::Byte(number as u8));
        }
        b'u' | b'U' => {
            let (length, number) = number(&text[1..], if first == b'u' { 4 } else { 8 }, 16);
            // The replacement is no longer in UTF-8 than the shortest escape that needs it.
            let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
            return (1 + length, Escape::Character(character));
        }
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        other => other,
    };
    (1, Escape::Byte(byte))
}

/// The number that up to `most` digits at the beginning of `text` make, and how many they are.
fn number(text: &[u8], most: usize, radix: u32) -> (usize, u32) {
    let digits = text.iter().take(most).map_while(|&byte| char::from(byte).to_digit(radix));
    digits.fold((0, 0), |(length, number), digit| (length + 1, number * radix + digit))
}
