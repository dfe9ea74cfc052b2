//! How far a stream was read: kept in the commit of the counts that it brought, so a
//! reader that starts again goes on behind exactly what is counted.
//!
//! The store keeps and gives it back; what a place means is the reader's. Not here: how
//! streams are read. Invariant: what is behind an offset is in the tallies, whenever the
//! offset can be seen.

use chatmetric_core::EpochMs;

/// How far a stream was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamOffset {
    /// Which incarnation of the stream this is a place in: its time of creation, in ns.
    pub created_ns: u64,
    /// The place of the last message that is counted.
    pub sequence: u64,
    /// When that message came into the stream; 0 before the first one.
    pub last_ms: u64,
    /// Messages that were counted, again or for the first time. Each is at least one
    /// received item of the source's books.
    pub messages: u64,
    /// Messages that were gone before they could be read, at most.
    pub missing: u64,
    /// How often the stream was another one than before.
    pub recreated: u64,
}

impl StreamOffset {
    /// When the last counted message came into the stream.
    #[must_use]
    pub fn last_at(&self) -> Option<EpochMs> {
        let ms = i64::try_from(self.last_ms).ok().filter(|ms| *ms > 0)?;
        Some(EpochMs(ms))
    }

    /// The values in the order in which they are written.
    pub(crate) const fn fields(&self) -> [u64; 6] {
        [
            self.created_ns,
            self.sequence,
            self.last_ms,
            self.messages,
            self.missing,
            self.recreated,
        ]
    }

    pub(crate) const fn of_fields(fields: [u64; 6]) -> Self {
        let [created_ns, sequence, last_ms, messages, missing, recreated] = fields;
        Self {
            created_ns,
            sequence,
            last_ms,
            messages,
            missing,
            recreated,
        }
    }
}
