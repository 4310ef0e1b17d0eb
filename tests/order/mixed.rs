//! Everything at once: traces that are interleaved, and of their records some lost, some doubled, all out of place.

use super::*;

/// Only writes, so that what is lost has a direction; the first and the last stay, and with them the beginning.
fn writes(id: u64) -> Conversation {
    let start = Conversation::new(id).at(START + id * 345);
    (0..25)
        .fold(start, |conversation, n| conversation.write(noise_from(id * 100 + n, 1 + n as usize * 7)))
        .closed()
}

/// What a packet shows that cannot change; comments tell of what was lost before it.
fn shown(packet: &Packet) -> (u64, std::net::SocketAddr, u32, u32, &str, &[u8]) {
    let Packet { time, destination, sequence, acknowledgment, flags, payload, .. } = packet;
    (*time, *destination, *sequence, *acknowledgment, flags, payload)
}

/// Holes in one trace of so many events.
fn holes(lost: &[bool]) -> usize {
    lost.iter().zip(&lost[1..]).filter(|(lost, next)| **lost && !**next).count()
}

/// The trace id of a record.
fn trace_id(record: &Message) -> u64 {
    let Value::Message(segment) = &record[0].value else { panic!("a segment") };
    match segment[0].value {
        Value::U64(id) => id,
        _ => panic!("a trace id"),
    }
}

#[track_caller]
fn assert_mixed(seed: u64) {
    let tap = Tap::streamed(Format::Binary);
    let conversations = [1, 2, 3].map(writes);
    let records = tap.records(&conversations);
    let whole = converted(&tap, &records).capture.packets;

    let dice = noise_from(seed ^ 0x5eed, records.len());
    let mut lost = [[false; 27]; 4];
    let mut count = [0; 4];
    let (mut left, mut doubled) = (Vec::new(), 0);
    for (record, die) in records.iter().zip(dice) {
        let id = trace_id(record) as usize;
        let number = count[id];
        count[id] += 1;
        // 0 is the connection, 1 the first write, 26 the close.
        if die % 10 == 0 && (2..26).contains(&number) {
            lost[id][number] = true;
            continue;
        }
        left.push(record.clone());
        if die % 10 == 1 {
            doubled += 1;
            left.push(record.clone());
        }
    }
    let is_left = |packet: &&Packet| {
        let id = conversations.iter().position(|conversation| {
            let remote = conversation.addresses()[1];
            packet.source == remote || packet.destination == remote
        });
        let id = id.expect("one of the three");
        let events = &conversations[id].events;
        let number = events.iter().position(|event| event.time == packet.time).expect("an event");
        !lost[id + 1][number + 1]
    };
    let mixed = converted(&tap, &shuffled(&left, seed));
    let what = format!("seed {seed}: {}", mixed.messages);
    let expected: Vec<_> = whole.iter().filter(is_left).map(shown).collect();
    let packets: Vec<_> = mixed.capture.packets.iter().map(shown).collect();
    let number = packets.iter().zip(&expected).take_while(|(packet, expected)| packet == expected).count();
    assert_eq!(packets.get(number), expected.get(number), "packet {number}, {what}");

    let holes: usize = lost[1..].iter().map(|lost| holes(lost)).sum();
    for (count, says) in [(holes, format!(", {holes} lost (")), (doubled, format!(", {doubled} duplicate"))] {
        assert_eq!(count > 0, mixed.messages.contains(&says), "{says:?} in {what}");
    }
}

#[test]
fn what_is_left_is_in_its_place() {
    for seed in 0..40 {
        assert_mixed(seed);
    }
}
