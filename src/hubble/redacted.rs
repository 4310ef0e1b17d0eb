//! Redacts the texts of a flow that say what was in an HTTP message.

use super::flow::Flow;
use crate::redact::{Redaction, X};
use crate::report::RedactionCounts;

impl Flow {
    /// The same flow with values redacted.
    pub(super) fn redacted(&self, rules: &Redaction, counts: &mut RedactionCounts) -> Self {
        let mut flow = self.clone();
        for text in [flow.l7.http.url, flow.summary] {
            flow.texts.change(text, |bytes| counts.values += rules.url(bytes));
        }
        // Cilium takes it from the headers of the request.
        if rules.name_of_spans().is_some() {
            flow.texts.change(flow.trace_id, |bytes| bytes.fill(X));
        }
        for at in 0..flow.l7.http.headers.len() {
            let [name, value] = flow.l7.http.headers[at];
            let name = flow.text(name).to_owned();
            flow.texts.change(value, |bytes| counts.values += rules.header(name.as_bytes(), bytes));
        }
        flow
    }
}
