//! Hubble's flows, from bytes to a capture that the tests' own reader of pcapng reads back.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tap2pcap::internal::capture::destination::Destination;
use tap2pcap::internal::capture::{Capture, Format};
use tap2pcap::internal::filter::Filter;
use tap2pcap::internal::hubble::{Flows, Options, Points, Sinks, Summary};
use tap2pcap::internal::input::{Format as InputFormat, Input, Step};
use tap2pcap::internal::packet::LinkType;
use tap2pcap::internal::report::Report;

use crate::frames::parse;
use crate::reading::NAME;

/// A few bytes of a flow become at most so many of a packet: headers, comments, names, an interface.
const MOST_OF_A_FLOW: usize = 16_384;
/// A text is in the capture at most so many times: escaped, in a comment, a name, an interface, a header.
const TIMES: usize = 32;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Converts `bytes`, and reads the capture back.
pub fn check(bytes: &[u8], format: Option<InputFormat>) {
    const SETTINGS: [(Points, bool, bool); 3] =
        [(Points::First, false, true), (Points::All, false, false), (Points::All, true, false)];
    for (points, is_overlay, is_http2) in SETTINGS {
        let Ok(input) = Input::from_bytes(NAME.to_owned(), bytes.to_vec(), format) else { return };
        if !input.is_hubble() || input.encoding().is_some() {
            return;
        }
        convert(
            input,
            bytes.len(),
            Options { points, is_overlay, has_sockets: true, is_http2, ..Options::default() },
        );
    }
}

fn convert(mut input: Input, length: usize, options: Options) {
    let written_to = Shared::default();
    let destination = Destination::writer(written_to.clone());
    let mut capture =
        Capture::new(destination, Format::PcapNg, LinkType::Ethernet, &[]).expect("a thread to write");
    let mut report = Report::default();
    let names = [NAME.to_owned()];
    let is_all = options.points == Points::All;
    let mut flows = Flows::new(options, LinkType::Ethernet, Filter::default(), None, None);
    let mut summary = Summary::default();
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps <= length + 2, "reading ends");
        match input.advance() {
            Ok(Step::Flow) => {
                let flow = input.flow().expect("a flow");
                summary.add(flow);
                let (capture, report) = (&mut capture, &mut report);
                let mut sinks = Sinks { capture, report, names: &names, annotator: None };
                flows.write(0, flow, &mut sinks).expect("memory");
            }
            Ok(Step::End) => break,
            Ok(Step::Idle) | Err(_) => {}
            Ok(Step::Event | Step::Part) => panic!("there are only flows"),
        }
    }
    let mut sinks = Sinks { capture: &mut capture, report: &mut report, names: &names, annotator: None };
    flows.flush(&mut sinks).expect("memory");
    let written = capture.finish().expect("memory");
    let file = std::mem::take(&mut *written_to.0.lock().expect("no panic"));
    let most = 1024 + MOST_OF_A_FLOW * report.flows.records as usize + TIMES * length;
    // A body is claimed and not captured, but a long head takes several packets.
    assert!(file.len() <= most, "{} bytes of {length}", file.len());
    let blocks = parse(&file);
    assert_eq!(blocks.frames.len() as u64, written.packets);
    assert!(report.flows.packets <= report.flows.records);
    for frame in &blocks.frames {
        assert!(frame.bytes.len() <= frame.length && frame.length <= 65_535 + 54, "{frame:?}");
        // Parts of a message have none.
        assert!(frame.comments.first().is_none_or(|comment| comment.starts_with("hubble.verdict=")));
        assert_eq!(frame.id.is_some(), !frame.comments.is_empty());
        assert!(frame.comments.iter().all(|comment| !comment.contains(char::is_control)), "{frame:?}");
    }
    if !is_all {
        assert!(blocks.frames.iter().all(|frame| frame.comment("duplicate").is_none()));
    }
    summary.finish();
}
