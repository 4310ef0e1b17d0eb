//! A small HTTP/1.1 server on loopback, behind the Envoy under test: every answer can be foretold.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Serves until the test process ends: its threads sleep in `accept` and `read`.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    clients: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Upstream {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let clients = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let seen = Arc::clone(&clients);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(client) = stream.peer_addr() {
                    seen.lock().expect("no panic under the lock").push(client);
                }
                // A connection that breaks shows in what the client got.
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, clients }
    }

    /// The other end of every connection so far.
    pub(super) fn clients(&self) -> Vec<SocketAddr> {
        self.clients.lock().expect("no panic under the lock").clone()
    }
}

/// Answers one request after another: `/text/N` and `/noise/N` with that many bytes, `/chunked/N` in chunks, `/absent`
/// with 404, a POST with what was posted. HEAD gets the headers alone.
fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let is_head = line.starts_with("HEAD ");
        let mut posted = vec![0; content_length(&mut reader)?];
        reader.read_exact(&mut posted)?;
        let (status, body) =
            match path.rsplit_once('/').and_then(|(kind, size)| Some((kind, size.parse().ok()?))) {
                Some(("/text", size)) => ("200 OK", text(size)),
                Some(("/noise", size)) => ("200 OK", noise(size)),
                Some(("/chunked", size)) => {
                    writer.write_all(&chunked(&noise(size)))?;
                    continue;
                }
                _ if path == "/absent" => ("404 Not Found", b"no".to_vec()),
                _ => ("201 Created", posted),
            };
        let headers = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        let body = if is_head { &[][..] } else { &body };
        writer.write_all(&[headers.as_bytes(), body].concat())?;
    }
}

/// An answer that does not say how long it is.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(1_000) {
        answer.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        answer.extend([chunk, b"\r\n"].concat());
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

/// Reads the headers to their end.
fn content_length(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok(length);
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}

/// Bytes that survive a format which keeps text only.
pub(super) fn text(size: usize) -> Vec<u8> {
    (0..).flat_map(|line| format!("{line:06} the quick brown fox\n").into_bytes()).take(size).collect()
}

/// Bytes of every value, the same on each run.
pub(super) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64: no statistics are asked of it.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}
