//! What is known of a packet besides its bytes, where the capture's format has room for it: pcapng.

/// Comments on one packet. An event without packets passes its comments to the next one.
pub const MAX_COMMENTS: usize = 256;

/// What is known of a packet besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Texts for people, and `key=value` for filters.
    pub comments: Vec<String>,
    /// `epb_packetid`: the same packet, seen on several interfaces, has the same number.
    pub packet_id: Option<u64>,
    /// `epb_dropcount`: packets that were lost on the interface since the one before.
    pub dropped: u64,
}

/// Metadata that wait for a conversation's next packet: nearly always none, which takes no more room than a pointer.
#[derive(Debug, Default)]
pub struct Pending(Option<Box<Metadata>>);

impl Pending {
    /// Adds a comment, unless there are [`MAX_COMMENTS`].
    pub fn comment(&mut self, comment: String) {
        let comments = &mut self.0.get_or_insert_default().comments;
        if comments.len() < MAX_COMMENTS {
            comments.push(comment);
        }
    }

    /// Adds the comments of `other`, and takes them away there.
    #[inline]
    pub fn append(&mut self, other: &mut Self) {
        if let Some(other) = other.0.take() {
            other.comments.into_iter().for_each(|comment| self.comment(comment));
        }
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Takes all away.
    #[inline]
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// What waits.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&Metadata> {
        self.0.as_deref()
    }
}
