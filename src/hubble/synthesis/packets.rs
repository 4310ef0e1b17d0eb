//! The packet of a flow, by its protocol.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::{Flows, Frame, Sinks};
use crate::capture::Capture;
use crate::hubble::connections::Connection;
use crate::hubble::flow::{Flow, L7Record};
use crate::hubble::http::Body;
use crate::hubble::http2::Sent;
use crate::hubble::{dns, http, http2, others};
use crate::packet::metadata::Metadata;
use crate::packet::tcp::{ACK, PSH, WINDOW};
use crate::packet::{CutHeaders, Headers, LinkType, Packet, PacketSink, link, max_payload, udp};
use crate::report::Warning;
use crate::tcp::Seen;

/// Bytes of a TCP header before its flags: readers do not analyse a segment of which no more is captured.
const BEFORE_FLAGS: usize = 12;
/// Bytes of a TCP header with its flags and window: readers show a segment of which no more is captured, and do not analyse it.
const WITH_FLAGS: usize = 16;

impl Flows {
    /// A segment, or the message of a protocol above TCP. Returns its numbers.
    pub(super) fn tcp(
        &mut self,
        flow: &Flow,
        frame: Frame,
        ends: [SocketAddr; 2],
        flags: Option<u16>,
        capture: &mut Capture,
    ) -> io::Result<[u32; 2]> {
        let is_message = flow.is_l7();
        // What a proxy drops has come to it.
        let is_lost = frame.again.is_some() || !is_message && (frame.is_dropped || flags.is_none());
        let flags_there = if is_message { PSH | ACK } else { flags.unwrap_or_default() };
        let (connection, direction) =
            self.connections.get(self.link_type, ends, flags_there, frame.time, is_lost);
        if is_message
            || flow.proxy_port != 0
            || flow.point.number == crate::proto::flow::TraceObservationPoint::ToProxy as i32
        {
            connection.is_proxied();
        }
        let most = self.mss.min(max_payload(ends[0].is_ipv4()).into());
        self.payload.clear();
        let original_len = if is_message {
            message(flow, ends, &mut self.payload)
        } else {
            segment(flow, ends, flags_there, connection, &mut self.payload)
        };
        let options = if is_message { 0 } else { self.payload.len() };
        let captured = match () {
            () if self.options.is_overlay || (flags.is_none() && !is_message) => Some(BEFORE_FLAGS),
            () if frame.again.is_some() => Some(WITH_FLAGS),
            () => None,
        };
        // Of a message that was seen before, nothing is captured.
        let is_http2 =
            self.options.is_http2 && is_message && flow.l7.record == L7Record::Http && frame.again.is_none();
        if is_http2 {
            let is_response = flow.is_response();
            let body = http::write(flow, is_response, &mut self.payload);
            let streams = connection.streams.get_or_insert_default();
            http2::write(flow, is_response, body, streams, &mut self.payload, &mut self.sent);
        }
        let mut numbers = None;
        let whole = [Sent {
            is_reverse: false,
            start: 0,
            end: self.payload.len(),
            length: original_len,
            is_message: true,
        }];
        for sent in if is_http2 { &self.sent } else { &whole[..] } {
            let direction = if sent.is_reverse { direction.reverse() } else { direction };
            let (mut at, mut options) = (0, options);
            loop {
                let end = sent.length.min(at + most.max(options));
                let bytes = &self.payload[sent.start..sent.end];
                let payload = &bytes[at.min(bytes.len())..end.min(bytes.len())];
                let payload = &payload[..payload.len().min(self.snap_length.max(options))];
                let window = match captured {
                    None => connection.window(direction, flags_there, end - at - options),
                    Some(_) => WINDOW,
                };
                let seen = Seen {
                    time: frame.time,
                    direction,
                    interface: frame.interface,
                    direction_there: if sent.is_reverse {
                        frame.direction.reverse()
                    } else {
                        frame.direction
                    },
                    flags: flags_there,
                    window,
                    numbers: frame.again,
                    options: (options / 4) as u8,
                    payload: if captured.is_some() { &[] } else { payload },
                    original_len: end - at,
                    captured,
                    is_lost,
                    metadata: Some(&self.notes.metadata).filter(|_| sent.is_message && at == 0),
                };
                let of_segment = connection.tcp.seen(&seen, capture)?;
                if sent.is_message {
                    numbers.get_or_insert(of_segment);
                }
                (at, options) = (end, 0);
                if at >= sent.length {
                    break;
                }
            }
        }
        if !is_lost {
            connection.sent(flags_there);
        }
        Ok(numbers.unwrap_or_default())
    }

    pub(super) fn udp(
        &mut self,
        flow: &Flow,
        frame: Frame,
        addresses: [IpAddr; 2],
        ports: [u16; 2],
        capture: &mut Capture,
    ) -> io::Result<()> {
        let ends = [0, 1].map(|side| SocketAddr::new(addresses[side], ports[side]));
        let is_dns = flow.is_l7()
            && flow.l7.record == L7Record::Dns
            && dns::write(
                flow,
                flow.is_response(),
                |kind| others::dns_id(ends, flow, kind),
                &mut self.payload,
            );
        let original_len = match flow.bytes {
            _ if is_dns => self.payload.len(),
            Some(bytes) => {
                (bytes as usize).saturating_sub(others::before_payload(addresses[0].is_ipv4(), 8)).min(65_507)
            }
            // Nobody knows how many.
            None => 1,
        };
        if !is_dns || self.options.is_overlay || frame.again.is_some() {
            self.payload.clear();
        }
        let Some(route) = others::route(self.link_type, frame.direction, addresses) else { return Ok(()) };
        let payload = &self.payload[..self.payload.len().min(self.snap_length)];
        let headers = udp::headers(&route, ports, payload, original_len);
        write(headers, payload, original_len, frame, &self.notes.metadata, capture)
    }

    /// Any other protocol above IP, or none.
    pub(super) fn other(
        &mut self,
        flow: &Flow,
        frame: Frame,
        addresses: [IpAddr; 2],
        capture: &mut Capture,
    ) -> io::Result<()> {
        let Some(route) = others::route(self.link_type, frame.direction, addresses) else { return Ok(()) };
        let is_first = frame.again.is_none();
        let shape =
            others::shape(flow, &route, addresses, &mut self.echoes, is_first, self.options.is_overlay);
        let cut = CutHeaders::new(shape.headers, shape.captured);
        write(cut, &[], shape.original_len, frame, &self.notes.metadata, capture)
    }

    /// A frame without an IP packet.
    pub(super) fn link(
        &mut self,
        flow: &Flow,
        macs: [[u8; 6]; 2],
        frame: Frame,
        sinks: &mut Sinks<'_>,
    ) -> io::Result<()> {
        if self.link_type == LinkType::Raw {
            sinks.report.flows.packets -= 1;
            sinks.report.warn(Warning::LinkOnly, || flow.text(flow.summary).to_owned());
            return Ok(());
        }
        // An ARP message has 28 bytes (RFC 826), of which nothing is known; 0x88b5 is set aside for experiments (IEEE 802).
        let (ether_type, original_len) =
            if flow.text(flow.summary) == "ARP" { (0x0806, 28) } else { (0x88b5, 0) };
        let headers = link::headers(macs, ether_type);
        write(headers, &[], original_len, frame, &self.notes.metadata, sinks.capture)
    }
}

fn write<H: Headers>(
    headers: H,
    payload: &[u8],
    original_len: usize,
    frame: Frame,
    metadata: &Metadata,
    capture: &mut Capture,
) -> io::Result<()> {
    let Frame { time, interface, direction, .. } = frame;
    let metadata = Some(metadata);
    capture.write(&Packet {
        time,
        order: time,
        interface,
        direction,
        headers,
        payload,
        original_len,
        metadata,
    })
}

/// Puts what is known of a segment's options into `payload`. Returns how many bytes they are with the data.
fn segment(
    flow: &Flow,
    ends: [SocketAddr; 2],
    flags: u16,
    connection: &Connection,
    payload: &mut Vec<u8>,
) -> usize {
    let Some(bytes) = flow.bytes else { return connection.data_of(flags) };
    let (options, data) = others::lengths(bytes, ends[0].is_ipv4(), flags);
    payload.resize(options, others::NO_OPERATION);
    options + data
}

/// Puts the message of a protocol above TCP into `payload`. Returns how many bytes it has.
fn message(flow: &Flow, ends: [SocketAddr; 2], payload: &mut Vec<u8>) -> usize {
    let is_response = flow.is_response();
    match flow.l7.record {
        L7Record::Http => {
            let body = http::write(flow, is_response, payload);
            let (head, most) = (payload.len() as u64, max_payload(ends[0].is_ipv4()).into());
            match body {
                Body::Length(length) if head.saturating_add(length) <= most => (head + length) as usize,
                // More than a packet can say, or nobody knows.
                Body::Length(_) | Body::Unknown => head as usize + 1,
            }
        }
        L7Record::Dns if dns::write(flow, is_response, |kind| others::dns_id(ends, flow, kind), payload) => {
            let length = payload.len() as u16;
            payload.splice(0..0, length.to_be_bytes());
            payload.len()
        }
        // Something, of which nobody knows how much.
        _ => 1,
    }
}
