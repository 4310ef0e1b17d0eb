//! Exchanges, which the tests' encoder writes too.

#[path = "../../tests/http/exchange.rs"]
pub(crate) mod exchange;
