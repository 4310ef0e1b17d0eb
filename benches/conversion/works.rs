//! The works of the first table: what is to be done, by what program it is measured, and how fast it has to be.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::encode::Format;
use crate::flows;
use crate::generate::{Generated, Stream, write_files, write_two};
use crate::measure::{Measured, Program, is_installed, measure};
use crate::setup::{Setup, command};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The stream that most is measured with.
pub(crate) const ONE_KIB: Stream = Stream {
    format: Format::Delimited,
    body: 1024,
    size: 512 * MIB,
    connections: 100,
    open: 100,
    others: 0,
    has_addresses: false,
};

/// A line of the table.
pub(crate) struct Work {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) reference: &'static str,
    /// The most that our time may be of the reference's.
    pub(crate) target: f64,
    /// The most memory that we may take, in bytes.
    pub(crate) memory: u64,
    job: Job,
}

#[derive(Clone, Copy)]
enum Job {
    /// Against `cp` of the trace.
    Stream(Stream),
    /// Two of them into one capture, against `cat` of both.
    Merged(Stream),
    /// Against `cat` of so many files.
    Files(u64),
    /// So many Hubble flows to pcapng, against `cp` of them.
    Flows(u64),
    /// Against `editcap` of our capture.
    Editcap(Stream),
    /// To pcapng, against ourselves to pcap.
    PcapNg(Stream),
}

/// What came of a work.
pub(crate) struct Outcome {
    /// Of the trace.
    pub(crate) bytes: u64,
    pub(crate) reference: Measured,
    pub(crate) ours: Measured,
}

pub(crate) const WORKS: [Work; 12] = [
    Work {
        name: "16k",
        what: "delimited, 16 KiB bodies",
        reference: "cp",
        target: 1.0,
        memory: 32 * MIB,
        job: Job::Stream(Stream { body: 16 * 1024, size: 1024 * MIB, connections: 1, open: 1, ..ONE_KIB }),
    },
    Work {
        name: "1k",
        what: "delimited, 1 KiB, 100 connections",
        reference: "cp",
        target: 1.1,
        memory: 32 * MIB,
        job: Job::Stream(ONE_KIB),
    },
    Work {
        name: "100b",
        what: "delimited, 100 B, 1,000 connections",
        reference: "cp",
        target: 2.5,
        memory: 32 * MIB,
        job: Job::Stream(Stream { body: 100, size: 256 * MIB, connections: 1000, open: 1000, ..ONE_KIB }),
    },
    Work {
        name: "1k-conn",
        what: "1k, a connection in every event",
        reference: "cp",
        target: 1.1,
        memory: 32 * MIB,
        job: Job::Stream(Stream { has_addresses: true, ..ONE_KIB }),
    },
    Work {
        name: "100b-conn",
        what: "100b, a connection in every event",
        reference: "cp",
        target: 2.2,
        memory: 32 * MIB,
        job: Job::Stream(Stream {
            body: 100,
            size: 256 * MIB,
            connections: 1000,
            open: 1000,
            has_addresses: true,
            ..ONE_KIB
        }),
    },
    Work {
        name: "merged",
        what: "two delimited streams, 1 KiB, into one",
        reference: "cat",
        target: 1.3,
        memory: 64 * MIB,
        job: Job::Merged(Stream { size: 256 * MIB, ..ONE_KIB }),
    },
    Work {
        name: "json",
        what: "JSON, bodies as bytes, 1 KiB",
        reference: "cp",
        target: 2.8,
        memory: 32 * MIB,
        job: Job::Stream(Stream { format: Format::Json, size: 256 * MIB, ..ONE_KIB }),
    },
    Work {
        name: "text",
        what: "text, 1 KiB bodies",
        reference: "cp",
        target: 12.0,
        memory: 32 * MIB,
        job: Job::Stream(Stream { format: Format::Text, size: 256 * MIB, ..ONE_KIB }),
    },
    Work {
        name: "files",
        what: "20,000 buffered files into one",
        reference: "cat",
        target: 1.6,
        memory: 128 * MIB,
        job: Job::Files(20_000),
    },
    Work {
        name: "hubble",
        what: "a million Hubble flows to pcapng",
        reference: "cp",
        target: 6.0,
        memory: 64 * MIB,
        job: Job::Flows(1_000_000),
    },
    Work {
        name: "editcap",
        what: "the 1 KiB stream",
        reference: "editcap",
        target: 0.2,
        memory: 32 * MIB,
        job: Job::Editcap(ONE_KIB),
    },
    Work {
        name: "pcapng",
        what: "the 1 KiB stream to pcapng",
        reference: "to pcap",
        target: 1.15,
        memory: 32 * MIB,
        job: Job::PcapNg(ONE_KIB),
    },
];

impl Work {
    /// What it takes that may not be there.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        let needed = matches!(self.job, Job::Editcap(_)).then_some("editcap");
        needed.filter(|program| !is_installed(program))
    }

    pub(crate) fn run(&self, setup: &Setup) -> anyhow::Result<Outcome> {
        let is_directory = matches!(self.job, Job::Files(_) | Job::Merged(_));
        let input = setup.path(if is_directory { "taps" } else { "tap" });
        let outcome = self.run_on(&input, setup);
        // Space for the next.
        if input.is_dir() {
            fs::remove_dir_all(&input)?;
        } else if input.exists() {
            fs::remove_file(&input)?;
        }
        outcome
    }

    fn run_on(&self, input: &Path, setup: &Setup) -> anyhow::Result<Outcome> {
        let ours = setup.path("ours.pcap");
        let theirs = setup.path("theirs");
        let stream = match self.job {
            Job::Files(count) => {
                let (names, generated) = write_files(input, count / setup.divisor)?;
                return run_on_files(names, generated, input, setup);
            }
            Job::Merged(stream) => {
                let stream = Stream { size: stream.size / setup.divisor, ..stream };
                let (names, generated) = write_two(&stream, input)?;
                return run_on_files(names, generated, input, setup);
            }
            Job::Flows(count) => {
                let generated = flows::write(count / setup.divisor, input)?;
                let programs = [
                    setup.cp(input, &theirs, generated.bytes),
                    setup.tap2pcap(input, &setup.path("ours.pcapng"), generated.least_capture),
                ];
                return outcome(generated.bytes, &programs, setup);
            }
            Job::Stream(stream) | Job::Editcap(stream) | Job::PcapNg(stream) => stream,
        };
        let generated = Stream { size: stream.size / setup.divisor, ..stream }.write(input)?;
        let least = generated.least_capture;
        let programs = match self.job {
            Job::Editcap(_) => {
                // What it copies has to be there in all its turns.
                let capture = setup.path("capture.pcap");
                let program = Program { keeps_output: true, ..setup.tap2pcap(input, &capture, least) };
                measure(&[program], 0, &[])?;
                let arguments = ["-F".into(), "nsecpcap".into(), capture, theirs.clone()] as [PathBuf; 4];
                let editcap = Program::new(move || command("editcap", &arguments), &theirs, least);
                [editcap, setup.tap2pcap(input, &ours, least)]
            }
            Job::PcapNg(_) => [
                setup.tap2pcap(input, &ours, least),
                setup.tap2pcap(input, &setup.path("ours.pcapng"), least),
            ],
            _ => [setup.cp(input, &theirs, generated.bytes), setup.tap2pcap(input, &ours, least)],
        };
        outcome(generated.bytes, &programs, setup)
    }
}

/// All files in `input`, which have these names, into one capture, against `cat` of them.
fn run_on_files(
    names: Vec<PathBuf>,
    generated: Generated,
    input: &Path,
    setup: &Setup,
) -> anyhow::Result<Outcome> {
    let joined = setup.path("joined");
    let (directory, output) = (input.to_owned(), joined.clone());
    let cat = Program {
        // Named as by a shell's `cat * > joined`, without the time that a shell takes for that.
        command: Box::new(move || {
            let mut cat: Command = command("cat", &names);
            cat.current_dir(&directory).stdout(File::create(&output)?);
            Ok(cat)
        }),
        output: joined,
        least_output: generated.bytes,
        keeps_output: false,
    };
    let ours = setup.tap2pcap(input, &setup.path("ours.pcap"), generated.least_capture);
    outcome(generated.bytes, &[cat, ours], setup)
}

fn outcome(bytes: u64, programs: &[Program; 2], setup: &Setup) -> anyhow::Result<Outcome> {
    let mut measured = measure(programs, setup.rounds, &[1])?.into_iter();
    Ok(Outcome {
        bytes,
        reference: measured.next().unwrap_or_default(),
        ours: measured.next().unwrap_or_default(),
    })
}
