//! The blocks of a pcapng capture, read here: nothing of the program's own is in it.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// A capture.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    pub(crate) interfaces: Vec<String>,
    pub(crate) frames: Vec<Frame>,
    /// Addresses and their names, in order.
    pub(crate) names: Vec<(IpAddr, String)>,
}

/// A packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) interface: String,
    /// In nanoseconds.
    pub(crate) time: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: usize,
    pub(crate) is_inbound: bool,
    pub(crate) comments: Vec<String>,
    pub(crate) id: Option<u64>,
    pub(crate) dropped: Option<u64>,
}

/// The fields of a TCP header without options, behind Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) ports: [u16; 2],
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) flags: u16,
    pub(crate) window: u16,
}

impl Frame {
    pub(crate) fn comment(&self, key: &str) -> Option<&str> {
        self.comments
            .iter()
            .find_map(|comment| comment.strip_prefix("hubble.")?.strip_prefix(key)?.strip_prefix('='))
    }

    pub(crate) fn tcp(&self) -> Tcp {
        assert_eq!(self.bytes[23], 6, "TCP");
        let at = |at: usize| u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]);
        let long = |offset| u32::from(at(offset)) << 16 | u32::from(at(offset + 2));
        Tcp {
            ports: [at(34), at(36)],
            sequence: long(38),
            acknowledgment: long(42),
            flags: at(46) & 0x1ff,
            window: at(48),
        }
    }

    /// What is captured behind headers of so many bytes.
    pub(crate) fn after(&self, headers: usize) -> &[u8] {
        &self.bytes[headers..]
    }
}

pub(crate) fn parse(mut file: &[u8]) -> Blocks {
    let mut blocks = Blocks::default();
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
    while !file.is_empty() {
        let (kind, length) = (number(file), number(&file[4..]));
        let block = &file[8..length - 4];
        assert_eq!(number(&file[length - 4..]), length);
        match kind {
            0x0a0d_0d0a => {}
            1 => {
                let options = options(&block[8..]);
                blocks.interfaces.push(String::from_utf8(options[&2][0].clone()).expect("a name"));
            }
            4 => names(block, &mut blocks.names),
            6 => {
                let captured = number(&block[12..]);
                let options = options(&block[20 + captured.next_multiple_of(4)..]);
                let long = |code| {
                    options.get(&code).map(|values: &Vec<Vec<u8>>| {
                        u64::from_le_bytes(values[0][..].try_into().expect("eight"))
                    })
                };
                assert!(!options.contains_key(&7), "a verdict, which tshark's savers turn into damage");
                let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).expect("a comment");
                blocks.frames.push(Frame {
                    interface: blocks.interfaces[number(block)].clone(),
                    time: (number(&block[4..]) as u64) << 32 | number(&block[8..]) as u64,
                    bytes: block[20..20 + captured].to_vec(),
                    length: number(&block[16..]),
                    is_inbound: options[&2][0][0] & 3 == 1,
                    comments: options.get(&1).into_iter().flatten().map(text).collect(),
                    id: long(5),
                    dropped: long(4),
                });
            }
            other => panic!("a block of type {other}"),
        }
        file = &file[length..];
    }
    blocks
}

fn options(mut bytes: &[u8]) -> BTreeMap<u16, Vec<Vec<u8>>> {
    let mut options: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
    while let [a, b, c, d, rest @ ..] = bytes {
        let (code, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        if code == 0 {
            break;
        }
        options.entry(code).or_default().push(rest[..length].to_vec());
        bytes = &rest[length.next_multiple_of(4)..];
    }
    options
}

fn names(mut bytes: &[u8], names: &mut Vec<(IpAddr, String)>) {
    while let [a, b, c, d, rest @ ..] = bytes {
        let (kind, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        let (address, name): (IpAddr, _) = match kind {
            1 => (<[u8; 4]>::try_from(&rest[..4]).expect("four bytes").into(), &rest[4..length]),
            2 => (<[u8; 16]>::try_from(&rest[..16]).expect("sixteen bytes").into(), &rest[16..length]),
            _ => return,
        };
        let name = name.split(|&byte| byte == 0).next().expect("a name");
        names.push((address, String::from_utf8(name.to_vec()).expect("a name")));
        bytes = &rest[length.next_multiple_of(4)..];
    }
}
