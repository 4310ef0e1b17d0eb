//! Traces to convert: as large as is asked for, of pseudo-random bytes, and the same on every run.
//!
//! A connection is a conversation in turns: a read, a write, a read, …, and the close. Many of them in one stream are
//! interleaved at random, and in order of time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use crate::encode::{Connection, Event, Format, What, buffered};
use crate::random::Random;

/// 2026-11-20T11:00:00Z in microseconds.
const START: u64 = 1_795_172_400_000_000;
/// Bytes written at a time.
const WRITE: usize = 1 << 20;
/// What pcap adds to a payload: the record's header, Ethernet, IPv4 and TCP.
const PCAP_OVERHEAD: u64 = 16 + 14 + 20 + 20;

/// A streamed trace, or many of them in one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) format: Format,
    /// Bytes of each body.
    pub(crate) body: usize,
    /// The file's size, to within half an event for each connection.
    pub(crate) size: u64,
    pub(crate) connections: u64,
    /// So many of them at most are open at the same time.
    pub(crate) open: usize,
    /// How many connections other streams have, which come before these.
    pub(crate) others: u64,
    /// Each event has the addresses.
    pub(crate) has_addresses: bool,
}

/// What was generated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Generated {
    /// Bytes of the trace files.
    pub(crate) bytes: u64,
    /// No capture of all that can be smaller than this.
    pub(crate) least_capture: u64,
}

impl Generated {
    fn count(&mut self, body: usize) {
        self.least_capture += PCAP_OVERHEAD + body as u64;
    }
}

struct Open {
    connection: Connection,
    events: u64,
    seq_num: u64,
}

impl Stream {
    /// Writes it to `path`.
    pub(crate) fn write(&self, path: &Path) -> io::Result<Generated> {
        let mut file = File::create(path)?;
        let mut random = Random::new(self.body as u64);
        let mut body = vec![0; self.body];
        let mut out = Vec::with_capacity(WRITE + 5 * self.body);
        let mut generated = Generated::default();
        random.fill(&mut body);
        let events = self.events_of_each(&body);
        let mut time = START;
        let mut open: Vec<Open> = Vec::new();
        let mut opened = 0;
        while opened < self.connections || !open.is_empty() {
            time += random.between(5, 40) as u64;
            if opened < self.connections && open.len() < self.open {
                opened += 1;
                let connection = connection(self.others + opened);
                self.format.connection(&connection, &mut out);
                open.push(Open { connection, events: 0, seq_num: 1 });
            }
            let index = random.below(open.len());
            let Open { connection, events: written, seq_num } = &mut open[index];
            let addresses = self.has_addresses.then_some(&*connection);
            if *written == events {
                let event = Event { time, seq_num: *seq_num + 1, what: What::Closed, connection: addresses };
                self.format.event(connection.id, &event, &mut out);
                open.swap_remove(index);
            } else {
                random.fill(&mut body);
                let what = if written.is_multiple_of(2) { What::Read(&body) } else { What::Write(&body) };
                let event = Event { time, seq_num: *seq_num, what, connection: addresses };
                self.format.event(connection.id, &event, &mut out);
                *seq_num += self.body as u64;
                *written += 1;
                generated.count(self.body);
            }
            if out.len() >= WRITE {
                generated.bytes += out.len() as u64;
                file.write_all(&out)?;
                out.clear();
            }
        }
        generated.bytes += out.len() as u64;
        file.write_all(&out)?;
        Ok(generated)
    }

    /// How many events each connection has for its share of the file.
    fn events_of_each(&self, body: &[u8]) -> u64 {
        let length = |what| {
            let mut out = Vec::new();
            let connection = connection(1000);
            let addresses = self.has_addresses.then_some(&connection);
            let event = Event { time: START + 1, seq_num: 1 << 20, what, connection: addresses };
            self.format.event(connection.id, &event, &mut out);
            out.len() as u64
        };
        let mut opening = Vec::new();
        self.format.connection(&connection(1000), &mut opening);
        let event = length(What::Read(body));
        let share = self.size / self.connections - opening.len() as u64 - length(What::Closed);
        ((share + event / 2) / event).max(1)
    }
}

/// Writes `count` buffered traces of 2 to 30 KB into the directory `path`, as Envoy names them. Each connection begins
/// before the one before it has ended.
pub(crate) fn write_files(path: &Path, count: u64) -> io::Result<(Vec<PathBuf>, Generated)> {
    fs::create_dir(path)?;
    let mut random = Random::new(count);
    let mut generated = Generated::default();
    let mut out = Vec::new();
    let mut bytes = vec![0; 30_000];
    let mut names = Vec::new();
    for id in 1..=count {
        random.fill(&mut bytes);
        let mut left = random.between(1_900, 29_500);
        let mut time = START + id * 1000;
        let mut bodies: Vec<Event<'_>> = Vec::new();
        while left > 0 {
            let is_read = bodies.len().is_multiple_of(2);
            let length = random.between(100, if is_read { 1500 } else { 8000 }).min(left);
            let body = &bytes[left - length..left];
            left -= length;
            generated.count(length);
            let what = if is_read { What::Read(body) } else { What::Write(body) };
            bodies.push(Event { time, seq_num: 0, what, connection: None });
            time += random.between(50, 500) as u64;
        }
        out.clear();
        buffered(&connection(id), bodies.into_iter(), &mut out);
        generated.bytes += out.len() as u64;
        let name = PathBuf::from(format!("tap_{id}.pb"));
        fs::write(path.join(&name), &out)?;
        names.push(name);
    }
    Ok((names, generated))
}

/// Writes two streams of this kind into the directory `path`, which run at the same time.
pub(crate) fn write_two(stream: &Stream, path: &Path) -> io::Result<(Vec<PathBuf>, Generated)> {
    fs::create_dir(path)?;
    let mut generated = Generated::default();
    let mut names = Vec::new();
    for number in 0..2 {
        let name = PathBuf::from(format!("tap_{number}.pb_length_delimited"));
        let stream = Stream { others: number * stream.connections, ..*stream };
        let Generated { bytes, least_capture } = stream.write(&path.join(&name))?;
        generated.bytes += bytes;
        generated.least_capture += least_capture;
        names.push(name);
    }
    Ok((names, generated))
}

/// Each comes from another address and port.
fn connection(id: u64) -> Connection {
    let [_, high, middle, low] = (id as u32 / 16_384).to_be_bytes();
    Connection {
        id,
        local: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 8443),
        remote: SocketAddrV4::new(Ipv4Addr::new(10, 16 + high, middle, low), 32_768 + (id % 16_384) as u16),
    }
}
