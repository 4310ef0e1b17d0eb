//! PCAP-over-IP: whoever connects to a TCP port gets a capture, from then on or from some packets before, as Wireshark's
//! `TCP@HOST:PORT` reads it.
//!
//! The capture comes as the bytes of pcapng. What has to be before packets (section, interfaces, names) is kept for clients to come.
//! Nobody waits for a client: one that does not read is dropped.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Format;
use super::blocks::{Blocks, Part};

/// Bytes that may wait for a client; past that it is dropped.
const MAX_QUEUE: usize = 16 * 1024 * 1024;
/// Bytes of packets that are kept for clients to come.
const MAX_BACKLOG: usize = 16 * 1024 * 1024;
/// Clients at a time; who comes then is turned away.
const MAX_CLIENTS: usize = 32;
/// How long clients have at the end to take what waits for them.
const FAREWELL: Duration = Duration::from_millis(500);

/// Hears of clients that come, and of those that are dropped.
pub type Tell = Box<dyn FnMut(&str) + Send>;

/// Where a capture goes that is to be served.
pub struct Server {
    shared: Arc<Mutex<Shared>>,
    blocks: Blocks,
}

struct Shared {
    /// Section, interfaces and names.
    preamble: Vec<u8>,
    /// The last packets.
    backlog: VecDeque<Arc<[u8]>>,
    backlog_bytes: usize,
    /// Packets in the backlog at most.
    most: usize,
    clients: Vec<Arc<Client>>,
    /// How many they are, for others.
    readers: Arc<AtomicUsize>,
    tell: Tell,
}

/// A client, and what it has not got yet.
struct Client {
    address: SocketAddr,
    queue: Mutex<Queue>,
    has_more: Condvar,
}

#[derive(Default)]
struct Queue {
    blocks: VecDeque<Arc<[u8]>>,
    bytes: usize,
    /// Nothing more comes.
    is_closed: bool,
    /// It has gone.
    is_gone: bool,
}

impl Server {
    /// Serves at an address, with so many packets from before a client came.
    ///
    /// # Errors
    /// The address is not this machine's, or taken.
    pub fn start(address: SocketAddr, backlog: usize, tell: Tell) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared {
            preamble: Vec::new(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            most: backlog,
            clients: Vec::new(),
            readers: Arc::default(),
            tell,
        }));
        let server = Self { shared: Arc::clone(&shared), blocks: Blocks::new(Format::PcapNg) };
        thread::Builder::new().name("server".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who is gone already need not be served.
                let _ = lock(&shared).welcome(stream);
            }
        })?;
        Ok((server, address))
    }

    /// How many clients there are, as far as is known.
    #[must_use]
    pub fn readers(&self) -> Arc<AtomicUsize> {
        Arc::clone(&lock(&self.shared).readers)
    }
}

impl Shared {
    fn welcome(&mut self, stream: TcpStream) -> io::Result<()> {
        let address = stream.peer_addr()?;
        self.clients.retain(|client| !lock(&client.queue).is_gone);
        if self.clients.len() >= MAX_CLIENTS {
            (self.tell)(&format!("{address} is turned away: there are {MAX_CLIENTS} clients"));
            return Ok(());
        }
        let mut queue = Queue::default();
        let preamble = Arc::<[u8]>::from(&self.preamble[..]);
        std::iter::once(&preamble).chain(&self.backlog).for_each(|block| queue.push(block));
        let client = Arc::new(Client { address, queue: Mutex::new(queue), has_more: Condvar::new() });
        self.clients.push(Arc::clone(&client));
        self.readers.store(self.clients.len(), Ordering::Relaxed);
        (self.tell)(&format!("{address} reads the capture"));
        thread::Builder::new().name("client".into()).spawn(move || client.serve(&stream))?;
        Ok(())
    }

    /// Takes one block of pcapng.
    fn block(&mut self, part: Part, block: &[u8]) {
        let shared = Arc::<[u8]>::from(block);
        if part == Part::Preamble {
            self.preamble.extend_from_slice(block);
        } else if self.most > 0 {
            self.backlog.push_back(Arc::clone(&shared));
            self.backlog_bytes += block.len();
            while self.backlog.len() > self.most || self.backlog_bytes > MAX_BACKLOG {
                self.backlog_bytes -= self.backlog.pop_front().map_or(0, |block| block.len());
            }
        }
        let tell = &mut self.tell;
        self.clients.retain(|client| {
            let mut queue = lock(&client.queue);
            if queue.bytes + block.len() > MAX_QUEUE && !queue.is_gone {
                tell(&format!("{} does not read, and is dropped", client.address));
                queue.blocks.clear();
                queue.is_gone = true;
            }
            if !queue.is_gone {
                queue.push(&shared);
            }
            client.has_more.notify_one();
            !queue.is_gone
        });
        self.readers.store(self.clients.len(), Ordering::Relaxed);
    }
}

impl Client {
    /// Sends what there is until all has been sent.
    fn serve(&self, stream: &TcpStream) {
        let mut stream = stream;
        loop {
            let blocks = {
                let mut queue = lock(&self.queue);
                while queue.blocks.is_empty() && !queue.is_closed && !queue.is_gone {
                    queue = self.has_more.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                if queue.blocks.is_empty() {
                    break;
                }
                // What is being sent counts until it is: a client that does not read holds it.
                std::mem::take(&mut queue.blocks)
            };
            for block in blocks {
                let sent = stream.write_all(&block);
                let mut queue = lock(&self.queue);
                queue.bytes = queue.bytes.saturating_sub(block.len());
                if sent.is_err() || queue.is_gone {
                    queue.is_gone = true;
                    // It may have gone already.
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
        lock(&self.queue).is_gone = true;
        let _ = stream.shutdown(Shutdown::Write);
    }
}

impl Queue {
    fn push(&mut self, block: &Arc<[u8]>) {
        self.bytes += block.len();
        self.blocks.push_back(Arc::clone(block));
    }
}

impl Write for Server {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shared = lock(&self.shared);
        self.blocks.each(bytes, |part, block| shared.block(part, block));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Server {
    /// Gives clients a moment for what they have not got yet.
    fn drop(&mut self) {
        let shared = lock(&self.shared);
        for client in &shared.clients {
            lock(&client.queue).is_closed = true;
            client.has_more.notify_one();
        }
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL && shared.clients.iter().any(|client| !lock(&client.queue).is_gone) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What a thread that has panicked leaves behind is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn start(backlog: usize) -> (Server, SocketAddr, Receiver<String>) {
        let (sender, told) = channel();
        let tell = move |text: &str| drop(sender.send(text.to_owned()));
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (server, address) = Server::start(any, backlog, Box::new(tell)).expect("a port");
        (server, address, told)
    }

    fn block(kind: u32, length: u32) -> Vec<u8> {
        let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
        block.resize(length as usize, kind as u8);
        block
    }

    fn client(address: SocketAddr, told: &Receiver<String>) -> TcpStream {
        let client = TcpStream::connect(address).expect("a connection");
        assert!(told.recv().expect("a word").ends_with(" reads the capture"));
        client
    }

    fn all(mut client: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).expect("bytes");
        bytes
    }

    #[test]
    fn each_client_gets_a_whole_capture() {
        let (mut server, address, told) = start(1);
        let [section, interface, first, second, third] =
            [block(0x0a0d_0d0a, 28), block(1, 20), block(6, 32), block(6, 36), block(6, 40)];
        let early = client(address, &told);
        let beginning = [&section[..], &interface, &first, &second].concat();
        // In pieces that are no blocks.
        beginning.chunks(7).for_each(|piece| server.write_all(piece).expect("written"));
        let late = client(address, &told);
        server.write_all(&interface).expect("written");
        server.write_all(&third).expect("written");
        drop(server);
        assert_eq!(all(early), [&beginning[..], &interface, &third].concat());
        assert_eq!(all(late), [&section[..], &interface, &second, &interface, &third].concat());
    }

    #[test]
    fn who_does_not_read_is_dropped() {
        let (mut server, address, told) = start(0);
        let stalled = client(address, &told);
        let packet = block(6, 1 << 20);
        // More than the system's buffers and the queue have room for.
        (0..64).for_each(|_| server.write_all(&packet).expect("written"));
        assert!(told.recv().expect("a word").ends_with(" does not read, and is dropped"));
        assert!(lock(&server.shared).clients.is_empty());
        drop(stalled);
    }
}
