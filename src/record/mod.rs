//! Finds one record after another in a source, in any of the formats, and says where in the input each one stands.

pub(crate) mod binary;
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod scanned;
pub(crate) mod stray;
pub(crate) mod text;
mod truncation;

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use binary::{Frame, FrameError, delimited, grpc, number, raw, sample_rate};
pub use format::Format;
use format::{BYTE_ORDER_MARK, http_headers};
use scanned::Scanned;
use stray::{Stray, is_stray, quoted};
pub use truncation::RecordTruncation;

use crate::quantity::{counted, grouped};
use crate::source::{Fill, Source};

/// The most bytes of a record, which has to be in memory as a whole. A body in text or JSON is there twice, and what a pipe or
/// compressed data will still bring nobody knows.
const MAX_RECORD: usize = 256 * 1024 * 1024;
/// The same of a binary trace in a file: what Envoy writes where its limit for a body is 1 GiB.
const MAX_FILE_RECORD: usize = 1_088 * 1024 * 1024;

/// The records of one input.
#[derive(Debug)]
pub(crate) struct Records {
    source: Source,
    splitter: Splitter,
    /// Where the record stands in what the source has available.
    record: Range<usize>,
    /// Of a record that ends too early.
    truncation: Option<RecordTruncation>,
    /// How many records have begun.
    number: u64,
    /// The last line was a fragment of a record, or of a record that cannot be read.
    is_in_garbage: bool,
    /// Lines that are no part of a record.
    stray: Stray,
    /// Offset of the run of zeros being skipped.
    zeros: Option<u64>,
    is_finished: bool,
    failed_messages: u64,
    /// Lines before the record, where it is one on a line.
    lines: u64,
}

#[derive(Debug)]
enum Splitter {
    Delimited,
    Raw,
    Text(text::Scanner),
    Json(json::Scanner),
    /// A record of any kind after its length.
    Framed,
    Grpc,
    Lines(lines::Scanner),
    /// All is one record.
    Whole,
}

/// What came of looking for the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Record,
    /// There is none at the moment.
    Idle,
    End,
}

/// Why there is no record.
#[derive(Debug)]
pub(crate) enum RecordError {
    Io(io::Error),
    /// At this offset in the input.
    Broken {
        offset: u64,
        what: Cow<'static, str>,
    },
}

impl Records {
    /// The records of a tap.
    pub(crate) fn new(source: Source, format: Format) -> Self {
        let splitter = match format {
            Format::Binary => Splitter::Raw,
            Format::Delimited => Splitter::Delimited,
            Format::Text => Splitter::Text(text::Scanner::default()),
            Format::Json => Splitter::Json(json::Scanner::default()),
            Format::Grpc => Splitter::Grpc,
        };
        Self::with(source, format, splitter)
    }

    /// The records of Hubble's flows.
    pub(crate) fn of_flows(source: Source, format: Format) -> Self {
        let splitter = match format {
            Format::Binary => Splitter::Whole,
            Format::Delimited => Splitter::Framed,
            Format::Grpc => Splitter::Grpc,
            Format::Text | Format::Json => Splitter::Lines(lines::Scanner::default()),
        };
        Self::with(source, format, splitter)
    }

    fn with(mut source: Source, format: Format, splitter: Splitter) -> Self {
        let mut stray = Stray::default();
        match format {
            Format::Text | Format::Json if source.available().starts_with(BYTE_ORDER_MARK) => {
                source.consume(BYTE_ORDER_MARK.len());
            }
            Format::Text | Format::Json => {}
            Format::Binary | Format::Delimited | Format::Grpc => {
                let headers = http_headers(source.available());
                stray.add(&source.available()[..headers]);
                source.consume(headers);
            }
        }
        Self {
            source,
            splitter,
            record: 0..0,
            truncation: None,
            number: 0,
            is_in_garbage: false,
            stray,
            zeros: None,
            is_finished: false,
            failed_messages: 0,
            lines: 0,
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }

    /// The record that was found last.
    pub(crate) fn record(&self) -> &[u8] {
        &self.source.available()[self.record.clone()]
    }

    /// Where the record ends too early, if it does.
    pub(crate) fn truncation(&self) -> Option<RecordTruncation> {
        self.truncation
    }

    /// Offset in the input of the record's beginning, with the length before it.
    pub(crate) fn begin(&self) -> u64 {
        self.source.offset()
    }

    /// The number of the record that was found last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Offset in the input of a place in the record.
    pub(crate) fn offset(&self, at: usize) -> u64 {
        self.source.offset() + (self.record.start + at) as u64
    }

    /// Lines that are no part of a record.
    pub(crate) fn stray(&self) -> &Stray {
        &self.stray
    }

    /// Messages that Envoy says it could not write as JSON.
    pub(crate) fn failed_messages(&self) -> u64 {
        self.failed_messages
    }

    /// Passes over the record that was found last, and shows what has been read behind it, if a delimited trace may go
    /// on there.
    pub(crate) fn behind_last(&mut self) -> Option<&[u8]> {
        if !matches!(self.splitter, Splitter::Delimited) || self.is_finished || self.zeros.is_some() {
            return None;
        }
        self.leave();
        Some(self.source.available())
    }

    /// Passes over `bytes` of that, which are `records` whole records.
    pub(crate) fn pass(&mut self, bytes: usize, records: u64) {
        self.source.consume(bytes);
        self.number += records;
    }

    /// Has the record end after `length` bytes: what is after it on its line is a record of its own.
    pub(crate) fn shorten(&mut self, length: usize) {
        if length < self.record.len() && !self.record().get(length..).unwrap_or(&[]).trim_ascii().is_empty() {
            self.record.end = self.record.start + length;
            self.count_braces();
        }
    }

    /// Has braces counted from here on, where a record is taken for a line. Whether it was.
    fn count_braces(&mut self) -> bool {
        match &mut self.splitter {
            Splitter::Lines(scanner) => scanner.count_braces(),
            _ => false,
        }
    }

    /// Looks again for the end of a record that is more than its line, if it may be.
    pub(crate) fn lengthen(&mut self) -> bool {
        let is_new = self.truncation.is_none() && self.count_braces();
        if is_new {
            self.record = 0..0;
            self.number -= 1;
        }
        is_new
    }

    /// Counts the record as lines that are no part of a trace.
    pub(crate) fn pass_as_stray(&mut self) {
        self.stray.add(&self.source.available()[self.record.clone()]);
    }

    /// The line of the input that the record begins on, from 1, where that is counted.
    pub(crate) fn line(&self) -> Option<u64> {
        matches!(self.splitter, Splitter::Lines(_)).then_some(self.lines + 1)
    }

    /// Passes over so many bytes that are available, and counts the lines in them if they may have an end.
    fn consume(&mut self, length: usize, may_end_lines: bool) {
        if let Splitter::Lines(_) = self.splitter
            && may_end_lines
        {
            let passed = &self.source.available()[..length];
            self.lines += memchr::memchr_iter(b'\n', passed).count() as u64;
        }
        self.source.consume(length);
    }

    /// Passes over the record that was found last.
    fn leave(&mut self) {
        let is_line = matches!(&self.splitter, Splitter::Lines(scanner) if scanner.is_line());
        self.consume(self.record.end, !is_line);
        self.record = 0..0;
        self.truncation = None;
    }

    /// Goes on to the next record.
    pub(crate) fn next(&mut self) -> Result<Next, RecordError> {
        self.leave();
        loop {
            if self.is_finished {
                return Ok(Next::End);
            }
            let found = match self.splitter {
                Splitter::Delimited => self.find_binary(delimited)?,
                Splitter::Raw => match self.find_binary(raw)? {
                    Found::Record => self.find_sample_rate()?,
                    found => found,
                },
                Splitter::Framed => self.find_binary(framed)?,
                Splitter::Grpc => self.find_binary(grpc)?,
                Splitter::Text(_) | Splitter::Json(_) | Splitter::Lines(_) => self.find_scanned()?,
                Splitter::Whole if self.source.is_at_end() => {
                    self.is_finished = true;
                    self.record = 0..self.source.available().len();
                    Found::Record
                }
                Splitter::Whole => Found::Incomplete,
            };
            match found {
                Found::Record => {
                    self.number += 1;
                    self.is_in_garbage = false;
                    return Ok(Next::Record);
                }
                Found::Nothing => {}
                Found::Idle => return Ok(Next::Idle),
                // The last line has no end.
                Found::Incomplete if self.source.is_at_end() && self.count_braces() => {}
                Found::Incomplete if self.source.is_at_end() => {
                    let rest = self.source.available();
                    self.is_finished = true;
                    // What goes on in the last line has been told of with the lines before.
                    if rest.trim_ascii().is_empty() || self.is_in_garbage {
                        return Ok(Next::End);
                    }
                    match self.splitter {
                        Splitter::Text(_) if rest.starts_with(b"#") => return Ok(Next::End),
                        // The end of an array of records.
                        Splitter::Json(_) if rest.trim_ascii() == b"]" => return Ok(Next::End),
                        Splitter::Lines(_) if !rest.starts_with(b"{") && !lines::is_fragment(rest) => {
                            self.stray.add(rest);
                            return Ok(Next::End);
                        }
                        Splitter::Lines(_) => {}
                        Splitter::Text(_) if text::may_begin_trace(rest) => {}
                        Splitter::Text(_) | Splitter::Json(_) if is_stray(rest) => {
                            self.stray.add(rest);
                            return Ok(Next::End);
                        }
                        _ => {}
                    }
                    self.record = 0..rest.len();
                    let there = rest.len() as u64;
                    self.truncation = Some(RecordTruncation { there, length: None, is_at_end: true });
                    self.number += 1;
                    return Ok(Next::Record);
                }
                Found::Incomplete if self.source.available().len() > self.max_record() => {
                    return Err(self.too_large(None));
                }
                Found::Incomplete => match self.source.fill().map_err(RecordError::Io)? {
                    Fill::More | Fill::End => {}
                    Fill::Idle => return Ok(Next::Idle),
                },
            }
        }
    }

    #[inline(always)]
    fn find_binary(
        &mut self,
        frame: impl Fn(&[u8]) -> Result<Frame, FrameError>,
    ) -> Result<Found, RecordError> {
        if self.zeros.is_some() {
            return self.skip_zeros();
        }
        let available = self.source.available();
        match frame(available) {
            // A length of zero in more than one byte is that of an empty record.
            Ok(Frame { prefix: 1, length: 0 }) => self.skip_zeros(),
            Ok(Frame { prefix, length }) if available.len() - prefix >= length => {
                self.record = prefix..prefix + length;
                Ok(Found::Record)
            }
            // Before the end is looked at, so that it does not matter how much has been read.
            Ok(Frame { length, .. }) if length > self.max_record() => Err(self.too_large(Some(length))),
            Ok(Frame { prefix, length }) if self.source.is_at_end() => {
                let there = available.len() as u64;
                let length = Some((prefix as u64).saturating_add(length as u64));
                self.record = prefix..available.len();
                self.truncation = Some(RecordTruncation { there, length, is_at_end: true });
                self.is_finished = true;
                Ok(Found::Record)
            }
            Ok(_) | Err(FrameError::Incomplete) => Ok(Found::Incomplete),
            Err(FrameError::Broken(_)) if available.starts_with(&[0]) => self.skip_zeros(),
            Err(FrameError::Broken(what)) => {
                self.is_finished = true;
                Err(self.broken(what))
            }
        }
    }

    /// Extends a raw record by the sample rate that may stand behind it, unless that has yet to come.
    fn find_sample_rate(&mut self) -> Result<Found, RecordError> {
        loop {
            match sample_rate(&self.source.available()[self.record.end..]) {
                Ok(length) if self.record.end + length <= self.source.available().len() => {
                    self.record.end += length;
                    break;
                }
                Err(FrameError::Broken(_)) => break,
                Ok(MAX_SAMPLE_RATE..) => break,
                Ok(_) | Err(FrameError::Incomplete) => {}
            }
            let is_all = self.source.is_at_end();
            if is_all || self.source.fill().map_err(RecordError::Io)? == Fill::Idle {
                break;
            }
        }
        Ok(Found::Record)
    }

    /// Passes over zeros, which a file system leaves behind after a crash.
    fn skip_zeros(&mut self) -> Result<Found, RecordError> {
        let begin = *self.zeros.get_or_insert(self.source.offset());
        loop {
            let zeros = self.source.available().iter().take_while(|&&byte| byte == 0).count();
            self.source.consume(zeros);
            let is_over = !self.source.available().is_empty() || self.source.is_at_end();
            if is_over {
                self.zeros = None;
                self.is_finished = self.source.available().is_empty();
                let count = self.source.offset() - begin;
                let what =
                    format!("{} instead of a record", counted(count, "zero byte", "zero bytes")).into();
                return Err(RecordError::Broken { offset: begin, what });
            }
            if self.source.fill().map_err(RecordError::Io)? == Fill::Idle {
                return Ok(Found::Idle);
            }
        }
    }

    fn find_scanned(&mut self) -> Result<Found, RecordError> {
        let available = self.source.available();
        let scanned = match &mut self.splitter {
            Splitter::Text(scanner) => scanner.scan(available),
            Splitter::Json(scanner) => scanner.scan(available),
            Splitter::Lines(scanner) => scanner.scan(available),
            Splitter::Delimited | Splitter::Framed | Splitter::Grpc | Splitter::Raw | Splitter::Whole => {
                Scanned::Incomplete
            }
        };
        match scanned {
            Scanned::Record(length) => {
                self.record = 0..length;
                Ok(Found::Record)
            }
            Scanned::Truncated(length) => {
                self.record = 0..length;
                let there = length as u64;
                self.truncation = Some(RecordTruncation { there, length: None, is_at_end: false });
                Ok(Found::Record)
            }
            Scanned::Separator(length) => {
                self.consume(length, true);
                Ok(Found::Nothing)
            }
            Scanned::Garbage(length) => self.skip_garbage(length),
            Scanned::Incomplete => Ok(Found::Incomplete),
        }
    }

    /// Passes over a line that is no record: a stray one, or a fragment of a record that is lost.
    fn skip_garbage(&mut self, length: usize) -> Result<Found, RecordError> {
        let line = &self.source.available()[..length];
        let is_failed_message = line.starts_with(b"Failed to convert protobuf message to JSON");
        let is_stray = match self.splitter {
            Splitter::Lines(_) => !lines::is_fragment(line),
            _ => !is_failed_message && is_stray(line),
        };
        let mut result = Ok(Found::Nothing);
        if is_failed_message && !is_stray {
            self.failed_messages += 1;
            self.is_in_garbage = false;
        } else if is_stray {
            self.stray.add(line);
        } else if !std::mem::replace(&mut self.is_in_garbage, true) {
            let shown = String::from_utf8_lossy(line.get(..SHOWN).unwrap_or(line));
            let what = format!("a fragment of a lost record, or no record at all: {}", quoted(shown.trim()));
            result = Err(self.broken(what));
        }
        self.consume(length, true);
        result
    }

    /// The most bytes that a record may have here.
    #[inline]
    fn max_record(&self) -> usize {
        let is_binary = !matches!(self.splitter, Splitter::Text(_) | Splitter::Json(_) | Splitter::Lines(_));
        if is_binary && self.source.is_there() { MAX_FILE_RECORD } else { MAX_RECORD }
    }

    /// The error for a record of too many bytes, of which the input is not read further.
    fn too_large(&mut self, length: Option<usize>) -> RecordError {
        const MIB: usize = 1024 * 1024;
        self.is_finished = true;
        let length = length.map_or("more".to_owned(), |length| grouped(length as u64) + " bytes");
        self.broken(format!(
            "a record of {length}: tap2pcap reads records of at most {} MiB, of {} MiB from a binary file",
            MAX_RECORD / MIB,
            grouped((MAX_FILE_RECORD / MIB) as u64)
        ))
    }

    fn broken(&self, what: impl Into<Cow<'static, str>>) -> RecordError {
        RecordError::Broken { offset: self.source.offset(), what: what.into() }
    }
}

/// A record of any kind after its length.
pub(crate) fn framed(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (length, prefix) = number(bytes)?;
    Ok(Frame { prefix, length: usize::try_from(length).unwrap_or(usize::MAX) })
}

/// A sample rate takes fewer bytes than this.
const MAX_SAMPLE_RATE: usize = 256;

/// Bytes of a fragment, of which an error shows the beginning.
const SHOWN: usize = 256;

/// What came of one look at what is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Record,
    /// Something else, which was passed over.
    Nothing,
    /// There is nothing at the moment.
    Idle,
    /// The record goes on behind what there is.
    Incomplete,
}
