//! The texts of a flow: all in one buffer, which the next flow uses again, so that none of them is allocated.

/// Where a text is in the [`Texts`] of its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    start: u32,
    end: u32,
}

impl Text {
    /// Whether it is empty, as a field is that the flow does not have.
    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// The texts of a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    buffer: String,
    /// The bytes of the text that is being read.
    bytes: Vec<u8>,
}

impl Texts {
    /// A text.
    pub(super) fn get(&self, text: Text) -> &str {
        &self.buffer[text.start as usize..text.end as usize]
    }

    /// Forgets all texts.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// The text that `read` puts into the buffer that it is given. What is no UTF-8 in it is replaced.
    pub(super) fn read<E>(&mut self, read: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Text, E> {
        self.bytes.clear();
        read(&mut self.bytes)?;
        let start = self.buffer.len();
        match str::from_utf8(&self.bytes) {
            Ok(text) => self.buffer.push_str(text),
            Err(_) => self.buffer.push_str(&String::from_utf8_lossy(&self.bytes)),
        }
        Ok(self.since(start))
    }

    /// A text that is known already.
    pub(super) fn add(&mut self, text: &str) -> Text {
        let start = self.buffer.len();
        self.buffer.push_str(text);
        self.since(start)
    }

    /// Has `change` put other ASCII in the place of bytes of a text. It has to replace characters as a whole.
    pub(super) fn change(&mut self, text: Text, change: impl FnOnce(&mut [u8])) {
        let mut bytes = std::mem::take(&mut self.buffer).into_bytes();
        change(&mut bytes[text.start as usize..text.end as usize]);
        self.buffer = String::from_utf8(bytes).unwrap_or_else(|error| {
            let ascii = |byte: u8| if byte.is_ascii() { byte } else { b'?' };
            error.into_bytes().into_iter().map(|byte| char::from(ascii(byte))).collect()
        });
    }

    fn since(&self, start: usize) -> Text {
        // A record has fewer than 4 GiB.
        Text { start: start as u32, end: self.buffer.len() as u32 }
    }
}
