//! gzip, RFC 1952: one member after another, as `cat a.gz b.gz` makes them, perhaps with zeros at the end.

use flate2::{Decompress, FlushDecompress, Status};

use super::damage::{Damage, Progress};

/// Every gzip stream can be read with a window of this many bits: 32 KiB.
const WINDOW_BITS: u8 = 15;
const MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Debug)]
pub(crate) struct Gzip {
    /// The member that is being read.
    member: Option<Decompress>,
    /// Whether there has been a member.
    is_begun: bool,
}

impl Gzip {
    /// Bytes of memory that a member takes: its window and tables.
    pub(crate) const MEMORY: usize = 48 * 1024;

    pub(crate) fn new() -> Self {
        Self { member: None, is_begun: false }
    }

    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        is_end: bool,
        output: &mut [u8],
    ) -> Result<Progress, Damage> {
        let Some(member) = &mut self.member else { return self.begin(input, is_end) };
        let (consumed, produced) = (member.total_in(), member.total_out());
        let result = member.decompress(input, output, FlushDecompress::None);
        let consumed = (member.total_in() - consumed) as usize;
        let produced = (member.total_out() - produced) as usize;
        let mut progress = Progress { consumed, produced, is_waiting: false };
        match result {
            Ok(Status::StreamEnd) => self.member = None,
            Ok(Status::Ok | Status::BufError) => progress.is_waiting = consumed == 0 && produced == 0,
            // What has been decoded before goes on. The error comes again.
            Err(_) if produced > 0 => {}
            Err(_) => return Err(Damage::damaged(consumed)),
        }
        if progress.is_waiting && is_end {
            return Err(Damage::truncated(input.len()));
        }
        Ok(progress)
    }

    /// Goes on to the next member.
    fn begin(&mut self, input: &[u8], is_end: bool) -> Result<Progress, Damage> {
        // Tapes and some servers fill up a block.
        let padding = if self.is_begun { input.iter().take_while(|&&byte| byte == 0).count() } else { 0 };
        let rest = &input[padding..];
        if rest.starts_with(&MAGIC) {
            self.member = Some(Decompress::new_gzip(WINDOW_BITS));
            self.is_begun = true;
        } else if rest.len() >= MAGIC.len() || is_end && !rest.is_empty() {
            return Err(Damage::trailing(padding));
        }
        Ok(Progress { consumed: padding, produced: 0, is_waiting: self.member.is_none() })
    }
}
