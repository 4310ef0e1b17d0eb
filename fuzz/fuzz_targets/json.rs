#![no_main]

use libfuzzer_sys::fuzz_target;
use tap2pcap::internal::input::Format;
use tap2pcap_fuzz::reading;

fuzz_target!(|bytes: &[u8]| reading::check(bytes, Format::Json));
