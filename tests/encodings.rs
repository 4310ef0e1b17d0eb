//! Taps that are compressed with gzip or zstd, and text in UTF-16: read as they are, wherever they come from.

use std::io::Write;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::capture::Capture;
use crate::damage::assert_begins;
use crate::encode::{Format, Tap};
use crate::expected::assert_shows;
use crate::model::{Conversation, START, noise, noise_from};
use crate::program::{Dir, TestCommand, testdata};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// A skippable frame, as `pzstd` writes them.
fn skippable(content: &[u8]) -> Vec<u8> {
    [&b"\x5a\x2a\x4d\x18"[..], &(content.len() as u32).to_le_bytes(), content].concat()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const COMPRESSIONS: [(&str, Compress); 2] = [("gzip", gzip), ("zstd", zstd)];

fn conversation() -> Conversation {
    Conversation::new(1).read("GET /").write(noise(3_000)).read("GET /2").write(noise(70_000)).closed()
}

/// The capture in pcap, which has no names in it.
#[track_caller]
fn convert(tap: &[u8]) -> Vec<u8> {
    let dir = Dir::new();
    dir.tap2pcap().arg("-").stdin(tap).run().expect(0).stdout
}

/// Fails the test unless this gives the same capture as the plain tap, from a file, a pipe and a directory.
#[track_caller]
fn assert_same(what: &str, plain: &[u8], encoded: &[u8]) {
    let expected = convert(plain);
    assert!(expected.len() > 100, "{what}");
    let dir = Dir::new();
    std::fs::create_dir(dir.path("taps")).expect("a directory");
    // The name says nothing.
    dir.write("taps/tap_1", encoded);
    for args in [&["taps/tap_1", "one.pcap"][..], &["-w", "one.pcap", "taps"]] {
        let ran = dir.tap2pcap().args(args).run().expect(0);
        assert_eq!(ran.stderr.lines().count(), 1, "{what} {}", ran.stderr);
        assert!(dir.read("one.pcap") == expected, "{what} {args:?}");
    }
    assert!(convert(encoded) == expected, "{what} from a pipe");
}

#[test]
fn the_files_of_real_programs_are_read() {
    let plain = std::fs::read(testdata("post-streamed.pb_length_delimited")).expect("a tap");
    for name in ["compressed.pb.gz", "compressed.pb.zst"] {
        assert_same(name, &plain, &std::fs::read(testdata(name)).expect("a tap"));
    }
    let plain = std::fs::read(testdata("utf16.json")).expect("a tap");
    let units = plain[2..].chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().expect("UTF-16");
    assert_same("utf16.json", text.as_bytes(), &plain);
}

#[test]
fn every_format_is_read_from_either_compression() {
    for format in Format::LOSSLESS {
        let tap = Tap::streamed(format).write(&[conversation()]);
        for (name, compress) in COMPRESSIONS {
            assert_same(&format!("{format:?} in {name}"), &tap, &compress(&tap));
        }
        assert_same("twice", &tap, &gzip(&zstd(&tap)));
    }
}

#[test]
fn several_parts_follow_one_another() {
    let tap = Tap::streamed(Format::Delimited).write(&[conversation()]);
    for (name, compress) in COMPRESSIONS {
        let mut parts: Vec<Vec<u8>> = tap.chunks(10_000).map(compress).collect();
        assert_same(name, &tap, &parts.concat());
        let empty = compress(b"");
        parts = parts.into_iter().flat_map(|part| [part, empty.clone()]).collect();
        assert_same(name, &tap, &parts.concat());
        if name == "gzip" {
            parts.push(vec![0; 512]);
        } else {
            parts.insert(0, skippable(b"of no concern"));
            parts.insert(3, skippable(&noise(300_000)));
            parts.push(skippable(b""));
        }
        assert_same(name, &tap, &parts.concat());
    }
}

/// What comes before the cut is converted, and one error says where the file ends.
#[test]
fn compressed_data_that_is_cut_is_converted_up_to_there() {
    // Noise does not shrink, so that there is something at every place.
    let conversation = (0..40).fold(Conversation::new(1), |conversation, seed| {
        conversation.at(START + seed).read(noise_from(seed, 6_000))
    });
    let tap = Tap::streamed(Format::Delimited).write(&[conversation]);
    let expected = Capture::parse(&convert(&tap)).packets;
    for (name, compress) in COMPRESSIONS {
        let whole = compress(&tap);
        for tenths in 2..10 {
            let end = whole.len() * tenths / 10;
            let dir = Dir::new();
            dir.write("taps", &whole[..end]);
            for options in [&["-F", "nsecpcap"][..], &["-w", "-"]] {
                let ran = dir.tap2pcap().args(options).arg("taps").run().expect(1);
                let says = format!("the {name} data is truncated: it ends at byte {end} of the file");
                assert_eq!(ran.stderr.matches("error").count(), 1, "{}", ran.stderr);
                assert!(ran.stderr.contains(&says), "{}", ran.stderr);
                let packets = match &ran.stdout[..] {
                    [] => Vec::new(),
                    capture => Capture::parse(capture).packets,
                };
                assert_begins(&packets, &expected, &format!("{name} {end}"));
                // Noise does not shrink; a block of zstd that is not whole cannot be decoded.
                let least = if name == "gzip" { end / 6_100 - 6 } else { end / 131_100 * 131_072 / 6_100 };
                assert!(packets.len() >= least, "{name} {end}: {}", packets.len());
            }
        }
    }
}

#[test]
fn all_but_the_checksum_is_as_good_as_all() {
    let tap = Tap::streamed(Format::Delimited).write(&[conversation()]);
    let packets = Capture::parse(&convert(&tap)).packets.len();
    for (name, compress) in COMPRESSIONS {
        let whole = compress(&tap);
        let dir = Dir::new();
        dir.write("tap", &whole[..whole.len() - 2]);
        let ran = dir.tap2pcap().arg("tap").run().expect(1);
        assert_eq!(Capture::parse(&ran.stdout).packets.len(), packets, "{name}");
    }
}

#[test]
fn what_follows_compressed_data_and_is_none_is_an_error() {
    let tap = Tap::streamed(Format::Delimited).write(&[conversation()]);
    for (name, compress) in COMPRESSIONS {
        let whole = compress(&tap);
        let dir = Dir::new();
        dir.write("tap", &[&whole[..], b"curl: (18) transfer closed\n"].concat());
        let ran = dir.tap2pcap().arg("tap").run().expect(1);
        assert!(ran.stdout == convert(&tap), "{name}");
        let says = format!("something else follows the {name} data at byte {}", whole.len());
        assert!(ran.stderr.contains(&says), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("error").count(), 1, "{}", ran.stderr);
    }
}

/// Whatever has become of the bytes: no more than an error.
#[test]
fn damaged_data_does_no_harm() {
    let (dir, names) = damaged_taps();
    let ran = dir.tap2pcap().args(["-w", "all.pcapng"]).args(&names).run();
    assert!(matches!(ran.code, Some(0 | 1)) && !ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// Damaged copies of a compressed tap, in a directory.
fn damaged_taps() -> (Dir, Vec<String>) {
    let tap = Tap::streamed(Format::JsonBytes).write(&[conversation()]);
    let dir = Dir::new();
    let mut names = Vec::new();
    for (name, compress) in COMPRESSIONS {
        let whole = compress(&tap);
        for (number, place) in noise_from(5, 400).chunks(4).enumerate() {
            let mut damaged = whole.clone();
            // Half of the damage comes where the structure is, at the beginning.
            let length = if number % 2 == 0 { whole.len().min(200) } else { whole.len() };
            let at = (usize::from(place[0]) << 8 | usize::from(place[1])) % length;
            damaged[at] ^= place[2] | 1;
            names.push(format!("tap-{name}-{number}"));
            dir.write(&names[names.len() - 1], &damaged);
        }
    }
    (dir, names)
}

/// A few bytes stand for very many, and for no more memory than else.
#[cfg(unix)]
#[test]
fn a_bomb_takes_time_and_no_memory() {
    let tap = Tap::streamed(Format::Delimited).write(&[Conversation::new(1).read("GET /").closed()]);
    let megabyte = vec![0; 1 << 20];
    for (name, compress) in COMPRESSIONS {
        let bomb = [compress(&tap), compress(&megabyte).repeat(500)].concat();
        let dir = Dir::new();
        dir.write("tap", &bomb);
        let ran = dir.tap2pcap_within("-v 131072").args(["tap", "a.pcap"]).run().expect(1);
        let says = "(decompressed): 524,288,000 zero bytes instead of a record";
        assert!(ran.stderr.contains(says), "{name}: {}", ran.stderr);
        assert_eq!(Capture::parse(&dir.read("a.pcap")).packets.len(), 3);
    }
}

#[test]
fn a_window_of_zstd_has_a_limit_and_takes_no_memory_by_itself() {
    let tap = Tap::streamed(Format::Delimited).write(&[Conversation::new(1).read("GET /").closed()]);
    // A frame with a window of 2 to the power of 10 and this exponent, and one raw block, the last.
    let frame = |exponent: u8| {
        let block = ((tap.len() as u32) << 3 | 1).to_le_bytes();
        [&b"\x28\xb5\x2f\xfd\0"[..], &[exponent << 3], &block[..3], &tap].concat()
    };
    let dir = Dir::new();
    dir.write("limit", &frame(17));
    dir.write("more", &frame(18));
    let ran = dir.tap2pcap_within("-v 131072").args(["limit"]).run().expect(0);
    assert!(ran.stdout == convert(&tap));
    let ran = dir.tap2pcap().args(["more"]).run().expect(1);
    assert!(
        ran.stderr.contains("needs a window of 256 MiB, and tap2pcap's limit is 128 MiB"),
        "{}",
        ran.stderr
    );
}

/// More of them than the buffers, the decoders and the open files may be: of zstd some are read again from the beginning.
#[cfg(unix)]
#[test]
fn many_compressed_files_run_at_the_same_time() {
    for (name, compress) in COMPRESSIONS {
        let dir = Dir::new();
        std::fs::create_dir_all(dir.path("plain")).expect("a directory");
        std::fs::create_dir_all(dir.path("taps")).expect("a directory");
        for id in 1..=700 {
            let conversation = (0..4).fold(Conversation::new(id), |conversation, number| {
                conversation.at(START + id + 1_000_000 * number).read(noise_from(id << 8 | number, 20_000))
            });
            let tap = Tap::streamed(Format::LOSSLESS[id as usize % 4]).write(&[conversation]);
            dir.write(&format!("plain/tap_{id}"), &tap);
            dir.write(&format!("taps/tap_{id}"), &compress(&tap));
        }
        let convert = |taps: &str| {
            let program = env!("CARGO_BIN_EXE_tap2pcap");
            let limited = ["-c", "ulimit -n 64; ulimit -v 786432; exec \"$0\" \"$@\"", program, "-w"];
            let capture = dir.path("all.pcap");
            let ran = TestCommand::new("sh").args(limited).arg(&capture).arg(dir.path(taps)).run().expect(0);
            assert_eq!(ran.stderr.lines().count(), 1, "{name} {}", ran.stderr);
            dir.read("all.pcap")
        };
        assert!(convert("plain") == convert("taps"), "{name}");
    }
}

#[test]
fn utf_16_is_read_in_either_byte_order_with_and_without_a_mark() {
    let conversation = Conversation::new(1).read("GET /\u{e9}\u{1f600}").write("ok").closed();
    for format in [Format::Text, Format::JsonBytes] {
        let text = String::from_utf8(Tap::streamed(format).write(std::slice::from_ref(&conversation)))
            .expect("text");
        for mark in ["", "\u{feff}"] {
            for unit in [u16::to_le_bytes, u16::to_be_bytes] {
                let encoded = utf16(&format!("{mark}{text}"), unit);
                assert_same(&format!("{format:?} {mark:?}"), text.as_bytes(), &encoded);
                assert_same("compressed", text.as_bytes(), &gzip(&encoded));
            }
        }
    }
}

/// A body as a string has characters of every length, and half a pair where PowerShell has cut one.
#[test]
fn characters_beyond_ascii_come_out_as_utf_8() {
    let text = |body: &str| {
        format!(
            "{{\"socket_buffered_trace\": {{\"trace_id\": 1, \"events\": [{{\"timestamp\": \"2026-11-20T10:58:15Z\", \
             \"read\": {{\"data\": {{\"as_string\": \"{body}\"}}}}}}]}}}}\n"
        )
    };
    let body = "a\u{e9}\u{20ac}\u{1f600}\u{10ffff}z";
    let encoded = utf16(&format!("\u{feff}{}", text(body)), u16::to_le_bytes);
    assert!(convert(&encoded) == convert(text(body).as_bytes()));
    let units: Vec<u16> = text("<>").encode_utf16().collect();
    let place = units.iter().position(|&unit| unit == u16::from(b'<')).expect("the place");
    for lone in [0xd83d, 0xde00] {
        let mut units = units.clone();
        units[place] = lone;
        let encoded: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        assert!(convert(&encoded) == convert(text("\u{fffd}>").as_bytes()), "{lone:x}");
    }
}

#[test]
fn offsets_count_what_is_decoded_and_say_so() {
    let tap = Tap::streamed(Format::JsonBytes).write(&[conversation()]);
    let cut = &tap[..tap.len() - 3];
    let dir = Dir::new();
    dir.write("plain", cut);
    dir.write("gzip", &gzip(cut));
    dir.write("utf16", &utf16(str::from_utf8(cut).expect("ASCII"), u16::to_le_bytes));
    let message = |name: &str| dir.tap2pcap().args(["-q", name]).run().expect(1).stderr.replace(name, "");
    let (before, behind) = {
        let plain = message("plain");
        let (before, behind) = plain.split_once(": truncated").expect("it says so");
        (before.to_owned(), behind.to_owned())
    };
    assert_eq!(message("gzip"), format!("{before} (decompressed): truncated{behind}"));
    assert_eq!(message("utf16"), format!("{before} (as UTF-8): truncated{behind}"));
}

/// A file's name says which trace of a buffered HTTP tap it is, compressed or not.
#[test]
fn the_id_in_a_name_is_that_of_the_trace() {
    let tap = std::fs::read(testdata("http-post-buffered.pb")).expect("a tap");
    let dir = Dir::new();
    dir.write("tap_77.pb.gz", &gzip(&tap));
    let ran = dir.tap2pcap().args(["-F", "pcapng", "tap_77.pb.gz"]).run().expect(0);
    let capture = Capture::parse(&ran.stdout);
    assert!(
        capture.packets[0].comments.contains(&"tap.trace_id=77".to_owned()),
        "{:?}",
        capture.packets[0].comments
    );
}

#[test]
fn a_tap_that_was_compressed_empty_is_empty() {
    for (name, compress) in COMPRESSIONS {
        let dir = Dir::new();
        dir.write("tap", &compress(b""));
        let ran = dir.tap2pcap().arg("tap").run().expect(1);
        assert!(ran.stderr.contains("the file is empty"), "{name} {}", ran.stderr);
    }
}

#[test]
fn a_compressed_tap_shows_the_conversation() {
    let tap = Tap::streamed(Format::Text);
    let capture = Capture::parse(&convert(&gzip(&tap.write(&[conversation()]))));
    assert_shows(&capture, &conversation(), &tap);
}
