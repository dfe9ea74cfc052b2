//! A key that lives for one call: with it, the program makes a signed call for
//! somebody whom it knows already, and everything judges it as any other call.
//!
//! Invariant: the key is found by the call that it was made for and by no other; it is
//! in no snapshot, and nobody outside is told its secret.

use crate::directory::{Principal, User, letters_and_digits};
use crate::entropy::Entropy;
use chatmetric_rpc::credential::{
    AccessKeyId, AccountId, IdentifierError, KeyRecord, KeyStatus, SecretKey,
};
use std::sync::Arc;

/// How the id begins, so that the audit log shows from where a call came.
const ID_PREFIX: &str = "CONSOLE.";
/// Letters and digits of the id and of the secret: 131 and 178 bits.
const ID_RANDOM_CHARS: usize = 22;
const SECRET_CHARS: usize = 30;

/// See the module.
#[derive(Debug)]
pub(crate) struct CallKey {
    id: AccessKeyId,
    secret: SecretKey,
    account: AccountId,
    user: Arc<User>,
}

impl CallKey {
    /// A new key for a user of an account.
    ///
    /// # Errors
    /// None that can be seen: letters and digits are an id.
    pub(crate) fn draw(
        entropy: &dyn Entropy,
        account: AccountId,
        user: Arc<User>,
    ) -> Result<Self, IdentifierError> {
        let random = letters_and_digits(entropy, ID_RANDOM_CHARS);
        let random = random.expose_text();
        Ok(Self {
            id: AccessKeyId::parse(&format!("{ID_PREFIX}{random}"))?,
            secret: letters_and_digits(entropy, SECRET_CHARS),
            account,
            user,
        })
    }

    /// What the call is signed with.
    pub(crate) fn credentials(&self) -> chatmetric_rpc::sign::Credentials {
        chatmetric_rpc::sign::Credentials {
            access_key_id: self.id.as_str().to_owned(),
            secret: self.secret.clone(),
            security_token: None,
        }
    }

    /// The key, when it is asked for by its own id.
    pub(super) fn record_of(&self, id: &AccessKeyId) -> Option<KeyRecord<Principal>> {
        (self.id == *id).then(|| KeyRecord {
            secret: self.secret.clone(),
            status: KeyStatus::Active,
            account: self.account.clone(),
            principal: Principal::User(Arc::clone(&self.user)),
        })
    }
}
