//! The second table: that the time a byte takes depends neither on the size of a stream nor on how many conversations
//! it has.

use crate::generate::Stream;
use crate::measure::{Middle, Program, measure};
use crate::setup::Setup;
use crate::works::ONE_KIB;

/// What it is called on the command line.
pub(crate) const NAME: &str = "linearity";

/// How many times the time a byte takes may be that of the first line, or that a multiple of it.
const MOST: f64 = 1.2;
/// Conversations that are open at the same time.
const OPEN: usize = 1000;

/// The first is what the others are measured by.
const STREAMS: [(&str, Stream); 5] = [
    ("1 × the size, 100 conversations", ONE_KIB),
    ("1/4", Stream { size: ONE_KIB.size / 4, ..ONE_KIB }),
    ("1/16", Stream { size: ONE_KIB.size / 16, ..ONE_KIB }),
    ("1 conversation", Stream { connections: 1, open: 1, ..ONE_KIB }),
    ("100,000 conversations", Stream { connections: 100_000, open: OPEN, ..ONE_KIB }),
];

pub(crate) fn run(setup: &Setup) -> anyhow::Result<()> {
    println!();
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>7} {:>12}  within 20 %",
        "1 KiB bodies", "size", "time", "ns/KiB", "ratio", "half in"
    );
    let mut sizes = Vec::new();
    let mut programs: Vec<Program> = Vec::new();
    for (number, (_, stream)) in STREAMS.iter().enumerate() {
        let connections =
            if stream.connections > 100 { stream.connections / setup.divisor } else { stream.connections };
        let stream = Stream { size: stream.size / setup.divisor, connections, ..*stream };
        let input = setup.path(&format!("tap-{number}"));
        let generated = stream.write(&input)?;
        sizes.push(generated.bytes as f64);
        programs.push(setup.tap2pcap(&input, &setup.path("ours.pcap"), generated.least_capture));
    }
    let measured = measure(&programs, setup.rounds, &[])?;
    for (number, (name, _)) in STREAMS.iter().enumerate() {
        let (size, seconds) = (sizes[number], measured[number].seconds());
        let by_byte = sizes[0] / size;
        let ratio = Middle::of(measured[number].ratios(&measured[0]).iter().map(|ratio| ratio * by_byte));
        println!(
            "{name:<34} {:>5.0} MiB {:>6.0} ms {:>9.0} {:>7.2} {:>12}  {}",
            size / 1_048_576.0,
            seconds * 1000.0,
            seconds * 1e9 / (size / 1024.0),
            ratio.median,
            ratio.quartiles(),
            if (1.0 / MOST..=MOST).contains(&ratio.median) { "ok" } else { "MISS" },
        );
    }
    Ok(())
}
