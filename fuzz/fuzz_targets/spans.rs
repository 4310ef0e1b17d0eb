#![no_main]

use libfuzzer_sys::fuzz_target;
use tap2pcap_fuzz::spans::check;

fuzz_target!(|bytes: &[u8]| check(bytes));
