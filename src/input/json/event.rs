//! The values in a JSON trace, read by serde_json: an event, a connection, a trace's id.
//!
//! Strings are read as bytes, which serde_json does not check for UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64_simd::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};

use crate::input::{Body, Damage, Decoded, DecodedWhat};
use crate::trace::{Connection, Direction, Endpoint, SampleRate, nanoseconds};

/// Reads the event that stands in `range`, its body into `scratch`.
pub(super) fn decode(record: &[u8], range: Range<usize>, scratch: &mut Vec<u8>) -> Result<Decoded, Damage> {
    let start = range.start;
    let event: Event<'_> = parse(record, range)?;
    let fail = |what: &'static str| Damage::new(start, what);
    let what = match (event.read, event.write, event.closed) {
        (Some(data), ..) => self::data(data, Direction::Read, scratch).map_err(fail)?,
        (_, Some(data), _) => self::data(data, Direction::Write, scratch).map_err(fail)?,
        (.., Some(_)) => DecodedWhat::Closed,
        (None, None, None) => DecodedWhat::Nothing,
    };
    Ok(Decoded {
        time: event.timestamp.map_or(Ok(0), |text| timestamp(&text.0)).map_err(fail)?,
        seq_num: event.seq_num.map_or(0, |number| number.0),
        connection: event.connection.map(Box::<Connection>::from),
        what,
    })
}

/// Reads the connection that stands in `range`.
pub(super) fn connection(record: &[u8], range: Range<usize>) -> Result<Option<Box<Connection>>, Damage> {
    let connection: Option<JsonConnection<'_>> = parse(record, range)?;
    Ok(connection.map(Box::<Connection>::from))
}

/// Reads the trace id that stands in `range`.
pub(super) fn trace_id(record: &[u8], range: Range<usize>) -> Result<u64, Damage> {
    let id: Option<Number> = parse(record, range)?;
    Ok(id.map_or(0, |number| number.0))
}

/// Reads the sample rate that stands in `range`.
pub(super) fn sample_rate(record: &[u8], range: Range<usize>) -> Option<SampleRate> {
    let rate: Rate<'_> = parse(record, range).ok()?;
    let denominator = match rate.denominator.as_ref().map(|text| &text.0[..]) {
        Some(b"TEN_THOUSAND") => 10_000,
        Some(b"MILLION") => 1_000_000,
        _ => 100,
    };
    Some(SampleRate { numerator: rate.numerator.map_or(0, |number| number.0), denominator })
}

/// Whether the event that stands in `range` is what `JSON_BODY_AS_STRING` makes of a connection segment: an event
/// without a time and with nothing that happened.
pub(super) fn is_lost_connection(record: &[u8], range: Range<usize>) -> bool {
    // An event that has something in it is longer than this.
    range.len() < 100
        && parse::<Event<'_>>(record, range).is_ok_and(|event| {
            event.timestamp.is_none()
                && event.read.is_none()
                && event.write.is_none()
                && event.closed.is_none()
        })
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

fn data(data: Data<'_>, direction: Direction, scratch: &mut Vec<u8>) -> Result<DecodedWhat, &'static str> {
    scratch.clear();
    let body = data.data.unwrap_or_default();
    Ok(DecodedWhat::Data {
        direction,
        body: if body.append_to(scratch)? { Body::ScratchText } else { Body::Scratch },
        truncated: body.truncated.unwrap_or_default(),
        end_stream: data.end_stream.unwrap_or_default(),
    })
}

impl JsonBody<'_> {
    /// Appends the bytes to `out`. Returns whether they are text.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) -> Result<bool, &'static str> {
        match (&self.as_bytes, &self.as_string) {
            (Some(Text(base64)), _) => {
                decode_base64(base64, out).map(|()| false).map_err(|_| "a body is not valid base64")
            }
            (None, Some(Text(text))) => {
                out.extend_from_slice(text);
                Ok(true)
            }
            (None, None) => Ok(false),
        }
    }
}

/// Protobuf's JSON takes either alphabet, with and without padding.
pub(super) fn decode_base64(base64: &[u8], out: &mut Vec<u8>) -> Result<(), base64_simd::Error> {
    let is_url_safe = || memchr::memchr2(b'-', b'_', base64).is_some();
    match (STANDARD.decode_append(base64, out), base64.len() % 4) {
        (Err(_), 0) if is_url_safe() => URL_SAFE.decode_append(base64, out),
        (Err(_), 1..) if is_url_safe() => URL_SAFE_NO_PAD.decode_append(base64, out),
        (Err(_), 1..) => STANDARD_NO_PAD.decode_append(base64, out),
        (decoded, _) => decoded,
    }
}

fn timestamp(text: &[u8]) -> Result<u64, &'static str> {
    let time: jiff::Timestamp = str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or("a timestamp is not of the form 2006-01-02T15:04:05.999999999Z")?;
    Ok(nanoseconds(time.as_second(), time.subsec_nanosecond().into()))
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow, default)]
    read: Option<Data<'a>>,
    #[serde(borrow, default)]
    write: Option<Data<'a>>,
    #[serde(default)]
    closed: Option<IgnoredAny>,
    #[serde(borrow, default)]
    connection: Option<JsonConnection<'a>>,
    #[serde(default, alias = "seqNum")]
    seq_num: Option<Number>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    data: Option<JsonBody<'a>>,
    #[serde(default, alias = "endStream")]
    end_stream: Option<bool>,
}

#[derive(Default, Deserialize)]
pub(super) struct JsonBody<'a> {
    #[serde(borrow, default, alias = "asBytes")]
    as_bytes: Option<Text<'a>>,
    #[serde(borrow, default, alias = "asString")]
    as_string: Option<Text<'a>>,
    #[serde(default)]
    pub(super) truncated: Option<bool>,
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
            let port = socket.port_value.map_or(0, |port| port.0);
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
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an unsigned integer")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse()
                    .map(Number)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}
