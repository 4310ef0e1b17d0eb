//! What the proxy saw: DNS, HTTP and Kafka.

use super::values::{enumeration, name_of, string};
use crate::hubble::flow::{Dns, Http, Kafka, L7Record, Layer7};
use crate::hubble::text::{Text, Texts};
use crate::proto::flow as proto;
use crate::protobuf::{Damage, Encoding, Message, Reader};

pub(super) struct Layer7Reader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) l7: &'a mut Layer7,
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

pub(super) struct DnsReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) dns: &'a mut Dns,
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

pub(super) struct HttpReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) http: &'a mut Http,
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

pub(super) struct HeaderReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) header: [Text; 2],
}

impl Message for HeaderReader<'_> {
    type Schema = proto::HttpHeader;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {
        self.header[usize::from(number == proto::HttpHeader::VALUE)] = string(self.texts, value)?;
        Ok(())
    }
}

pub(super) struct KafkaReader<'a> {
    pub(super) texts: &'a mut Texts,
    pub(super) kafka: &'a mut Kafka,
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
