//! The values of fields: texts, names and numbers of enums, addresses, ports.

use std::net::IpAddr;

use crate::hubble::flow::Enum;
use crate::hubble::text::{Text, Texts};
use crate::protobuf::{Damage, Encoding, Reader};

/// Fields of which newer versions of Hubble have names, and numbers that nobody has seen, are numbered from here.
pub(super) const FIRST_UNNUMBERED: u32 = 1 << 28;

/// The text that is the value.
pub(in super::super) fn string<E: Encoding>(
    texts: &mut Texts,
    value: &mut Reader<'_, E>,
) -> Result<Text, Damage> {
    texts.read(|bytes| value.string(bytes))
}

/// Numbers of the names of an enum.
pub(super) fn name_of<T: Into<i32>>(from: fn(&str) -> Option<T>) -> impl Fn(&str) -> Option<i32> {
    move |name| from(name).map(Into::into)
}

/// The value, an enum's. A name or number that the schema does not have is kept as it is.
pub(super) fn enumeration<E: Encoding>(
    texts: &mut Texts,
    value: &mut Reader<'_, E>,
    number_of: impl Fn(&str) -> Option<i32>,
    name_of: impl Fn(i32) -> Option<&'static str>,
) -> Result<Enum, Damage> {
    let mut number = None;
    let text = texts.read(|bytes| {
        number = value.name_or_number(bytes)?;
        Ok(())
    })?;
    Ok(match number {
        None => Enum { number: number_of(texts.get(text)).unwrap_or(-1), text },
        Some(0) => Enum::default(),
        Some(number) => Enum {
            number,
            text: match name_of(number) {
                Some(name) => texts.add(name),
                None => texts.add(&number.to_string()),
            },
        },
    })
}

/// The address in a text. An IPv4 address in IPv6 is the IPv4 one.
pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// A port, or another number of which no more than 16 bits can be.
pub(super) fn port<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u16, Damage> {
    let at = value.at();
    u16::try_from(value.unsigned()?).map_err(|_| Damage::new(at, "a port above 65535"))
}

pub(super) fn byte<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u8, Damage> {
    let at = value.at();
    u8::try_from(value.unsigned()?).map_err(|_| Damage::new(at, "a number above 255"))
}
