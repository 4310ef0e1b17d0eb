//! Prints what a trace recorded, event by event: `cargo run --example events -- TAP`

use tap2pcap::event::{Event, EventKind, PieceKind};
use tap2pcap::{Error, Input};

fn main() -> Result<(), Error> {
    let Some(tap) = std::env::args().nth(1) else {
        eprintln!("usage: events TAP");
        return Ok(());
    };
    let mut input = Input::open(tap)?;
    while let Some(event) = input.next_event()? {
        match event {
            Event::Socket(event) => match event.what {
                EventKind::Data(data) => {
                    println!(
                        "{} {}: {:?} {} bytes",
                        event.time,
                        event.trace.id,
                        data.direction,
                        data.bytes.len()
                    );
                }
                EventKind::Opened => println!("{}: opened {:?}", event.trace.id, event.connection),
                EventKind::Closed | EventKind::Ended => println!("{}: closed", event.trace.id),
            },
            Event::Http(piece) => match piece.what {
                PieceKind::Head(headers) => {
                    println!("{:?}: {} headers", piece.message, headers.iter().count())
                }
                PieceKind::Body { bytes, .. } => {
                    println!("{:?}: {} bytes of body", piece.message, bytes.len())
                }
                PieceKind::Trailers(_) | PieceKind::End => {}
            },
            _ => {}
        }
    }
    Ok(())
}
