//! What a flow says besides its packet: `key=value` comments, the verdict first.

use std::fmt::{Display, Write};

use super::flow::{Flow, L7Record};
use super::text::Text;
use crate::packet::metadata::{MAX_COMMENTS, Metadata};

/// The comments of one packet, whose memory the next one uses again.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) metadata: Metadata,
    spare: Vec<String>,
}

impl Notes {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.spare.append(&mut self.metadata.comments);
        self.metadata.packet_id = None;
        self.metadata.dropped = 0;
    }

    /// Adds a comment.
    pub(super) fn add(&mut self, key: &str, value: impl Display) {
        let mut comment = self.spare.pop().unwrap_or_default();
        comment.clear();
        // Writing to a String does not fail.
        let _ = write!(comment, "hubble.{key}={value}");
        self.push(comment);
    }

    /// Adds a comment as it is.
    pub(super) fn push(&mut self, comment: String) {
        if self.metadata.comments.len() < MAX_COMMENTS {
            self.metadata.comments.push(comment);
        } else {
            self.spare.push(comment);
        }
    }

    /// Adds a comment that is texts, one after the other, without what steers a terminal. Most are, and `Display` takes longer.
    fn texts(&mut self, key: &str, texts: &[&str]) {
        let mut comment = self.spare.pop().unwrap_or_default();
        comment.clear();
        comment.push_str("hubble.");
        comment.push_str(key);
        comment.push('=');
        for text in texts {
            if is_plain(text) {
                comment.push_str(text);
            } else {
                let _ = write!(comment, "{}", Clean(text));
            }
        }
        self.push(comment);
    }

    fn text(&mut self, flow: &Flow, key: &str, text: Text) {
        if !text.is_empty() {
            self.texts(key, &[flow.text(text)]);
        }
    }

    /// A name in a namespace: `namespace/name`.
    fn pair(&mut self, flow: &Flow, key: &str, namespace: Text, name: Text) {
        match (flow.text(namespace), flow.text(name)) {
            (_, "") => {}
            ("", name) => self.texts(key, &[name]),
            (namespace, name) => self.texts(key, &[namespace, "/", name]),
        }
    }

    fn number(&mut self, key: &str, number: u64) {
        if number != 0 {
            self.add(key, number);
        }
    }

    /// Adds what a flow and the policy verdicts on it say.
    pub(super) fn of(&mut self, flow: &Flow, verdicts: &[Flow]) {
        self.texts("verdict", &[if flow.verdict().is_empty() { "VERDICT_UNKNOWN" } else { flow.verdict() }]);
        self.text(flow, "drop_reason", flow.drop_reason.text);
        self.text(flow, "drop_reason_detail", flow.ext_drop_reason);
        for verdict in verdicts {
            if verdict.verdict.number != flow.verdict.number {
                self.text(verdict, "policy_verdict", verdict.verdict.text);
            }
        }
        self.policies(flow, flow.is_dropped());
        verdicts.iter().for_each(|verdict| self.policies(verdict, flow.is_dropped()));
        for (side, [end_key, identity, workload, service, names]) in [
            ["source", "source_identity", "source_workload", "source_service", "source_names"],
            [
                "destination",
                "destination_identity",
                "destination_workload",
                "destination_service",
                "destination_names",
            ],
        ]
        .into_iter()
        .enumerate()
        {
            let end = &flow.ends[side];
            self.pair(flow, end_key, end.namespace, end.pod);
            self.number(identity, end.identity);
            self.pair(flow, workload, end.workload[0], end.workload[1]);
            self.pair(flow, service, flow.services[side].namespace, flow.services[side].name);
            if !flow.names[side].is_empty() {
                self.add(names, List(flow, &flow.names[side]));
            }
        }
        self.text(flow, "direction", flow.direction.text);
        if let Some(is_reply) = flow.reply {
            self.texts("is_reply", &[if is_reply { "true" } else { "false" }]);
        }
        self.text(flow, "trace_reason", flow.trace_reason.text);
        self.text(flow, "auth_type", flow.auth_type.text);
        if let Some(tunnel) = &flow.tunnel {
            let protocol = flow.text(tunnel.protocol.text);
            let [source, destination] =
                [tunnel.source, tunnel.destination].map(|text| Clean(flow.text(text)));
            match tunnel.vni {
                0 => self.add("tunnel", format_args!("{protocol} {source} > {destination}")),
                vni => self.add("tunnel", format_args!("{protocol} {source} > {destination} vni {vni}")),
            }
        }
        if flow.ip.is_encrypted {
            self.add("encrypted", true);
        }
        self.text(flow, "source_xlated", flow.ip.xlated);
        self.number("proxy_port", flow.proxy_port);
        self.text(flow, "interface", flow.interface);
        self.layer7(flow);
        if !flow.file.is_empty() {
            self.add("file", format_args!("{}:{}", Clean(flow.text(flow.file)), flow.line));
        }
        self.text(flow, "trace_id", flow.trace_id);
        self.number("ip_trace_id", flow.ip_trace_id);
        if flow.is_socket() {
            self.text(flow, "socket", flow.socket_point.text);
            self.number("socket_cookie", flow.socket_cookie);
        }
        self.text(flow, "uuid", flow.uuid);
        if let Some([ingress, egress, unknown]) = flow.aggregate {
            self.add("aggregate", format_args!("ingress {ingress} egress {egress} unknown {unknown}"));
        }
    }

    /// Adds policies: as `hubble.policy` those that did what became of the packet.
    fn policies(&mut self, flow: &Flow, is_dropped: bool) {
        let is_denial = is_dropped || flow.policies.iter().any(|policy| policy.effect.is_denial());
        for policy in &flow.policies {
            if policy.effect.is_denial() == is_denial {
                self.pair(flow, "policy", policy.namespace, policy.name);
            }
            self.pair(flow, policy.effect.field(), policy.namespace, policy.name);
        }
        const MATCHES: [&str; 7] = ["", "L3-Only", "L3-L4", "L4-Only", "all", "L3-Proto", "Proto-Only"];
        if flow.is_policy_verdict() && flow.match_type > 0 {
            match MATCHES.get(flow.match_type as usize) {
                Some(name) => self.add("policy_match", name),
                None => self.add("policy_match", flow.match_type),
            }
        }
        if !flow.policy_log.is_empty() {
            self.add("policy_log", List(flow, &flow.policy_log));
        }
    }

    fn layer7(&mut self, flow: &Flow) {
        if !flow.is_l7() {
            return;
        }
        self.text(flow, "l7", flow.l7.kind.text);
        self.number("latency_ns", flow.l7.latency);
        match flow.l7.record {
            L7Record::Http => self.text(flow, "http", flow.l7.http.protocol),
            L7Record::Kafka => {
                let kafka = &flow.l7.kafka;
                self.add(
                    "kafka",
                    format_args!(
                        "{} v{} correlation {} topic {} error {}",
                        Clean(flow.text(kafka.api_key)),
                        kafka.api_version,
                        kafka.correlation_id,
                        Clean(flow.text(kafka.topic)),
                        kafka.error_code
                    ),
                );
            }
            L7Record::Dns => {}
            L7Record::None => self.text(flow, "summary", flow.summary),
        }
    }
}

/// Whether nothing in a text can steer a terminal.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(char::is_control)
}

/// A text without what steers a terminal.
pub(super) struct Clean<'a>(pub(super) &'a str);

impl Display for Clean<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if is_plain(self.0) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|char| match char.is_control() {
            true => write!(f, "{}", char.escape_default()),
            false => f.write_char(char),
        })
    }
}

struct List<'a>(&'a Flow, &'a [Text]);

impl Display for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, text) in self.1.iter().enumerate() {
            if at > 0 {
                f.write_char(',')?;
            }
            Clean(self.0.text(*text)).fmt(f)?;
        }
        Ok(())
    }
}
