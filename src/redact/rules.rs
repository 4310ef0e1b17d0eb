//! What is redacted: names, and perhaps bodies.

use super::names::{Name, Names};
use super::values::{Kind, Values};

/// Headers by which the spans of a request are found.
const OF_SPANS: [&str; 8] = [
    "b3",
    "grpc-trace-bin",
    "traceparent",
    "x-b3-parentspanid",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-request-id",
];

/// What is redacted.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    pub(super) names: Names,
    /// The bodies of messages are redacted too.
    pub bodies: bool,
}

impl Redaction {
    /// The values with these names, and bodies if they are to be.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = Name>, bodies: bool) -> Self {
        Self { names: Names::new(names), bodies }
    }

    /// A name by which spans are found, if it is to be redacted: what is said of spans has the values of those headers.
    #[must_use]
    pub fn name_of_spans(&self) -> Option<&'static str> {
        OF_SPANS.into_iter().find(|name| self.names.has(name.as_bytes()))
    }

    /// How the value of a header is redacted, whose name is in lower case.
    pub(super) fn kind(&self, name: &[u8]) -> Kind {
        match name {
            _ if self.names.has(name) => Kind::All,
            b"cookie" | b"set-cookie" | b"cookie2" | b"set-cookie2" => Kind::Cookies,
            _ => Kind::Parameters,
        }
    }

    /// Redacts the value of a header. Returns how many values that were.
    pub fn header(&self, name: &[u8], value: &mut [u8]) -> u64 {
        let name = name.to_ascii_lowercase();
        Values::new(self.kind(&name)).bytes(&self.names, value)
    }

    /// Redacts an attribute of a span, whose name may have that of a header in it: `http.request.header.x_api_key`. Returns how many
    /// values that were.
    pub fn attribute(&self, name: &str, value: &mut [u8]) -> u64 {
        let plain = |name: &[u8]| {
            name.to_ascii_lowercase()
                .iter()
                .map(|&byte| if byte == b'_' { b'-' } else { byte })
                .collect::<Vec<u8>>()
        };
        let name = plain(name.as_bytes());
        let has = |known: &[u8]| has_part(&name, known);
        let kind = match () {
            () if self.names.iter().map(plain).any(|known| has(&known)) => Kind::All,
            () if has(b"cookie") || has(b"set-cookie") => Kind::Cookies,
            () => Kind::Parameters,
        };
        Values::new(kind).bytes(&self.names, value)
    }

    /// Redacts the parameters in a URL, or in a text that has one.
    pub fn url(&self, text: &mut [u8]) -> u64 {
        Values::new(Kind::Parameters).bytes(&self.names, text)
    }
}

/// Whether a name has another one in it that no letter and no digit continues.
fn has_part(name: &[u8], part: &[u8]) -> bool {
    let continues = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    memchr::memmem::find_iter(name, part)
        .any(|at| !continues(name[..at].last()) && !continues(name.get(at + part.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(names: &str) -> Redaction {
        Redaction::new(names.split(',').map(|name| name.parse().expect("a name")), false)
    }

    fn header(names: &str, name: &str, value: &str) -> String {
        let mut value = value.as_bytes().to_vec();
        rules(names).header(name.as_bytes(), &mut value);
        String::from_utf8(value).expect("text")
    }

    #[test]
    fn a_value_becomes_as_many_x() {
        assert_eq!(header("Authorization", "authorization", "Bearer abc"), "xxxxxxxxxx");
        assert_eq!(header("authorization", "AUTHORIZATION", "a"), "x");
        assert_eq!(header("authorization", "x-authorization", "a"), "a");
    }

    #[test]
    fn cookies_are_known_by_their_names() {
        assert_eq!(
            header("sid", "Cookie", "a=1; SID=secret; sidx=2; xsid=3"),
            "a=1; SID=xxxxxx; sidx=2; xsid=3"
        );
        assert_eq!(header("sid", "set-cookie", "sid=a&b=c; Path=/"), "sid=xxxxx; Path=/");
        assert_eq!(header("sid", "cookie", "sid =secret;b=1"), "sid =xxxxxx;b=1");
        assert_eq!(header("sid", "cookie", "sid=\"a;b\\\";c\";d=1"), "sid=xxxxxxxxx;d=1");
        assert_eq!(header("cookie", "cookie", "a=b"), "xxx");
    }

    #[test]
    fn parameters_are_known_by_their_names() {
        assert_eq!(
            header("token", "referer", "https://a/b?a=b&token=c;d#e&f=g"),
            "https://a/b?a=b&token=xxxxx&f=g"
        );
        assert_eq!(header("token", "location", "/cb#token=abc"), "/cb#token=xxx");
        assert_eq!(header("token", ":path", "/?%74oke%6e=abc&atoken=1"), "/?%74oke%6e=xxx&atoken=1");
        assert_eq!(
            header("token", "location", "/?to=http%3A%2F%2Fa%3Ftoken%3Dabc"),
            "/?to=http%3A%2F%2Fa%3Ftoken%3Dxxx"
        );
        assert_eq!(header("a[b]", "location", "/?a%5Bb%5D=c&a[b]=d"), "/?a%5Bb%5D=x&a[b]=x");
        assert_eq!(header("token", "location", "/?%zztoken=1&%&token=%"), "/?%zztoken=1&%&token=x");
    }

    #[test]
    fn attributes_are_known_by_names_in_theirs() {
        for (names, attribute, is_redacted) in [
            ("x-api-key", "http.request.header.x_api_key", true),
            ("my.key", "http.request.header.my.key", true),
            ("authorization", "http.header[authorization]", true),
            ("authorization", "http_request_header_authorization", true),
            ("sid", "inside", false),
            ("sid", "sidecar", false),
        ] {
            let mut value = *b"secret";
            rules(names).attribute(attribute, &mut value);
            assert_eq!(&value == b"xxxxxx", is_redacted, "{attribute}");
        }
    }

    #[test]
    fn values_may_come_byte_by_byte() {
        let rules = rules("token,sid");
        for (kind, text) in [
            (Kind::Parameters, "/a?b=c&%74oken=d%26&e=f;token =g"),
            (Kind::Cookies, "a=b; sid=\"c;d\"; token=e"),
        ] {
            let mut whole = text.as_bytes().to_vec();
            let count = Values::new(kind).bytes(&rules.names, &mut whole);
            let mut parts = text.as_bytes().to_vec();
            let mut values = Values::new(kind);
            let sum: u64 = parts.chunks_mut(1).map(|part| values.bytes(&rules.names, part)).sum();
            assert_eq!((parts, sum), (whole, count));
            assert_eq!(count, 2);
        }
    }
}
