//! The entries of a log: everything that changes a store, as versioned bytes.
//!
//! ```text
//! version (1) | kind (1) | body | CRC-32C of all before (4)
//! ```
//!
//! Not here: which partition an entry belongs to and how a batch is split
//! (`entry/split.rs`). Invariants: what was encoded is decoded as the same; no bytes make a
//! decoder panic or ask for more memory than they justify; an entry of another version is
//! refused, never guessed.

pub(crate) mod events;
pub mod split;

use bytes::Bytes;
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use chatmetric_store::coding::{Reader, put_length, put_signed, put_varint};
use chatmetric_store::{BATCH_EVENTS_MAX, Batch, QuarantineId, SourceName, StatusEvent};

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
/// The kinds that are put together from bytes.
const EVENTS: u8 = 0;
const GATHERED: u8 = 8;

/// One change of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// What came in, as far as it is this partition's.
    Events(Batch),
    /// [`Store::raise_floor`](chatmetric_store::Store::raise_floor).
    RaiseFloor(EpochMs),
    /// [`Store::release_due`](chatmetric_store::Store::release_due).
    ReleaseDue(EpochMs),
    /// [`Store::claim`](chatmetric_store::Store::claim).
    Claim {
        /// Who held the events.
        account: AccountKey,
        /// Of which number.
        number: PhoneNumber,
        /// Where they are counted.
        space: SpaceKey,
    },
    /// [`Store::replay`](chatmetric_store::Store::replay) of an item of this partition.
    Replay {
        /// The item, by the partition's own id.
        item: QuarantineId,
        /// The events of this partition.
        events: Vec<StatusEvent>,
    },
    /// The events of this partition of an item that another one keeps.
    Replayed {
        /// Which source brought the item.
        source: SourceName,
        /// When it came.
        received_at: EpochMs,
        /// Each with its space.
        events: Vec<(StatusEvent, SpaceKey)>,
    },
    /// Changes nothing: replicas remember the digest of what they have here.
    Mark,
    /// What was counted before this place came from elsewhere: a snapshot alone has it. A
    /// replica that meets this entry does not have it, and has to begin anew.
    Base,
    /// Several of [`Entry::Events`], which were received in one quarter-hour and fit into
    /// one commit together.
    Gathered(Vec<Batch>),
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Made by a program that knows more.
    #[error("it has version {0}, this program reads version {VERSION}")]
    Version(u8),
    /// The checksum is not that of the bytes.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right, and the bytes make no sense.
    #[error("it makes no sense")]
    Malformed,
}

impl Entry {
    /// The bytes of the entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        match self {
            Self::Events(batch) => {
                out.push(EVENTS);
                events::put_batch(&mut out, batch);
            }
            Self::RaiseFloor(floor) => {
                out.push(1);
                put_signed(&mut out, floor.0);
            }
            Self::ReleaseDue(now) => {
                out.push(2);
                put_signed(&mut out, now.0);
            }
            Self::Claim {
                account,
                number,
                space,
            } => {
                out.push(3);
                put_varint(&mut out, account.0.into());
                chatmetric_store::coding::put_bytes(&mut out, number.as_bytes());
                put_varint(&mut out, space.0.into());
            }
            Self::Replay { item, events } => {
                out.push(4);
                put_varint(&mut out, item.0);
                put_length(&mut out, events.len());
                events::put_events(&mut out, EpochMs(0), events);
            }
            Self::Replayed {
                source,
                received_at,
                events,
            } => {
                out.push(5);
                chatmetric_store::coding::put_bytes(&mut out, source.as_bytes());
                put_signed(&mut out, received_at.0);
                put_length(&mut out, events.len());
                for (event, space) in events {
                    put_varint(&mut out, space.0.into());
                    events::put_events(&mut out, *received_at, std::slice::from_ref(event));
                }
            }
            Self::Mark => out.push(6),
            Self::Base => out.push(7),
            Self::Gathered(batches) => {
                out.push(GATHERED);
                put_length(&mut out, batches.len());
                for batch in batches {
                    events::put_batch(&mut out, batch);
                }
            }
        }
        sealed(out)
    }

    /// Encoded [`Entry::Events`] as one entry; `None` for none of them, or for other bytes.
    pub(crate) fn gather<'e>(encoded: impl ExactSizeIterator<Item = &'e Bytes>) -> Option<Bytes> {
        let mut out = vec![VERSION, GATHERED];
        put_length(&mut out, encoded.len());
        let mut only = (encoded.len() == 1).then(Bytes::new);
        for entry in encoded {
            if let Some(only) = &mut only {
                only.clone_from(entry);
            }
            let body = entry.len().checked_sub(CHECKSUM_BYTES)?;
            match entry.get(..body)? {
                [VERSION, EVENTS, body @ ..] => out.extend_from_slice(body),
                _ => return None,
            }
        }
        Some(only.unwrap_or_else(|| sealed(out)))
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let body = bytes.len().checked_sub(CHECKSUM_BYTES);
        let body = body.and_then(|length| bytes.split_at_checked(length));
        let (body, checksum) = body.ok_or(EntryError::Malformed)?;
        // The version first: another one may have another checksum.
        match body.first() {
            Some(&VERSION) => {}
            Some(version) => return Err(EntryError::Version(*version)),
            None => return Err(EntryError::Malformed),
        }
        if crc32c::crc32c(body).to_le_bytes() != checksum {
            return Err(EntryError::Checksum);
        }
        let mut reader = Reader::new(body);
        let entry = Self::read(&mut reader);
        entry
            .filter(|_| reader.is_empty())
            .ok_or(EntryError::Malformed)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (_version, kind) = (reader.byte()?, reader.byte()?);
        Some(match kind {
            EVENTS => Self::Events(events::batch(reader)?),
            1 => Self::RaiseFloor(reader.time()?),
            2 => Self::ReleaseDue(reader.time()?),
            3 => Self::Claim {
                account: reader.account()?,
                number: reader.number()?,
                space: reader.space()?,
            },
            4 => {
                let item = QuarantineId(reader.varint()?);
                let count = count(reader)?;
                let events = events::events(reader, EpochMs(0), count)?;
                Self::Replay { item, events }
            }
            5 => {
                let source = reader.text()?.into();
                let received_at = reader.time()?;
                let count = count(reader)?;
                let mut events = Vec::with_capacity(count);
                for _ in 0..count {
                    let space = reader.space()?;
                    let mut one = events::events(reader, received_at, 1)?;
                    events.push((one.pop()?, space));
                }
                Self::Replayed {
                    source,
                    received_at,
                    events,
                }
            }
            6 => Self::Mark,
            7 => Self::Base,
            GATHERED => Self::Gathered(events::gathered(reader)?),
            _ => return None,
        })
    }
}

/// With its checksum.
fn sealed(mut entry: Vec<u8>) -> Bytes {
    let checksum = crc32c::crc32c(&entry);
    entry.extend_from_slice(&checksum.to_le_bytes());
    entry.into()
}

/// How many events follow.
fn count(reader: &mut Reader<'_>) -> Option<usize> {
    let count = reader.length(events::EVENT_BYTES_MIN)?;
    (count <= BATCH_EVENTS_MAX).then_some(count)
}

#[cfg(test)]
pub(crate) mod tests;
