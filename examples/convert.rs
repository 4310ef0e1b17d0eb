//! Converts traces to a capture: `cargo run --example convert -- CAPTURE TAP...`

use tap2pcap::{Capture, Converter, Error, Input};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let Some(capture) = arguments.next() else {
        eprintln!("usage: convert CAPTURE TAP...");
        return Ok(());
    };
    let mut converter = Converter::new().handshake(true);
    for tap in arguments {
        converter = converter.add(Input::open(tap)?);
    }
    let done = converter.convert(Capture::create(&capture)?)?;
    println!("{} traces, {} packets, {} bytes -> {capture}", done.traces, done.packets, done.bytes);
    done.errors().iter().for_each(|error| eprintln!("error: {error}"));
    done.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    Ok(())
}
