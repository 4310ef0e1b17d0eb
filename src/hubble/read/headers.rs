//! The headers of a flow's packet, and of what was around it: Ethernet, IP, the transport, a tunnel.

use std::net::IpAddr;

use super::values::{FIRST_UNNUMBERED, byte, enumeration, name_of, parse_ip, port, string};
use crate::hubble::flow::{Layer4, Tunnel};
use crate::hubble::text::{Text, Texts};
use crate::proto::flow as proto;
use crate::protobuf::{Damage, Encoding, Field, Kind, Message, Reader, Schema};

const CHUNK_TYPE: u32 = FIRST_UNNUMBERED + 1;

pub(super) struct EthernetReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) ends: &'a mut [Text; 2],
}

impl Message for EthernetReader<'_> {
    type Schema = proto::Ethernet;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        self.ends[usize::from(number == proto::Ethernet::DESTINATION)] = string(self.texts, value)?;
        Ok(())
    }
}

pub(super) struct IpReader<'a> {
    pub(super) texts: &'a mut Texts,
    /// Source, destination, and the source after translation.
    pub(super) texts_of: [Text; 3],
    pub(super) is_encrypted: bool,
}

impl Message for IpReader<'_> {
    type Schema = proto::Ip;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Ip::SOURCE => self.texts_of[0] = string(self.texts, value)?,
            proto::Ip::DESTINATION => self.texts_of[1] = string(self.texts, value)?,
            proto::Ip::SOURCE_XLATED => self.texts_of[2] = string(self.texts, value)?,
            proto::Ip::ENCRYPTED => self.is_encrypted = value.boolean()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

pub(super) struct Layer4Reader<'a>(pub(super) &'a mut Layer4);

impl Message for Layer4Reader<'_> {
    type Schema = proto::Layer4;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Layer4 as L;
        *self.0 = match number {
            L::TCP => {
                let mut tcp = TcpReader { ports: [0; 2], flags: None };
                value.message(&mut tcp)?;
                Layer4::Tcp { ports: tcp.ports, flags: tcp.flags }
            }
            L::UDP => {
                let mut udp = UdpReader([0; 2]);
                value.message(&mut udp)?;
                Layer4::Udp(udp.0)
            }
            L::ICM_PV4 | L::ICM_PV6 => {
                let mut icmp = IcmpReader([0; 2]);
                value.message(&mut icmp)?;
                if number == L::ICM_PV4 { Layer4::Icmp(icmp.0) } else { Layer4::Icmpv6(icmp.0) }
            }
            L::SCTP => {
                let mut sctp = SctpReader { ports: [0; 2], chunk: None };
                value.message(&mut sctp)?;
                Layer4::Sctp { ports: sctp.ports, chunk: sctp.chunk }
            }
            L::VRRP => {
                let mut vrrp = VrrpReader([0; 3]);
                value.message(&mut vrrp)?;
                Layer4::Vrrp(vrrp.0)
            }
            L::IGMP => {
                let mut igmp = IgmpReader { kind: 0, group: None };
                value.message(&mut igmp)?;
                Layer4::Igmp { kind: igmp.kind, group: igmp.group }
            }
            _ => return value.skip(),
        };
        Ok(())
    }
}

pub(super) struct TcpReader {
    pub(super) ports: [u16; 2],
    pub(super) flags: Option<u16>,
}

impl Message for TcpReader {
    type Schema = proto::Tcp;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Tcp::SOURCE_PORT => self.ports[0] = port(value)?,
            proto::Tcp::DESTINATION_PORT => self.ports[1] = port(value)?,
            proto::Tcp::FLAGS => value.message(&mut FlagsReader(self.flags.get_or_insert_default()))?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

pub(super) struct FlagsReader<'a>(pub(super) &'a mut u16);

impl Message for FlagsReader<'_> {
    type Schema = proto::TcpFlags;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        if value.boolean()? {
            // The fields are numbered as the bits of the header: FIN is 1 and the lowest, NS is 9.
            *self.0 |= 1 << (number - 1);
        }
        Ok(())
    }
}

pub(super) struct UdpReader(pub(super) [u16; 2]);

impl Message for UdpReader {
    type Schema = proto::Udp;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Udp::SOURCE_PORT => self.0[0] = port(value)?,
            _ => self.0[1] = port(value)?,
        }
        Ok(())
    }
}

pub(super) struct IcmpReader(pub(super) [u8; 2]);

impl Message for IcmpReader {
    /// ICMPv6's is the same.
    type Schema = proto::IcmPv4;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::IcmPv4::TYPE => self.0[0] = byte(value)?,
            _ => self.0[1] = byte(value)?,
        }
        Ok(())
    }
}

pub(super) struct SctpSchema;

impl Schema for SctpSchema {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            b"chunk_type" | b"chunkType" => Some(CHUNK_TYPE),
            name => proto::Sctp::number(name),
        }
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            CHUNK_TYPE => Some(Field { kind: Kind::Bytes, is_repeated: false }),
            number => proto::Sctp::field(number),
        }
    }
}

pub(super) struct SctpReader {
    pub(super) ports: [u16; 2],
    pub(super) chunk: Option<u8>,
}

impl Message for SctpReader {
    type Schema = SctpSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Sctp::SOURCE_PORT => self.ports[0] = port(value)?,
            proto::Sctp::DESTINATION_PORT => self.ports[1] = port(value)?,
            _ => {
                let mut name = Vec::new();
                value.name_or_number(&mut name)?;
                // RFC 9260 section 3.2.
                self.chunk = match &name[..] {
                    b"INIT" => Some(1),
                    b"INIT_ACK" => Some(2),
                    b"ABORT" => Some(6),
                    b"SHUTDOWN" => Some(7),
                    b"SHUTDOWN_ACK" => Some(8),
                    b"SHUTDOWN_COMPLETE" => Some(14),
                    _ => None,
                };
            }
        }
        Ok(())
    }
}

pub(super) struct VrrpReader(pub(super) [u8; 3]);

impl Message for VrrpReader {
    type Schema = proto::Vrrp;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Vrrp::TYPE => self.0[0] = byte(value)?,
            proto::Vrrp::VRID => self.0[1] = byte(value)?,
            _ => self.0[2] = byte(value)?,
        }
        Ok(())
    }
}

pub(super) struct IgmpReader {
    pub(super) kind: u8,
    pub(super) group: Option<IpAddr>,
}

impl Message for IgmpReader {
    type Schema = proto::Igmp;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Igmp::TYPE => self.kind = byte(value)?,
            _ => {
                let mut text = Vec::new();
                value.string(&mut text)?;
                self.group = str::from_utf8(&text).ok().and_then(parse_ip);
            }
        }
        Ok(())
    }
}

pub(super) struct TunnelReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) tunnel: &'a mut Tunnel,
}

impl Message for TunnelReader<'_> {
    type Schema = proto::Tunnel;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Tunnel::PROTOCOL => {
                let name = |n| proto::tunnel::Protocol::try_from(n).ok().map(|value| value.as_str_name());
                let number_of = name_of(proto::tunnel::Protocol::from_str_name);
                self.tunnel.protocol = enumeration(self.texts, value, number_of, name)?;
            }
            proto::Tunnel::IP => {
                let mut ip =
                    IpReader { texts: self.texts, texts_of: [Text::default(); 3], is_encrypted: false };
                value.message(&mut ip)?;
                [self.tunnel.source, self.tunnel.destination, _] = ip.texts_of;
            }
            proto::Tunnel::VNI => self.tunnel.vni = value.unsigned()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}
