//! All integration tests, one module a subject. Tests that need tshark or a real Envoy are `#[ignore]`d with the
//! reason; `.ci/run` installs both and runs them too.

mod capture;
mod cli;
mod conversion;
mod cuts;
mod damage;
mod decode;
mod encode;
mod envoy;
mod expected;
mod formats;
mod generations;
mod model;
mod oddities;
mod program;
mod readers;
mod resync;
mod synthesis;
mod tools;
