//! The values in a JSON trace, read by serde_json: strings, numbers, times, connections, sample rates.
//!
//! Strings are read as bytes, which serde_json does not check for UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Unexpected, Visitor};

use crate::input::Damage;
use crate::trace::{Connection, Endpoint, SampleRate, nanoseconds};

/// Reads the connection that stands in `range`.
pub(super) fn connection(record: &[u8], range: Range<usize>) -> Result<Option<Box<Connection>>, Damage> {
    let connection: Option<JsonConnection<'_>> = parse(record, range)?;
    Ok(connection.map(Box::<Connection>::from))
}

/// Reads the number that stands in `range`.
pub(super) fn number(record: &[u8], range: Range<usize>) -> Result<Number, Damage> {
    let number: Option<Number> = parse(record, range)?;
    Ok(number.unwrap_or_default())
}

/// Reads the sample rate that stands in `range`.
pub(super) fn sample_rate(record: &[u8], range: Range<usize>) -> Option<SampleRate> {
    let rate: Rate<'_> = parse(record, range).ok()?;
    let denominator = match rate.denominator.as_ref().map(|text| &text.0[..]) {
        Some(b"TEN_THOUSAND") => 10_000,
        Some(b"MILLION") => 1_000_000,
        _ => 100,
    };
    Some(SampleRate { numerator: rate.numerator.map_or(0, |number| number.value), denominator })
}

/// Fails unless the record is JSON.
pub(super) fn check(record: &[u8]) -> Result<(), Damage> {
    parse::<IgnoredAny>(record, 0..record.len()).map(drop)
}

/// Reads the time that stands in `range`.
pub(super) fn time(record: &[u8], range: Range<usize>) -> Result<Option<u64>, Damage> {
    let start = range.start;
    let text: Option<Text<'_>> = parse(record, range)?;
    let time = text.map(|text| timestamp(&text.0)).transpose();
    time.map_err(|what| Damage::new(start, what))
}

/// Reads what stands in `range`.
pub(super) fn parse<'a, T: Deserialize<'a>>(record: &'a [u8], range: Range<usize>) -> Result<T, Damage> {
    let text = &record[range.clone()];
    serde_json::from_slice(text).map_err(|error| {
        let line_start = match error.line() {
            0 | 1 => 0,
            line => memchr::memchr_iter(b'\n', text).nth(line - 2).map_or(0, |newline| newline + 1),
        };
        let message = error.to_string();
        // serde_json counts lines from the beginning of the event; the byte offset says it better.
        let what = message.split(" at line ").next().unwrap_or_default().to_owned();
        Damage::new(range.start + line_start + error.column().saturating_sub(1), what)
    })
}

fn timestamp(text: &[u8]) -> Result<u64, &'static str> {
    let time: jiff::Timestamp = str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or("a timestamp is not of the form 2006-01-02T15:04:05.999999999Z")?;
    Ok(nanoseconds(time.as_second(), time.subsec_nanosecond().into()))
}

#[derive(Deserialize)]
struct JsonConnection<'a> {
    #[serde(borrow, default, alias = "localAddress")]
    local_address: Option<Address<'a>>,
    #[serde(borrow, default, alias = "remoteAddress")]
    remote_address: Option<Address<'a>>,
}

#[derive(Deserialize)]
struct Address<'a> {
    #[serde(borrow, default, alias = "socketAddress")]
    socket_address: Option<Socket<'a>>,
    #[serde(borrow, default)]
    pipe: Option<Pipe<'a>>,
    #[serde(borrow, default, alias = "envoyInternalAddress")]
    envoy_internal_address: Option<Internal<'a>>,
}

#[derive(Deserialize)]
struct Socket<'a> {
    #[serde(borrow, default)]
    address: Option<Text<'a>>,
    #[serde(default, alias = "portValue")]
    port_value: Option<Number>,
    #[serde(borrow, default, alias = "namedPort")]
    named_port: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Pipe<'a> {
    #[serde(borrow, default)]
    path: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Internal<'a> {
    #[serde(borrow, default, alias = "serverListenerName")]
    server_listener_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Rate<'a> {
    #[serde(default)]
    numerator: Option<Number>,
    #[serde(borrow, default)]
    denominator: Option<Text<'a>>,
}

impl From<JsonConnection<'_>> for Box<Connection> {
    fn from(connection: JsonConnection<'_>) -> Self {
        let endpoint = |address: Option<Address<'_>>| address.and_then(Address::into_endpoint);
        Self::new(Connection {
            local: endpoint(connection.local_address),
            remote: endpoint(connection.remote_address),
            sample_rate: None,
        })
    }
}

impl Address<'_> {
    fn into_endpoint(self) -> Option<Endpoint> {
        let text = |text: Option<Text<'_>>| text.map(|text| text.to_string()).unwrap_or_default();
        if let Some(socket) = self.socket_address {
            let address = text(socket.address);
            let port = socket.port_value.map_or(0, |port| port.value);
            return Some(match (socket.named_port, u16::try_from(port)) {
                (None, Ok(port)) => Endpoint::socket(&address, port),
                (Some(name), _) => Endpoint::Host(format!("{address}:{name}")),
                (None, Err(_)) => Endpoint::Host(format!("{address}:{port}")),
            });
        }
        if let Some(pipe) = self.pipe {
            return Some(Endpoint::Pipe(text(pipe.path)));
        }
        self.envoy_internal_address.map(|internal| Endpoint::Internal(text(internal.server_listener_name)))
    }
}

/// A JSON string, its escapes resolved: UTF-8, save where Envoy wrote something else.
pub(super) struct Text<'a>(pub(super) Cow<'a, [u8]>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(bytes.to_vec())))
            }
        }

        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// An unsigned integer, which JSON of protobuf writes as a string where it has 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number {
    pub(super) value: u64,
    /// It has gone through a floating-point number, which does not hold all of its digits.
    pub(super) is_rounded: bool,
}

/// All integers below this are floating-point numbers too.
const FIRST_INEXACT: u64 = 1 << 53;

impl Number {
    /// A number as a program wrote it that takes all numbers for floating-point ones, if it has no fraction.
    fn from_float(float: f64) -> Option<Self> {
        // Exact: 2^64 is one.
        let is_integer = float.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&float);
        is_integer.then_some(Self { value: float as u64, is_rounded: float >= FIRST_INEXACT as f64 })
    }

    /// A number without quotes around it. Envoy writes none of 64 bits so; what does mostly keeps 17 digits.
    fn from_unquoted(value: u64) -> Self {
        let is_rounded =
            value >= FIRST_INEXACT && (value as f64 as u64 == value || value.is_multiple_of(100));
        Self { value, is_rounded }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an unsigned integer")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number::from_unquoted(number))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Number, E> {
                Number::from_float(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                let exact = text.parse().map(|value| Number { value, is_rounded: false }).ok();
                let number = exact.or_else(|| Number::from_float(text.parse().ok()?));
                number.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}
