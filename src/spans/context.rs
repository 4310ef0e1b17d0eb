//! The contexts of traces in a request's headers: which span a request belongs to, as W3C, Zipkin, Google and gRPC write it.

use super::ids;

/// A trace and a span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Context {
    /// The trace.
    pub trace: u128,
    /// The span, never 0.
    pub span: u64,
}

/// What a request's headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contexts {
    /// One or more: a request may carry those of two traces.
    pub contexts: Vec<Context>,
    /// `x-request-id`.
    pub request_id: String,
    /// The method, and the target as the request has it.
    pub request: [String; 2],
    /// Half of what `x-b3-traceid` and `x-b3-spanid` say.
    b3_trace: Option<u128>,
    b3_span: Option<u64>,
}

/// Contexts of one request at most.
const MAX_CONTEXTS: usize = 8;

impl Contexts {
    /// Takes in a header.
    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        let value = value.trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let context = match name.len() {
            2 if is("b3") => b3(value),
            11 if is("traceparent") => traceparent(value),
            11 if is("x-b3-spanid") => {
                self.b3_span = ids::span_of_hex(value);
                self.b3()
            }
            12 if is("x-b3-traceid") => {
                self.b3_trace = ids::trace_of_hex(value);
                self.b3()
            }
            12 if is("x-request-id") => {
                self.request_id = String::from_utf8_lossy(value).into_owned();
                None
            }
            14 if is("grpc-trace-bin") => grpc_trace_bin(value),
            21 if is("x-cloud-trace-context") => cloud_trace_context(value),
            _ => None,
        };
        if let Some(context) = context
            && !self.contexts.contains(&context)
            && self.contexts.len() < MAX_CONTEXTS
        {
            self.contexts.push(context);
        }
    }

    fn b3(&self) -> Option<Context> {
        Some(Context { trace: self.b3_trace?, span: self.b3_span? })
    }

    /// Takes in the method and the target.
    pub fn request(&mut self, method: &[u8], target: &[u8]) {
        self.request = [method, target].map(|text| String::from_utf8_lossy(text).into_owned());
    }

    /// Whether there is nothing by which a span could be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty() && self.request_id.is_empty()
    }
}

/// The path of a target or a URL, without its query.
pub(super) fn path(target: &str) -> &str {
    let rest = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            &rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..]
        }
        _ => target,
    };
    &rest[..rest.find(['?', '#']).unwrap_or(rest.len())]
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; later versions may have more behind (W3C Trace Context section 3.2).
fn traceparent(value: &[u8]) -> Option<Context> {
    let mut parts = value.split(|&byte| byte == b'-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = version.len() == 2 && version != b"ff" && flags.len() == 2 && trace.len() == 32;
    if !is_known || version == b"00" && parts.next().is_some() {
        return None;
    }
    Some(Context { trace: ids::trace_of_hex(trace)?, span: ids::span_of_hex(span)? })
}

/// `<trace>-<span>`, and perhaps whether it is sampled and the parent.
fn b3(value: &[u8]) -> Option<Context> {
    let mut parts = value.split(|&byte| byte == b'-');
    Some(Context { trace: ids::trace_of_hex(parts.next()?)?, span: ids::span_of_hex(parts.next()?)? })
}

/// `<32 hex>/<decimal span>;o=1`.
fn cloud_trace_context(value: &[u8]) -> Option<Context> {
    let text = str::from_utf8(value).ok()?;
    let (trace, rest) = text.split_once('/')?;
    let span: u64 = rest.split(';').next()?.parse().ok()?;
    let trace = if trace.len() == 32 { ids::trace_of_hex(trace.as_bytes())? } else { return None };
    (span != 0).then_some(Context { trace, span })
}

/// OpenCensus's binary format in base64: version 0, then fields: 0 the trace's 16 bytes, 1 the span's 8, 2 options.
fn grpc_trace_bin(value: &[u8]) -> Option<Context> {
    let bytes = ids::base64(value)?;
    let (trace, span) = match &bytes[..] {
        [0, 0, rest @ ..] if rest.len() >= 25 && rest[16] == 1 => (&rest[..16], &rest[17..25]),
        _ => return None,
    };
    Some(Context { trace: ids::trace(trace, false)?, span: ids::span(span, false)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Context =
        Context { trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span: 0x00f0_67aa_0ba9_02b7 };

    fn contexts(headers: &[(&str, &str)]) -> Vec<Context> {
        let mut contexts = Contexts::default();
        headers.iter().for_each(|(name, value)| contexts.header(name.as_bytes(), value.as_bytes()));
        contexts.contexts
    }

    #[test]
    fn every_form_is_read() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let forms: [&[(&str, &str)]; 6] = [
            &[("TraceParent", &format!("00-{trace}-{span}-01"))],
            &[("b3", &format!("{trace}-{span}-1-05e3ac9a4f6e3b90"))],
            &[("X-B3-SpanId", span), ("x-b3-traceid", trace)],
            &[("x-cloud-trace-context", &format!("{trace}/67667974448284343;o=1"))],
            &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE=")],
            &[("traceparent", &format!("01-{trace}-{span}-01-more"))],
        ];
        for form in forms {
            assert_eq!(contexts(form), [EXPECTED], "{form:?}");
        }
        assert_eq!(contexts(&[("b3", "a3ce929d0e0e4736-00f067aa0ba902b7")])[0].trace, 0xa3ce_929d_0e0e_4736);
    }

    #[test]
    fn what_is_no_context_is_none() {
        let zeros = "0".repeat(32);
        for (name, value) in [
            ("traceparent", ""),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"),
            ("traceparent", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("traceparent", &format!("00-{zeros}-00f067aa0ba902b7-01")),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
            ("b3", "0"),
            ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("grpc-trace-bin", "AAAA"),
        ] {
            assert_eq!(contexts(&[(name, value)]), [], "{name} {value}");
        }
    }
}
