//! Custom policies and their versions: made, put into effect, attached, deleted.
//!
//! Invariant: a document that is stored was parsed; the version in effect is not
//! deleted without its policy; a number of a version is not given again.

use chatmetric_rpc::ram::Policy;
use serde_json::{Map, json};

use super::change::{
    IdentityChange, exists, invalid, not_found, refuse_above, refuse_in_use, valid_text,
};
use super::error::{ChangeIdentitiesError, IdentityError, IdentityField, IdentityKind};
use super::info::{PolicyHolder, PolicyInfo, PolicyVersionInfo, VersionRotation};
use super::text::check_policy_name;
use crate::directory::audit::Described;
use crate::directory::limits::{
    POLICIES_PER_ACCOUNT_MAX, POLICIES_PER_HOLDER_MAX, VERSIONS_PER_POLICY_MAX,
};
use crate::directory::state::PolicyState;
use std::collections::BTreeSet;

impl PolicyHolder {
    /// What it is called in the audit log.
    fn target(&self) -> String {
        match self {
            Self::User(name) => format!("user/{name}"),
            Self::Group(name) => format!("group/{name}"),
            Self::Role(name) => format!("role/{name}"),
        }
    }
}

fn valid_document(document: &str) -> Result<(), IdentityError> {
    match Policy::parse(document) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(IdentityField::Document)(error.to_string())),
    }
}

fn version_name(version: u32) -> String {
    format!("v{version}")
}

impl IdentityChange<'_> {
    /// Makes a policy whose first version is in effect.
    ///
    /// # Errors
    /// Invalid texts, a name that is taken, too many policies.
    pub fn create_policy(
        &mut self,
        name: &str,
        description: &str,
        document: &str,
    ) -> Result<PolicyInfo, ChangeIdentitiesError> {
        check_policy_name(name).map_err(invalid(IdentityField::Name))?;
        valid_text(IdentityField::Description, description)?;
        valid_document(document)?;
        let policies = &self.account()?.policies;
        if policies.contains_key(name) {
            return Err(exists(IdentityKind::Policy, name).into());
        }
        refuse_above(
            IdentityKind::Policy,
            policies.len(),
            POLICIES_PER_ACCOUNT_MAX,
        )?;
        let policy = PolicyState::new(description.to_owned(), document.to_owned());
        let info = PolicyInfo::of(name, &policy, self.born(), 0);
        let after = policy.describe();
        self.account()?.policies.insert(name.to_owned(), policy);
        self.record("CreatePolicy", format!("policy/{name}"), None, Some(after));
        Ok(info)
    }

    /// Adds a version, in effect at once if it is to be the default.
    ///
    /// # Errors
    /// No such policy, an invalid document, too many versions.
    pub fn create_policy_version(
        &mut self,
        name: &str,
        document: &str,
        set_as_default: bool,
        rotation: VersionRotation,
    ) -> Result<PolicyVersionInfo, ChangeIdentitiesError> {
        valid_document(document)?;
        let policy = self.policy(name)?;
        let mut before = policy.describe();
        match rotation {
            VersionRotation::DeleteOldest => policy.make_room(),
            VersionRotation::Refuse => {}
        }
        if policy.is_full() {
            return Err(IdentityError::Limit {
                kind: IdentityKind::PolicyVersion,
                limit: VERSIONS_PER_POLICY_MAX,
            }
            .into());
        }
        let version = policy.add_version(document.to_owned(), set_as_default);
        let mut after = policy.describe();
        // The text of the new version is told whether it is in effect or not.
        before.insert("new_document".to_owned(), json!(null));
        after.insert("new_document".to_owned(), json!(document));
        let target = format!("policy/{name}");
        self.record("CreatePolicyVersion", target, Some(before), Some(after));
        Ok(PolicyVersionInfo {
            version,
            document: document.to_owned(),
            is_default: set_as_default,
            created_ms: self.now.0,
        })
    }

    /// Puts a version into effect.
    ///
    /// # Errors
    /// No such policy or version.
    pub fn set_default_policy_version(
        &mut self,
        name: &str,
        version: u32,
    ) -> Result<(), ChangeIdentitiesError> {
        let policy = self.policy(name)?;
        let before = policy.describe();
        if !policy.versions.contains_key(&version) {
            return Err(not_found(IdentityKind::PolicyVersion, version_name(version)).into());
        }
        policy.default_version = version;
        let after = policy.describe();
        let target = format!("policy/{name}");
        self.record("SetDefaultPolicyVersion", target, Some(before), Some(after));
        Ok(())
    }

    /// Deletes a version that is not in effect.
    ///
    /// # Errors
    /// No such policy or version, or the one in effect.
    pub fn delete_policy_version(
        &mut self,
        name: &str,
        version: u32,
    ) -> Result<(), ChangeIdentitiesError> {
        let policy = self.policy(name)?;
        let before = policy.describe();
        let shown = version_name(version);
        if !policy.versions.contains_key(&version) {
            return Err(not_found(IdentityKind::PolicyVersion, shown).into());
        }
        let is_default = policy.default_version == version;
        let by = IdentityKind::Policy;
        refuse_in_use(IdentityKind::PolicyVersion, &shown, by, is_default)?;
        policy.versions.remove(&version);
        let after = policy.describe();
        let target = format!("policy/{name}");
        self.record("DeletePolicyVersion", target, Some(before), Some(after));
        Ok(())
    }

    /// Deletes a policy that is attached to nothing and, unless its versions may
    /// go along, has no version but the one in effect.
    ///
    /// # Errors
    /// No such policy, or one in use.
    pub fn delete_policy(
        &mut self,
        name: &str,
        with_versions: bool,
    ) -> Result<(), ChangeIdentitiesError> {
        let account = self.account()?;
        let has = |policies: &BTreeSet<String>| policies.contains(name);
        let by_user = account.users.values().any(|user| has(&user.policies));
        let by_group = account.groups.values().any(|group| has(&group.policies));
        let by_role = account.roles.values().any(|role| has(&role.policies));
        let policy = self.policy(name)?;
        let has_versions = policy.versions.len() > 1 && !with_versions;
        let in_use = |by, is_in_use| refuse_in_use(IdentityKind::Policy, name, by, is_in_use);
        in_use(IdentityKind::User, by_user)?;
        in_use(IdentityKind::Group, by_group)?;
        in_use(IdentityKind::Role, by_role)?;
        in_use(IdentityKind::PolicyVersion, has_versions)?;
        let before = policy.describe();
        self.account()?.policies.remove(name);
        self.record("DeletePolicy", format!("policy/{name}"), Some(before), None);
        Ok(())
    }

    /// Attaches a policy to a user, group or role.
    ///
    /// # Errors
    /// No such policy or holder, a policy that is attached, too many of them.
    pub fn attach_policy(
        &mut self,
        name: &str,
        to: &PolicyHolder,
    ) -> Result<(), ChangeIdentitiesError> {
        self.policy(name)?;
        let attached = self.policies_of(to)?;
        if attached.contains(name) {
            return Err(exists(IdentityKind::Attachment, name).into());
        }
        let count = attached.len();
        refuse_above(IdentityKind::Attachment, count, POLICIES_PER_HOLDER_MAX)?;
        attached.insert(name.to_owned());
        let after = Map::from_iter([("policy".to_owned(), json!(name))]);
        let action = match to {
            PolicyHolder::User(_) => "AttachPolicyToUser",
            PolicyHolder::Group(_) => "AttachPolicyToGroup",
            PolicyHolder::Role(_) => "AttachPolicyToRole",
        };
        self.record(action, to.target(), None, Some(after));
        Ok(())
    }

    /// Detaches a policy.
    ///
    /// # Errors
    /// No such policy or holder, or a policy that is not attached.
    pub fn detach_policy(
        &mut self,
        name: &str,
        from: &PolicyHolder,
    ) -> Result<(), ChangeIdentitiesError> {
        self.policy(name)?;
        if !self.policies_of(from)?.remove(name) {
            return Err(not_found(IdentityKind::Attachment, name).into());
        }
        let before = Map::from_iter([("policy".to_owned(), json!(name))]);
        let action = match from {
            PolicyHolder::User(_) => "DetachPolicyFromUser",
            PolicyHolder::Group(_) => "DetachPolicyFromGroup",
            PolicyHolder::Role(_) => "DetachPolicyFromRole",
        };
        self.record(action, from.target(), Some(before), None);
        Ok(())
    }

    fn policy(&mut self, name: &str) -> Result<&mut PolicyState, ChangeIdentitiesError> {
        let policy = self.account()?.policies.get_mut(name);
        Ok(policy.ok_or_else(|| not_found(IdentityKind::Policy, name))?)
    }

    fn policies_of(
        &mut self,
        holder: &PolicyHolder,
    ) -> Result<&mut BTreeSet<String>, ChangeIdentitiesError> {
        Ok(match holder {
            PolicyHolder::User(name) => &mut self.user(name)?.policies,
            PolicyHolder::Group(name) => &mut self.group(name)?.policies,
            PolicyHolder::Role(name) => &mut self.role(name)?.policies,
        })
    }
}
