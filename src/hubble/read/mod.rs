//! Fills a [`Flow`] through the schema, in any encoding. Labels are passed over, which are half of a flow.

mod ends;
mod extensions;
mod headers;
mod layer7;
mod lost;
mod values;

use ends::{
    EmitterReader, EndpointReader, FileReader, InterfaceReader, ServiceReader, TraceContextReader, policy,
};
use extensions::ExtensionsReader;
use headers::{EthernetReader, IpReader, Layer4Reader, TunnelReader};
use layer7::Layer7Reader;
pub(super) use lost::{LostReader, lost_source};
pub(super) use values::string;
use values::{FIRST_UNNUMBERED, enumeration, name_of, parse_ip};

use super::flow::{Effect, Flow};
use super::text::Text;
use crate::proto::flow as proto;
use crate::proto::google::protobuf::BoolValue;
use crate::protobuf::{Damage, Encoding, Field, Kind, Message, Reader, Schema};
use crate::trace::timestamp::time;

const EXT_DROP_REASON_DESC: u32 = FIRST_UNNUMBERED;

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
