//! The identities of one account, indexed for reading.
//!
//! Made once for a snapshot, from a state and its times. Invariant: every list is
//! in the order of names.

use std::collections::BTreeMap;

use chatmetric_rpc::credential::{AccessKeyId, AccountId};

use super::id::IdentityId;
use super::info::{GroupInfo, PolicyInfo, PolicyVersionInfo, RoleInfo, UserInfo};
use super::times::Times;
use crate::directory::state::{AccountState, KeyState, PolicyState};

/// Names, each with since when.
pub(in crate::directory) type Since = Vec<(String, i64)>;

#[derive(Debug, Default)]
pub(in crate::directory) struct Identities {
    pub(in crate::directory) users: BTreeMap<String, UserRecord>,
    pub(in crate::directory) groups: BTreeMap<String, GroupRecord>,
    pub(in crate::directory) roles: BTreeMap<String, RoleRecord>,
    pub(in crate::directory) policies: BTreeMap<String, PolicyRecord>,
    /// Keys of the account itself, with the times at which they were made.
    pub(in crate::directory) owner_keys: Vec<(AccessKeyId, i64)>,
}

#[derive(Debug)]
pub(in crate::directory) struct UserRecord {
    pub(in crate::directory) info: UserInfo,
    pub(in crate::directory) policies: Since,
    pub(in crate::directory) groups: Since,
    pub(in crate::directory) keys: Vec<(AccessKeyId, i64)>,
}

#[derive(Debug)]
pub(in crate::directory) struct GroupRecord {
    pub(in crate::directory) info: GroupInfo,
    pub(in crate::directory) users: Since,
    pub(in crate::directory) policies: Since,
}

#[derive(Debug)]
pub(in crate::directory) struct RoleRecord {
    pub(in crate::directory) info: RoleInfo,
    pub(in crate::directory) policies: Since,
}

#[derive(Debug)]
pub(in crate::directory) struct PolicyRecord {
    pub(in crate::directory) info: PolicyInfo,
    pub(in crate::directory) versions: Vec<PolicyVersionInfo>,
    pub(in crate::directory) users: Since,
    pub(in crate::directory) groups: Since,
    pub(in crate::directory) roles: Since,
}

impl Identities {
    pub(in crate::directory) fn of(id: &AccountId, state: &AccountState, times: &Times) -> Self {
        let mut all = Self {
            owner_keys: keys_of(&state.keys, times),
            ..Self::default()
        };
        for (name, policy) in &state.policies {
            let record = policy_record(id, name, policy, times);
            all.policies.insert(name.clone(), record);
        }
        for (name, user) in &state.users {
            let info = UserInfo::of(name, user, times.identity(&user.id));
            let policies = attached(&user.id, user.policies.iter(), times);
            all.note_holders(name, &policies, |record| &mut record.users);
            let record = UserRecord {
                info,
                policies,
                groups: Since::new(),
                keys: keys_of(&user.keys, times),
            };
            all.users.insert(name.clone(), record);
        }
        for (name, group) in &state.groups {
            let info = GroupInfo::of(name, group, times.identity(&group.id));
            let policies = attached(&group.id, group.policies.iter(), times);
            all.note_holders(name, &policies, |record| &mut record.groups);
            let members = group.users.iter();
            let users: Since = members
                .map(|user| (user.clone(), times.joined(&group.id, user)))
                .collect();
            for (user, since) in &users {
                if let Some(user) = all.users.get_mut(user) {
                    user.groups.push((name.clone(), *since));
                }
            }
            let record = GroupRecord {
                info,
                users,
                policies,
            };
            all.groups.insert(name.clone(), record);
        }
        for (name, role) in &state.roles {
            let info = RoleInfo::of(name, role, times.identity(&role.id));
            let policies = attached(&role.id, role.policies.iter(), times);
            all.note_holders(name, &policies, |record| &mut record.roles);
            all.roles
                .insert(name.clone(), RoleRecord { info, policies });
        }
        all
    }

    fn note_holders(
        &mut self,
        holder: &str,
        policies: &Since,
        holders: impl Fn(&mut PolicyRecord) -> &mut Since,
    ) {
        for (policy, since) in policies {
            if let Some(record) = self.policies.get_mut(policy) {
                holders(record).push((holder.to_owned(), *since));
                record.info.attachment_count = record.info.attachment_count.saturating_add(1);
            }
        }
    }
}

fn policy_record(id: &AccountId, name: &str, policy: &PolicyState, times: &Times) -> PolicyRecord {
    let versions = policy
        .versions
        .iter()
        .map(|(version, document)| PolicyVersionInfo {
            version: *version,
            document: document.clone(),
            is_default: *version == policy.default_version,
            created_ms: times.version(id, name, *version),
        });
    PolicyRecord {
        info: PolicyInfo::of(name, policy, times.policy(id, name), 0),
        versions: versions.collect(),
        users: Since::new(),
        groups: Since::new(),
        roles: Since::new(),
    }
}

fn attached<'a>(
    holder: &IdentityId,
    policies: impl Iterator<Item = &'a String>,
    times: &Times,
) -> Since {
    policies
        .map(|policy| (policy.clone(), times.attached(holder, policy)))
        .collect()
}

fn keys_of(keys: &BTreeMap<AccessKeyId, KeyState>, times: &Times) -> Vec<(AccessKeyId, i64)> {
    keys.keys().map(|id| (id.clone(), times.key(id))).collect()
}
