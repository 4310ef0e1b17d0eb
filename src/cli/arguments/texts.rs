//! What help and man pages say beside the options. A line that ends with a colon begins a section, and indented lines are kept as
//! they are: `generate man` makes sections of a man page from them.

/// What `--version` prints after the name: what is read and written.
pub(super) const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "

Reads:
  Envoy's taps    PROTO_BINARY, PROTO_BINARY_LENGTH_DELIMITED, PROTO_TEXT,
                  JSON_BODY_AS_BYTES, JSON_BODY_AS_STRING;
                  of sockets since Envoy 1.7, of HTTP since Envoy 1.10
  Hubble's flows  JSON, binary
  tracing spans   OTLP, Zipkin and OpenCensus in JSON and binary
  compressed      gzip, zstd

Writes:
  pcapng; pcap in nanoseconds (nsecpcap) or microseconds (pcap)"
);

pub(super) const USAGE: &str = "\
tap2pcap [OPTIONS] TAP CAPTURE
       tap2pcap [OPTIONS] -w CAPTURE TAP...
       tap2pcap [OPTIONS] TAP | tshark -r -
       tap2pcap COMMAND";

pub(super) const EXAMPLES: &str = "\
Examples:
  tap2pcap tap_1.pb out.pcapng              # one trace, one capture
  tap2pcap -w all.pcapng taps/              # every trace below taps/
  tap2pcap --split captures/ taps/          # a capture for each connection
  tap2pcap tap_1.pb | tshark -r -           # a look at it
  tap2pcap tap_1.pb | tshark -r - $(tap2pcap info --decode-as tap_1.pb)
  cat taps/*.json | tap2pcap - - | tcpdump -r -
  tap2pcap info taps/*                      # what they hold
  tap2pcap --http 2 --http-side upstream http_1.pb out.pcapng
  hubble observe -o jsonpb | tap2pcap --verdict DROPPED - drops.pcapng
  tap2pcap --spans otlp.jsonl -w out.pcapng taps/

Exit status:
  0  Every trace was read to its end.
  1  A trace was damaged, absent or unreadable, or the capture could not be
     written. What could be converted is written.
  2  The command line was wrong.";

pub(super) const INFO_EXAMPLES: &str = "\
Examples:
  tap2pcap info tap_1.pb                    # a table
  tap2pcap info --json taps/ | jq -r '.[] | select(.errors != []) | .name'
  tap2pcap info --spans otlp.jsonl taps/    # requests beside their spans
  tap2pcap tap_1.pb | tshark -r - $(tap2pcap info --decode-as tap_1.pb)";

pub(super) const LIVE_EXAMPLES: &str = "\
Examples:
  tap2pcap live http://127.0.0.1:9901 --config-id my_tap | wireshark -k -i -
  tap2pcap live unix:admin.sock --config-id my_tap --status 503 -w errors.pcapng
  tap2pcap live http://127.0.0.1:9901 --config-id my_tap --serve 127.0.0.1:57012
  tap2pcap live udp://127.0.0.1:5000 | tshark -l -r -
  tap2pcap live /var/log/taps/ | wireshark -k -i -

Ctrl-C ends the capture and leaves a complete file.";

pub(super) const OPEN_EXAMPLES: &str = "\
Examples:
  tap2pcap open tap_1.pb                    # one trace
  tap2pcap open taps/ --port 443            # all below taps/ with that port
  TAP2PCAP_VIEWER=tshark tap2pcap open tap_1.pb

The capture is a temporary file, which is removed when the viewer has ended.
The viewer is wireshark, or what TAP2PCAP_VIEWER names, called with tshark's arguments. Without a display, the command to run is printed.";

pub(super) const GENERATE_EXAMPLES: &str = "\
Examples:
  tap2pcap generate man ~/.local/share/man/man1
  tap2pcap generate completions bash > /etc/bash_completion.d/tap2pcap
  tap2pcap generate completions zsh > ~/.zfunc/_tap2pcap
  tap2pcap generate completions fish > ~/.config/fish/completions/tap2pcap.fish";
