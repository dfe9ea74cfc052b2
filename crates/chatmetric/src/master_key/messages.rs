//! Sealing of messages that the server gives away and takes back: security
//! tokens and diagnoses of denials. Not for what is stored: that is
//! [`MasterKey::seal`](super::MasterKey::seal).
//!
//! There can be many a second for years, more than one AES-GCM key may seal with
//! random nonces; so every message has a key of its own, derived from the master
//! key and a random salt, and the nonce of a key that is used once is constant.
//!
//! Invariant: a message opens only under the same master key, for the same kind
//! and tenant; everything else is an error and never other bytes.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chatmetric_rpc::credential::{AccessKeyId, SecretKey};
use zeroize::Zeroizing;

use super::{
    KEY_ID_BYTES, KeyId, MASTER_KEY_BYTES, MasterKey, NONCE_BYTES, SealContext, SealError,
    TAG_BYTES, associated, derive,
};
use crate::entropy::Entropy;

/// First byte of a message: the format below.
const MESSAGE_VERSION: u8 = 1;
/// Random bytes that make the key of a message its own: two of 2⁷⁰ messages
/// share one with a chance of 2⁻⁵³.
const SALT_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + SALT_BYTES;

/// Bytes that sealing adds to a message.
pub const MESSAGE_OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// Seals messages and derives the secrets of temporary keys. Two programs with
/// the same master key understand each other. Zeroed when dropped, never shown.
pub struct MessageSealer {
    id: KeyId,
    root: Zeroizing<[u8; MASTER_KEY_BYTES]>,
    session_secrets: Zeroizing<[u8; MASTER_KEY_BYTES]>,
}

impl MasterKey {
    /// What seals messages under this key.
    #[must_use]
    pub fn message_sealer(&self) -> MessageSealer {
        MessageSealer {
            id: self.id,
            root: derive(&self.root, b"chatmetric messages 1"),
            session_secrets: derive(&self.root, b"chatmetric session secrets 1"),
        }
    }
}

impl MessageSealer {
    /// Seals a message for one kind and tenant; the record of the context is a
    /// part of what is authenticated, as ever.
    ///
    /// # Errors
    /// [`SealError::Cipher`] for more bytes than AES-GCM takes (64 GiB).
    pub fn seal(
        &self,
        context: SealContext<'_>,
        message: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        let mut salt = [0_u8; SALT_BYTES];
        entropy.fill(&mut salt);
        let payload = Payload {
            msg: message,
            aad: &associated(MESSAGE_VERSION, &self.id, context),
        };
        let ciphertext = self
            .cipher(&salt)
            .encrypt(&Nonce::from([0_u8; NONCE_BYTES]), payload)
            .map_err(|_| SealError::Cipher)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + ciphertext.len());
        sealed.push(MESSAGE_VERSION);
        sealed.extend_from_slice(&self.id.0);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`MessageSealer::seal`] made for the same kind and tenant.
    ///
    /// # Errors
    /// [`SealError`]: another master key, kind or tenant, changed bytes.
    pub fn open(
        &self,
        context: SealContext<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Format)?;
        let (key_id, rest) = rest
            .split_first_chunk::<KEY_ID_BYTES>()
            .ok_or(SealError::Format)?;
        let (salt, ciphertext) = rest
            .split_first_chunk::<SALT_BYTES>()
            .ok_or(SealError::Format)?;
        if version != MESSAGE_VERSION || ciphertext.len() < TAG_BYTES {
            return Err(SealError::Format);
        }
        if *key_id != self.id.0 {
            return Err(SealError::OtherKey);
        }
        let payload = Payload {
            msg: ciphertext,
            aad: &associated(MESSAGE_VERSION, &self.id, context),
        };
        self.cipher(salt)
            .decrypt(&Nonce::from([0_u8; NONCE_BYTES]), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Tampered)
    }

    /// The secret of a temporary key: it follows from the id, so nothing holds
    /// it, neither the disk nor the token.
    #[must_use]
    pub fn session_secret(&self, id: &AccessKeyId) -> SecretKey {
        let secret = derive(&self.session_secrets, id.as_str().as_bytes());
        SecretKey::new(URL_SAFE_NO_PAD.encode(secret.as_slice()))
    }

    fn cipher(&self, salt: &[u8; SALT_BYTES]) -> Aes256Gcm {
        let key = derive(&self.root, salt);
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
    }
}

impl std::fmt::Debug for MessageSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageSealer(redacted, id {})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::RecordKind;
    use super::*;
    use crate::entropy::SeededEntropy;

    const PLACE: SealContext<'static> = SealContext {
        kind: RecordKind::SessionToken,
        tenant: "100",
        record: "",
    };

    fn sealer(byte: u8) -> MessageSealer {
        MasterKey::from_bytes([byte; MASTER_KEY_BYTES]).message_sealer()
    }

    #[test]
    fn a_message_opens_in_its_place_only() {
        let sealed = sealer(1)
            .seal(PLACE, b"hush", &SeededEntropy::new(1))
            .expect("seals");
        assert_eq!(sealed.len(), 4 + MESSAGE_OVERHEAD_BYTES);
        let opened = sealer(1).open(PLACE, &sealed).expect("opens");
        assert_eq!(opened.as_slice(), b"hush");
        assert_eq!(sealer(2).open(PLACE, &sealed), Err(SealError::OtherKey));
        let others = [
            SealContext {
                kind: RecordKind::DiagnosticMessage,
                ..PLACE
            },
            SealContext {
                tenant: "101",
                ..PLACE
            },
            SealContext {
                record: "x",
                ..PLACE
            },
        ];
        for other in others {
            let refused = sealer(1).open(other, &sealed);
            assert_eq!(refused, Err(SealError::Tampered), "{other:?}");
        }
    }

    #[test]
    fn a_stored_secret_is_no_message_and_the_other_way_round() {
        let key = MasterKey::from_bytes([1; MASTER_KEY_BYTES]);
        let entropy = SeededEntropy::new(1);
        let stored = key
            .seal(PLACE, b"a secret of some length", &entropy)
            .expect("seals");
        assert!(key.message_sealer().open(PLACE, &stored).is_err());
        let message = key
            .message_sealer()
            .seal(PLACE, b"a message of some length", &entropy)
            .expect("seals");
        assert!(key.open(PLACE, &message).is_err());
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let sealed = sealer(1)
            .seal(PLACE, b"hush", &SeededEntropy::new(1))
            .expect("seals");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer(1).open(PLACE, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            let cut = sealer(1).open(PLACE, &sealed[..length]);
            assert!(cut.is_err(), "cut to {length}");
        }
    }

    #[test]
    fn every_message_has_a_key_of_its_own() {
        let entropy = SeededEntropy::new(1);
        let seal = || sealer(1).seal(PLACE, &[0; 32], &entropy).expect("seals");
        let (one, other) = (seal(), seal());
        assert_ne!(one[HEADER_BYTES..], other[HEADER_BYTES..]);
    }

    #[test]
    fn secrets_follow_from_master_key_and_id() {
        let id = |text| AccessKeyId::parse(text).expect("an id");
        let secret = |byte, text| sealer(byte).session_secret(&id(text)).expose().to_vec();
        assert_eq!(secret(1, "STS.a"), secret(1, "STS.a"));
        assert_ne!(secret(1, "STS.a"), secret(1, "STS.b"));
        assert_ne!(secret(1, "STS.a"), secret(2, "STS.a"));
        assert_eq!(secret(1, "STS.a").len(), 43);
        let shown = format!("{:?}", sealer(0xab));
        assert!(
            shown.contains("redacted") && !shown.contains("abab"),
            "{shown}"
        );
    }
}
