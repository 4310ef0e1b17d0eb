//! The datagrams of Envoy's UDP tap sink, as they come, as one stream of messages.

use std::io::{self, Read};
use std::net::{SocketAddr, UdpSocket};

use crate::source::datagram::Messages;

/// No datagram is longer.
const MAX_DATAGRAM: usize = 65_535;

/// The messages in datagrams.
pub struct Datagrams {
    socket: UdpSocket,
    messages: Messages,
    datagram: Vec<u8>,
    /// What has not been read yet of it.
    rest: Vec<u8>,
    read: usize,
    /// Hears of the first datagram that is left out.
    tell: Box<dyn FnMut(&str) + Send>,
    has_told: bool,
}

impl Datagrams {
    /// Listens at an address, port 0 for any. `tell` hears of what is left out.
    ///
    /// # Errors
    /// The address is not this machine's, or taken.
    pub fn listen(address: SocketAddr, tell: Box<dyn FnMut(&str) + Send>) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::bind(address)?,
            messages: Messages::default(),
            datagram: vec![0; MAX_DATAGRAM],
            rest: Vec::new(),
            read: 0,
            tell,
            has_told: false,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for a datagram.
    fn receive(&mut self) -> io::Result<()> {
        let (length, sender) = self.socket.recv_from(&mut self.datagram)?;
        let message = &self.datagram[..length];
        if message.is_empty() {
            return Ok(());
        }
        self.read = 0;
        self.rest.clear();
        if !self.messages.push(message, &mut self.rest) && !std::mem::replace(&mut self.has_told, true) {
            (self.tell)(&format!(
                "{sender} sends something that is no message of a tap, or in another format than the first one, which is left out: give each format \
                 a port"
            ));
        }
        Ok(())
    }
}

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.rest.len() {
            self.receive()?;
        }
        let count = buffer.len().min(self.rest.len() - self.read);
        buffer[..count].copy_from_slice(&self.rest[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// What comes of messages, and what is said.
    fn stream(messages: &[&[u8]], length: usize) -> (Vec<u8>, Vec<String>) {
        let (sender, told) = channel();
        let tell = move |text: &str| sender.send(text.to_owned()).expect("a listener");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut datagrams = Datagrams::listen(any, Box::new(tell)).expect("a socket");
        let client = UdpSocket::bind(any).expect("a socket");
        for message in messages {
            client.send_to(message, datagrams.address().expect("an address")).expect("sent");
        }
        let mut bytes = vec![0; length];
        datagrams.read_exact(&mut bytes).expect("bytes");
        (bytes, told.try_iter().collect())
    }

    #[test]
    fn a_binary_message_gets_its_length() {
        // A length may look like a brace.
        let long = [b"\x0a", &[b'{'; 199][..]].concat();
        let expected = [&b"\x04\x0a\x02\x08\x01\xc8\x01"[..], &long].concat();
        assert_eq!(stream(&[b"\x0a\x02\x08\x01", b"", &long], expected.len()).0, expected);
    }

    #[test]
    fn text_gets_a_line() {
        assert_eq!(stream(&[b"{\"a_trace\": 1}", b"{}"], 18).0, b"{\"a_trace\": 1}\n{}\n");
        assert_eq!(stream(&[b"\xef\xbb\xbf{\"a_trace\": 1}"], 15).0, b"{\"a_trace\": 1}\n");
        assert_eq!(stream(&[b"socket_buffered_trace {}"], 25).0, b"socket_buffered_trace {}\n");
    }

    #[test]
    fn another_encoding_is_left_out_and_told_once() {
        let first = b"{\"a_trace\": 1}";
        let (bytes, told) = stream(&[first, b"\x0a\x02\x08\x01", b"\x0a\x02\x08\x02", b"{}"], 18);
        assert_eq!(bytes, b"{\"a_trace\": 1}\n{}\n");
        assert_eq!(told.len(), 1);
    }

    #[test]
    fn what_is_no_message_says_nothing_of_the_others() {
        for stray in [&b"\n"[..], b"\0", b"hello", b"<html>", b"5", b"{}"] {
            let (bytes, told) = stream(&[stray, b"{\"a_trace\": 1}"], 15);
            assert_eq!(bytes, b"{\"a_trace\": 1}\n", "{stray:?}");
            assert_eq!(told.len(), 1);
        }
    }
}
