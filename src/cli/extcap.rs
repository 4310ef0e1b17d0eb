//! Wireshark's external capture interfaces: linked into its extcap folder, the program is the interfaces "Envoy tap" and "Envoy tap
//! over UDP".
//!
//! Wireshark asks which interfaces there are, which options they have, and then for a capture into a FIFO, which `tap2pcap live` makes.
//! Whatever is on standard error it shows as an error. <https://www.wireshark.org/docs/wsdg_html_chunked/ChCaptureExtcap.html>

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tap2pcap::internal::live::admin::Address;

use super::arguments::{Cli, Command};
use super::{USAGE, live};

/// What Wireshark asks for.
#[derive(Debug, Parser)]
#[command(about = "What Wireshark runs for its interfaces", version)]
struct Extcap {
    #[arg(long)]
    extcap_interfaces: bool,
    /// Wireshark's version
    #[arg(long)]
    extcap_version: Option<String>,
    #[arg(long, value_enum)]
    extcap_interface: Option<Interface>,
    #[arg(long)]
    extcap_dlts: bool,
    #[arg(long)]
    extcap_config: bool,
    #[arg(long)]
    extcap_reload_option: Option<String>,
    #[arg(long)]
    extcap_capture_filter: Option<String>,
    #[arg(long)]
    capture: bool,
    #[arg(long)]
    fifo: Option<PathBuf>,
    /// Of the dialogue, from here on.
    #[arg(long, default_value = ADMIN)]
    admin: String,
    #[arg(long, default_value = "")]
    config_id: String,
    #[arg(long, default_value = "auto")]
    http: String,
    #[arg(long, default_value = "")]
    header: String,
    #[arg(long, default_value = "")]
    status: String,
    #[arg(long, default_value = "")]
    max_body: String,
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    retry: String,
    #[arg(long, default_value = LISTEN)]
    listen: String,
}

const ADMIN: &str = "http://127.0.0.1:9901";
const LISTEN: &str = "127.0.0.1:5000";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Interface {
    /// The admin interface.
    Envoytap,
    /// The UDP sink.
    Envoytapudp,
}

/// Whether it is Wireshark that runs the program: with options alone, no command before them.
pub(super) fn is_asked(args: &[OsString]) -> bool {
    let is_option = |arg: &OsString| arg.as_encoded_bytes().starts_with(b"-");
    args.get(1).is_some_and(is_option)
        && args.iter().any(|arg| arg.as_encoded_bytes().starts_with(b"--extcap-"))
}

/// Answers. Returns the exit status.
pub(super) fn run(args: &[OsString]) -> anyhow::Result<u8> {
    let asked = match Extcap::try_parse_from(args) {
        Ok(asked) => asked,
        Err(error) => {
            error.print()?;
            return Ok(USAGE);
        }
    };
    if asked.extcap_interfaces {
        print!("{INTERFACES}");
    } else if asked.extcap_dlts {
        println!("dlt {{number=1}}{{name=EN10MB}}{{display=Ethernet}}");
    } else if asked.extcap_config {
        // An option that would have to be loaded has no values.
        if asked.extcap_reload_option.is_none() {
            print!(
                "{}",
                if asked.extcap_interface == Some(Interface::Envoytapudp) {
                    UDP_OPTIONS
                } else {
                    ADMIN_OPTIONS
                }
            );
        }
    } else if asked.capture {
        return capture(asked);
    }
    Ok(0)
}

/// Makes of the dialogue's values the command line of `tap2pcap live`.
fn capture(asked: Extcap) -> anyhow::Result<u8> {
    let Some(fifo) = asked.fifo else { anyhow::bail!("--capture needs --fifo") };
    let mut args: Vec<OsString> = ["tap2pcap", "live", "-q"].map(Into::into).into();
    args.extend(["-w".into(), fifo.into()]);
    if asked.extcap_interface == Some(Interface::Envoytapudp) {
        args.push(format!("udp://{}", asked.listen).into());
    } else {
        // A file is no interface.
        if let Err(error) = asked.admin.parse::<Address>() {
            anyhow::bail!("{}: {error}", asked.admin);
        }
        args.push(asked.admin.into());
        let options = [
            ("config-id", asked.config_id),
            ("header", asked.header),
            ("status", asked.status),
            ("max-body", asked.max_body),
        ];
        let given = options.into_iter().filter(|(_, value)| !value.is_empty());
        args.extend(given.map(|(name, value)| format!("--{name}={value}").into()));
        if asked.retry == "true" {
            args.push("--retry".into());
        }
    }
    args.push(format!("--http={}", asked.http).into());
    match Cli::try_parse_from(args).map(|cli| cli.command) {
        Ok(Some(Command::Live(command))) => live::run(&command),
        Ok(_) => Ok(USAGE),
        Err(error) => {
            // Without clap's usage, which is not of this dialogue.
            let text = error.to_string();
            anyhow::bail!("{}", text.lines().next().unwrap_or_default().trim_start_matches("error: "))
        }
    }
}

const INTERFACES: &str = "\
extcap {version=0.1.0}{help=https://www.envoyproxy.io/docs/envoy/latest/operations/traffic_tapping}{display=Envoy tap}
interface {value=envoytap}{display=Envoy tap}
interface {value=envoytapudp}{display=Envoy tap over UDP}
";

const ADMIN_OPTIONS: &str = "\
arg {number=0}{call=--admin}{display=Admin address}{tooltip=http://HOST:PORT or unix:PATH}{type=string}{default=http://127.0.0.1:9901}{required=true}{group=Envoy}
arg {number=1}{call=--config-id}{display=Config id}{tooltip=The config_id of the tap's admin_config}{type=string}{required=true}{group=Envoy}
arg {number=2}{call=--max-body}{display=Bytes of each body}{tooltip=How much of a body, or of a read or write, Envoy keeps}{type=unsigned}{default=16777216}{group=Envoy}
arg {number=3}{call=--retry}{display=Wait for an Envoy that restarts}{type=boolflag}{default=false}{group=Envoy}
arg {number=4}{call=--http}{display=HTTP version}{tooltip=In which the exchanges of HTTP taps are written}{type=selector}{group=HTTP taps}
value {arg=4}{value=auto}{display=As needed}{default=true}
value {arg=4}{value=1}{display=HTTP/1.1}{default=false}
value {arg=4}{value=2}{display=HTTP/2}{default=false}
arg {number=5}{call=--header}{display=Only with header}{tooltip=NAME=VALUE}{type=string}{group=HTTP taps}
arg {number=6}{call=--status}{display=Only with status}{type=string}{validation=^([1-5][0-9][0-9])?$}{group=HTTP taps}
";

const UDP_OPTIONS: &str = "\
arg {number=0}{call=--listen}{display=Listen at}{tooltip=ADDR:PORT that Envoy's udp_sink sends to}{type=string}{default=127.0.0.1:5000}{required=true}{group=UDP sink}
arg {number=1}{call=--http}{display=HTTP version}{tooltip=In which the exchanges of HTTP taps are written}{type=selector}{group=HTTP taps}
value {arg=1}{value=auto}{display=As needed}{default=true}
value {arg=1}{value=1}{display=HTTP/1.1}{default=false}
value {arg=1}{value=2}{display=HTTP/2}{default=false}
";
