//! Who sent and who got a flow's packet, what policies did, and where it was seen.

use super::values::string;
use crate::hubble::flow::{Effect, Endpoint, Policy, Service};
use crate::hubble::text::{Text, Texts};
use crate::proto::flow as proto;
use crate::protobuf::{Damage, Encoding, Field, Message, Reader, Schema};

/// The schema of an endpoint without its labels.
pub(super) struct EndpointSchema;

impl Schema for EndpointSchema {
    fn number(name: &[u8]) -> Option<u32> {
        proto::Endpoint::number(name).filter(|&number| number != proto::Endpoint::LABELS)
    }

    fn field(number: u32) -> Option<Field> {
        if number == proto::Endpoint::LABELS { None } else { proto::Endpoint::field(number) }
    }
}

pub(super) struct EndpointReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) endpoint: &'a mut Endpoint,
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

pub(super) struct WorkloadReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) workload: &'a mut [Text; 2],
}

impl Message for WorkloadReader<'_> {
    type Schema = proto::Workload;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        let text = string(self.texts, value)?;
        self.workload[usize::from(number == proto::Workload::NAME)] = text;
        Ok(())
    }
}

pub(super) struct ServiceReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) service: &'a mut Service,
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

pub(super) struct InterfaceReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) name: &'a mut Text,
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

pub(super) struct TraceContextReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) id: &'a mut Text,
}

impl Message for TraceContextReader<'_> {
    type Schema = proto::TraceContext;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        value.message(&mut TraceParentReader { texts: self.texts, id: self.id })
    }
}

pub(super) struct TraceParentReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) id: &'a mut Text,
}

impl Message for TraceParentReader<'_> {
    type Schema = proto::TraceParent;

    fn take<E: Encoding>(&mut self, _number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        *self.id = string(self.texts, value)?;
        Ok(())
    }
}

pub(super) struct FileReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) file: &'a mut Text,
    pub(super) line: &'a mut u64,
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

pub(super) struct EmitterReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) emitter: &'a mut [Text; 2],
}

impl Message for EmitterReader<'_> {
    type Schema = proto::Emitter;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        self.emitter[usize::from(number == proto::Emitter::VERSION)] = string(self.texts, value)?;
        Ok(())
    }
}

/// The policy that is the value.
pub(super) fn policy<E: Encoding>(
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
pub(super) struct PolicySchema;

impl Schema for PolicySchema {
    fn number(name: &[u8]) -> Option<u32> {
        proto::Policy::number(name).filter(|&number| number != proto::Policy::LABELS)
    }

    fn field(number: u32) -> Option<Field> {
        if number == proto::Policy::LABELS { None } else { proto::Policy::field(number) }
    }
}

pub(super) struct PolicyReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) policy: Policy,
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
