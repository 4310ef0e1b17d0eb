//! Fills a [`Flow`] through the schema, in any encoding. Labels are passed over, which are half of a flow.

use std::net::IpAddr;

use super::flow::{
    Dns, Effect, Endpoint, Enum, Flow, Http, Kafka, L7Record, Layer4, Layer7, Lost, LostSource, Policy,
    Service,
};
use super::text::{Text, Texts};
use crate::proto::flow as proto;
use crate::proto::google::protobuf::{Any, BoolValue};
use crate::proto::utils::RetinaMetadata;
use crate::protobuf::{Damage, Encoding, Field, Kind, Message, Reader, Schema};
use crate::trace::timestamp::time;

/// Fields of which newer versions of Hubble have names, and numbers that nobody has seen.
const FIRST_UNNUMBERED: u32 = 1 << 28;
const EXT_DROP_REASON_DESC: u32 = FIRST_UNNUMBERED;
const CHUNK_TYPE: u32 = FIRST_UNNUMBERED + 1;

/// The schema of a flow, with fields that have no number yet, and without what is passed over.
#[derive(Debug)]
pub(crate) struct FlowSchema;

impl Schema for FlowSchema {
    fn number(name: &[u8]) -> Option<u32> {
        match name {
            b"ext_drop_reason_desc" | b"extDropReasonDesc" => Some(EXT_DROP_REASON_DESC),
            name => proto::Flow::number(name).filter(|&number| number != proto::Flow::NODE_LABELS),
        }
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            EXT_DROP_REASON_DESC => Some(Field { kind: Kind::Bytes, is_repeated: false }),
            proto::Flow::NODE_LABELS => None,
            number => proto::Flow::field(number),
        }
    }
}

impl Message for Flow {
    type Schema = FlowSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Flow as F;
        let texts = &mut self.texts;
        match number {
            F::TIME => self.time = Some(time(value)?),
            F::VERDICT => {
                self.verdict = enumeration(texts, value, name_of(proto::Verdict::from_str_name), |n| {
                    proto::Verdict::try_from(n).ok().map(|value| value.as_str_name())
                })?
            }
            F::DROP_REASON | F::DROP_REASON_DESC => {
                let reason = enumeration(texts, value, name_of(proto::DropReason::from_str_name), |n| {
                    proto::DropReason::try_from(n).ok().map(|value| value.as_str_name())
                })?;
                if number == F::DROP_REASON_DESC || self.drop_reason.text.is_empty() {
                    self.drop_reason = reason;
                }
            }
            EXT_DROP_REASON_DESC => self.ext_drop_reason = string(texts, value)?,
            F::ETHERNET => {
                value.message(&mut EthernetReader { texts, ends: &mut self.ethernet })?;
            }
            F::IP => {
                let mut ip = IpReader { texts, texts_of: [Text::default(); 3], is_encrypted: false };
                value.message(&mut ip)?;
                let IpReader { texts, texts_of: [source, destination, xlated], is_encrypted } = ip;
                let address = |text| parse_ip(texts.get(text));
                self.ip.source = address(source);
                self.ip.destination = address(destination);
                (self.ip.xlated, self.ip.is_encrypted) = (xlated, is_encrypted);
            }
            F::L4 => value.message(&mut Layer4Reader(&mut self.l4))?,
            F::TUNNEL => {
                let tunnel = self.tunnel.get_or_insert_default();
                value.message(&mut TunnelReader { texts, tunnel })?;
            }
            F::SOURCE | F::DESTINATION => {
                let endpoint = &mut self.ends[usize::from(number == F::DESTINATION)];
                value.message(&mut EndpointReader { texts, endpoint })?;
            }
            F::TYPE => {
                self.flow_type = enumeration(texts, value, name_of(proto::FlowType::from_str_name), |n| {
                    proto::FlowType::try_from(n).ok().map(|value| value.as_str_name())
                })?
            }
            F::NODE_NAME => self.node = string(texts, value)?,
            F::SOURCE_NAMES => self.names[0].push(string(texts, value)?),
            F::DESTINATION_NAMES => self.names[1].push(string(texts, value)?),
            F::L7 => value.message(&mut Layer7Reader { texts, l7: &mut self.l7 })?,
            F::REPLY => {
                let is_reply = value.boolean()?;
                self.reply.get_or_insert(is_reply);
            }
            F::IS_REPLY => {
                let mut is_reply = BoolValue::default();
                value.wrapper(&mut is_reply)?;
                self.reply = Some(is_reply.value);
            }
            F::EVENT_TYPE => {
                let mut event_type = proto::CiliumEventType::default();
                value.message(&mut event_type)?;
                self.event_type = [event_type.r#type, event_type.sub_type];
            }
            F::SOURCE_SERVICE | F::DESTINATION_SERVICE => {
                let service = &mut self.services[usize::from(number == F::DESTINATION_SERVICE)];
                value.message(&mut ServiceReader { texts, service })?;
            }
            F::TRAFFIC_DIRECTION => {
                self.direction =
                    enumeration(texts, value, name_of(proto::TrafficDirection::from_str_name), |n| {
                        proto::TrafficDirection::try_from(n).ok().map(|value| value.as_str_name())
                    })?;
            }
            F::POLICY_MATCH_TYPE => self.match_type = value.unsigned()?,
            F::TRACE_OBSERVATION_POINT => {
                self.point =
                    enumeration(texts, value, name_of(proto::TraceObservationPoint::from_str_name), |n| {
                        proto::TraceObservationPoint::try_from(n).ok().map(|value| value.as_str_name())
                    })?;
            }
            F::DEBUG_CAPTURE_POINT => {
                self.capture_point =
                    enumeration(texts, value, name_of(proto::DebugCapturePoint::from_str_name), |n| {
                        proto::DebugCapturePoint::try_from(n).ok().map(|value| value.as_str_name())
                    })?;
            }
            F::SOCK_XLATE_POINT => {
                self.socket_point =
                    enumeration(texts, value, name_of(proto::SocketTranslationPoint::from_str_name), |n| {
                        proto::SocketTranslationPoint::try_from(n).ok().map(|value| value.as_str_name())
                    })?;
            }
            F::SOCKET_COOKIE => self.socket_cookie = value.unsigned()?,
            F::INTERFACE => value.message(&mut InterfaceReader { texts, name: &mut self.interface })?,
            F::PROXY_PORT => self.proxy_port = value.unsigned()?,
            F::TRACE_CONTEXT => value.message(&mut TraceContextReader { texts, id: &mut self.trace_id })?,
            F::IP_TRACE_ID => {
                let mut id = proto::IpTraceId::default();
                value.message(&mut id)?;
                self.ip_trace_id = id.trace_id;
            }
            F::UUID => self.uuid = string(texts, value)?,
            F::AUTH_TYPE => {
                self.auth_type = enumeration(texts, value, name_of(proto::AuthType::from_str_name), |n| {
                    proto::AuthType::try_from(n).ok().map(|value| value.as_str_name())
                })?
            }
            F::TRACE_REASON => {
                self.trace_reason =
                    enumeration(texts, value, name_of(proto::TraceReason::from_str_name), |n| {
                        proto::TraceReason::try_from(n).ok().map(|value| value.as_str_name())
                    })?;
            }
            F::FILE => {
                value.message(&mut FileReader { texts, file: &mut self.file, line: &mut self.line })?
            }
            F::EMITTER => value.message(&mut EmitterReader { texts, emitter: &mut self.emitter })?,
            F::EGRESS_ALLOWED_BY => self.policies.push(policy(texts, value, Effect::EgressAllowed)?),
            F::INGRESS_ALLOWED_BY => self.policies.push(policy(texts, value, Effect::IngressAllowed)?),
            F::EGRESS_DENIED_BY => self.policies.push(policy(texts, value, Effect::EgressDenied)?),
            F::INGRESS_DENIED_BY => self.policies.push(policy(texts, value, Effect::IngressDenied)?),
            F::POLICY_LOG => self.policy_log.push(string(texts, value)?),
            F::AGGREGATE => {
                let mut aggregate = proto::Aggregate::default();
                value.message(&mut aggregate)?;
                self.aggregate = Some([
                    aggregate.ingress_flow_count,
                    aggregate.egress_flow_count,
                    aggregate.unknown_direction_flow_count,
                ]);
            }
            F::SUMMARY => self.summary = string(texts, value)?,
            F::EXTENSIONS => value.message(&mut ExtensionsReader(&mut self.bytes))?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// The text that is the value.
pub(super) fn string<E: Encoding>(texts: &mut Texts, value: &mut Reader<'_, E>) -> Result<Text, Damage> {
    texts.read(|bytes| value.string(bytes))
}

/// Numbers of the names of an enum.
fn name_of<T: Into<i32>>(from: fn(&str) -> Option<T>) -> impl Fn(&str) -> Option<i32> {
    move |name| from(name).map(Into::into)
}

/// The value, an enum's. A name or number that the schema does not have is kept as it is.
fn enumeration<E: Encoding>(
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
fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// A port, or another number of which no more than 16 bits can be.
fn port<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u16, Damage> {
    let at = value.at();
    u16::try_from(value.unsigned()?).map_err(|_| Damage::new(at, "a port above 65535"))
}

fn byte<E: Encoding>(value: &mut Reader<'_, E>) -> Result<u8, Damage> {
    let at = value.at();
    u8::try_from(value.unsigned()?).map_err(|_| Damage::new(at, "a number above 255"))
}

struct EthernetReader<'a> {
    texts: &'a mut Texts,
    ends: &'a mut [Text; 2],
}

impl Message for EthernetReader<'_> {
    type Schema = proto::Ethernet;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        self.ends[usize::from(number == proto::Ethernet::DESTINATION)] = string(self.texts, value)?;
        Ok(())
    }
}

struct IpReader<'a> {
    texts: &'a mut Texts,
    /// Source, destination, and the source after translation.
    texts_of: [Text; 3],
    is_encrypted: bool,
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

struct Layer4Reader<'a>(&'a mut Layer4);

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

struct TcpReader {
    ports: [u16; 2],
    flags: Option<u16>,
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

struct FlagsReader<'a>(&'a mut u16);

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

struct UdpReader([u16; 2]);

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

struct IcmpReader([u8; 2]);

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

struct SctpSchema;

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

struct SctpReader {
    ports: [u16; 2],
    chunk: Option<u8>,
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

struct VrrpReader([u8; 3]);

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

struct IgmpReader {
    kind: u8,
    group: Option<IpAddr>,
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

struct TunnelReader<'a> {
    texts: &'a mut Texts,
    tunnel: &'a mut super::flow::Tunnel,
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

/// The schema of an endpoint without its labels.
struct EndpointSchema;

impl Schema for EndpointSchema {
    fn number(name: &[u8]) -> Option<u32> {
        proto::Endpoint::number(name).filter(|&number| number != proto::Endpoint::LABELS)
    }

    fn field(number: u32) -> Option<Field> {
        if number == proto::Endpoint::LABELS { None } else { proto::Endpoint::field(number) }
    }
}

struct EndpointReader<'a> {
    texts: &'a mut Texts,
    endpoint: &'a mut Endpoint,
}

impl Message for EndpointReader<'_> {
    type Schema = EndpointSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Endpoint as P;
        match number {
            P::ID => self.endpoint.id = value.unsigned()?,
            P::IDENTITY => self.endpoint.identity = value.unsigned()?,
            P::NAMESPACE => self.endpoint.namespace = string(self.texts, value)?,
            P::POD_NAME => self.endpoint.pod = string(self.texts, value)?,
            P::WORKLOADS if self.endpoint.workload[1].is_empty() => {
                value.message(&mut WorkloadReader {
                    texts: self.texts,
                    workload: &mut self.endpoint.workload,
                })?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct WorkloadReader<'a> {
    texts: &'a mut Texts,
    workload: &'a mut [Text; 2],
}

impl Message for WorkloadReader<'_> {
    type Schema = proto::Workload;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let text = string(self.texts, value)?;
        self.workload[usize::from(number == proto::Workload::NAME)] = text;
        Ok(())
    }
}

struct ServiceReader<'a> {
    texts: &'a mut Texts,
    service: &'a mut Service,
}

impl Message for ServiceReader<'_> {
    type Schema = proto::Service;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let text = string(self.texts, value)?;
        match number {
            proto::Service::NAME => self.service.name = text,
            _ => self.service.namespace = text,
        }
        Ok(())
    }
}

struct InterfaceReader<'a> {
    texts: &'a mut Texts,
    name: &'a mut Text,
}

impl Message for InterfaceReader<'_> {
    type Schema = proto::NetworkInterface;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::NetworkInterface::NAME => *self.name = string(self.texts, value)?,
            _ => {
                let index = value.unsigned()?;
                if self.name.is_empty() {
                    *self.name = self.texts.add(&index.to_string());
                }
            }
        }
        Ok(())
    }
}

struct TraceContextReader<'a> {
    texts: &'a mut Texts,
    id: &'a mut Text,
}

impl Message for TraceContextReader<'_> {
    type Schema = proto::TraceContext;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        value.message(&mut TraceParentReader { texts: self.texts, id: self.id })
    }
}

struct TraceParentReader<'a> {
    texts: &'a mut Texts,
    id: &'a mut Text,
}

impl Message for TraceParentReader<'_> {
    type Schema = proto::TraceParent;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        *self.id = string(self.texts, value)?;
        Ok(())
    }
}

struct FileReader<'a> {
    texts: &'a mut Texts,
    file: &'a mut Text,
    line: &'a mut u64,
}

impl Message for FileReader<'_> {
    type Schema = proto::FileInfo;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::FileInfo::NAME => *self.file = string(self.texts, value)?,
            _ => *self.line = value.unsigned()?,
        }
        Ok(())
    }
}

struct EmitterReader<'a> {
    texts: &'a mut Texts,
    emitter: &'a mut [Text; 2],
}

impl Message for EmitterReader<'_> {
    type Schema = proto::Emitter;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        self.emitter[usize::from(number == proto::Emitter::VERSION)] = string(self.texts, value)?;
        Ok(())
    }
}

/// The policy that is the value.
fn policy<E: Encoding>(
    texts: &mut Texts,
    value: &mut Reader<'_, E>,
    effect: Effect,
) -> Result<Policy, Damage> {
    let mut policy =
        PolicyReader { texts, policy: Policy { effect, namespace: Text::default(), name: Text::default() } };
    value.message(&mut policy)?;
    Ok(policy.policy)
}

/// The schema of a policy without its labels.
struct PolicySchema;

impl Schema for PolicySchema {
    fn number(name: &[u8]) -> Option<u32> {
        proto::Policy::number(name).filter(|&number| number != proto::Policy::LABELS)
    }

    fn field(number: u32) -> Option<Field> {
        if number == proto::Policy::LABELS { None } else { proto::Policy::field(number) }
    }
}

struct PolicyReader<'a> {
    texts: &'a mut Texts,
    policy: Policy,
}

impl Message for PolicyReader<'_> {
    type Schema = PolicySchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::Policy::NAME => self.policy.name = string(self.texts, value)?,
            proto::Policy::NAMESPACE => self.policy.namespace = string(self.texts, value)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct Layer7Reader<'a> {
    texts: &'a mut Texts,
    l7: &'a mut Layer7,
}

impl Message for Layer7Reader<'_> {
    type Schema = proto::Layer7;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let Self { texts, l7 } = self;
        match number {
            proto::Layer7::TYPE => {
                l7.kind = enumeration(texts, value, name_of(proto::L7FlowType::from_str_name), |n| {
                    proto::L7FlowType::try_from(n).ok().map(|value| value.as_str_name())
                })?;
            }
            proto::Layer7::LATENCY_NS => l7.latency = value.unsigned()?,
            proto::Layer7::DNS => {
                l7.record = L7Record::Dns;
                value.message(&mut DnsReader { texts, dns: &mut l7.dns })?;
            }
            proto::Layer7::HTTP => {
                l7.record = L7Record::Http;
                value.message(&mut HttpReader { texts, http: &mut l7.http })?;
            }
            proto::Layer7::KAFKA => {
                l7.record = L7Record::Kafka;
                value.message(&mut KafkaReader { texts, kafka: &mut l7.kafka })?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct DnsReader<'a> {
    texts: &'a mut Texts,
    dns: &'a mut Dns,
}

impl Message for DnsReader<'_> {
    type Schema = proto::Dns;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Dns as D;
        let Self { texts, dns } = self;
        match number {
            D::QUERY => dns.query = string(texts, value)?,
            D::IPS => dns.ips.push(string(texts, value)?),
            D::TTL => dns.ttl = u32::try_from(value.unsigned()?).unwrap_or(u32::MAX),
            D::CNAMES => dns.cnames.push(string(texts, value)?),
            D::RCODE => dns.rcode = u32::try_from(value.unsigned()?).unwrap_or(u32::MAX),
            D::QTYPES => dns.question_types.push(string(texts, value)?),
            D::RRTYPES => dns.record_types.push(string(texts, value)?),
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct HttpReader<'a> {
    texts: &'a mut Texts,
    http: &'a mut Http,
}

impl Message for HttpReader<'_> {
    type Schema = proto::Http;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Http as H;
        let Self { texts, http } = self;
        match number {
            H::CODE => http.code = u32::try_from(value.unsigned()?).unwrap_or(u32::MAX),
            H::METHOD => http.method = string(texts, value)?,
            H::URL => http.url = string(texts, value)?,
            H::PROTOCOL => http.protocol = string(texts, value)?,
            H::HEADERS => {
                let mut header = HeaderReader { texts, header: [Text::default(); 2] };
                value.message(&mut header)?;
                http.headers.push(header.header);
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

struct HeaderReader<'a> {
    texts: &'a mut Texts,
    header: [Text; 2],
}

impl Message for HeaderReader<'_> {
    type Schema = proto::HttpHeader;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        self.header[usize::from(number == proto::HttpHeader::VALUE)] = string(self.texts, value)?;
        Ok(())
    }
}

struct KafkaReader<'a> {
    texts: &'a mut Texts,
    kafka: &'a mut Kafka,
}

impl Message for KafkaReader<'_> {
    type Schema = proto::Kafka;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        use proto::Kafka as K;
        match number {
            K::ERROR_CODE => self.kafka.error_code = value.signed()?,
            K::API_VERSION => self.kafka.api_version = value.signed()?,
            K::API_KEY => self.kafka.api_key = string(self.texts, value)?,
            K::CORRELATION_ID => self.kafka.correlation_id = value.signed()?,
            _ => self.kafka.topic = string(self.texts, value)?,
        }
        Ok(())
    }
}

/// `Flow.extensions`, of which Retina's are known. In JSON the extension's fields are in place of those of `Any`.
struct ExtensionsSchema;

const RETINA_BYTES: u32 = FIRST_UNNUMBERED + 2;

impl Schema for ExtensionsSchema {
    fn number(name: &[u8]) -> Option<u32> {
        if name == b"bytes" { Some(RETINA_BYTES) } else { None }
    }

    fn field(number: u32) -> Option<Field> {
        match number {
            RETINA_BYTES => RetinaMetadata::field(RetinaMetadata::BYTES),
            Any::VALUE => Any::field(Any::VALUE),
            _ => None,
        }
    }
}

struct ExtensionsReader<'a>(&'a mut Option<u64>);

impl Message for ExtensionsReader<'_> {
    type Schema = ExtensionsSchema;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        if number == RETINA_BYTES {
            *self.0 = Some(value.unsigned()?);
            return Ok(());
        }
        // The value of an `Any` is a message; of another extension than Retina's nothing is known.
        let Some(mut fields) = value.raw() else { return value.skip() };
        let bytes = match fields.next(value.record) {
            Ok(Some((RetinaMetadata::BYTES, crate::protobuf::binary::Value::Varint(bytes)))) => Some(bytes),
            _ => None,
        };
        *self.0 = bytes;
        value.skip()
    }
}

/// Reads a `LostEvent`.
pub(super) struct LostReader<'a>(pub(super) &'a mut Lost);

impl Message for LostReader<'_> {
    type Schema = proto::LostEvent;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        match number {
            proto::LostEvent::SOURCE => self.0.source = lost_source(value)?,
            proto::LostEvent::NUM_EVENTS_LOST => self.0.count = value.unsigned()?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// The value, a `LostEventSource`.
pub(super) fn lost_source<E: Encoding>(value: &mut Reader<'_, E>) -> Result<LostSource, Damage> {
    let number = value.enumeration(|name| proto::LostEventSource::from_str_name(name).map(Into::into))?;
    Ok(match proto::LostEventSource::try_from(number) {
        Ok(proto::LostEventSource::PerfEventRingBuffer) => LostSource::PerfEventRingBuffer,
        Ok(proto::LostEventSource::ObserverEventsQueue) => LostSource::ObserverEventsQueue,
        Ok(proto::LostEventSource::HubbleRingBuffer) => LostSource::HubbleRingBuffer,
        Ok(proto::LostEventSource::UnknownLostEventSource) | Err(_) => LostSource::Unknown,
    })
}
