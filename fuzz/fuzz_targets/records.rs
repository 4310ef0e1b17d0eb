#![no_main]

use libfuzzer_sys::fuzz_target;
use tap2pcap_fuzz::records::{Plan, check};

fuzz_target!(|plan: Plan| check(&plan));
