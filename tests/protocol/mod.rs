//! What a connection carries, and who its client is: told by its first bytes, and in the same way by `info` and by the
//! conversion.

mod agreement;
mod recognized;
mod samples;
mod tshark;

use serde_json::Value as Json;

use crate::encode::Tap;
use crate::model::{Conversation, Direction, ip};
use crate::program::Dir;
use samples::{Sample, Who};

/// The same beginning, tapped by the server's proxy, or, if `envoy` is the client, by a proxy that connects to the server.
fn conversation(id: u64, sample: &Sample, envoy: Who, server: &str, client: &str) -> Conversation {
    let (local, remote) = if envoy == Who::Server { (server, client) } else { (client, server) };
    let mut conversation = Conversation::new(id).between(ip(local), ip(remote));
    for (who, bytes) in &sample.messages {
        let direction = if *who == envoy { Direction::Write } else { Direction::Read };
        conversation = conversation.data(direction, bytes.clone(), None, false);
    }
    conversation
}

/// What `info --json` says of one tap.
#[track_caller]
fn info(tap: &[u8]) -> Json {
    let dir = Dir::new();
    dir.write("tap", tap);
    let json = dir.tap2pcap().args(["info", "--json", "tap"]).run().expect(0).stdout;
    let mut infos: Vec<Json> = serde_json::from_slice(&json).expect("an array");
    assert_eq!(infos.len(), 1);
    infos.remove(0)
}

#[track_caller]
fn info_of(tap: &Tap, conversation: Conversation) -> Json {
    info(&tap.write(&[conversation]))
}
