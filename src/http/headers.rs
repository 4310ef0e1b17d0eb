//! The headers of an HTTP message, as the tap recorded them.

/// Headers of a message at most: some hundred times what Envoy lets through by default.
pub const MAX_HEADERS: usize = 65_536;

/// Names and values in their order, pseudo-headers among them. Kept in one buffer: a hostile record of empty headers takes
/// little more memory than its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    /// Where each name, and the value behind it, end.
    ends: Vec<(u32, u32)>,
}

impl Headers {
    /// Adds a header. Returns whether there was room for it: there is for [`MAX_HEADERS`], and for 4 GiB of bytes.
    #[must_use]
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        let name_end = self.bytes.len() + name.len();
        let (Ok(name_end), Ok(end)) = (u32::try_from(name_end), u32::try_from(name_end + value.len())) else {
            return false;
        };
        if self.ends.len() == MAX_HEADERS {
            return false;
        }
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.ends.push((name_end, end));
        true
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&(_, end)| end));
        starts.zip(&self.ends).map(|(start, &(name_end, end))| {
            let (name, value) = (start as usize..name_end as usize, name_end as usize..end as usize);
            (&self.bytes[name], &self.bytes[value])
        })
    }

    /// Has `change` see each name with its value, and change the bytes of that.
    pub(super) fn each_value(&mut self, mut change: impl FnMut(&[u8], &mut [u8])) {
        let (mut rest, mut start) = (&mut self.bytes[..], 0);
        for &(name_end, end) in &self.ends {
            let (header, next) = rest.split_at_mut((end - start) as usize);
            let (name, value) = header.split_at_mut((name_end - start) as usize);
            change(name, value);
            (rest, start) = (next, end);
        }
    }

    /// The value of the first header with this name, in whichever case.
    #[must_use]
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of `content-length`, where it is one number (RFC 9110 section 8.6).
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let mut lengths = self.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"content-length"));
        let (_, first) = lengths.next()?;
        if lengths.any(|(_, other)| other != first) || !first.iter().all(u8::is_ascii_digit) {
            return None;
        }
        str::from_utf8(first).ok()?.parse().ok()
    }

    /// Whether the last transfer coding is chunked (RFC 9112 section 6.1).
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.value(b"transfer-encoding").is_some_and(|codings| {
            let last = codings.rsplit(|&byte| byte == b',').next().unwrap_or_default();
            last.trim_ascii().eq_ignore_ascii_case(b"chunked")
        })
    }

    /// Whether the message is one of gRPC: `application/grpc`, perhaps with a `+` and what encodes its messages.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.has_media_type(b"application/grpc")
    }

    /// Whether the message is one of gRPC-Web, which HTTP/1.1 carries too. Envoy's filter makes a request one of gRPC, but
    /// leaves the client's `x-grpc-web`.
    #[must_use]
    pub fn is_grpc_web(&self) -> bool {
        let is_web = |kind: &&[u8]| self.has_media_type(kind);
        self.value(b"x-grpc-web").is_some()
            || [&b"application/grpc-web"[..], b"application/grpc-web-text"].iter().any(is_web)
    }

    /// Whether `content-type` is this one, perhaps with a suffix or parameters.
    fn has_media_type(&self, media_type: &[u8]) -> bool {
        self.value(b"content-type").is_some_and(|kind| {
            let (name, rest) = kind.split_at(kind.len().min(media_type.len()));
            name.eq_ignore_ascii_case(media_type) && matches!(rest, [] | [b'+' | b';' | b' ', ..])
        })
    }

    /// Whether they say that a request has a body (RFC 9112 section 6.3).
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.is_chunked() || self.value(b"content-length").is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<(u32, u32)>()
    }
}
