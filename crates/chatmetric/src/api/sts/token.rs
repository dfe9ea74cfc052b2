//! Security tokens: a session, sealed, in the hands of whoever assumed the role.
//!
//! In base64url: the version, the length of the account's id, the id, and the
//! sealed claims (`master_key`). A token holds no secret: that follows from the
//! key's id. It holds the id of the role and not its name, so a role that was
//! deleted and made again is another one; it holds no rights.
//!
//! Invariant: what opens was sealed by a server with this master key for this
//! account, and is unchanged.

use crate::directory::IdentityId;
use crate::entropy::Entropy;
use crate::master_key::{MessageSealer, RecordKind, SealContext, SealError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccessKeyId, AccountId};
use serde::{Deserialize, Serialize};

/// First byte of a token: the form of what follows.
const TOKEN_VERSION: u8 = 1;
/// Longest token, in characters. The longest that is made, with a session policy
/// of the most and the longest characters, is shorter.
pub(super) const TOKEN_CHARS_MAX: usize = 16 * 1024;

/// A session as its token tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionToken {
    /// The temporary key that the token belongs to.
    pub(super) key_id: AccessKeyId,
    /// The role's account.
    pub(super) account: AccountId,
    /// The role.
    pub(super) role: IdentityId,
    /// RoleSessionName.
    pub(super) session: String,
    /// Who assumed the role, for the log.
    pub(super) assumed_by: String,
    /// SourceIdentity, for the log.
    pub(super) source_identity: Option<String>,
    /// The first moment at which it is over.
    pub(super) expires: EpochMs,
    /// The session policy, as it was written.
    pub(super) policy: Option<String>,
}

/// A text is no token of this installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a security token of this installation")]
pub(super) struct TokenError;

/// What is sealed. Names are short because every call carries them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    key: String,
    role: String,
    session: String,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    expires_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

impl SessionToken {
    /// The token.
    ///
    /// # Errors
    /// What sealing fails with, which no token that is made here is long enough for.
    pub(super) fn seal(
        &self,
        sealer: &MessageSealer,
        entropy: &dyn Entropy,
    ) -> Result<String, SealError> {
        let claims = Claims {
            key: self.key_id.as_str().to_owned(),
            role: self.role.as_str().to_owned(),
            session: self.session.clone(),
            by: self.assumed_by.clone(),
            source: self.source_identity.clone(),
            expires_ms: self.expires.0,
            policy: self.policy.clone(),
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| SealError::Cipher)?;
        let account = self.account.as_str();
        let account_bytes = u8::try_from(account.len()).map_err(|_| SealError::Format)?;
        let mut bytes = vec![TOKEN_VERSION, account_bytes];
        bytes.extend_from_slice(account.as_bytes());
        bytes.extend_from_slice(&sealer.seal(place(account), &claims, entropy)?);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`TokenError`] for whatever was not made here, or was changed.
    pub(super) fn open(text: &str, sealer: &MessageSealer) -> Result<Self, TokenError> {
        if text.len() > TOKEN_CHARS_MAX {
            return Err(TokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError)?;
        let Some(([TOKEN_VERSION, account_bytes], rest)) = bytes.split_first_chunk() else {
            return Err(TokenError);
        };
        let (account, sealed) = rest
            .split_at_checked(usize::from(*account_bytes))
            .ok_or(TokenError)?;
        let account = std::str::from_utf8(account).map_err(|_| TokenError)?;
        let claims = sealer
            .open(place(account), sealed)
            .map_err(|_| TokenError)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError)?;
        Ok(Self {
            key_id: AccessKeyId::parse(&claims.key).map_err(|_| TokenError)?,
            account: AccountId::parse(account).map_err(|_| TokenError)?,
            role: IdentityId::parse(&claims.role).ok_or(TokenError)?,
            session: claims.session,
            assumed_by: claims.by,
            source_identity: claims.source,
            expires: EpochMs(claims.expires_ms),
            policy: claims.policy,
        })
    }
}

fn place(account: &str) -> SealContext<'_> {
    SealContext {
        kind: RecordKind::SessionToken,
        tenant: account,
        record: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::master_key::MasterKey;
    use proptest::prelude::*;

    fn sealer(byte: u8) -> MessageSealer {
        MasterKey::from_bytes([byte; 32]).message_sealer()
    }

    fn session() -> SessionToken {
        SessionToken {
            key_id: AccessKeyId::parse("STS.NTabcdefghijklmnopqrst").expect("an id"),
            account: AccountId::parse("1000000000000001").expect("an id"),
            role: IdentityId::parse("300000000000000001").expect("an id"),
            session: "alice".to_owned(),
            assumed_by: "acs:ram::1000000000000001:user/alice".to_owned(),
            source_identity: None,
            expires: EpochMs(1_767_226_600_000),
            policy: None,
        }
    }

    fn sealed(session: &SessionToken) -> String {
        let entropy = SeededEntropy::new(7);
        session.seal(&sealer(1), &entropy).expect("seals")
    }

    #[test]
    fn a_token_goes_round_under_its_master_key_only() {
        for token in [
            session(),
            SessionToken {
                source_identity: Some("alice@example.com".to_owned()),
                policy: Some(r#"{"Version":"1"}"#.to_owned()),
                ..session()
            },
        ] {
            let text = sealed(&token);
            assert_eq!(SessionToken::open(&text, &sealer(1)), Ok(token));
            assert_eq!(SessionToken::open(&text, &sealer(2)), Err(TokenError));
        }
    }

    #[test]
    fn the_account_in_clear_is_authenticated() {
        let text = sealed(&session());
        let mut bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64");
        assert_eq!(&bytes[2..18], b"1000000000000001");
        bytes[17] = b'2';
        let moved = URL_SAFE_NO_PAD.encode(&bytes);
        assert_eq!(SessionToken::open(&moved, &sealer(1)), Err(TokenError));
    }

    #[test]
    fn the_longest_token_is_within_its_limit() {
        let longest = SessionToken {
            key_id: AccessKeyId::parse(&"k".repeat(AccessKeyId::BYTES_MAX)).expect("an id"),
            account: AccountId::parse(&"1".repeat(AccountId::BYTES_MAX)).expect("an id"),
            session: "s".repeat(64),
            assumed_by: "b".repeat(300),
            source_identity: Some("i".repeat(64)),
            // Four bytes a character; those that JSON writes longer have one.
            policy: Some("𝟙".repeat(chatmetric_rpc::ram::SESSION_POLICY_CHARS_MAX)),
            ..session()
        };
        let text = sealed(&longest);
        assert!(text.len() < TOKEN_CHARS_MAX, "{}", text.len());
        assert_eq!(SessionToken::open(&text, &sealer(1)), Ok(longest));
        let padded = format!("{text}{}", "A".repeat(TOKEN_CHARS_MAX));
        assert_eq!(SessionToken::open(&padded, &sealer(1)), Err(TokenError));
    }

    proptest! {
        #[test]
        fn no_changed_token_opens(bit in 0_usize..100_000, length in 0_usize..100_000) {
            let text = sealed(&session());
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64");
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..length % bytes.len()]);
            prop_assert_eq!(SessionToken::open(&cut, &sealer(1)), Err(TokenError));
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(SessionToken::open(&changed, &sealer(1)), Err(TokenError));
        }

        #[test]
        fn no_text_is_taken_for_a_token(text in "\\PC{0,300}") {
            prop_assert_eq!(SessionToken::open(&text, &sealer(1)), Err(TokenError));
        }
    }
}
