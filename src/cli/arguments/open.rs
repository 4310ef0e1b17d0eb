//! The command line of `tap2pcap open`.

use std::path::PathBuf;

use clap::Args;

use super::options::{CaptureFormat, HttpOptions, Packets, RedactOptions};
use super::texts::OPEN_EXAMPLES;
use super::{Cli, HubbleOptions, InputOptions, Output, SpanOptions};

#[derive(Args, Debug)]
#[command(after_long_help = OPEN_EXAMPLES)]
pub(crate) struct Open {
    /// The traces to show, and directories with traces below them; `-` is standard input
    #[arg(value_name = "TAP", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Keep the capture when the viewer has ended
    ///
    /// For viewers that return at once and stay in the background.
    #[arg(long)]
    pub(crate) keep: bool,

    /// Print only errors, no warnings and no summary
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    input: InputOptions,

    #[command(flatten)]
    http: HttpOptions,

    #[command(flatten)]
    hubble: HubbleOptions,

    #[command(flatten)]
    spans: SpanOptions,

    #[command(flatten)]
    redact: RedactOptions,

    #[command(flatten)]
    packets: Packets,
}

impl Open {
    /// The command line that writes the capture.
    pub(crate) fn into_conversion(self, capture: PathBuf) -> Cli {
        Cli {
            command: None,
            files: self.files,
            output: Output { write: Some(capture), split: None, format: Some(CaptureFormat::Pcapng) },
            input: self.input,
            http: self.http,
            hubble: self.hubble,
            spans: self.spans,
            redact: self.redact,
            packets: self.packets,
            strict: false,
            quiet: self.quiet,
            verbose: false,
        }
    }
}
