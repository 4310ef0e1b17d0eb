#![no_main]

use libfuzzer_sys::fuzz_target;
use tap2pcap_fuzz::conversion::{SETTINGS, check};

fuzz_target!(|bytes: &[u8]| SETTINGS.iter().for_each(|setting| check(bytes, None, setting)));
