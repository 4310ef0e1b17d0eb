#![no_main]

use libfuzzer_sys::fuzz_target;
use tap2pcap_fuzz::detection;

fuzz_target!(|bytes: &[u8]| detection::check(bytes));
