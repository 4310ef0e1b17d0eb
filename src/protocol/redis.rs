//! Redis: requests are arrays of strings (RESP); a reply can be of any type. Inline commands could be any text.

use super::{Sender, is_printable};

/// The most elements of a request that Redis takes.
const MOST_ELEMENTS: u64 = 1024 * 1024;
/// The longest string that Redis takes, in bytes.
const LONGEST_STRING: u64 = 512 * 1024 * 1024;
/// Longer than the name of any command.
const LONGEST_COMMAND: u64 = 64;
/// Replies of a word that are nobody else's. `+OK` with a text behind it is POP3's.
const WORDS: [&[u8]; 3] = [b"+OK", b"+PONG", b"+QUEUED"];
/// Errors that a server begins with. `-ERR` alone is POP3's too.
const ERRORS: [&[u8]; 7] = [
    b"-DENIED ",
    b"-ERR max number of clients reached",
    b"-LOADING ",
    b"-MOVED ",
    b"-NOAUTH ",
    b"-NOPERM ",
    b"-WRONGPASS ",
];

pub(super) fn sender(bytes: &[u8]) -> Option<Sender> {
    let is_reply = match bytes.first()? {
        b'*' => return array(bytes),
        b'%' => {
            let (count, rest) = count(bytes)?;
            (1..=MOST_ELEMENTS).contains(&count)
                && matches!(element(rest), Some(Element::Whole(_) | Element::Begun))
        }
        b'$' => matches!(element(bytes), Some(Element::Whole(_) | Element::Begun)),
        b'+' => line(bytes).is_some_and(|(line, _)| WORDS.contains(&line)),
        b'-' => ERRORS.iter().any(|error| bytes.starts_with(error)),
        _ => false,
    };
    is_reply.then_some(Sender::Server)
}

/// What stands at the beginning of the bytes.
enum Element<'a> {
    /// All of a string. What is behind it.
    Whole(&'a [u8]),
    /// A string of which there is enough to know it.
    Begun,
    /// Something else, which a request cannot have.
    Other,
}

fn array(bytes: &[u8]) -> Option<Sender> {
    let (elements, mut rest) = count(bytes)?;
    if !(1..=MOST_ELEMENTS).contains(&elements) {
        return None;
    }
    if !is_command(rest)? {
        return matches!(element(rest)?, Element::Whole(_) | Element::Other).then_some(Sender::Server);
    }
    for _ in 0..elements {
        match element(rest) {
            Some(Element::Whole(behind)) => rest = behind,
            Some(Element::Other) => return Some(Sender::Server),
            Some(Element::Begun) => break,
            // The bytes end here, or what comes is not of Redis.
            None if is_begun(rest) => break,
            None => return None,
        }
    }
    Some(Sender::Client)
}

/// Whether the first element of an array, as far as it is there, is the name of a command. `None`: this is not Redis.
fn is_command(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [b'$', b'0'..=b'9', ..] => {}
        [b'$', ..] | [] => return None,
        _ => return Some(false),
    }
    let Some((length, rest)) = count(bytes) else { return is_begun(bytes).then_some(true) };
    let name = &rest[..rest.len().min(length as usize)];
    let is_name = name.iter().all(u8::is_ascii_graphic) && name.first().is_none_or(u8::is_ascii_alphabetic);
    // HELLO is answered with the properties of the server, by name.
    Some(is_name && (2..=LONGEST_COMMAND).contains(&length) && name != b"server")
}

fn element(bytes: &[u8]) -> Option<Element<'_>> {
    match bytes.first()? {
        b'$' if bytes.starts_with(b"$-1\r\n") => Some(Element::Whole(&bytes[5..])),
        b'$' => {
            let (length, rest) = count(bytes)?;
            if length > LONGEST_STRING {
                return None;
            }
            let length = length as usize;
            match rest.get(length..length + 2) {
                Some(b"\r\n") => Some(Element::Whole(&rest[length + 2..])),
                Some(_) => None,
                // A short string has to be there, as its length is only one digit.
                None => (length >= 10).then_some(Element::Begun),
            }
        }
        b':' | b'*' | b'%' | b'~' | b'>' => {
            let (line, _) = line(bytes)?;
            let number = line[1..].strip_prefix(b"-").unwrap_or(&line[1..]);
            (!number.is_empty() && number.iter().all(u8::is_ascii_digit)).then_some(Element::Other)
        }
        b'+' | b'-' => line(bytes).filter(|(line, _)| is_printable(line)).map(|_| Element::Other),
        b'_' | b'#' | b',' | b'(' => line(bytes).filter(|(line, _)| line.len() <= 64).map(|_| Element::Other),
        _ => None,
    }
}

/// Whether the bytes may be the beginning of a string that breaks off.
fn is_begun(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        None => true,
        Some((b'$', rest)) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            match count(bytes) {
                Some((length, rest)) => {
                    length <= LONGEST_STRING
                        && rest.len() < length as usize + 2
                        && rest.get(length as usize).is_none_or(|&byte| byte == b'\r')
                }
                None => digits <= 9 && (rest.len() == digits || &rest[digits..] == b"\r"),
            }
        }
        Some(_) => false,
    }
}

/// The number in the line that begins an array or a string, and what is behind the line.
fn count(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (line, rest) = line(bytes)?;
    let digits = line.get(1..).filter(|digits| (1..=9).contains(&digits.len()))?;
    let number = digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))?;
    Some((number, rest))
}

/// The first line without its end, and what is behind it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\r', bytes)?;
    Some((&bytes[..end], bytes[end..].strip_prefix(b"\r\n")?))
}
