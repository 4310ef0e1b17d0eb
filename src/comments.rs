//! What is to be said on the next packet of a conversation, where the capture's format has comments.

/// As many comments are on one packet: events that make none can have something to say too.
pub const MAX_COMMENTS: usize = 256;

/// Comments that wait for a packet: nearly always none, which takes no more room than a pointer.
#[derive(Debug, Default)]
pub struct Comments {
    #[expect(
        clippy::box_collection,
        reason = "thousands of conversations have to fit into the processor's cache"
    )]
    some: Option<Box<Vec<String>>>,
}

impl Comments {
    /// Adds one, unless very much is said already.
    pub fn push(&mut self, comment: String) {
        let some = self.some.get_or_insert_default();
        if some.len() < MAX_COMMENTS {
            some.push(comment);
        }
    }

    /// Adds those of `other`, and takes them away there.
    #[inline]
    pub fn append(&mut self, other: &mut Self) {
        if let Some(some) = other.some.take() {
            some.into_iter().for_each(|comment| self.push(comment));
        }
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.some.is_none()
    }

    /// Takes all away.
    #[inline]
    pub fn clear(&mut self) {
        self.some = None;
    }

    /// All of them.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        self.some.as_ref().map_or(&[], |some| some)
    }
}
