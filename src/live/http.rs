//! One HTTP/1.1 request at a time to Envoy's admin interface, over TCP or a Unix socket.

use std::fmt::{self, Display};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the head of a response.
const MAX_HEAD: usize = 64 * 1024;
/// Headers of a response.
const MAX_HEADERS: usize = 64;

/// Where Envoy's admin interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`, of `http://HOST:PORT`.
    Tcp(String),
    /// The path of a Unix socket, of `unix:PATH`.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let Some(authority) = text.strip_prefix("http://") else {
            return Err("neither http://HOST:PORT nor unix:PATH");
        };
        let authority = authority.trim_end_matches('/');
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if has_port && !authority.contains('/') {
            Ok(Self::Tcp(authority.to_owned()))
        } else {
            Err("an admin interface is http://HOST:PORT, such as http://127.0.0.1:9901")
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "http://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A response, of which the body is read as it comes.
pub(super) struct Response {
    pub(super) status: u16,
    /// How long the body is to be, nobody has said.
    pub(super) is_stream: bool,
    pub(super) body: Box<dyn Read + Send>,
}

impl Address {
    /// Sends a request, and reads the head of the response.
    pub(super) fn request(&self, method: &str, path: &str, body: &str) -> io::Result<Response> {
        let (mut writer, reader) = self.connect()?;
        let host = match self {
            Self::Tcp(authority) => authority,
            Self::Unix(_) => "localhost",
        };
        let length = body.len();
        writer.write_all(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )?;
        read_response(BufReader::new(reader))
    }

    fn connect(&self) -> io::Result<(Box<dyn Write + Send>, Box<dyn Read + Send>)> {
        match self {
            Self::Tcp(authority) => {
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in authority.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                        Ok(stream) => return Ok((Box::new(stream.try_clone()?), Box::new(stream))),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            #[cfg(unix)]
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                Ok((Box::new(stream.try_clone()?), Box::new(stream)))
            }
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

fn read_response(mut reader: BufReader<Box<dyn Read + Send>>) -> io::Result<Response> {
    let no_http = || io::Error::other("the answer is no HTTP: this is not Envoy's admin interface");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let before = head.len();
        (&mut reader).take((MAX_HEAD - before) as u64).read_until(b'\n', &mut head)?;
        if head.len() == before || !head.starts_with(&b"HTTP/"[..head.len().min(5)]) {
            return Err(no_http());
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&head).map_err(|_| no_http())?;
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        str::from_utf8(header.value).ok().map(str::trim)
    };
    let is_stream = value("transfer-encoding").is_some();
    let body: Box<dyn Read + Send> = if is_stream {
        Box::new(chunked_transfer::Decoder::new(reader))
    } else {
        let length = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(u64::MAX);
        Box::new(reader.take(length))
    };
    Ok(Response { status: response.code.unwrap_or_default(), is_stream, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!("http://[::1]:9901/".parse(), Ok(Address::Tcp("[::1]:9901".to_owned())));
        assert_eq!("unix:/run/envoy.sock".parse(), Ok(Address::Unix("/run/envoy.sock".into())));
        for wrong in [
            "http://host",
            "https://host:1",
            "host:1",
            "http://:1",
            "http://a:1/tap",
            "unix:",
            "http://a:70000",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_body_in_chunks_comes_as_it_is_sent() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n";
        let mut response = read_response(BufReader::new(Box::new(&answer[..]))).expect("a response");
        let mut body = String::new();
        response.body.read_to_string(&mut body).expect("text");
        assert_eq!((response.status, &*body), (200, "{}\n"));
    }

    #[test]
    fn what_is_no_http_is_told() {
        for answer in [&b"SSH-2.0-OpenSSH\r\n"[..], b"", b"HTTP/1.1 200 OK\r\n"] {
            let answer: Box<dyn Read + Send> = Box::new(answer);
            let Err(error) = read_response(BufReader::new(answer)) else { panic!("a response") };
            assert!(error.to_string().contains("no HTTP"), "{error}");
        }
    }
}
