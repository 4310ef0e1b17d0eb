//! All integration tests, one module a subject. Tests that need tshark or a real Envoy are `#[ignore]`d with the
//! reason; `.ci/run` installs both and runs them too.

mod batch;
mod capture;
mod choose;
mod cli;
mod conversion;
mod cuts;
mod damage;
mod decode;
mod encode;
mod encodings;
mod envoy;
mod expected;
mod field;
mod foreign;
mod formats;
mod generations;
mod hostile;
mod http;
mod info;
mod limits;
mod many;
mod model;
mod oddities;
mod order;
mod packets;
mod program;
mod protocol;
mod readers;
mod resync;
mod signals;
mod split;
mod stray;
mod synthesis;
mod tools;
mod trailing;
