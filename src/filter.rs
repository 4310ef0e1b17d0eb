//! Which conversations and events are to be converted, by time, address and port, as people ask for them.
//!
//! What is asked of one kind are alternatives, and each kind that is asked for has to hold. Either side of a connection
//! may match; an address with a port matches only a side that has both. An IPv4-mapped IPv6 address is the IPv4 one, on
//! a connection as in a filter.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// Where a span of time begins or ends, in nanoseconds since the Unix epoch.
///
/// Its text is RFC 3339, with `Z` or an offset, or a decimal number of seconds since the Unix epoch; either has at most
/// nine decimals, and is from 1970-01-01T00:00:00Z to 2554-07-21T23:34:33.709551615Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeBound(u64);

impl TimeBound {
    /// In nanoseconds since the Unix epoch.
    #[must_use]
    pub fn nanoseconds(self) -> u64 {
        self.0
    }
}

/// Why a text is no [`TimeBound`].
#[derive(Debug, thiserror::Error)]
pub enum TimeBoundError {
    /// It has neither form.
    #[error(
        "neither RFC 3339, as 2026-11-20T10:58:36.5Z is, nor seconds since 1970, as 1795172319.5 is: {0}"
    )]
    Form(jiff::Error),
    /// It has more than nine decimals.
    #[error("more than nine decimals: times are in nanoseconds")]
    TooFine,
    /// It is before the first time, or after the last one.
    #[error("not between 1970-01-01T00:00:00Z and 2554-07-21T23:34:33.709551615Z; a number counts seconds")]
    Range,
}

impl FromStr for TimeBound {
    type Err = TimeBoundError;

    fn from_str(text: &str) -> Result<Self, TimeBoundError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        if decimals.bytes().take_while(u8::is_ascii_digit).count() > 9 {
            return Err(TimeBoundError::TooFine);
        }
        if is_digits(whole.strip_prefix('-').unwrap_or(whole)) && is_digits(decimals) {
            return seconds(whole, decimals).map(Self).ok_or(TimeBoundError::Range);
        }
        let time: jiff::Timestamp = text.parse().map_err(TimeBoundError::Form)?;
        u64::try_from(time.as_nanosecond()).map(Self).map_err(|_| TimeBoundError::Range)
    }
}

/// The nanoseconds in so many seconds, unless they are too many or negative.
fn seconds(whole: &str, decimals: &str) -> Option<u64> {
    let whole: u64 = whole.parse().ok()?;
    let decimals: u64 = format!("{decimals:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(decimals)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An IP address or a network, with or without a port from 0 to 65535.
///
/// Its text is an address or a CIDR, perhaps with `:port` behind it; IPv6 is in brackets then, as in `[::1]:80` and
/// `[fd00::/8]:80`. A CIDR may have bits below its prefix, which say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressMatch {
    net: IpNet,
    port: Option<u16>,
}

/// Why a text is no [`AddressMatch`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressMatchError {
    /// It has none of the forms.
    #[error("not an IP address or CIDR (without %scope), nor one with a port, as [fd00::/8]:80 is")]
    Form,
    /// What is behind the slash is no length in bits from the first to the second: at least 96 if IPv4-mapped.
    #[error("the length of this prefix has to be from {0} to {1}")]
    Prefix(u8, u8),
    /// What is behind the address is not a colon and a port.
    #[error("what follows the address has to be a colon and a port from 0 to 65535")]
    Port,
}

impl AddressMatch {
    /// `side` has to be canonical: not IPv4-mapped.
    fn matches(&self, side: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == side.port()) && self.net.contains(&side.ip())
    }
}

impl FromStr for AddressMatch {
    type Err = AddressMatchError;

    fn from_str(text: &str) -> Result<Self, AddressMatchError> {
        let (net, port) = match text.strip_prefix('[') {
            Some(text) => text.split_once(']').filter(|(net, _)| net.contains(':')),
            // A lone colon is the port's; more are those of IPv6.
            None if text.matches(':').count() == 1 => text.find(':').map(|colon| text.split_at(colon)),
            None => Some((text, "")),
        }
        .ok_or(AddressMatchError::Form)?;
        let net = network(net)?;
        let port = match port {
            "" => None,
            _ => Some(port.strip_prefix(':').and_then(number).ok_or(AddressMatchError::Port)?),
        };
        Ok(Self { net, port })
    }
}

fn network(text: &str) -> Result<IpNet, AddressMatchError> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(ip, len)| (ip, Some(len)));
    if prefix.is_some_and(|prefix| prefix.contains(':')) {
        return Err(AddressMatchError::Form);
    }
    let ip: IpAddr = address.parse().map_err(|_| AddressMatchError::Form)?;
    let canonical = ip.to_canonical();
    let min = if ip == canonical { 0 } else { 96 };
    let max = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(max), number).and_then(|prefix: u8| prefix.checked_sub(min));
    let net = prefix.and_then(|prefix| IpNet::new(canonical, prefix).ok());
    Ok(net.ok_or(AddressMatchError::Prefix(min, max))?.trunc())
}

/// A number of digits alone: no sign.
fn number<N: FromStr>(text: &str) -> Option<N> {
    text.parse().ok().filter(|_| is_digits(text))
}

/// What to convert: everything, where nothing is set.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The first time that is wanted.
    pub since: Option<TimeBound>,
    /// The last time that is wanted.
    pub until: Option<TimeBound>,
    /// Addresses of which a side has to match one, unless there are none.
    pub addresses: Vec<AddressMatch>,
    /// Ports, from 0 to 65535, of which a side has to have one, unless there are none.
    pub ports: Vec<u16>,
}

impl Filter {
    /// Whether it keeps anything out.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.since.is_some() || self.until.is_some() || !self.addresses.is_empty() || !self.ports.is_empty()
    }

    /// Whether to convert what happened at `ns`, in nanoseconds since the Unix epoch. Both bounds are within the span.
    #[inline]
    #[must_use]
    pub fn wants_time(&self, ns: u64) -> bool {
        self.since.is_none_or(|since| since.0 <= ns) && self.until.is_none_or(|until| ns <= until.0)
    }

    /// Whether to convert a connection between these addresses. It does not matter which is which.
    #[inline]
    #[must_use]
    pub fn wants_addresses(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        (self.addresses.is_empty() && self.ports.is_empty()) || self.wants_either([local, remote])
    }

    fn wants_either(&self, sides: [SocketAddr; 2]) -> bool {
        let sides = sides.map(|side| SocketAddr::new(side.ip().to_canonical(), side.port()));
        let has_address = |address: &AddressMatch| sides.iter().any(|side| address.matches(*side));
        let has_port = |port: &u16| sides.iter().any(|side| side.port() == *port);
        (self.addresses.is_empty() || self.addresses.iter().any(has_address))
            && (self.ports.is_empty() || self.ports.iter().any(has_port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_errors<T: FromStr<Err: ToString>>(texts: &str, why: &str) {
        for text in texts.split(' ') {
            let error = text.parse::<T>().err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(why)), "{text}: {error:?}");
        }
    }

    #[test]
    fn times_are_exact() {
        for (text, ns) in [
            ("2026-11-20T10:58:36.880974Z", 1_795_172_316_880_974_000),
            ("2026-11-20t16:28:36.880974001+05:30", 1_795_172_316_880_974_001),
            ("1795172319.5", 1_795_172_319_500_000_000),
            ("1970-01-01T01:00:00+01:00", 0),
            ("18446744073.709551615", u64::MAX),
            ("2554-07-21T23:34:33.709551615Z", u64::MAX),
        ] {
            assert_eq!(text.parse::<TimeBound>().ok(), Some(TimeBound(ns)), "{text}");
        }
        let fails = assert_errors::<TimeBound>;
        fails("18446744073.709551616 2554-07-21T23:34:33.709551616Z", "not between");
        fails("1969-12-31T23:59:59.9Z -1 -0.5 1795172319500 99999999999999999999", "not between");
        fails("1.0000000001 2026-11-20T10:58:36.8809740001Z", "more than nine decimals");
        fails(" . 1. .5 +1 1e9 1.5.5 now 2026-11-20 2026-02-30T00:00:00Z", "neither RFC 3339");
        fails("2026-11-20T10:58:36", "offset");
    }

    #[test]
    fn addresses_have_one_form() {
        for (text, net, port) in [
            ("10.0.0.1", "10.0.0.1/32", None),
            ("10.1.2.3/8:443", "10.0.0.0/8", Some(443)),
            ("::1:80", "::1:80/128", None),
            ("[::1]", "::1/128", None),
            ("fd00::/8", "fd00::/8", None),
            ("[::/0]:80", "::/0", Some(80)),
            ("::ffff:10.0.0.1", "10.0.0.1/32", None),
            ("[::ffff:a00:0/104]:0", "10.0.0.0/8", Some(0)),
        ] {
            let found = text.parse::<AddressMatch>().map(|found| (found.net.to_string(), found.port));
            assert_eq!(found, Ok((net.to_owned(), port)), "{text}");
        }
        let fails = assert_errors::<AddressMatch>;
        fails(" :80 host:80 10.0.0.01 [10.0.0.1]:80 [::1 fd00::/8:80 fe80::1%1", "not an IP");
        fails("10.0.0.0/33 10.0.0.0/ 10.0.0.0/+8 fd00::/129", "prefix has to be from 0 to ");
        fails("::ffff:10.0.0.0/8 ::ffff:10.0.0.0/129", "prefix has to be from 96 to 128");
        fails("10.0.0.1: 10.0.0.1:65536 [::1]:+80 10.0.0.1:http [::1]80 [fd00::]/8", "0 to 65535");
    }

    #[test]
    fn kinds_are_all_and_values_any() -> Result<(), Box<dyn std::error::Error>> {
        let sides = ("[::ffff:10.0.0.1]:443".parse()?, "[fd00::7]:50000".parse()?);
        let wants = |addresses: &[&str], ports: &[u16]| -> Result<bool, AddressMatchError> {
            let addresses = addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
            let filter = Filter { addresses, ports: ports.to_vec(), ..Filter::default() };
            assert_eq!(filter.wants_addresses(sides.0, sides.1), filter.wants_addresses(sides.1, sides.0));
            Ok(filter.wants_addresses(sides.0, sides.1))
        };
        assert!(wants(&[], &[])?);
        assert!(wants(&["192.0.2.1", "10.0.0.0/8:443"], &[1, 50000])?);
        assert!(wants(&["[fd00::/8]:50000"], &[443])? && wants(&["::ffff:10.0.0.0/104"], &[])?);
        assert!(!wants(&["10.0.0.1:50000", "[fd00::7]:443", "11.0.0.0/8", "::/9"], &[])?);
        assert!(!wants(&["10.0.0.1"], &[80])?);
        assert!(!wants(&["10.0.0.2"], &[443])?);
        Ok(())
    }

    #[test]
    fn both_bounds_are_wanted() {
        let filter = Filter { since: Some(TimeBound(5)), until: Some(TimeBound(7)), ..Filter::default() };
        assert_eq!([4, 5, 7, 8].map(|ns| filter.wants_time(ns)), [false, true, true, false]);
        assert!(Filter::default().wants_time(0) && Filter::default().wants_time(u64::MAX));
    }
}
