//! AccessKeys of users and of the owner: made, switched on and off, deleted.
//!
//! Invariant: the secret is given back once, by the operation that makes it.

use std::collections::BTreeMap;

use chatmetric_rpc::credential::{AccessKeyId, KeyStatus, SecretKey};
use serde_json::json;

use super::change::{IdentityChange, not_found, refuse_above, with};
use super::error::{ChangeIdentitiesError, IdentityKind};
use super::info::AccessKeyInfo;
use crate::directory::error::DirectoryError;
use crate::directory::generate;
use crate::directory::limits::KEYS_PER_IDENTITY_MAX;
use crate::directory::state::KeyState;

impl IdentityChange<'_> {
    /// Makes an active key with a secret for a user, or for the owner (`None`).
    ///
    /// # Errors
    /// No such user, too many keys.
    pub fn create_access_key(
        &mut self,
        user: Option<&str>,
    ) -> Result<(AccessKeyInfo, SecretKey), ChangeIdentitiesError> {
        let count = self.keys(user)?.len();
        refuse_above(IdentityKind::AccessKey, count, KEYS_PER_IDENTITY_MAX)?;
        let entropy = self.ids.entropy();
        let id = generate::key_id(entropy).map_err(|error| DirectoryError::Damaged {
            what: format!("an id that was made: {error}"),
        })?;
        let secret = generate::key_secret(entropy);
        let key = KeyState {
            secret: secret.clone(),
            status: KeyStatus::Active,
        };
        let after = with(&key, "user", json!(user));
        self.keys(user)?.insert(id.clone(), key);
        let target = format!("access-key/{id}");
        self.record("CreateAccessKey", target, None, Some(after));
        let info = AccessKeyInfo {
            id,
            status: KeyStatus::Active,
            created_ms: self.now.0,
            last_used: None,
        };
        Ok((info, secret.0))
    }

    /// Switches a key on or off.
    ///
    /// # Errors
    /// No such user, or no such key of that user.
    pub fn update_access_key(
        &mut self,
        user: Option<&str>,
        id: &AccessKeyId,
        status: KeyStatus,
    ) -> Result<(), ChangeIdentitiesError> {
        let key = self.keys(user)?.get_mut(id);
        let key = key.ok_or_else(|| not_found(IdentityKind::AccessKey, id))?;
        let before = with(key, "user", json!(user));
        key.status = status;
        let after = with(key, "user", json!(user));
        let target = format!("access-key/{id}");
        self.record("UpdateAccessKey", target, Some(before), Some(after));
        Ok(())
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// No such user, or no such key of that user.
    pub fn delete_access_key(
        &mut self,
        user: Option<&str>,
        id: &AccessKeyId,
    ) -> Result<(), ChangeIdentitiesError> {
        let key = self.keys(user)?.remove(id);
        let key = key.ok_or_else(|| not_found(IdentityKind::AccessKey, id))?;
        let before = with(&key, "user", json!(user));
        let target = format!("access-key/{id}");
        self.record("DeleteAccessKey", target, Some(before), None);
        Ok(())
    }

    fn keys(
        &mut self,
        user: Option<&str>,
    ) -> Result<&mut BTreeMap<AccessKeyId, KeyState>, ChangeIdentitiesError> {
        match user {
            None => Ok(&mut self.account()?.keys),
            Some(name) => Ok(&mut self.user(name)?.keys),
        }
    }
}
