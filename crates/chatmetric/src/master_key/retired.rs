//! A master key sealed under the one that took its place, so that what it sealed and
//! nobody seals again (bodies in the quarantine) still opens.
//!
//! Invariant: what comes out is the key of the id that was asked for, or an error.

use super::{KEY_ID_BYTES, KeyId, MASTER_KEY_BYTES, MasterKey, RecordKind, SealContext, SealError};
use crate::entropy::Entropy;
use zeroize::Zeroizing;

impl MasterKey {
    /// Seals another master key under this one.
    ///
    /// # Errors
    /// [`SealError::Cipher`], which the length of a key rules out.
    pub fn seal_retired(
        &self,
        retired: &Self,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        let record = retired.id.to_string();
        self.seal(context(&record), retired.root.as_slice(), entropy)
    }

    /// The master key of this id that [`MasterKey::seal_retired`] sealed.
    ///
    /// # Errors
    /// [`SealError`], also when the bytes are another key's.
    pub fn open_retired(&self, id: [u8; KEY_ID_BYTES], sealed: &[u8]) -> Result<Self, SealError> {
        let record = KeyId(id).to_string();
        let opened = self.open(context(&record), sealed)?;
        let bytes: [u8; MASTER_KEY_BYTES] = opened
            .as_slice()
            .try_into()
            .map_err(|_| SealError::Tampered)?;
        let key = Self::from_bytes(*Zeroizing::new(bytes));
        if key.id.0 == id {
            Ok(key)
        } else {
            Err(SealError::Tampered)
        }
    }

    /// Whether a secret names this key as the one that sealed it.
    #[must_use]
    pub fn sealed(&self, sealed: &[u8]) -> bool {
        sealed
            .get(1..)
            .is_some_and(|rest| rest.starts_with(&self.id.0))
    }
}

fn context(record: &str) -> SealContext<'_> {
    SealContext {
        kind: RecordKind::RetiredMasterKey,
        tenant: "",
        record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes([byte; MASTER_KEY_BYTES])
    }

    #[test]
    fn a_retired_key_comes_back_and_opens_what_it_sealed() {
        let entropy = SeededEntropy::new(1);
        let place = SealContext {
            kind: RecordKind::QuarantinedBody,
            tenant: "100",
            record: "hook",
        };
        let body = key(1).seal(place, b"body", &entropy).expect("seals");
        let retired = key(2).seal_retired(&key(1), &entropy).expect("seals");
        let back = key(2).open_retired(key(1).id.0, &retired).expect("opens");
        assert_eq!(back.id(), key(1).id());
        assert_eq!(back.open(place, &body).expect("opens").as_slice(), b"body");
        assert!(key(1).sealed(&body) && !key(2).sealed(&body) && key(2).sealed(&retired));
        assert!(!key(1).sealed(&[]) && !key(1).sealed(&[1, 2]));
    }

    #[test]
    fn it_opens_as_no_other_key_and_under_no_other() {
        let entropy = SeededEntropy::new(1);
        let retired = key(2).seal_retired(&key(1), &entropy).expect("seals");
        let refused = key(2).open_retired(key(3).id.0, &retired).map(drop);
        assert_eq!(refused, Err(SealError::Tampered));
        let refused = key(3).open_retired(key(1).id.0, &retired).map(drop);
        assert_eq!(refused, Err(SealError::OtherKey));
    }
}
