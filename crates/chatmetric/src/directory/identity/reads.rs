//! What a snapshot tells of identities, each list in the order of names.
//!
//! Names that are not there give nothing: an empty list, or `None`.

use std::sync::Arc;

use chatmetric_core::AccountKey;
use chatmetric_rpc::credential::AccessKeyId;

use super::id::IdentityId;
use super::info::{
    AccessKeyInfo, AttachedPolicyInfo, GroupInfo, MemberInfo, PolicyEntities, PolicyHolder,
    PolicyInfo, PolicyVersionInfo, RoleInfo, UserInfo,
};
use super::records::{Identities, PolicyRecord, Since};
use crate::directory::model::{Account, Role};
use crate::directory::snapshot::Snapshot;

impl Snapshot {
    fn identities(&self, account: AccountKey) -> Option<&Identities> {
        self.records.identities.get(&account)
    }

    /// All users of an account.
    pub fn users(&self, account: AccountKey) -> impl Iterator<Item = &UserInfo> {
        let users = self.identities(account).map(|all| all.users.values());
        users.into_iter().flatten().map(|record| &record.info)
    }

    /// A user.
    #[must_use]
    pub fn user_info(&self, account: AccountKey, name: &str) -> Option<&UserInfo> {
        Some(&self.identities(account)?.users.get(name)?.info)
    }

    /// All groups of an account.
    pub fn groups(&self, account: AccountKey) -> impl Iterator<Item = &GroupInfo> {
        let groups = self.identities(account).map(|all| all.groups.values());
        groups.into_iter().flatten().map(|record| &record.info)
    }

    /// A group.
    #[must_use]
    pub fn group_info(&self, account: AccountKey, name: &str) -> Option<&GroupInfo> {
        Some(&self.identities(account)?.groups.get(name)?.info)
    }

    /// The groups that a user is in.
    #[must_use]
    pub fn groups_of_user(&self, account: AccountKey, user: &str) -> Vec<MemberInfo<GroupInfo>> {
        let Some(all) = self.identities(account) else {
            return Vec::new();
        };
        let since = all.users.get(user).map(|record| &record.groups);
        members(since, |name| Some(all.groups.get(name)?.info.clone()))
    }

    /// The users in a group.
    #[must_use]
    pub fn users_of_group(&self, account: AccountKey, group: &str) -> Vec<MemberInfo<UserInfo>> {
        let Some(all) = self.identities(account) else {
            return Vec::new();
        };
        let since = all.groups.get(group).map(|record| &record.users);
        members(since, |name| Some(all.users.get(name)?.info.clone()))
    }

    /// All roles of an account.
    pub fn roles(&self, account: AccountKey) -> impl Iterator<Item = &RoleInfo> {
        let roles = self.identities(account).map(|all| all.roles.values());
        roles.into_iter().flatten().map(|record| &record.info)
    }

    /// A role.
    #[must_use]
    pub fn role_info(&self, account: AccountKey, name: &str) -> Option<&RoleInfo> {
        Some(&self.identities(account)?.roles.get(name)?.info)
    }

    /// The role with this id, and its account: a role that was deleted and made
    /// again under its name has another one.
    #[must_use]
    pub fn role_by_id(&self, id: &IdentityId) -> Option<(&Arc<Account>, &Arc<Role>)> {
        let (account, role) = self.records.roles_by_id.get(id)?;
        Some((account, role))
    }

    /// All policies of an account.
    pub fn policies(&self, account: AccountKey) -> impl Iterator<Item = &PolicyInfo> {
        let policies = self.identities(account).map(|all| all.policies.values());
        policies.into_iter().flatten().map(|record| &record.info)
    }

    /// A policy.
    #[must_use]
    pub fn policy_info(&self, account: AccountKey, name: &str) -> Option<&PolicyInfo> {
        Some(&self.policy_record(account, name)?.info)
    }

    /// The versions of a policy, oldest first.
    #[must_use]
    pub fn policy_versions(&self, account: AccountKey, name: &str) -> &[PolicyVersionInfo] {
        self.policy_record(account, name)
            .map_or(&[], |record| &record.versions)
    }

    fn policy_record(&self, account: AccountKey, name: &str) -> Option<&PolicyRecord> {
        self.identities(account)?.policies.get(name)
    }

    /// The policies that are attached to a user, group or role itself.
    #[must_use]
    pub fn policies_of(
        &self,
        account: AccountKey,
        holder: &PolicyHolder,
    ) -> Vec<AttachedPolicyInfo> {
        let Some(all) = self.identities(account) else {
            return Vec::new();
        };
        let since = match holder {
            PolicyHolder::User(name) => all.users.get(name).map(|record| &record.policies),
            PolicyHolder::Group(name) => all.groups.get(name).map(|record| &record.policies),
            PolicyHolder::Role(name) => all.roles.get(name).map(|record| &record.policies),
        };
        let attached = since.into_iter().flatten().filter_map(|(name, since)| {
            Some(AttachedPolicyInfo {
                policy: all.policies.get(name)?.info.clone(),
                attached_ms: *since,
            })
        });
        attached.collect()
    }

    /// Who has a policy; `None` when there is no such policy.
    #[must_use]
    pub fn entities_of_policy(&self, account: AccountKey, name: &str) -> Option<PolicyEntities> {
        let all = self.identities(account)?;
        let record = all.policies.get(name)?;
        Some(PolicyEntities {
            users: members(Some(&record.users), |name| {
                Some(all.users.get(name)?.info.clone())
            }),
            groups: members(Some(&record.groups), |name| {
                Some(all.groups.get(name)?.info.clone())
            }),
            roles: members(Some(&record.roles), |name| {
                Some(all.roles.get(name)?.info.clone())
            }),
        })
    }

    /// The AccessKeys of a user, or of the account itself (`None`).
    #[must_use]
    pub fn access_keys_of(&self, account: AccountKey, user: Option<&str>) -> Vec<AccessKeyInfo> {
        let Some(all) = self.identities(account) else {
            return Vec::new();
        };
        let keys = match user {
            None => Some(&all.owner_keys),
            Some(name) => all.users.get(name).map(|record| &record.keys),
        };
        let infos = keys.into_iter().flatten().filter_map(|(id, created_ms)| {
            Some(AccessKeyInfo {
                id: id.clone(),
                status: self.access_key(id)?.status,
                created_ms: *created_ms,
                last_used: self.key_uses.last(id),
            })
        });
        infos.collect()
    }

    /// One of the AccessKeys of a user, or of the account itself (`None`).
    #[must_use]
    pub fn access_key_of(
        &self,
        account: AccountKey,
        user: Option<&str>,
        id: &AccessKeyId,
    ) -> Option<AccessKeyInfo> {
        let keys = self.access_keys_of(account, user);
        keys.into_iter().find(|key| key.id == *id)
    }
}

fn members<T>(since: Option<&Since>, find: impl Fn(&str) -> Option<T>) -> Vec<MemberInfo<T>> {
    let members = since.into_iter().flatten().filter_map(|(name, since)| {
        Some(MemberInfo {
            who: find(name)?,
            since_ms: *since,
        })
    });
    members.collect()
}
