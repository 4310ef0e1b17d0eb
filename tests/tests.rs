//! All integration tests, one module a subject. Tests that need tshark or a real Envoy are `#[ignore]`d with the
//! reason; `.ci/run` installs both and runs them too.

mod capture;
mod conversion;
mod encode;
mod envoy;
mod expected;
mod formats;
mod model;
mod program;
mod readers;
mod synthesis;
mod tools;
