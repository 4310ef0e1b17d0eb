//! The hosts of flows: what they are called, and addresses that stand in for those that flows lack.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;

use super::flow::Flow;
use super::notes::Clean;
use crate::capture::Capture;

/// Names that a capture has at most.
pub(super) const MAX_NAMES: usize = 50_000;
/// Hosts that have stand-ins of their own at most.
pub(super) const MAX_STAND_INS: usize = 100_000;

type Hashes = foldhash::fast::FixedState;

/// What is known of hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// A hash of the name that an address has in the capture.
    names: HashMap<IpAddr, u64, foldhash::fast::RandomState>,
    /// Names that have been written.
    written: usize,
    /// By a hash of a host without an address.
    stand_ins: HashMap<u64, u32, foldhash::fast::RandomState>,
}

impl Hosts {
    /// The addresses of a flow, source and destination, and whether one is a stand-in.
    pub(super) fn addresses(&mut self, flow: &Flow) -> ([IpAddr; 2], bool) {
        let known = [flow.ip.source, flow.ip.destination];
        let is_ipv4 = known.iter().flatten().all(IpAddr::is_ipv4);
        let mut addresses =
            [0, 1].map(|side| known[side].unwrap_or_else(|| self.stand_in(flow, side, is_ipv4)));
        if addresses[0].is_ipv4() != addresses[1].is_ipv4() {
            addresses = addresses.map(|address| match address {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().into(),
                ip @ IpAddr::V6(_) => ip,
            });
        }
        (addresses, known.contains(&None))
    }

    /// The same for each packet of a pod, a service or a name; without any of these for each side.
    fn stand_in(&mut self, flow: &Flow, side: usize, is_ipv4: bool) -> IpAddr {
        let end = &flow.ends[side];
        let service = &flow.services[side];
        let name = flow.names[side].first().copied().unwrap_or_default();
        let parts =
            [end.namespace, end.pod, service.namespace, service.name, name].map(|text| flow.text(text));
        let is_unknown = parts.iter().all(|part| part.is_empty()) && end.id == 0 && end.identity == 0;
        let hash = Hashes::default().hash_one((parts, end.id, end.identity, is_unknown.then_some(side)));
        let next = self.stand_ins.len() as u32;
        let number = match self.stand_ins.get(&hash) {
            Some(&number) => number,
            None if self.stand_ins.len() < MAX_STAND_INS => {
                self.stand_ins.insert(hash, next);
                next
            }
            None => hash as u32 % MAX_STAND_INS as u32,
        };
        if !is_ipv4 {
            return IpAddr::from([0x2001, 0xdb8, 0, 3, 0, 0, (number >> 16) as u16, number as u16]);
        }
        // The ranges of RFC 5737, and then that of RFC 2544, which no network has either.
        let host = (number % 254 + 1) as u8;
        IpAddr::from(match number / 254 {
            0 => [192, 0, 2, host],
            1 => [198, 51, 100, host],
            2 => [203, 0, 113, host],
            _ => {
                let rest = number - 3 * 254 + 1;
                [198, 18 + (rest >> 16) as u8 % 2, (rest >> 8) as u8, rest as u8]
            }
        })
    }

    /// Has the capture know what the hosts of a flow are called: pods, else services, else DNS names.
    pub(super) fn name(&mut self, flow: &Flow, addresses: [IpAddr; 2], capture: &mut Capture) {
        for (side, address) in addresses.into_iter().enumerate() {
            let end = &flow.ends[side];
            let service = &flow.services[side];
            let dns = flow.names[side].first().copied().unwrap_or_default();
            let (namespace, name) = if !end.pod.is_empty() {
                (end.namespace, end.pod)
            } else if !service.name.is_empty() {
                (service.namespace, service.name)
            } else if !dns.is_empty() {
                (super::text::Text::default(), dns)
            } else {
                continue;
            };
            let (namespace, name) = (flow.text(namespace), flow.text(name));
            let hash = Hashes::default().hash_one((namespace, name));
            if self.names.get(&address) == Some(&hash) || self.written >= MAX_NAMES {
                continue;
            }
            self.names.insert(address, hash);
            self.written += 1;
            let name = Clean(name);
            match namespace {
                "" => capture.add_name(address, &name.to_string()),
                namespace => capture.add_name(address, &format!("{}/{name}", Clean(namespace))),
            }
        }
    }
}
