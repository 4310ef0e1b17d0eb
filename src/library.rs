//! The library's face: inputs in, a capture out, or events for those who want them. It only joins the rooms of the crate.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::{self, Display};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::capture;
use crate::capture::destination::Destination;
use crate::conversation;
use crate::convert::Conversion;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::http;
use crate::http::connections;
use crate::input;
use crate::input::Step;
use crate::merge::tap::{Tap, TapState};
use crate::packet::LinkType;
use crate::quantity::grouped;
use crate::redact::{Name, Redaction};
use crate::report::{self, Observer};

/// A trace to read: a file, bytes in memory, or anything that can be read. The format is detected.
#[derive(Debug)]
pub struct Input(input::Input);

impl Input {
    /// Opens a file. Reads its beginning to detect the format.
    ///
    /// # Errors
    /// The file cannot be read, or is no tap trace: then the error names what it looks like.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self(input::Input::open(path.as_ref(), None)?))
    }

    /// Reads bytes that are in memory. `name` is the input's name in messages and in the capture.
    ///
    /// # Errors
    /// The bytes are no tap trace.
    pub fn from_bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        Ok(Self(input::Input::from_bytes(name.to_owned(), bytes.into(), None)?))
    }

    /// Reads whatever can be read, in a thread. Waits for the first bytes, which show the format.
    ///
    /// # Errors
    /// It cannot be read, or is no tap trace.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, Error> {
        Ok(Self(input::Input::from_reader(name.to_owned(), reader)?))
    }

    /// The input's name in messages and in the capture.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The next event, as the trace has it: in the trace's order, cut bodies as they are. It borrows from the input's buffer.
    /// `None` at the end.
    ///
    /// # Errors
    /// The input is damaged here. The next call goes on after the damage.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        loop {
            match self.0.advance()? {
                Step::Event => return Ok(Some(Event::Socket(self.0.event()))),
                Step::Part => {
                    if let Some(piece) = self.0.part() {
                        return Ok(Some(Event::Http(piece)));
                    }
                }
                // Flows have no events.
                Step::Flow | Step::Idle => {}
                Step::End => return self.0.not_a_tap().map_or(Ok(None), |error| Err(error.into())),
            }
        }
    }
}

/// Where a capture goes, and in which format.
#[derive(Debug)]
pub struct Capture {
    destination: Destination,
    format: Format,
    link_type: LinkType,
}

pub use crate::capture::Format;

impl Capture {
    /// A file, which appears in one step when the capture is whole: in pcapng if the name ends in `.pcapng`, else in pcap with
    /// nanoseconds. An existing file is replaced only if it is a capture or empty.
    ///
    /// # Errors
    /// The file must not be replaced, or cannot be made.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let is_pcapng = path.extension().is_some_and(|ending| ending == "pcapng");
        let format = if is_pcapng { Format::PcapNg } else { Format::NsecPcap };
        let destination = Destination::file(path, &[])?;
        Ok(Self { destination, format, link_type: LinkType::Ethernet })
    }

    /// Whatever takes bytes. A thread writes to it, and flushes it in the end.
    #[must_use]
    pub fn to_writer(writer: impl Write + Send + 'static, format: Format) -> Self {
        Self { destination: Destination::writer(writer), format, link_type: LinkType::Ethernet }
    }

    /// Sets what is below IP: [`LinkType::Ethernet`] unless set.
    #[must_use]
    pub fn link_type(self, link_type: LinkType) -> Self {
        Self { link_type, ..self }
    }
}

/// Converts traces to a capture. All settings have defaults.
#[derive(Debug, Default)]
pub struct Converter {
    inputs: Vec<Input>,
    mss: Option<u16>,
    snap_length: Option<u16>,
    handshake: bool,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    trace_ids: HashSet<u64>,
    http_version: Option<http::Version>,
    http_side: http::Side,
    start_time: Option<u64>,
    redaction: Option<Arc<Redaction>>,
}

impl Converter {
    /// A converter without inputs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input. Many are merged in order of time.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a converter is no number")]
    pub fn add(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    /// Whether each connection begins with SYN, SYN-ACK and ACK.
    #[must_use]
    pub fn handshake(self, handshake: bool) -> Self {
        Self { handshake, ..self }
    }

    /// The most bytes of TCP payload in a segment, at least 1. Unless set, as many as IP can say.
    #[must_use]
    pub fn max_segment(self, bytes: u16) -> Self {
        Self { mss: Some(bytes.max(1)), ..self }
    }

    /// The most bytes of TCP payload that a packet keeps.
    #[must_use]
    pub fn snap_length(self, bytes: u16) -> Self {
        Self { snap_length: Some(bytes), ..self }
    }

    /// The proxy's address, where a trace has none.
    #[must_use]
    pub fn local(self, address: SocketAddr) -> Self {
        Self { local: Some(address), ..self }
    }

    /// The address of the proxy's peer, where a trace has none.
    #[must_use]
    pub fn remote(self, address: SocketAddr) -> Self {
        Self { remote: Some(address), ..self }
    }

    /// Converts only traces with these ids. May be called again.
    #[must_use]
    pub fn trace_ids(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.trace_ids.extend(ids);
        self
    }

    /// Writes the exchanges of HTTP taps in this version of HTTP. Unless set, in HTTP/1.1 where it can say them.
    #[must_use]
    pub fn http_version(self, version: http::Version) -> Self {
        Self { http_version: Some(version), ..self }
    }

    /// Puts the exchanges of HTTP taps on this side of the proxy: downstream unless set.
    #[must_use]
    pub fn http_side(self, side: http::Side) -> Self {
        Self { http_side: side, ..self }
    }

    /// When exchanges begin whose trace has no times, in nanoseconds since the Unix epoch. Unless set, when the file was last
    /// modified.
    #[must_use]
    pub fn start_time(self, ns: u64) -> Self {
        Self { start_time: Some(ns), ..self }
    }

    /// Writes as many `x` for the values of headers, cookies and query parameters with these names, and for bodies if `bodies` is set.
    /// What cannot be followed of a socket tap is not captured; docs/privacy.md says what that is.
    ///
    /// ```
    /// use tap2pcap::{Capture, Converter, Format, Input};
    ///
    /// let done = Converter::new()
    ///     .redact(["authorization", "user-agent"], true)?
    ///     .add(Input::open("testdata/post-streamed.pb")?)
    ///     .convert(Capture::to_writer(std::io::sink(), Format::PcapNg))?;
    /// assert_eq!(done.redacted_values, 1);
    /// # Ok::<(), tap2pcap::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name cannot be redacted: messages are read by it, or it is no name.
    pub fn redact(
        self,
        names: impl IntoIterator<Item = impl AsRef<str>>,
        bodies: bool,
    ) -> Result<Self, Error> {
        let names = names.into_iter().map(|name| name.as_ref().parse());
        let names: Result<Vec<Name>, String> = names.collect();
        let names = names.map_err(|error| Error::new(ErrorKind::Setting, error))?;
        Ok(Self { redaction: Some(Arc::new(Redaction::new(names, bodies))), ..self })
    }

    /// Converts all inputs. What is wrong with one is in the report: what could be read of it is in the capture all the same.
    ///
    /// # Errors
    /// The capture cannot be written, or there is nothing to write because no input could be read.
    pub fn convert(self, capture: Capture) -> Result<Report, Error> {
        let Capture { destination, format, link_type } = capture;
        let names: Vec<String> = self.inputs.iter().map(|input| input.name().to_owned()).collect();
        let interfaces: Vec<u32> = (0..).take(names.len()).collect();
        let errors = Errors::default();
        let mut counts = report::Report::default();
        counts.observe(Box::new(errors.clone()));
        let conversion = Conversion {
            options: conversation::Options {
                link_type,
                mss: self.mss.map(usize::from),
                snap_length: self.snap_length.map(usize::from),
                handshake: self.handshake,
                local: self.local,
                remote: self.remote,
                initiator: None,
            },
            trace_ids: self.trace_ids,
            http: connections::Options {
                version: self.http_version,
                side: self.http_side,
                mss: self.mss.map(usize::from),
                start_time: self.start_time,
            },
            redaction: self.redaction,
            ..Conversion::default()
        };
        let taps = self.inputs.into_iter().zip(&names).map(|(input, name)| Tap {
            name: name.clone(),
            path: name.into(),
            state: TapState::Open(Box::new(input.0)),
        });
        let written = capture::Capture::new(destination, format, link_type, &names)
            .and_then(|capture| conversion.run(taps.collect(), &interfaces, capture, &mut counts))
            .map_err(|error| Error::new(ErrorKind::Capture, error))?;
        counts.stop_observing();
        let errors = errors.0.take();
        match written {
            Some(written) => Ok(Report {
                traces: counts.traces,
                exchanges: counts.exchanges,
                packets: written.packets,
                bytes: counts.bytes,
                redacted_values: counts.redacted.values,
                errors,
                warnings: counts.warnings().map(Warning::from).collect(),
            }),
            None if counts.nothing_passes => Err(Error::new(ErrorKind::Input, "no trace has one of the ids")),
            None => Err(Error::new(ErrorKind::Input, errors.join("; "))),
        }
    }
}

/// Keeps the errors of inputs.
#[derive(Clone, Debug, Default)]
struct Errors(Rc<RefCell<Vec<String>>>);

impl Observer for Errors {
    fn error(&mut self, error: &dyn Display) {
        self.0.borrow_mut().push(error.to_string());
    }

    fn progress(&mut self, _bytes: u64) {}

    fn input_done(&mut self) {}
}

/// What came of a conversion.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Conversations.
    pub traces: u64,
    /// Exchanges of HTTP taps.
    pub exchanges: u64,
    /// Packets in the capture.
    pub packets: u64,
    /// Bytes of payload in the capture.
    pub bytes: u64,
    /// Values of headers, cookies and parameters that were redacted.
    pub redacted_values: u64,
    errors: Vec<String>,
    warnings: Vec<Warning>,
}

impl Report {
    /// What is wrong with inputs, each with the input, the record and the byte offset. Of one input at most 20 are kept.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// What was lost or made up: each kind once.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A kind of loss or workaround, how often it occurred, and a first example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The kind.
    pub kind: WarningKind,
    /// How often it occurred.
    pub count: u64,
    /// The first place where it did: an input, a connection.
    pub example: String,
}

pub use crate::report::Warning as WarningKind;

impl From<(WarningKind, u64, &str)> for Warning {
    fn from((kind, count, example): (WarningKind, u64, &str)) -> Self {
        Self { kind, count, example: example.to_owned() }
    }
}

impl Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, count, example } = self;
        write!(f, "{}: {}", kind.description(), grouped(*count))?;
        if example.is_empty() { Ok(()) } else { write!(f, " ({example})") }
    }
}
