//! What a reading operation of RAM sees: one account in one snapshot of the
//! directory.
//!
//! Invariant: nothing of another account can be reached through it.

use super::input::KeyHolder;
use super::names::{GroupName, PolicyName, RoleName, UserName};
use crate::api::diagnosis::Diagnosed;
use crate::directory::{
    AccessKeyInfo, Account, AttachedPolicyInfo, GroupInfo, MemberInfo, PolicyEntities,
    PolicyHolder, PolicyInfo, PolicyVersionInfo, RoleInfo, Snapshot, UserInfo,
};
use crate::master_key::MessageSealer;
use chatmetric_core::AccountKey;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::{AccessKeyId, AccountId};
use chatmetric_rpc::error::{NotExist, RamError};

/// One account.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    snapshot: &'a Snapshot,
    account: AccountKey,
    id: &'a AccountId,
    sealer: &'a MessageSealer,
}

impl<'a> View<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        account: &'a Account,
        sealer: &'a MessageSealer,
    ) -> Self {
        Self {
            snapshot,
            account: account.key,
            id: &account.id,
            sealer,
        }
    }

    /// A denial in this account, from its message.
    pub(super) fn denial(&self, message: &str) -> Result<Diagnosed, ApiError> {
        Diagnosed::open(self.sealer, self.id, message)
    }

    pub(super) fn account(&self) -> &'a AccountId {
        self.id
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &'a UserInfo> {
        self.snapshot.users(self.account)
    }

    pub(super) fn user(&self, name: &UserName) -> Result<&'a UserInfo, ApiError> {
        let found = self.snapshot.user_info(self.account, name.as_str());
        found.ok_or(RamError::NotExist(NotExist::User).into())
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &'a GroupInfo> {
        self.snapshot.groups(self.account)
    }

    pub(super) fn group(&self, name: &GroupName) -> Result<&'a GroupInfo, ApiError> {
        let found = self.snapshot.group_info(self.account, name.as_str());
        found.ok_or(RamError::NotExist(NotExist::Group).into())
    }

    pub(super) fn groups_of(
        &self,
        user: &UserName,
    ) -> Result<Vec<MemberInfo<GroupInfo>>, ApiError> {
        self.user(user)?;
        Ok(self.snapshot.groups_of_user(self.account, user.as_str()))
    }

    pub(super) fn users_of(
        &self,
        group: &GroupName,
    ) -> Result<Vec<MemberInfo<UserInfo>>, ApiError> {
        self.group(group)?;
        Ok(self.snapshot.users_of_group(self.account, group.as_str()))
    }

    pub(super) fn roles(&self) -> impl Iterator<Item = &'a RoleInfo> {
        self.snapshot.roles(self.account)
    }

    pub(super) fn role(&self, name: &RoleName) -> Result<&'a RoleInfo, ApiError> {
        let found = self.snapshot.role_info(self.account, name.as_str());
        found.ok_or(RamError::NotExist(NotExist::Role).into())
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = &'a PolicyInfo> {
        self.snapshot.policies(self.account)
    }

    pub(super) fn policy(&self, name: &PolicyName) -> Result<&'a PolicyInfo, ApiError> {
        let found = self.snapshot.policy_info(self.account, name.as_str());
        found.ok_or(RamError::NotExist(NotExist::Policy).into())
    }

    pub(super) fn versions(&self, name: &PolicyName) -> Result<&'a [PolicyVersionInfo], ApiError> {
        self.policy(name)?;
        Ok(self.snapshot.policy_versions(self.account, name.as_str()))
    }

    pub(super) fn version(
        &self,
        name: &PolicyName,
        version: u32,
    ) -> Result<&'a PolicyVersionInfo, ApiError> {
        let mut versions = self.versions(name)?.iter();
        let found = versions.find(|known| known.version == version);
        found.ok_or(RamError::NotExist(NotExist::PolicyVersion).into())
    }

    pub(super) fn policies_of_user(
        &self,
        name: &UserName,
    ) -> Result<Vec<AttachedPolicyInfo>, ApiError> {
        self.user(name)?;
        Ok(self.policies_of(&PolicyHolder::User(name.as_str().to_owned())))
    }

    pub(super) fn policies_of_group(
        &self,
        name: &GroupName,
    ) -> Result<Vec<AttachedPolicyInfo>, ApiError> {
        self.group(name)?;
        Ok(self.policies_of(&PolicyHolder::Group(name.as_str().to_owned())))
    }

    pub(super) fn policies_of_role(
        &self,
        name: &RoleName,
    ) -> Result<Vec<AttachedPolicyInfo>, ApiError> {
        self.role(name)?;
        Ok(self.policies_of(&PolicyHolder::Role(name.as_str().to_owned())))
    }

    fn policies_of(&self, holder: &PolicyHolder) -> Vec<AttachedPolicyInfo> {
        self.snapshot.policies_of(self.account, holder)
    }

    pub(super) fn entities(&self, name: &PolicyName) -> Result<PolicyEntities, ApiError> {
        let found = self
            .snapshot
            .entities_of_policy(self.account, name.as_str());
        found.ok_or(RamError::NotExist(NotExist::Policy).into())
    }

    pub(super) fn keys(&self, holder: &KeyHolder) -> Result<Vec<AccessKeyInfo>, ApiError> {
        if let KeyHolder::User(name) = holder {
            self.user(name)?;
        }
        Ok(self.snapshot.access_keys_of(self.account, holder.user()))
    }

    pub(super) fn key(
        &self,
        holder: &KeyHolder,
        id: &AccessKeyId,
    ) -> Result<AccessKeyInfo, ApiError> {
        let found = self.keys(holder)?.into_iter().find(|key| key.id == *id);
        found.ok_or(RamError::NotExist(NotExist::UserAccessKey).into())
    }
}
