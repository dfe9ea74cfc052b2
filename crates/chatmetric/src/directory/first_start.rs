//! The first start: the account, key and setup token of an empty directory.
//!
//! Only makes the values; the directory commits them and the caller keeps the
//! secrets for the operator.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chatmetric_rpc::credential::{AccessKeyId, AccountId, IdentifierError, KeyStatus, SecretKey};
use zeroize::Zeroizing;

use super::error::DirectoryError;
use super::generate;
use super::state::{AccountState, KeyState, Secret, State};
use crate::entropy::Entropy;

/// Digits of a generated account id.
const ACCOUNT_ID_DIGITS: usize = 16;

const SETUP_TOKEN_BYTES: usize = 32;

/// What a first start made. The secrets are shown to the operator once.
#[derive(Debug, Clone)]
pub struct FirstStart {
    /// The account's id.
    pub account: AccountId,
    /// The account's name: `default`.
    pub account_name: String,
    /// The id of the owner's AccessKey.
    pub access_key_id: AccessKeyId,
    /// Its secret: 30 letters and digits.
    pub access_key_secret: SecretKey,
    /// Sets up the first sign-in to the console. Only its hash is stored.
    pub setup_token: SecretKey,
}

/// A first start failed; the directory stays empty.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError<E> {
    /// The secrets could not be kept.
    #[error("cannot keep the secrets of the first start")]
    Keep(#[source] E),
    /// The directory failed.
    #[error("cannot make the first account")]
    Directory(#[from] DirectoryError),
    /// A generated id was refused.
    #[error("cannot make the ids of the first account")]
    Identifier(#[from] IdentifierError),
}

impl FirstStart {
    pub(super) fn generate(entropy: &dyn Entropy) -> Result<Self, IdentifierError> {
        let secret = generate::key_secret(entropy);
        let mut token = Zeroizing::new([0_u8; SETUP_TOKEN_BYTES]);
        entropy.fill(token.as_mut());
        Ok(Self {
            account: AccountId::parse(&generate::digits_after(entropy, '1', ACCOUNT_ID_DIGITS))?,
            account_name: "default".to_owned(),
            access_key_id: generate::key_id(entropy)?,
            access_key_secret: secret.0,
            setup_token: SecretKey::new(URL_SAFE_NO_PAD.encode(token.as_slice())),
        })
    }

    pub(super) fn state(&self) -> State {
        let mut account = AccountState::named(self.account_name.clone());
        let secret = Secret(self.access_key_secret.clone());
        let key = KeyState {
            secret,
            status: KeyStatus::Active,
        };
        account.keys.insert(self.access_key_id.clone(), key);
        account.make_default_space(&self.account);
        State {
            accounts: BTreeMap::from([(self.account.clone(), account)]),
        }
    }
}
