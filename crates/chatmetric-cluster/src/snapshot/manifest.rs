//! What a snapshot consists of, as bytes, and the names of its objects.
//!
//! Not here: the objects. Invariant: keys sort as the places of the snapshots do.

use crate::partition::Partition;
use chatmetric_store::coding::{Reader, put_bytes, put_length, put_varint};

const VERSION: u8 = 1;

/// A part of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) hash: u128,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Of which partition.
    pub partition: Partition,
    /// Of which incarnation of the log.
    pub created_ns: u64,
    /// The last entry that is in it.
    pub sequence: u64,
    /// When that came into the log.
    pub last_ms: u64,
    /// The version of the bytes.
    pub format: u32,
    /// Who took it.
    pub member: String,
    pub(super) parts: Vec<Part>,
}

/// What the keys of a partition begin with.
pub(super) fn prefix(partition: Partition) -> String {
    format!("p{:04}.", partition.0)
}

impl Manifest {
    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Its key in the bucket.
    pub(super) fn key(&self) -> String {
        format!("{}{:020}", prefix(self.partition), self.sequence)
    }

    /// The name of the object that holds a part.
    pub(super) fn object(&self, part: &str) -> String {
        format!("{}/{}", self.key(), part)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.partition.0.into());
        put_varint(&mut out, self.created_ns);
        put_varint(&mut out, self.sequence);
        put_varint(&mut out, self.last_ms);
        put_varint(&mut out, self.format.into());
        put_bytes(&mut out, self.member.as_bytes());
        put_length(&mut out, self.parts.len());
        for part in &self.parts {
            put_bytes(&mut out, part.name.as_bytes());
            put_varint(&mut out, part.bytes);
            out.extend_from_slice(&part.hash.to_le_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        let partition = Partition(u16::try_from(reader.varint()?).ok()?);
        let (created_ns, sequence) = (reader.varint()?, reader.varint()?);
        let (last_ms, format) = (reader.varint()?, reader.varint_u32()?);
        let member = reader.text()?.to_owned();
        let count = reader.length(18)?;
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            parts.push(Part {
                name: reader.text()?.to_owned(),
                bytes: reader.varint()?,
                hash: reader.fixed_u128()?,
            });
        }
        reader.is_empty().then_some(Self {
            partition,
            created_ns,
            sequence,
            last_ms,
            format,
            member,
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back() {
        let manifest = Manifest {
            partition: Partition(3),
            created_ns: 1 << 60,
            sequence: 900,
            last_ms: 5,
            format: 4,
            member: "a".to_owned(),
            parts: vec![Part {
                name: "catalog".to_owned(),
                bytes: 12,
                hash: 7,
            }],
        };
        assert_eq!(Manifest::decode(&manifest.encode()), Some(manifest.clone()));
        assert_eq!(
            manifest.object("catalog"),
            "p0003.00000000000000000900/catalog"
        );
        assert_eq!(Manifest::decode(&[9]), None);
    }
}
