//! Accounts, AccessKeys and the lookups that the verifier asks: who signs with what.
//!
//! It stores nothing: the program implements [`KeyLookup`] over its directory, and a later
//! [`SessionLookup`] for tokens of the STS. Secrets are zeroed when dropped and never shown.
//!
//! Invariant: a request with a security token is judged by a [`SessionLookup`] alone; where there
//! is none, it is refused.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Prefix of the AccessKey ids of temporary credentials; such a key never works without a token.
pub const SESSION_KEY_PREFIX: &str = "STS.";

/// Why an identifier was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not 1 to 32 decimal digits.
    #[error("an account id is 1 to {} decimal digits", AccountId::BYTES_MAX)]
    AccountId,
    /// Not 1 to 128 of the allowed characters.
    #[error(
        "an AccessKey id is 1 to {} letters, digits, '.', '_' or '-'",
        AccessKeyId::BYTES_MAX
    )]
    AccessKeyId,
}

/// An Alibaba Cloud account id: 1 to 32 decimal digits. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// Longest id in bytes.
    pub const BYTES_MAX: usize = 32;

    /// Parses an account id.
    ///
    /// # Errors
    /// [`IdentifierError::AccountId`] for anything but 1 to 32 decimal digits.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let valid =
            (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(IdentifierError::AccountId)
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

/// An AccessKey id: 1 to 128 letters, digits, `.`, `_` or `-`. Not a secret. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(Arc<str>);

impl AccessKeyId {
    /// Longest id in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Parses an AccessKey id.
    ///
    /// # Errors
    /// [`IdentifierError::AccessKeyId`] for an empty, long or oddly spelt one.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let valid = (1..=Self::BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(IdentifierError::AccessKeyId)
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id is one of temporary credentials.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.0.starts_with(SESSION_KEY_PREFIX)
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKeyId({})", self.0)
    }
}

/// An AccessKey secret. `Debug` is redacted, memory is zeroed when the last clone is dropped.
#[derive(Clone)]
pub struct SecretKey(Arc<Zeroizing<Vec<u8>>>);

impl SecretKey {
    /// Takes over the secret's bytes.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(Zeroizing::new(secret.into())))
    }

    /// The raw bytes, for signing and sealing only.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A secret that was made as text, for the one answer that tells it.
    #[must_use]
    pub fn expose_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It may.
    Active,
    /// It is known, and refused with `InvalidAccessKeyId.Inactive`.
    Inactive,
}

impl KeyStatus {
    /// The vendor's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }

    /// The status of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Inactive]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// What the directory knows of a key. `P` is the program's own description of who holds it (the
/// owner, a user, a role session); the protocol carries it and never looks inside.
#[derive(Clone, Debug)]
pub struct KeyRecord<P> {
    /// The secret.
    pub secret: SecretKey,
    /// Active or not.
    pub status: KeyStatus,
    /// The account that the key belongs to.
    pub account: AccountId,
    /// Who holds the key.
    pub principal: P,
}

/// The directory of long-term AccessKeys, and of sessions if there are any.
pub trait KeyLookup {
    /// The program's description of who holds a key.
    type Principal;

    /// The long-term key with this id. It is asked for requests without a security token, and
    /// never for ids of temporary credentials.
    fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<Self::Principal>>;

    /// What can check security tokens; `None` refuses every token.
    fn sessions(&self) -> Option<&dyn SessionLookup<Principal = Self::Principal>> {
        None
    }
}

/// Checks the security tokens of the STS.
pub trait SessionLookup {
    /// The program's description of who holds a key.
    type Principal;

    /// The temporary key with this id, if the token is genuine, is the key's own and has not
    /// expired at `now_ms` (Unix time in ms).
    ///
    /// # Errors
    /// Why the pair is refused.
    fn find_session(
        &self,
        id: &AccessKeyId,
        security_token: &str,
        now_ms: i64,
    ) -> Result<KeyRecord<Self::Principal>, SessionRefusal>;
}

/// Why a key with a security token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRefusal {
    /// No such key.
    UnknownKey,
    /// The key is disabled.
    Inactive,
    /// The token cannot be read or is not genuine.
    Malformed,
    /// The session is over.
    Expired,
    /// The token is another key's.
    Mismatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(
            format!("{:?}", SecretKey::new("hush")),
            "SecretKey(redacted)"
        );
    }

    #[test]
    fn identifiers_are_checked_once() {
        assert!(AccountId::parse("1000000000000001").is_ok());
        for bad in ["", "1a", "-1", &"1".repeat(33)] {
            assert_eq!(
                AccountId::parse(bad),
                Err(IdentifierError::AccountId),
                "{bad}"
            );
        }
        assert!(AccessKeyId::parse("LTAI5tVectorKey000000001").is_ok());
        assert!(AccessKeyId::parse("STS.abc").unwrap().is_session());
        for bad in ["", "a b", "a,b", "a\n", &"k".repeat(129)] {
            assert_eq!(
                AccessKeyId::parse(bad),
                Err(IdentifierError::AccessKeyId),
                "{bad}"
            );
        }
    }
}
