//! When things of the directory were made, changed, attached and used.
//!
//! Apart from the state, because two directories that say the same are equal
//! whenever it was said. A time that is not known is 0.

use std::collections::HashMap;

use chatmetric_rpc::credential::{AccessKeyId, AccountId};

use super::id::IdentityId;
use super::info::LastUse;

/// When something was made and when it was changed last, in ms since the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::directory) struct Lived {
    pub(in crate::directory) created_ms: i64,
    pub(in crate::directory) updated_ms: i64,
}

/// The times of a directory.
#[derive(Debug, Default)]
pub(in crate::directory) struct Times {
    /// Users, groups and roles.
    pub(in crate::directory) identities: HashMap<IdentityId, Lived>,
    pub(in crate::directory) policies: HashMap<(AccountId, String), Lived>,
    pub(in crate::directory) versions: HashMap<(AccountId, String, u32), i64>,
    /// A policy of a user, group or role, by the policy's name.
    pub(in crate::directory) attached: HashMap<(IdentityId, String), i64>,
    /// A user in a group, by the user's name.
    pub(in crate::directory) joined: HashMap<(IdentityId, String), i64>,
    pub(in crate::directory) keys: HashMap<AccessKeyId, i64>,
    pub(in crate::directory) uses: HashMap<AccessKeyId, LastUse>,
}

impl Times {
    pub(in crate::directory) fn identity(&self, id: &IdentityId) -> Lived {
        self.identities.get(id).copied().unwrap_or_default()
    }

    pub(in crate::directory) fn policy(&self, account: &AccountId, name: &str) -> Lived {
        let key = (account.clone(), name.to_owned());
        self.policies.get(&key).copied().unwrap_or_default()
    }

    pub(in crate::directory) fn version(
        &self,
        account: &AccountId,
        policy: &str,
        version: u32,
    ) -> i64 {
        let key = (account.clone(), policy.to_owned(), version);
        self.versions.get(&key).copied().unwrap_or_default()
    }

    pub(in crate::directory) fn attached(&self, holder: &IdentityId, policy: &str) -> i64 {
        let key = (holder.clone(), policy.to_owned());
        self.attached.get(&key).copied().unwrap_or_default()
    }

    pub(in crate::directory) fn joined(&self, group: &IdentityId, user: &str) -> i64 {
        let key = (group.clone(), user.to_owned());
        self.joined.get(&key).copied().unwrap_or_default()
    }

    pub(in crate::directory) fn key(&self, id: &AccessKeyId) -> i64 {
        self.keys.get(id).copied().unwrap_or_default()
    }
}
