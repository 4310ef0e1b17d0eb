//! The DNS message of a flow (RFC 1035), as far as the flow tells: its records have no data but addresses and names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{A, AAAA, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};

use super::flow::Flow;

/// The type of records of which the flow does not know the type: one that is set aside for private use (RFC 6895 section 3.1).
const UNKNOWN_TYPE: u16 = 65_280;
/// `ttl` where there is no address and no name among the answers.
const NO_TTL: u32 = u32::MAX;

/// Puts the message in place of what `to` has. `id` makes its id of the question's type. `false` if a name is none.
pub(super) fn write(flow: &Flow, is_response: bool, id: impl Fn(u16) -> u16, to: &mut Vec<u8>) -> bool {
    to.clear();
    match build(flow, is_response, id) {
        Ok(message) => {
            *to = message;
            true
        }
        Err(_) => false,
    }
}

fn build(flow: &Flow, is_response: bool, id: impl Fn(u16) -> u16) -> simple_dns::Result<Vec<u8>> {
    let dns = &flow.l7.dns;
    let name = |text| Name::new(flow.text(text).trim_end_matches('.'));
    let question_type = dns.question_types.first().map_or(255, |&text| type_number(flow.text(text)));
    let query = name(dns.query)?;
    let mut packet =
        if is_response { Packet::new_reply(id(question_type)) } else { Packet::new_query(id(question_type)) };
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        query.clone(),
        QTYPE::try_from(question_type).unwrap_or(QTYPE::TYPE(TYPE::Unknown(question_type))),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    if !is_response {
        return packet.build_bytes_vec_compressed();
    }
    packet.set_flags(PacketFlag::RECURSION_AVAILABLE);
    *packet.rcode_mut() = RCODE::from(u16::try_from(dns.rcode).unwrap_or(u16::MAX));
    let ttl = if dns.ttl == NO_TTL { 0 } else { dns.ttl };
    let mut ips: Vec<IpAddr> = dns.ips.iter().filter_map(|&ip| flow.text(ip).parse().ok()).collect();
    let mut names = dns.cnames.iter().copied();
    // Before Cilium said the types, it said the data.
    let told: Vec<u16> = dns.record_types.iter().map(|&text| type_number(flow.text(text))).collect();
    let types = if told.is_empty() {
        let names = std::iter::repeat_n(u16::from(TYPE::CNAME), dns.cnames.len());
        names.chain(ips.iter().map(|ip| u16::from(if ip.is_ipv4() { TYPE::A } else { TYPE::AAAA }))).collect()
    } else {
        told
    };
    let mut owner = query;
    for number in types {
        let kind = TYPE::from(number);
        let data = match kind {
            TYPE::CNAME => match names.next() {
                Some(target) => RData::CNAME(CNAME(name(target)?)),
                None => RData::Empty(kind),
            },
            TYPE::A | TYPE::AAAA => {
                let at = ips.iter().position(|ip| ip.is_ipv4() == (kind == TYPE::A));
                match at.map(|at| ips.remove(at)) {
                    Some(IpAddr::V4(ip)) => RData::A(A { address: Ipv4Addr::to_bits(ip) }),
                    Some(IpAddr::V6(ip)) => RData::AAAA(AAAA { address: Ipv6Addr::to_bits(ip) }),
                    None => RData::Empty(kind),
                }
            }
            kind => RData::Empty(kind),
        };
        let next = match &data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        };
        packet.answers.push(ResourceRecord::new(owner.clone(), CLASS::IN, ttl, data));
        owner = next.unwrap_or(owner);
    }
    packet.build_bytes_vec_compressed()
}

/// The number of a type by the name that gopacket has for it.
fn type_number(name: &str) -> u16 {
    match name {
        "A" => 1,
        "NS" => 2,
        "MD" => 3,
        "MF" => 4,
        "CNAME" => 5,
        "SOA" => 6,
        "MB" => 7,
        "MG" => 8,
        "MR" => 9,
        "NULL" => 10,
        "WKS" => 11,
        "PTR" => 12,
        "HINFO" => 13,
        "MINFO" => 14,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        "SRV" => 33,
        "NAPTR" => 35,
        "OPT" => 41,
        "RRSIG" => 46,
        "DNSKEY" => 48,
        "SVCB" => 64,
        "HTTPS" => 65,
        "ANY" => 255,
        "URI" => 256,
        number => number.parse().unwrap_or(UNKNOWN_TYPE),
    }
}
