//! A file is read in pieces, and a record may go on in the next one. What is found must not depend on where the pieces
//! end.

use std::fs;

use tap2pcap::internal::input::Format;
use tap2pcap::internal::input::Input;

use crate::reading::{Found, read};
use crate::scratch;

/// A file is read this many bytes at a time.
const PIECE: usize = 256 * 1024;
/// One of so many inputs is read in pieces: the filling takes more time than all else.
const SELDOM: u32 = 4;
/// The tag of `http_streamed_trace_segment`, which is passed over where there is nothing in it.
const HTTP: u8 = 0x12;

/// Reads `bytes` from a file, behind so much filling that the first piece ends somewhere in them. They were found to
/// hold `expected`.
pub(crate) fn check(bytes: &[u8], format: Format, expected: &[Found]) {
    // What is something else at the beginning of an input; a sample rate belongs to the record before it.
    const STARTS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"HTTP/", &[0x2a]];
    if STARTS.iter().any(|start| bytes.starts_with(start)) {
        return;
    }
    let hash = hash(bytes);
    if !hash.is_multiple_of(SELDOM) {
        return;
    }
    let filling = PIECE - (hash / SELDOM) as usize % (bytes.len() + 1);
    let (mut file, records) = filled(format, filling);
    file.extend_from_slice(bytes);
    let path = scratch::path("pieces");
    fs::write(&path, &file).expect("a file");
    let input = Input::open(&path, Some(format)).expect("what could be opened");
    // Behind the filling it may be told otherwise; `flows` looks at these.
    if input.is_hubble() {
        return;
    }
    let mut found = read(input, file.len() as u64);
    for found in &mut found {
        match found {
            Found::Damage { record, offset, .. } => {
                *record -= records;
                *offset -= filling as u64;
            }
            Found::Part(part) => part.record -= records,
            Found::Event(_) => {}
        }
    }
    let same = found.iter().zip(expected).take_while(|(found, expected)| is_same(found, expected)).count();
    assert_eq!(found.get(same), expected.get(same), "step {same}, cut at {}", PIECE - filling);
}

/// A record that claims too much is known by its length alone, perhaps before its first byte says that it is none.
fn is_same(found: &Found, expected: &Found) -> bool {
    match (found, expected) {
        (
            Found::Damage { record, offset, what },
            Found::Damage { record: expected_record, offset: expected_offset, .. },
        ) if what.contains("256 MiB") => (record, offset) == (expected_record, expected_offset),
        _ => found == expected,
    }
}

/// So many bytes that hold nothing, and how many records they are.
fn filled(format: Format, len: usize) -> (Vec<u8>, u64) {
    match format {
        Format::Text | Format::Json => (vec![b'\n'; len], 0),
        Format::Binary => (http(len), 1),
        Format::Delimited | Format::Grpc => {
            let mut filling = Vec::with_capacity(2 * PIECE);
            three_bytes(len - 3, &mut filling);
            filling.extend(http(len - 3));
            (filling, 1)
        }
    }
}

fn http(len: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(2 * PIECE);
    record.push(HTTP);
    three_bytes(len - 4, &mut record);
    // Fields that no message has.
    record.resize(len, 0x7a);
    record[4..].chunks_exact_mut(2).for_each(|field| field[1] = 0);
    if len % 2 == 1 {
        record[len - 3..].copy_from_slice(&[0x7a, 1, 0]);
    }
    record
}

/// A varint of three bytes.
fn three_bytes(value: usize, out: &mut Vec<u8>) {
    assert!((1 << 14..1 << 21).contains(&value));
    out.extend([value as u8 | 0x80, (value >> 7) as u8 | 0x80, (value >> 14) as u8]);
}

/// FNV-1a: a number that another run finds again.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
